"""Starting what a build needs before all is known of it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sceneshift.data.build import prepare_upgrade
from sceneshift.data.snapshots.snapshot import make_recipe
from sceneshift.data.snapshots.store import Store
from sceneshift.data.standby import Standby

if TYPE_CHECKING:
    from sceneshift.data.build import Code
    from sceneshift.data.target import Target


def start_ahead(
    target: Target, code: Code, *, is_rebuilt: bool = False
) -> Standby | None:
    """Return what can migrate a draft, where there seems to be none to do without.

    Args:
        target: The database.
        code: What makes its schema.
        is_rebuilt: Whether nothing that is kept is to be used.
    """
    if code.scripts is None or not (is_rebuilt or _is_new(target, code)):
        return None
    upgrade = prepare_upgrade(target, code.scripts)
    with contextlib.suppress(OSError):  # it is told where it is needed
        return Standby(upgrade.plan, upgrade.env)
    return None


def _is_new(target: Target, code: Code) -> bool:
    """Tell whether nothing is kept that this code has made, on whatever server."""
    recipe = make_recipe("", code.scripts, code.history, code.links)
    return all(
        replace(one.recipe, system="", dataset=None, data=None) != recipe
        for one in Store(target.folder / "snapshots").list_all()
    )
