"""Backups of a project's databases, as scripts take and restore them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sceneshift.core.project import load_project
from sceneshift.data.backups import restoring, taking
from sceneshift.data.backups.media import find_medium
from sceneshift.data.backups.shelf import Backup, Shelf
from sceneshift.data.marker import Marker
from sceneshift.data.system import find_system
from sceneshift.data.target import load_targets

if TYPE_CHECKING:
    from resetting import Shop
    from sceneshift.data.backups.manifest import Manifest

SETTINGS = "[tool.sceneshift.data]\nbackups = {{ {} }}\n"


def back_up(shop: Shop, note: str = "", **options: Any) -> Backup:
    """Take a backup of a shop's database."""
    (target,) = load_targets(shop.root, shop.environ, database="default")
    return taking.take(target, find_medium(target), note=note, **options).backup


def restore(shop: Shop, named: object, **options: Any) -> None:
    """Restore one, without a question."""
    asked = {"environment": "development", "is_confirmed": True, **options}
    restoring.restore(_ask(shop, named, **asked))


def put_back(shop: Shop, named: object) -> None:
    """Restore one, and start nothing that goes on."""
    restoring._apply(restoring._plan(_ask(shop, named)))


def _ask(shop: Shop, named: object, **options: Any) -> restoring.RestoreRequest:
    return restoring.RestoreRequest(
        root=shop.root, environ=shop.environ, named=str(named), **options
    )


def open_shelf(shop: Shop) -> Shelf:
    """Return where the backups are."""
    return Shelf(load_project(shop.root, environ=shop.environ, is_looking=True))


def list_backups(shop: Shop) -> list[Backup]:
    """Return those that there are."""
    return open_shelf(shop).list_all()


def read(backup: Backup) -> Manifest:
    """Return what is written down of one."""
    assert backup.manifest is not None
    return backup.manifest


def configure(shop: Shop, text: str) -> None:
    """Add a line to the settings of backups."""
    with (shop.root / "pyproject.toml").open("a") as file:
        file.write(SETTINGS.format(text))


def claim(shop: Shop) -> None:
    """Have the database say whose it is, as a reset would."""
    (target,) = load_targets(shop.root, shop.environ)
    find_system(target).mark(Marker(project=target.owner, environment="development"))
