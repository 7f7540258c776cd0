"""From changed files to what the supervisor has to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sceneshift.core.branch import find_head
from sceneshift.core.errors import SceneshiftError
from sceneshift.dev.bytecode import drop_compiled
from sceneshift.dev.globs import is_pattern
from sceneshift.dev.setup import names_file, plan_setup
from sceneshift.dev.watch import ChangeKind, Watcher, digest

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Sequence

    from sceneshift.core.paths import StateFolder
    from sceneshift.dev.model import ProcessSpec, SetupStep, StackSpec
    from sceneshift.dev.routing import Router
    from sceneshift.dev.run.base import Runner
    from sceneshift.dev.watch import Change

_RECORDS = frozenset({".dist-info", ".egg-info", ".egg-link", ".pth"})
_LOCKS = frozenset({"Pipfile.lock", "pdm.lock", "poetry.lock", "uv.lock"})
_PACKAGES_S = 1.0  # an installer writes for a while: the last word counts


class Changed(Protocol):
    """`Supervisor.change`, as far as files are concerned."""

    def __call__(self, name: str, files: Sequence[str], *, needs_setup: bool) -> None:
        """Have a process take new code."""
        ...


def _is_whole(glob: str) -> bool:
    """Say whether it names one file."""
    return not glob.endswith("/") and not is_pattern(glob)


class Reread(Protocol):
    """`Run._reread`: takes what the configuration says now."""

    def __call__(
        self, files: Sequence[str], *, is_again: bool
    ) -> Collection[str] | None:
        """Return the processes that changed; None where it says what cannot be."""
        ...


class Changes:
    """Watches a project and tells which processes its changes concern.

    Attributes:
        watcher: The one watcher of the stack.
    """

    def __init__(  # noqa: PLR0913 - the parts it connects
        self,
        stack: StackSpec,
        *,
        loop: asyncio.AbstractEventLoop,
        router: Router,
        runners: dict[str, Runner],
        state: StateFolder,
        changed: Changed,
        reread: Reread,
        renew: Callable[[Sequence[str]], None],
        restore: Callable[[], None],
    ) -> None:
        self._stack = stack
        self._loop = loop
        self._router = router
        self._runners = runners
        self._state = state
        self._changed = changed
        self._reread = reread
        self._renew = renew
        self._restore = restore
        self._inputs = {path: digest(path) for path in stack.inputs}
        self._expected: dict[Path, str | None] = {}
        self._refused: list[str] = []
        self._packages: set[Path] = set()
        self._known: set[str] = set()
        self._installed: set[str] = set()
        self._later: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._kept: set[Change] | None = None
        self._moved: tuple[Path, Callable[[], bool]] | None = None
        self.watcher = Watcher(stack.root, self.handle, loop=loop)

    def start(self) -> None:
        """Watch from now on."""
        self.watcher.start()
        self.watcher.add_folder(self._state.path)
        for path in self._inputs:
            self.watcher.add_file(path)
        self._add_named()

    def close(self) -> None:
        """Watch no more, and tell nothing more."""
        self._is_closed = True
        if self._later is not None:
            self._later.cancel()
        self.watcher.close()

    def hold(self) -> None:
        """Keep what changes from now on until `release`."""
        self._kept = set()

    def release(self) -> None:
        """Take what has changed meanwhile."""
        kept, self._kept = self._kept, None
        if kept:
            self.handle(frozenset(kept))

    def expect(self, stack: StackSpec) -> None:
        """Watch the files of a configuration that was read, and may be taken later."""
        self._expected = {path: digest(path) for path in stack.inputs}
        for path in self._expected:
            self.watcher.add_file(path)

    def know(self, path: Path) -> None:
        """Take what a file of the configuration is now for what it was."""
        self._inputs[path] = digest(path)

    def take(self, stack: StackSpec) -> None:
        """Go on with another configuration, and watch the files that it is in."""
        self._stack = stack
        known = {**self._expected, **self._inputs}
        for path in stack.inputs:
            self.watcher.add_file(path)
        self._inputs = {
            path: known[path] if path in known else digest(path)
            for path in stack.inputs
        }
        self._add_named()

    def _add_named(self) -> None:
        """Watch the files that are named in full, though git may ignore them."""
        for spec in self._stack.processes:
            near = spec.setup.when if spec.setup is not None else ()
            named = [spec.cwd / glob for glob in near if _is_whole(glob)]
            named += [self._stack.root / g for g in spec.watch or () if _is_whole(g)]
            for path in named:
                self.add_use(os.path.normpath(path))

    def add_use(self, path: str) -> None:
        """Watch a file that a process uses, wherever it lies."""
        if path not in self._known and not self._is_closed:
            self._known.add(path)
            self.watcher.add_file(Path(path))

    def watch_head(self, moved: Callable[[], bool]) -> None:
        """Tell when another branch of git may be checked out, before all else.

        Args:
            moved: Returns whether processes have to be prepared for that.
        """
        head = find_head(self._stack.root)
        if head is not None:
            self._moved = head, moved
            self.watcher.add_file(head)

    def add_packages(self, folder: Path) -> None:
        """Watch a folder of installed packages."""
        if folder not in self._packages:
            self._packages.add(folder)
            self.watcher.add_folder(folder)

    def handle(self, changes: frozenset[Change]) -> None:
        """Take a set of changes that belong together."""
        if self._is_closed:
            return
        if any(map(self._is_loss, changes)):
            self._restore()
        if self._kept is not None:
            self._kept |= changes
            return
        paths = {change.path for change in changes if self._is_news(change.path)}
        is_moved = self._take_head(paths)
        installed = set(filter(self._is_package, paths))
        if installed:
            self._renew_later(installed)
        paths = {path for path in paths if path.parent not in self._packages}
        inputs = self._take_inputs(paths)
        for path in paths:
            if path.suffix == ".py":
                drop_compiled(path)
        # A program may read the env file itself: one save is one reload all the same.
        renewed = self._read_again([*map(self._relative, inputs)])
        names = [str(path) for path in paths]
        for runner in self._runners.values():
            runner.refresh(names)
        again = self._with_setup(paths)
        affected = self._router.affected(paths)
        for name in [each for each in self._runners if each not in renewed]:
            files = tuple(map(self._relative, affected.get(name, ())))
            if files or name in again:
                needs_setup = name in again or is_moved
                self._changed(name, files or again[name], needs_setup=needs_setup)

    def _take_head(self, paths: set[Path]) -> bool:
        """Tell whether another branch is to be prepared for; no process is told."""
        if self._moved is None or self._moved[0] not in paths:
            return False
        paths.discard(self._moved[0])
        return self._moved[1]()

    def _read_again(self, edited: list[str]) -> Collection[str]:
        """Have the configuration taken; return the processes that changed by it.

        What was refused may be mended by any save: by the script that a line names.
        """
        files = list(dict.fromkeys([*self._refused, *edited]))
        renewed = self._reread(files, is_again=not edited) if files else ()
        self._refused = files if renewed is None else []
        return renewed or ()

    def _is_loss(self, change: Change) -> bool:
        """Say whether something was removed that others find the stack by."""
        is_gone = change.kind is ChangeKind.DELETED
        return is_gone and change.path.parent == self._state.path

    def _is_news(self, path: Path) -> bool:
        """Leave out what is the stack's own, unless a process uses it."""
        return path.parent != self._state.path or str(path) in self._known

    def _is_package(self, path: Path) -> bool:
        """Say whether a path tells of installed packages: a record or a lock."""
        if path.parent in self._packages:
            return path.suffix in _RECORDS
        return path.name in _LOCKS or path.match("requirements*.txt")

    def _take_inputs(self, paths: set[Path]) -> list[Path]:
        """Return the files of the configuration that are others now."""
        news = {
            path: found
            for path in paths & self._inputs.keys()
            if (found := digest(path)) != self._inputs[path]
        }
        self._inputs.update(news)
        return sorted(news)

    def _with_setup(self, paths: set[Path]) -> dict[str, tuple[str, ...]]:
        """Return the processes whose run-once step has to run again, with why."""
        found: dict[str, tuple[str, ...]] = {}
        for spec in self._stack.processes:
            step = spec.setup
            if step is None or not any(names_file(step, spec.cwd, p) for p in paths):
                continue
            reason = self._find_reason(spec, step)
            if reason is not None:
                found[spec.name] = (reason,)
        return found

    def _find_reason(self, spec: ProcessSpec, step: SetupStep) -> str | None:
        """Return why a run-once step has to run again; None where it has not."""
        try:
            action = plan_setup(
                step, name=spec.name, cwd=spec.cwd, state=self._state, env=spec.env
            )
        except SceneshiftError as error:
            return error.message  # the other changes count; the step tells it anew
        return None if action is None else action.reason

    def _renew_later(self, installed: set[Path]) -> None:
        self._installed.update(path.name for path in installed)
        if self._later is not None:
            self._later.cancel()
        self._later = self._loop.call_later(_PACKAGES_S, self._renew_now)

    def _renew_now(self) -> None:
        if self._kept is not None:
            self._renew_later(set())
            return
        names = sorted(self._installed)
        self._installed.clear()
        self._renew(names)

    def _relative(self, path: Path) -> str:
        if path.is_relative_to(self._stack.root):
            return str(path.relative_to(self._stack.root))
        return str(path)
