"""How VS Code is installed; what it does is tested in `tests/vscode`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import ComponentError
from vscode.install import find_cause, install_code

if TYPE_CHECKING:
    from pathlib import Path

NO_NETWORK = """\
npm warn config some warning
npm error code ENOTFOUND
npm error syscall getaddrinfo
npm error errno ENOTFOUND
npm error network request to https://npm.example/x failed: no such host
npm error network This is a problem related to network connectivity.
npm error A complete log of this run can be found in: /home/me/.npm/_logs/x.log
"""
NO_COMPILER = """\
npm error code 1
npm error path /home/me/node_modules/node-pty
npm error command failed
npm error command sh -c node scripts/prebuild.js || node-gyp rebuild
npm error gyp info it worked if it ends with ok
npm error gyp ERR! stack Error: not found: make
npm error A complete log of this run can be found in: /home/me/.npm/_logs/x.log
"""


def test_without_a_network_a_line_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what would help; nothing half installed is left."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    said: list[str] = []
    with pytest.raises(
        ComponentError, match=r"^VS Code could not be .*: .+$"
    ) as caught:
        install_code(said.append)
    assert "\n" not in str(caught.value)
    assert "hint:" not in str(caught.value)
    assert caught.value.hint is not None
    assert not list((tmp_path / "sceneshift").iterdir())
    assert [each.startswith("installing VS Code") for each in said] == [True]


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        (NO_NETWORK, "network request to https://npm.example/x failed: no such host"),
        (NO_COMPILER, "gyp ERR! stack Error: not found: make"),
        ("killed\n", "killed"),
        ("", "npm did not say why"),
    ],
)
def test_of_what_npm_writes_the_cause_is_told(output: str, cause: str) -> None:
    """Not that there is one, nor where its log is."""
    assert find_cause(output) == cause
