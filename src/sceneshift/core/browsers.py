"""Browsers of this machine that speak the DevTools protocol."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from sceneshift.core.program import find_executable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CHROME, EDGE = "chrome", "msedge"

# The plain ones first.
_PROGRAMS = {
    CHROME: (
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ),
    EDGE: (
        "microsoft-edge",
        "microsoft-edge-stable",
        "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    ),
}
_FLAGS = ("--no-first-run", "--no-default-browser-check")
_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY")
_ANSWER_S = 2.0


def find_browser(
    cwd: Path, env: Mapping[str, str], *kinds: str
) -> tuple[str, str] | None:
    """Return a browser's program and its kind; None where there is none.

    Args:
        cwd: What a relative PATH is relative to.
        env: Has the PATH.
        kinds: Which, the best first; none means any.
    """
    for kind in kinds or _PROGRAMS:
        for name in _PROGRAMS[kind]:
            path = find_executable(name, cwd, env)
            if path is not None:
                return path, kind
    return None


def list_flags(*, port: int, profile: Path | str, is_headless: bool) -> list[str]:
    """Return what a browser is started with, to be debugged.

    Args:
        port: Where it listens for debuggers, on this machine alone; 0 means any.
        profile: Its folder, which is no other's.
        is_headless: Whether it shows no window.
    """
    return [
        *_FLAGS,
        *(["--headless=new"] if is_headless else []),
        *(["--no-sandbox"] if os.geteuid() == 0 else []),  # it has none as root
        f"--remote-debugging-port={port}",
        f"--user-data-dir={profile}",
    ]


def has_screen(env: Mapping[str, str]) -> bool:
    """Tell whether a window can be shown."""
    return sys.platform == "darwin" or any(env.get(name) for name in _SCREENS)


def read_version(
    port: int, *, host: str = "127.0.0.1", limit_s: float = _ANSWER_S
) -> dict[str, Any] | None:
    """Return what a browser says of itself; None where none answers at the port.

    That is `Browser`, its name and version, `webSocketDebuggerUrl`, and others. Unlike
    debugpy, a browser takes any number of connections.
    """
    import http.client  # noqa: PLC0415 - 10 ms, and seldom needed

    line = http.client.HTTPConnection(host, port, timeout=limit_s)
    try:
        line.request("GET", "/json/version")
        answer = json.loads(line.getresponse().read(1 << 16))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        line.close()
    is_browser = isinstance(answer, dict) and "webSocketDebuggerUrl" in answer
    return answer if is_browser else None
