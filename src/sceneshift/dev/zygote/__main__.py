"""Entry point: find this package from its own path, then forget the path."""

import os
import sys

if sys.version_info < (3, 10):  # noqa: UP036 - it is the user's interpreter
    sys.exit(9)  # the supervisor takes the plain command instead

_SOURCE = os.path.realpath(__file__).rsplit("/", 4)[0]
sys.path[0] = _SOURCE  # was this folder: its modules must not shadow the user's

from sceneshift.dev.zygote.server import main  # noqa: E402

sys.path.remove(_SOURCE)
main()
