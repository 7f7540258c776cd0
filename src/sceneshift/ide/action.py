"""What is to be done to one file, and what is said of it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.core.errors import DriftError
from sceneshift.core.wording import name_few

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sceneshift.ide.merging import Base
    from sceneshift.ide.outcomes import Change
    from sceneshift.ide.writing import Place

_FEW = 4


class Action(Struct, frozen=True, kw_only=True):
    """What is to be done to a file.

    Attributes:
        place: The file as it was found.
        content: What it is to be; None where it is to go.
        changes: What that concerns, entry by entry; what stays as people made it is
            among them.
        base: What of it is ours then.
        is_own: Whether git ignores it.
    """

    place: Place
    content: bytes | None
    changes: tuple[Change, ...] = ()
    base: Base = {}
    is_own: bool = False

    @property
    def outcome(self) -> str:
        """`created`, `updated`, `removed` or `unchanged`."""
        if self.content is None:
            return "removed"
        if self.content == (self.place.found or b""):
            return "unchanged"
        return "created" if self.place.found is None else "updated"

    def as_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "path": self.place.path,
            "outcome": self.outcome,
            "changes": [
                {
                    "section": each.section,
                    "entry": each.identity,
                    "key": each.key,
                    "outcome": each.outcome.value,
                    "message": each.message,
                }
                for each in self.changes
            ],
        }

    def diff(self) -> Iterator[str]:
        """Yield the lines of a unified difference."""
        before = _decode(self.place.found or b"")
        after = _decode(self.content or b"")
        path, nothing = self.place.path, "/dev/null"
        lines = difflib.unified_diff(
            before.splitlines(),
            after.splitlines(),
            nothing if self.place.found is None else f"a/{path}",
            nothing if self.content is None else f"b/{path}",
            lineterm="",
        )
        yield from lines


def _decode(content: bytes) -> str:
    return content.decode("utf-8", errors="replace")


def find_pending(actions: Sequence[Action]) -> list[Action]:
    """Return what would write something."""
    return [each for each in actions if each.outcome != "unchanged"]


def refuse_drift(actions: Sequence[Action]) -> None:
    """Refuse files that are not as they would be generated, and that a team shares.

    Raises:
        DriftError: There are some.
    """
    pending = [each for each in find_pending(actions) if not each.is_own]
    if not pending:
        return
    names = name_few([each.place.path for each in pending], _FEW)
    one = len(pending) == 1
    raise DriftError(
        f"{names} {'is' if one else 'are'} not as generated",
        hint="see what would change: inv ide.generate --diff; and have it so: "
        "inv ide.generate",
    )
