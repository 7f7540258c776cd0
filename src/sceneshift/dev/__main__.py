"""The supervisor's own process: what `inv dev` turns itself into.

invoke and what it brings take 17 MB, which a process that lives all day need not keep.
`python -m sceneshift.dev REQUEST`, where the request is JSON.
"""

from __future__ import annotations

import gc
import json
import os
import sys

_INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it


def main() -> int:
    """Run the stack that the first argument asks for; return the exit code."""
    gc.disable()  # until it runs: nothing that imports make is garbage, 8 ms
    try:
        return _run()
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run() -> int:
    """Import what it takes, where an interrupt is no traceback, and run."""
    from sceneshift.core.console import StreamConsole  # noqa: PLC0415
    from sceneshift.core.errors import SceneshiftError  # noqa: PLC0415
    from sceneshift.dev.opening import run_request  # noqa: PLC0415
    from sceneshift.dev.request import Request  # noqa: PLC0415

    try:
        return run_request(Request.from_json(json.loads(sys.argv[1])))
    except SceneshiftError as error:
        StreamConsole().error(error)
        return error.exit_code


if __name__ == "__main__":
    # Nothing is left to be done, and to take the interpreter apart is 8 ms. What was
    # written has left: lines of errors at once, and all else by descriptors.
    os._exit(main())
