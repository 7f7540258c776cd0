"""Six projects, one for each letter that the page shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from demo.models import Project, ProjectStatus, User

if TYPE_CHECKING:
    from sceneshift.data.seeding import Context

_PROJECTS = (
    ("ATLAS", "Atlas", "Maps that work without a network.", "bruno", "active"),
    ("BEACON", "Beacon", "Tells the right person, once.", "chiyo", "active"),
    ("CINDER", "Cinder", "Old services, carefully put out.", "ada", "paused"),
    ("DELTA", "Delta", "What changed, and who wants to know.", "elena", "active"),
    ("EMBER", "Ember", "Sign-in that people do not notice.", "bruno", "planned"),
    ("FJORD", "Fjord", "Long-term storage, deep and cold.", "ada", "archived"),
)


def seed(context: Context) -> None:
    """Load the projects, each with its owner."""
    found = context.connection.execute(select(User.email, User.id)).tuples()
    people = dict(found.all())
    context.load(
        Project,
        [
            {
                "key": key,
                "name": name,
                "description": text,
                "owner_id": people[f"{owner}@example.com"],
                "status": ProjectStatus(status),
            }
            for key, name, text, owner, status in _PROJECTS
        ],
    )
