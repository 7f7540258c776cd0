"""What an edit of the Procfile, pyproject.toml or an env file means while all runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.instances import name_addresses
from sceneshift.dev.run.choice import choose
from sceneshift.dev.run.fork import ForkRunner
from sceneshift.dev.run.shell import ShellRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from sceneshift.dev.changes import Changes
    from sceneshift.dev.model import ProcessSpec, StackSpec
    from sceneshift.dev.routing import Router
    from sceneshift.dev.run.base import Runner
    from sceneshift.dev.run.choice import Choice
    from sceneshift.dev.supervisor import Supervisor


class Configurable(Struct, frozen=True, kw_only=True):
    """What a reconfiguration works on.

    Attributes:
        supervisor: Runs the stack.
        router: Knows what a changed file concerns.
        changes: Watches.
        load: Reads the configuration, for the stack that runs.
        make_runner: Makes what runs a process, and what takes its output.
        say: Tells people something about the stack.
    """

    supervisor: Supervisor
    router: Router
    changes: Changes
    load: Callable[[StackSpec], StackSpec]
    make_runner: Callable[[ProcessSpec, Choice], Runner]
    say: Callable[[str], None]


class Reconfiguration:
    """Takes what the configuration says while a stack runs."""

    def __init__(self, parts: Configurable) -> None:
        self._parts = parts
        self._supervisor = parts.supervisor
        self._complaint = ""

    def take(self, files: Sequence[str], *, is_again: bool) -> set[str] | None:
        """Take it; return the processes that are new or changed.

        Args:
            files: Those of its files that are others.
            is_again: Whether they were refused before, and are the same.

        Returns:
            None where it says what cannot be, which is told once.
        """
        if self._supervisor.machine.is_quitting:
            return set()
        former = self._supervisor.stack
        try:
            stack = self._parts.load(former)
        except SceneshiftError as error:
            if not is_again or error.message != self._complaint:
                self._parts.say(error.message)
            self._complaint = error.message
            return None
        self._add(stack, former)
        self._supervisor.configure(stack)
        self._parts.changes.take(stack)
        return self._respecify_all(stack, former, files)

    def add(self, spec: ProcessSpec) -> None:
        """Make what runs a process."""
        choice = choose(spec, self._supervisor.stack.root)
        self._parts.router.add(spec.name, choice.globs)
        runner = self._parts.make_runner(spec, choice)
        self._supervisor.runners[spec.name] = runner

    def _add(self, stack: StackSpec, former: StackSpec) -> None:
        known = {spec.name for spec in former.processes}
        for spec in stack.processes:
            if spec.name not in known:
                self.add(spec)

    def _respecify_all(
        self, stack: StackSpec, former: StackSpec, files: Sequence[str]
    ) -> set[str]:
        """Have the processes run as they are specified now; return which are others."""
        old = {spec.name: spec for spec in former.processes}
        addresses = _name_others(stack, former)
        found = {spec.name for spec in stack.processes if spec.name not in old}
        for spec in stack.processes:
            before = old.get(spec.name, spec)
            if _strip(spec, addresses) != _strip(before, addresses):
                self._respecify(spec, files)
                found.add(spec.name)
            elif spec.env != before.env:
                self._readdress(spec, before, files)
        return found

    def _readdress(
        self, spec: ProcessSpec, before: ProcessSpec, files: Sequence[str]
    ) -> None:
        """Tell a process of the addresses of others at its next start.

        It goes on: what it does not know yet, it does not need. What its preparation
        has put into its environment stays there.
        """
        name = spec.name
        if self._supervisor.machine.states[name].is_preparing:
            self._respecify(spec, files)  # it starts after that, or reloads anyway
            return
        runner = self._supervisor.runners[name]
        own = runner.spec.env.items()
        kept = {key: value for key, value in own if before.env.get(key) != value}
        self._renew(replace(runner.spec, env={**spec.env, **kept}))
        runner.prepare_anew()

    def _respecify(self, spec: ProcessSpec, files: Sequence[str]) -> None:
        self._renew(spec)
        self._supervisor.change(spec.name, files, cause="environment", needs_setup=True)

    def _renew(self, spec: ProcessSpec) -> None:
        """Have a process run so from its next start on."""
        runner = self._supervisor.runners[spec.name]
        choice = choose(spec, self._supervisor.stack.root)
        self._parts.router.set_globs(spec.name, choice.globs)
        if isinstance(runner, ShellRunner) and choice.program is None:
            assert choice.reason is not None
            runner.renew(spec, choice.reason)
        elif isinstance(runner, ForkRunner) and runner.fits(choice):
            assert choice.program is not None
            runner.renew(spec, choice.program)
        else:
            runner = self._parts.make_runner(spec, choice)
            self._supervisor.exchange(spec.name, runner)


def _name_others(stack: StackSpec, former: StackSpec) -> frozenset[str]:
    """Return the variables for the addresses of what is added or removed."""
    kinds = stack.numbers.keys() ^ former.numbers.keys()
    return frozenset(name for kind in kinds for name in name_addresses(kind))


def _strip(spec: ProcessSpec, addresses: Collection[str]) -> ProcessSpec:
    """Return what a process has to be restarted for, where it is another."""
    env = {key: value for key, value in spec.env.items() if key not in addresses}
    return replace(spec, env=env, depends_on=(), databases=(), follows=False)
