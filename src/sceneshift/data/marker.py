"""What a database says of whose it is.

A view of constants: neither migrations nor a comparison with models look at views, it
holds on to no table, and it is in each copy, whatever that is made with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

VIEW = "sceneshift_marker"
_COLUMNS = ("project", "environment", "state")


class Marker(Struct, frozen=True, kw_only=True):
    """Whose a database is.

    Attributes:
        project: The project's name.
        environment: The environment that it is of.
        state: What has put this state there: the id of a change, or empty.
    """

    project: str
    environment: str
    state: str = ""


def list_statements(marker: Marker) -> tuple[str, str]:
    """Return what puts a marker in the place of another, in any system's SQL."""
    values = (marker.project, marker.environment, marker.state)
    columns = ", ".join(
        f"'{_escape(value)}' AS {name}"
        for value, name in zip(values, _COLUMNS, strict=True)
    )
    return f"DROP VIEW IF EXISTS {VIEW}", f"CREATE VIEW {VIEW} AS SELECT {columns}"


def name_query() -> str:
    """Return what reads the marker, where there is one."""
    return f"SELECT {', '.join(_COLUMNS)} FROM {VIEW}"  # noqa: S608 - constants


def read_row(row: Sequence[object] | None) -> Marker | None:
    """Return the marker that a row is; None where there is none."""
    if row is None:
        return None
    project, environment, state = map(str, row)
    return Marker(project=project, environment=environment, state=state)


def _escape(text: str) -> str:
    # Backslashes mean something to MySQL, and a view takes no parameters.
    return text.replace("'", "''").replace("\\", "/")
