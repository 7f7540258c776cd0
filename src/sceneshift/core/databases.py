"""The databases of an environment, as its variables name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.core.value import Value

VARIABLE = "DATABASE_URL"
DEFAULT = "default"


class Database(Struct, frozen=True, kw_only=True):
    """A database of an environment.

    Attributes:
        name: `default`, or what follows DATABASE_URL_, in lower case.
        url: Its address, the password included.
    """

    name: str
    url: str

    @property
    def system(self) -> str:
        """What kind it is: `postgresql` for `postgresql+psycopg://…`."""
        return self.url.partition(":")[0].partition("+")[0].lower()

    @property
    def variable(self) -> str:
        """The variable that names it."""
        return name_variable(self.name)

    def find_file(self, root: Path) -> Path | None:
        """Return the file of a SQLite database.

        Args:
            root: What a relative path is relative to.

        Returns:
            None for another system, one in memory, and one that is named by a URI.
        """
        # 3 ms that a start, which opens no database, saves.
        from urllib.parse import unquote  # noqa: PLC0415

        path = unquote(self.url.partition("://")[2].partition("?")[0])[1:]
        is_file = path not in {"", ":memory:"} and not path.startswith("file:")
        return root / path if self.system == "sqlite" and is_file else None


def name_variable(name: str) -> str:
    """Return the variable of a database: DATABASE_URL_REPORTS for `reports`."""
    if name == DEFAULT:
        return VARIABLE
    return f"{VARIABLE}_{name.upper().replace('-', '_')}"


def list_databases(values: Mapping[str, Value]) -> list[Database]:
    """Return the databases that DATABASE_URL and its kin name."""
    found = []
    for name, value in values.items():
        is_one = name == VARIABLE or name.startswith(f"{VARIABLE}_")
        if is_one and value.is_own and "://" in value.text:
            rest = name.removeprefix(VARIABLE).removeprefix("_").lower()
            found.append(Database(name=rest or DEFAULT, url=value.text))
    return found
