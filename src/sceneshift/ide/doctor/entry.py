"""One entry of launch.json: what it means here, what is wrong with it, its trial."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.holders import find_holder
from sceneshift.core.wording import quote
from sceneshift.ide.dap.client import ADAPTER, Client
from sceneshift.ide.dap.connection import find_address
from sceneshift.ide.dap.framing import DebugError
from sceneshift.ide.doctor import browser
from sceneshift.ide.doctor.attempts import attempt_attach, attempt_launch
from sceneshift.ide.doctor.browsing import Browsing
from sceneshift.ide.doctor.findings import Finding, Kind, Outcome
from sceneshift.ide.doctor.interpreter import ask_interpreter
from sceneshift.ide.doctor.places import find_test_file
from sceneshift.ide.doctor.prelaunch import Tasks
from sceneshift.ide.doctor.program import INSTALL, Facts, check_attach, check_launch
from sceneshift.ide.doctor.references import (
    BROWSERS,
    check_references,
    check_type,
    check_variables,
)
from sceneshift.ide.doctor.resolution import (
    PYTHON_TYPES,
    add_env_file,
    find_interpreter,
    find_program,
    is_explored,
    resolve,
)
from sceneshift.ide.doctor.target import read_entry
from sceneshift.ide.doctor.trial import Verdict, fail, failed
from sceneshift.ide.doctor.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sceneshift.core.holders import Holder
    from sceneshift.ide.doctor.interpreter import Interpreter
    from sceneshift.ide.doctor.target import Target
    from sceneshift.ide.doctor.workspace import Workspace


_OF_EDITORS = frozenset({"editor-browser", "pwa-editor-browser"})
_SERVED_S = 10.0  # from a task that is ready to a port that is open

# What is said of a file that is open, or of the one whose tests are run.
_OPEN = re.compile(r"\$\{(?:relativeF|f)ile|debug-test")


class Request(Struct, frozen=True, kw_only=True):
    """How entries are examined.

    Attributes:
        environ: The process environment; an editor's terminals have it, too.
        file: The file that is open, `${file}`; None means one with tests.
        answers: What is answered to `${input:…}`, by id, instead of the default.
        is_looking: Whether nothing is run.
        limit_s: Seconds that each step of an entry has: its task, its trial.
    """

    environ: Mapping[str, str]
    file: Path | None = None
    answers: Mapping[str, str] = {}
    is_looking: bool = False
    limit_s: float = 60.0


class Entry:
    """An entry of launch.json, and what it means here.

    Args:
        workspace: Where it is written.
        name: The entry's.
        request: How it is examined.

    Attributes:
        resolved: The entry, its variables replaced.
    """

    def __init__(self, workspace: Workspace, name: str, request: Request) -> None:
        self._workspace = workspace
        self._request = request
        self._raw = workspace.configurations[name]
        self._default = find_interpreter(workspace, request.environ)
        self._variables = Variables(
            workspace,
            environ=request.environ,
            interpreter=self._default,
            file=self._find_open(),
            answers=request.answers,
        )
        self.resolved = resolve(self._raw, self._variables, self._default)
        self._target: Target | None = None
        self._interpreter: Interpreter | None = None

    @property
    def _root(self) -> Path:
        return self._workspace.root

    @property
    def _is_python(self) -> bool:
        return self.resolved.get("type") in PYTHON_TYPES

    @property
    def _task(self) -> str:
        label = self.resolved.get("preLaunchTask")
        return label if isinstance(label, str) else ""

    def _find_open(self) -> Path | None:
        """Return the file that is open, where the entry has anything of it."""
        if self._request.file is not None:
            return self._root / self._request.file
        is_asked = _OPEN.search(str(self._raw)) is not None
        return find_test_file(self._root) if is_asked else None

    # -- looking

    def check(self) -> Iterator[Finding]:
        """Yield what can be told of it without starting anything of it."""
        yield from check_type(self.resolved, self._workspace)
        yield from check_references(self.resolved, self._workspace)
        yield from check_variables(self._variables.unresolved, self._workspace)
        if self.resolved.get("type") in BROWSERS:
            yield from self._check_browser()
        elif self._is_python and self.resolved.get("request") == "attach":
            has_task = bool(self._task)
            yield from check_attach(self.resolved, self._root, has_task=has_task)
        elif self._is_python:
            yield from self._check_launch()

    def _check_browser(self) -> Iterator[Finding]:
        yield from browser.check_url(self.resolved)
        yield from browser.check_web_root(self.resolved, self._root)
        if self.resolved.get("request") == "attach":
            has_task = bool(self._task)
            yield from browser.check_attach(
                self.resolved, self._root, has_task=has_task
            )

    def _check_launch(self) -> Iterator[Finding]:
        self._name_test()
        target = self._target = read_entry(self.resolved, self._root)
        environ = self._request.environ
        env = self.resolved.get("env")
        own = {k: str(v) for k, v in env.items()} if isinstance(env, dict) else {}
        cwd = Path(str(self.resolved["cwd"]))
        module = str(self.resolved.get("module") or "").partition(".")[0]
        if cwd.is_dir():
            self._interpreter = ask_interpreter(
                find_program(str(self.resolved["python"]), self._root, environ),
                [*filter(None, [module]), "debugpy", "pytest_cov"],
                cwd=cwd,
                env={**environ, **own},
            )
        yield from check_launch(
            Facts(
                resolved=self.resolved,
                target=target,
                root=self._root,
                environ=environ,
                interpreter=self._interpreter,
            )
        )
        if self._find_adapter() is None:
            yield Finding(
                kind=Kind.MISSING_DEBUGPY,
                text="debugpy is installed neither here nor in the entry's Python",
                hint=INSTALL,
            )

    def _name_test(self) -> None:
        """Have an entry of the Test Explorer run a file, as that does it."""
        if is_explored(self.resolved) and not self.resolved.keys() & {
            "program",
            "module",
        }:
            file = self._find_open()
            self.resolved["module"] = "pytest"
            self.resolved["args"] = [] if file is None else [str(file)]

    def _find_adapter(self) -> str | None:
        """Return a Python that has debugpy: ours, else the entry's."""
        if importlib.util.find_spec("debugpy") is not None:
            return sys.executable
        found = self._interpreter
        return found.path if found is not None and "debugpy" in found.modules else None

    # -- running

    def run(self) -> Verdict:
        """Run it, and end what was started for it."""
        with contextlib.ExitStack() as stack:
            return self.run_within(stack)

    def run_within(self, stack: contextlib.ExitStack) -> Verdict:
        """Run it; what was started for it goes on, and ends with a stack.

        It stops at no breakpoint afterwards, for nobody would have it go on.
        """
        if reason := self._find_obstacle():
            detail = f"not run, as it {reason}"
            return Verdict(outcome=Outcome.NOT_RUN, detail=detail)
        request = self._request
        adapter = (self._find_adapter() or sys.executable, *ADAPTER)
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        profile = Path(stack.enter_context(folder))
        client = stack.enter_context(Client(request.environ, adapter=adapter))
        tasks = Tasks(
            client,
            self._workspace,
            self._variables,
            environ=request.environ,
            limit_s=request.limit_s,
        )
        stack.callback(tasks.stop)
        stack.callback(client.disconnect)
        finding = self._prepare(tasks)
        verdict = failed(finding) if finding else self._try(client, profile)
        with contextlib.suppress(DebugError):  # it may have ended
            client.break_nowhere()
        return verdict

    def _find_obstacle(self) -> str:
        """Return why it cannot be run here; empty where it can."""
        if unresolved := self._variables.unresolved:
            return f"asks for {', '.join(unresolved)}"
        kind = self.resolved.get("type")
        if kind in _OF_EDITORS:
            return "needs the browser of the editor itself"
        if not self._is_python and kind not in BROWSERS:
            return f"needs a debugger of {kind}"
        if self._is_python and "listen" in self.resolved:
            return "waits for a program that comes by itself"
        return ""

    def _prepare(self, tasks: Tasks) -> Finding | None:
        """Run its task, unless what that leaves running is there already.

        What is there may be the same of another worktree.
        """
        task = self._workspace.tasks.get(self._task)
        holder = self._find_holder()
        is_there = holder is not None and (holder.stack is None or holder.is_ours)
        if task is None or (task.get("isBackground") and is_there):
            return None
        return tasks.run(self._task)

    def _is_served(self) -> bool:
        """Tell whether what it attaches to, or shows, is there; nothing is tried."""
        return self._find_holder() is not None

    def _find_holder(self) -> Holder | None:
        address = self._find_address()
        page = browser.find_page(self.resolved)
        port = address[1] if address else page[1] if page else None
        return None if port is None else find_holder(port, root=self._root)

    def _find_address(self) -> tuple[str, int] | None:
        """Return where it attaches; None where it does not, or says it otherwise."""
        is_browser = self.resolved.get("type") in BROWSERS
        find = browser.find_address if is_browser else find_address
        return find(self.resolved)

    def _try(self, client: Client, folder: Path) -> Verdict:
        limit_s = self._request.limit_s
        is_attached = self.resolved.get("request") == "attach"
        served_s = min(limit_s, _SERVED_S)
        has_to_come = is_attached and bool(self._task)
        if has_to_come and not client.wait(self._is_served, limit_s=served_s):
            return self._judge_closed()
        if self.resolved.get("type") in BROWSERS:
            return Browsing(
                client,
                self.resolved,
                root=self._root,
                environ=self._request.environ,
                profile=folder,
                limit_s=limit_s,
            ).run()
        if is_attached:
            return attempt_attach(
                client, self.resolved, root=self._root, limit_s=limit_s
            )
        assert self._target is not None
        resolved = add_env_file(self.resolved, self._root)
        return attempt_launch(
            client, resolved, self._target, root=self._root, limit_s=limit_s
        )

    def _judge_closed(self) -> Verdict:
        address = self._find_address()
        port = "none" if address is None else address[1]
        return fail(
            Kind.PORT_CLOSED,
            f"task {quote(self._task)} is ready, and nothing listens at port {port}",
            browser.explain(
                "does it start the program with its debugger, at this port?", self._root
            ),
        )
