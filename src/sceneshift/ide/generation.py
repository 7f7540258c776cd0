"""Editors' files: what they are to be, beside what people have made of them."""

from __future__ import annotations

import contextlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import UsageError
from sceneshift.core.git import find_ignored
from sceneshift.core.paths import StateFolder
from sceneshift.core.wording import find_nearest, quote
from sceneshift.ide.action import Action, find_pending
from sceneshift.ide.base import OWN_PATH as OWN_BASE
from sceneshift.ide.base import PATH as BASE
from sceneshift.ide.base import dump_bases, parse_bases
from sceneshift.ide.files import File
from sceneshift.ide.merging import merge
from sceneshift.ide.pending import (
    choose_base,
    forget_pending,
    read_pending,
    write_pending,
)
from sceneshift.ide.reading import read_model
from sceneshift.ide.rendering import render_files
from sceneshift.ide.texts import Text, retire_text
from sceneshift.ide.writing import read_place, sweep, write_all

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from sceneshift.ide.merging import Base
    from sceneshift.ide.model import Model
    from sceneshift.ide.outcomes import Change
    from sceneshift.ide.writing import Place

_LOCK = "ide.lock"


class GenerateRequest(Struct, frozen=True, kw_only=True):
    """What is asked for.

    Attributes:
        root: The project's folder.
        editors: Whose files; those of the configuration where there are none.
        tasks: Names of the commands that the project has.
        force: Entries that are to be as generated, whatever people made of them.
        adopt: Entries made by hand that are to be ours from now on.
    """

    root: Path
    editors: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    force: frozenset[str] = frozenset()
    adopt: frozenset[str] = frozenset()


def plan(request: GenerateRequest) -> tuple[Action, ...]:
    """Return what is to be done; nothing is written.

    The last one is the base: only when all files are there is it what they are of.

    Raises:
        UsageError: A name is no editor's or entry's, or a file cannot be understood.
        SceneshiftError: A template is wrong, or a file cannot be read.
    """
    root = request.root.resolve()
    model = read_model(root, tasks=request.tasks)
    files = render_files(model, root, editors=request.editors)
    planning = _Planning(root, request, find_ignored(root, [f.path for f in files]))
    _check_names(request.force | request.adopt, files, planning.bases)
    made = {file.path for file in files}
    for path in [] if request.editors else [*planning.bases]:
        if path not in made:
            planning.retire(path)
    for file in files:
        planning.bring_up(file)
    return planning.finish(_list_debug_ports(model))


class _Planning:
    """Files on their way, and what they are of.

    Attributes:
        bases: What was generated last, by file.
    """

    def __init__(
        self, root: Path, request: GenerateRequest, ignored: Collection[str]
    ) -> None:
        self._root = root
        self._request = request
        self._ignored = ignored
        self._pending = read_pending(root)
        self._places = [read_place(root, path) for path in (BASE, OWN_BASE)]
        shared, own = (parse_bases(each.found, each.path) for each in self._places)
        self.bases = {
            **{path: base for path, base in shared.items() if path not in ignored},
            **own,
        }
        self._own = {*own, *ignored}
        self._actions: list[Action] = []

    def bring_up(self, file: File) -> None:
        """Have a file be as it is made, but for what people have made of it."""
        place = read_place(self._root, file.path)
        merged = merge(
            file,
            place.found,
            self._find_base(place),
            force=self._request.force,
            adopt=self._request.adopt,
        )
        self.bases[file.path] = merged.base
        self._add(place, merged.content, merged.changes)

    def retire(self, path: str) -> None:
        """Take what is ours out of a file, or the file away where that is all of it.

        What a person has deleted of it stays so, if its editor comes back.
        """
        place = read_place(self._root, path)
        base = self._find_base(place)
        if not path.endswith(".json"):
            self._retire_text(place, base)
        elif place.found is None:
            del self.bases[path]
        else:
            is_strict = PurePosixPath(path).name == "package.json"
            file = File(path=path, template="", is_strict=is_strict)
            merged = merge(file, place.found, base)
            self.bases[path] = merged.base
            self._add(place, merged.content, merged.changes)

    def _retire_text(self, place: Place, base: Base) -> None:
        """Do that with a file that is one entry; one that was deleted is none."""
        if place.found is None:
            return
        del self.bases[place.path]
        ((identity, text),) = base.get("", {"": None}).items()
        settled = retire_text(Text(identity, text, place.found, ""))
        change = settled and settled.change
        self._add(place, settled and settled.content, (change,) if change else ())

    def finish(self, ports: Mapping[str, Mapping[str, int]]) -> tuple[Action, ...]:
        """Return all that is to be done, the bases at last.

        Args:
            ports: Those of debuggers, which the files name.
        """
        shared, own = self._places
        kept = {path: self.bases[path] for path in self.bases if path in self._own}
        others = {path: base for path, base in self.bases.items() if path not in kept}
        self._add(shared, dump_bases(others, ports))
        if kept or own.found is not None:
            self._add(own, dump_bases(kept))
        return tuple(self._actions)

    def _find_base(self, place: Place) -> Base:
        base = self.bases.get(place.path, {})
        if place.found is None:
            return base
        return choose_base(self._pending, place.path, place.found, base)

    def _add(
        self, place: Place, content: bytes | None, changes: tuple[Change, ...] = ()
    ) -> None:
        self._actions.append(
            Action(
                place=place,
                content=content,
                changes=changes,
                base=self.bases.get(place.path, {}),
                is_own=place.path in {*self._own, OWN_BASE},
            )
        )


def _list_debug_ports(model: Model) -> dict[str, dict[str, int]]:
    return {
        each.name: {process.name: process.debug_port for process in each.processes}
        for each in model.environments
        if each.processes
    }


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


def apply(request: GenerateRequest) -> tuple[Action, ...]:
    """Write what differs; return what was done.

    A run that was killed between two files is completed by the next one.

    Raises:
        UsageError: See `plan`.
        BusyError: A file was changed in that moment; nothing was written.
        SceneshiftError: A file cannot be written; nothing was written.
    """
    root = request.root.resolve()
    with _alone(root):
        actions = plan(request)
        sweep([each.place for each in actions])
        pending = find_pending(actions)
        if pending:
            whole = [(a.place.path, a.content, a.base) for a in pending if a.content]
            write_pending(root, whole)
            write_all([(each.place, each.content) for each in pending])
        forget_pending(root)
    return actions


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Have two that generate follow each other."""
    import fcntl  # noqa: PLC0415 - Windows has none, and is told so before

    state = StateFolder(root)
    with state.being_written():
        file = (state.make() / _LOCK).open("ab")
    with file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield
