"""Editors' files: what they are to be, beside what people have made of them."""

from __future__ import annotations

import contextlib
import difflib
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.core.errors import DriftError, UsageError
from sceneshift.core.paths import StateFolder
from sceneshift.core.wording import find_nearest, name_few, quote
from sceneshift.ide.base import PATH as BASE
from sceneshift.ide.base import dump_bases, parse_bases
from sceneshift.ide.files import File
from sceneshift.ide.merging import merge
from sceneshift.ide.reading import read_model
from sceneshift.ide.rendering import render_files
from sceneshift.ide.writing import Place, read_place, sweep, write_all

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from sceneshift.ide.merging import Base
    from sceneshift.ide.outcomes import Change

_LOCK = "ide.lock"
_FEW = 4


class GenerateRequest(Struct, frozen=True, kw_only=True):
    """What is asked for.

    Attributes:
        root: The project's folder.
        environ: The process environment.
        editors: Whose files; those of the configuration where there are none.
        tasks: Names of the commands that the project has.
        force: Entries that are to be as generated, whatever people made of them.
        adopt: Entries made by hand that are to be ours from now on.
    """

    root: Path
    environ: Mapping[str, str]
    editors: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    force: frozenset[str] = frozenset()
    adopt: frozenset[str] = frozenset()


class Action(Struct, frozen=True, kw_only=True):
    """What is to be done to a file.

    Attributes:
        place: The file as it was found.
        content: What it is to be; None where it is to go.
        changes: What that concerns, entry by entry; what stays as people made it is
            among them.
    """

    place: Place
    content: bytes | None
    changes: tuple[Change, ...] = ()

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


def plan(request: GenerateRequest) -> tuple[Action, ...]:
    """Return what is to be done; nothing is written.

    The last one is the base: only when all files are there is it what they are of.

    Raises:
        UsageError: A name is no editor's or entry's, or a file cannot be understood.
        SceneshiftError: A template is wrong, or a file cannot be read.
    """
    root = request.root.resolve()
    model = read_model(root, request.environ, tasks=request.tasks)
    files = render_files(model, root, editors=request.editors)
    base = read_place(root, BASE)
    bases = parse_bases(base.found)
    _check_names(request.force | request.adopt, files, bases)
    actions = []
    for path in _list_retired(request, files, bases):
        actions += _retire(read_place(root, path), bases.pop(path))
    for file in files:
        place = read_place(root, file.path)
        merged = merge(
            file,
            place.found,
            bases.get(file.path, {}),
            force=request.force,
            adopt=request.adopt,
        )
        bases[file.path] = merged.base
        actions.append(
            Action(place=place, content=merged.content, changes=merged.changes)
        )
    return (*actions, Action(place=base, content=dump_bases(bases)))


def _list_retired(
    request: GenerateRequest, files: Sequence[File], bases: Mapping[str, Base]
) -> list[str]:
    """Return the files that were generated, and no template makes now."""
    made = {file.path for file in files}
    return [] if request.editors else [path for path in bases if path not in made]


def _retire(place: Place, base: Base) -> list[Action]:
    """Take what is ours out of a file, or the file away where that is all ours."""
    if place.found is None:
        return []
    if not place.path.endswith(".json"):
        whole = [text.encode() for text in base[""].values()]
        return [Action(place=place, content=None)] if whole == [place.found] else []
    merged = merge(File(path=place.path, template=""), place.found, base)
    return [Action(place=place, content=merged.content, changes=merged.changes)]


def _check_names(
    names: Collection[str], files: Sequence[File], bases: Mapping[str, Base]
) -> None:
    """Refuse names that no entry has, or had."""
    known = {
        name for file in files for section in file.sections for name in section.entries
    }
    for base in bases.values():
        known.update(*base.values())
    for name in names:
        if name not in known:
            nearest = find_nearest(name, known)
            raise UsageError(
                f"no entry is called {quote(name)}",
                hint=f"did you mean {quote(nearest)}?"
                if nearest
                else "see which there are: inv ide.generate --json --dry-run",
            )


def find_pending(actions: Sequence[Action]) -> list[Action]:
    """Return what would write something."""
    return [each for each in actions if each.outcome != "unchanged"]


def refuse_drift(actions: Sequence[Action]) -> None:
    """Refuse files that are not as they would be generated.

    Raises:
        DriftError: There are some.
    """
    pending = find_pending(actions)
    if not pending:
        return
    names = name_few([each.place.path for each in pending], _FEW)
    one = len(pending) == 1
    raise DriftError(
        f"{names} {'is' if one else 'are'} not as generated",
        hint="see what would change: inv ide.generate --diff; and have it so: "
        "inv ide.generate",
    )


def apply(request: GenerateRequest) -> tuple[Action, ...]:
    """Write what differs; return what was done.

    A run that was killed between two files is completed by the next one.

    Raises:
        UsageError: See `plan`.
        BusyError: A file was changed in that moment; nothing was written.
        SceneshiftError: A file cannot be written; nothing was written.
    """
    with _alone(request.root.resolve()):
        actions = plan(request)
        sweep([each.place for each in actions])
        write_all([(each.place, each.content) for each in find_pending(actions)])
    return actions


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Have two that generate follow each other."""
    import fcntl  # noqa: PLC0415 - Windows has none, and is told so before

    with (StateFolder(root).make() / _LOCK).open("ab") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield
