"""What an editor attaches to: it stays, while the program beside it is reloaded.

`python .../anchor.py PORT`, with a line to the supervisor as descriptor 3. It does
nothing but have debugpy's adapter listen, which ends with it and with all that has
called itself its subprocess.
"""

import json
import os
import select
import sys

_LINE = 3
_LOOK_S = 1.0


def main() -> int:
    """Listen, say where, and stay until the supervisor or the adapter has gone."""
    import debugpy.server.api
    import pydevd

    try:
        debugpy.listen(("127.0.0.1", int(sys.argv[1])))  # noqa: T100 - it is meant
    except RuntimeError as error:
        os.write(_LINE, json.dumps({"error": str(error)}).encode() + b"\n")
        return 1
    setup = pydevd.SetupHolder.setup
    place = {"host": setup["client"], "port": setup["port"], "pid": os.getpid()}
    python = list(sys.version_info[:2])
    words = {**place, "token": setup["access-token"], "python": python}
    os.write(_LINE, json.dumps(words).encode() + b"\n")
    while pydevd.get_global_debugger() is not None:
        if select.select([_LINE], [], [], _LOOK_S)[0]:
            return 0
    return 1


if __name__ == "__main__":
    # This folder would have its modules shadow those of debugpy.
    del sys.path[0]
    sys.exit(main())
