"""The supervisor's own process: what `inv dev` turns itself into.

invoke and what it brings take 17 MB, which a process that lives all day need not keep.
`python -m sceneshift.dev REQUEST`, where the request is JSON.
"""

from __future__ import annotations

import json
import signal
import sys

# Ctrl-C ends it without a traceback until there is a loop that listens to it.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# asyncio loads OpenSSL where it finds it, 4 MB that nothing here uses. Its name is only
# hidden for the moment: whoever needs it later can import it.
if "asyncio" not in sys.modules:
    sys.modules["ssl"] = None  # type: ignore[assignment]
    import asyncio  # noqa: F401 - while the name is hidden

    del sys.modules["ssl"]

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError


def main() -> int:
    """Run the stack that the first argument asks for; return the exit code."""
    from sceneshift.dev.request import Request  # noqa: PLC0415 - after asyncio
    from sceneshift.dev.start import run_request  # noqa: PLC0415

    try:
        return run_request(Request.from_json(json.loads(sys.argv[1])))
    except SceneshiftError as error:
        StreamConsole().error(error)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
