"""Entry point: find this package from its own path, then forget the path."""

import sys
from pathlib import Path

_SOURCE = str(Path(__file__).resolve().parents[3])
sys.path[0] = _SOURCE  # was this folder: its modules must not shadow the user's

from sceneshift.dev.zygote.server import main  # noqa: E402

sys.path.remove(_SOURCE)
main()
