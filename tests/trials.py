"""Commands that change a database, to be disturbed again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resetting import MysqlShop, ServerShop, Shop
from sceneshift.data import drop, kept, migrations
from sceneshift.data.seeding import command as seeding
from sceneshift.data.target import Request

if TYPE_CHECKING:
    from collections.abc import Callable

Rows = dict[str, list[int]]

OLD: Rows = {"a": [1, 2]}
MADE: Rows = {"a": [1]}
# What each command makes of `OLD`; of `MADE`, when it is taken back.
ACTS: dict[str, Rows] = {
    "reset": MADE,
    "build": MADE,
    "fill": {"a": [1, 5]},
    "restore": MADE,
    "undo": OLD,
    "redo": MADE,
    "drop": {},
    "migrate": {"a": [1, 2], "b": [1]},
    "seed": {"a": [1, 2, 5]},
}
SEED = "INSERT INTO a SELECT 5 WHERE NOT EXISTS (SELECT 1 FROM a WHERE id = 5);\n"


class Trial:
    """A shop, and a command for it whose outcome is the old state or the new.

    Attributes:
        shop: The shop.
        act: The command.
    """

    def __init__(self, shop: Shop, act: str) -> None:
        self.shop = shop
        self.act = act
        self._old, self._new = OLD, ACTS[act]
        self._seed = shop.root / "seeds/more/1.sql"
        self._seed.parent.mkdir(parents=True)
        self._seed.write_text(SEED)
        shop.write("a")
        self._snapshot = shop.reset().snapshot.id
        shop.insert("a", 2)
        if act in {"undo", "redo"}:
            shop.reset()
        if act == "undo":
            self._old = MADE
        if act == "redo":
            shop.undo()
        if act == "migrate":
            shop.write("a", "b")

    def ask(self, **options: Any) -> Any:
        """Return what is asked for, as from a script."""
        kind: Any = options.pop("kind", Request)
        return kind(
            root=self.shop.root,
            environ=self.shop.environ,
            environment="development",
            is_confirmed=True,
            **options,
        )

    def run(self) -> None:
        """Run the command."""
        shop = self.shop
        run: dict[str, Callable[[], object]] = {
            "reset": shop.reset,
            "build": lambda: shop.reset(is_rebuilt=True),
            "fill": lambda: shop.reset(dataset="more"),
            "restore": lambda: kept.restore(self.ask(), self._snapshot),
            "undo": shop.undo,
            "redo": lambda: shop.undo(is_redo=True),
            "drop": lambda: drop.drop(self.ask()),
            "migrate": lambda: migrations.migrate(shop.root, shop.environ, None),
            "seed": lambda: seeding.seed(
                self.ask(kind=seeding.SeedRequest, dataset="more")
            ),
        }
        run[self.act]()

    def check(self) -> bool:
        """Tell whether the new state is there; the old one is again afterwards."""
        found = self.read()
        assert found in (self._old, self._new)
        if found == self._new:
            self._go_back()
            assert self.read() == self._old
        if self.act == "fill":  # as nothing that is kept was
            self._seed.write_text(self._seed.read_text() + "--\n")
        return found == self._new

    def _go_back(self) -> None:
        shop = self.shop
        if isinstance(shop, ServerShop) and self.act == "migrate":
            shop.run("DROP TABLE b; UPDATE alembic_version SET version_num = 'r1'")
        elif isinstance(shop, ServerShop) and self.act == "seed":
            shop.run("DELETE FROM a WHERE id = 5")
        else:
            shop.undo(is_redo=self.act == "undo")

    def read(self) -> Rows:
        """Return all that is in the database."""
        shop = self.shop
        if not isinstance(shop, ServerShop | MysqlShop):
            assert shop.run("PRAGMA integrity_check") == [("ok",)]
        look = "SELECT id FROM {} ORDER BY id"
        return {
            table: [id for (id,) in shop.run(look.format(table))]  # noqa: A001
            for table in shop.tables()
        }
