"""What `inv dev` is asked for.

Reading it is left to another process, so what reads is imported where it is needed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sceneshift.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sceneshift.dev.model import ProcessSpec, StackSpec

_DIGITS = 4  # more processes of a type than ports could not start


class Request(NamedTuple):
    """What `inv dev` is asked for.

    Attributes:
        root: The project's folder.
        environment: Name or alias; None means the active one.
        procfile: Another Procfile; None means the configured one.
        concurrency: Instances by process, `web=2,worker=3`.
        only: Processes, `web,worker`; empty means all.
        is_strict: Whether the first end of a process ends all.
        debug: Processes that are debugged, `web,worker`, or `*`; empty means none.
        browser: How a browser shows the page: `shown` or `headless`; empty means not.
        maker: The module that makes databases of a worktree; empty where there is none.
        follower: The one that has databases follow git; empty likewise.
    """

    root: Path
    environment: str | None = None
    procfile: str | None = None
    concurrency: str = ""
    only: str = ""
    is_strict: bool = False
    debug: str = ""
    browser: str = ""
    maker: str = ""
    follower: str = ""

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Request:
        """Return what `as_json` has written."""
        return cls(**{**values, "root": Path(values["root"])})

    def as_json(self) -> dict[str, Any]:
        """Return the request as it is handed to the supervisor's process."""
        return {**self._asdict(), "root": str(self.root)}

    def load(
        self, former: StackSpec | None = None, *, is_looking: bool = False
    ) -> StackSpec:
        """Read what is to run.

        Args:
            former: The stack that runs, whose processes keep their ports.
            is_looking: Whether nothing is to run, and so nothing is written.

        Raises:
            UsageError: The request or a file says what cannot be.
        """
        from sceneshift.dev.stack import load_stack  # noqa: PLC0415 - as above

        return load_stack(
            self.root,
            environ=os.environ,
            environment=self.environment,
            concurrency=parse_concurrency(self.concurrency),
            only=tuple(name for name in self.only.split(",") if name),
            procfile=self.procfile,
            debug=self.debug,
            former=former,
            is_looking=is_looking,
        )


def parse_concurrency(text: str) -> dict[str, int]:
    """Return `{"web": 2}` of `web=2`.

    Raises:
        UsageError: It is not of that form.
    """
    counts = {}
    for part in filter(None, text.split(",")):
        name, _equals, count = part.partition("=")
        if not name or not count.isdecimal() or len(count) > _DIGITS:
            raise UsageError(
                "`--concurrency` is not of the form name=number, with at most "
                f"{_DIGITS} digits: {part}",
                hint="write it so: --concurrency web=2,worker=3",
            )
        counts[name] = int(count)
    return counts


def check_ports(stack: StackSpec, running: Iterable[ProcessSpec] = ()) -> None:
    """Refuse to start anything while a port is taken.

    Args:
        stack: What is to be started.
        running: The project's own processes: their ports are no news to it.

    Raises:
        SceneshiftError: Which port, for which process, and who holds it.
    """
    from sceneshift.core.ports import check_free  # noqa: PLC0415 - as above

    own = {port for each in running for port in (each.port, each.debug_port)}
    wanted = {
        process.port: process.name
        for process in stack.processes
        if process.listens and process.port is not None and process.port not in own
    }
    debuggers = {
        process.debug_port: process.name
        for process in stack.processes
        if process.debug_port is not None and process.debug_port not in own
    }
    check_free(wanted, root=stack.root)
    check_free(debuggers, root=stack.root, is_debugger=True)
