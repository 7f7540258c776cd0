"""Entry point: find this package from its own path, then forget the path."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - it is the project's interpreter
    sys.exit(9)  # the other side says so

_HERE = os.path.realpath(__file__).rpartition(os.sep)[0]
_SOURCE = _HERE.rsplit(os.sep, 4)[0]
if sys.path and os.path.realpath(sys.path[0]) == _HERE:
    del sys.path[0]  # its modules must not shadow the project's
sys.path.insert(0, _SOURCE)

from sceneshift.data.seeding.child.main import main  # noqa: E402

sys.path.remove(_SOURCE)
main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
