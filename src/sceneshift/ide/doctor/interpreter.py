"""What an interpreter is, asked of itself."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_LIMIT_S = 20.0
_QUESTION = """
import sys, json, importlib.util
def has(name):
    try:
        return importlib.util.find_spec(name) is not None
    except Exception:
        return False
found = [name for name in sys.argv[1:] if has(name)]
print(json.dumps([list(sys.version_info[:2]), sys.prefix, found]))
"""


class Interpreter(Struct, frozen=True, kw_only=True):
    """A Python.

    Attributes:
        path: Where it is.
        version: Two numbers.
        prefix: Its environment's folder.
        modules: Which of those asked for it has.
    """

    path: str
    version: tuple[int, int]
    prefix: str
    modules: frozenset[str]


def ask_interpreter(
    path: str, modules: Iterable[str], *, cwd: Path, env: Mapping[str, str]
) -> Interpreter | None:
    """Ask an interpreter what it is; None where it is none, or does not answer.

    Args:
        path: Where it is.
        modules: Which modules it may have, as it would be run there.
        cwd: Where it is run.
        env: The environment that it is run in.
    """
    try:
        done = subprocess.run(
            [path, "-c", _QUESTION, *modules],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LIMIT_S,
            check=True,
            start_new_session=True,
        )
        version, prefix, found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Interpreter(
        path=path,
        version=(version[0], version[1]),
        prefix=prefix,
        modules=frozenset(found),
    )
