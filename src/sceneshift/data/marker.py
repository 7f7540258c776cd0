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


def list_statements(marker: Marker, schema: str | None = None) -> tuple[str, str]:
    """Return what puts a marker in the place of another, in any system's SQL.

    Args:
        marker: Whose the database is.
        schema: Where the view is to be, as SQL has it; None where there are no schemas.
    """
    values = (marker.project, marker.environment, marker.state)
    columns = ", ".join(
        f"'{_escape(value)}' AS {name}"
        for value, name in zip(values, _COLUMNS, strict=True)
    )
    view = _name_view(schema)
    return f"DROP VIEW IF EXISTS {view}", f"CREATE VIEW {view} AS SELECT {columns}"


def name_query(schema: str | None = None) -> str:
    """Return what reads the marker, where there is one."""
    return f"SELECT {', '.join(_COLUMNS)} FROM {_name_view(schema)}"  # noqa: S608


def _name_view(schema: str | None) -> str:
    return VIEW if schema is None else f"{schema}.{VIEW}"


def read_row(row: Sequence[object] | None) -> Marker | None:
    """Return the marker that a row is; None where there is none."""
    if row is None:
        return None
    project, environment, state = map(str, row)
    return Marker(project=project, environment=environment, state=state)


def _escape(text: str) -> str:
    # Backslashes mean something to MySQL, and a view takes no parameters.
    return text.replace("'", "''").replace("\\", "/")
