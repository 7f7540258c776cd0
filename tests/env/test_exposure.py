from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.errors import ConfigError, DriftError
from sceneshift.env.exposure import check_secrets, is_exposing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOKEN = "ghp_" + "a1B2" * 9
REMOTE = "postgresql://u:pw@db.example.org/d"


def git(root: Path, *words: str) -> None:
    """Run git in a folder."""
    subprocess.run(["git", "-C", root, *words], check=True, capture_output=True)


@pytest.fixture(name="check")
def make_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what checks a repository: problem and place of each finding, and hint."""

    def check(
        files: Mapping[str, str], *, tracked: tuple[str, ...] = (), top: str = "."
    ) -> tuple[list[tuple[str, ...]], str]:
        git(tmp_path, "init", "-q")
        root = tmp_path / top
        root.mkdir(exist_ok=True)
        for name, text in files.items():
            (root / name).write_text(text)
        for name in tracked:
            git(root, "add", "-f", name)
        hint = ""
        try:
            check_secrets(root, as_json=True)
        except DriftError as error:
            hint = error.hint or ""
        said = json.loads(capsys.readouterr().out)
        assert said["is_checked"]
        return [(f["problem"], f["file"], f["name"]) for f in said["findings"]], hint

    return check


def test_a_file_with_secrets_is_to_be_ignored(check: Any) -> None:
    """One that git ignores is in order, one without a secret likewise."""
    files = {
        ".gitignore": ".env\n",
        ".env": "API_KEY=abc",
        ".env.staging": f"A=1\nURL={REMOTE}",
        ".env.development": "LEVEL=debug\nURL=postgresql://u:pw@localhost/d",
    }
    findings, hint = check(files, tracked=(".env.development",))
    assert findings == [("not ignored", ".env.staging", "URL")]
    assert hint == r"printf '%s\n' /.env.staging >> .gitignore"


def test_a_file_that_git_has_is_worse(check: Any, tmp_path: Path) -> None:
    """Even where it is ignored too: the advice mends it, but for the history."""
    files = {".gitignore": ".env\n", ".env": "API_KEY=abc\nTOKEN=x"}
    findings, hint = check(files, tracked=(".env",), top="below")
    assert findings == [
        ("tracked", ".env", "API_KEY"),
        ("tracked", ".env", "TOKEN"),
    ]
    commands, _, last = hint.rpartition("; ")
    assert last == "change these secrets: the history keeps them"
    subprocess.run(
        ["sh", "-ec", commands], cwd=tmp_path / "below", check=True, capture_output=True
    )
    assert check({}, top="below") == ([], "")


def test_files_that_are_committed_are_told_by_their_values(check: Any) -> None:
    """An example and the configuration hold much that only looks secret."""
    files = {
        ".env.example": f"API_KEY=abc\nOTHER={TOKEN}",
        "pyproject.toml": (
            "[tool.sceneshift.environments.development]\n"
            f"env = {{ SECRET_KEY = 'dev', WEB = '{TOKEN}' }}\n"
            f"databases = {{ default = '{REMOTE}' }}\n"
            "[tool.sceneshift.processes.web]\n"
            f"env = {{ OWN = '{TOKEN}' }}"
        ),
        "Procfile": "web: x",
    }
    findings, hint = check(files, tracked=(".env.example", "pyproject.toml"))
    assert findings == [
        ("tracked", ".env.example", "OTHER"),
        ("tracked", "pyproject.toml", "WEB"),
        ("tracked", "pyproject.toml", "default"),
        ("tracked", "pyproject.toml", "OWN"),
    ]
    assert hint == "change these secrets: the history keeps them"


def test_files_beside_those_in_use_count_too(check: Any) -> None:
    """A tool or a person has left them; what is no env file is left alone."""
    files = {
        ".env.local": "API_KEY=abc",
        ".env.old": "TOKEN=x",
        ".env.sample": "API_KEY=abc",
        ".env.bak": "hello world",
        ".envrc": "export API_KEY=abc",
    }
    assert check(files)[0] == [
        ("not ignored", ".env.local", "API_KEY"),
        ("not ignored", ".env.old", "TOKEN"),
    ]


def test_a_file_in_use_that_cannot_be_read_is_an_error(check: Any) -> None:
    """Nobody is to think that it has no secrets."""
    with pytest.raises(ConfigError, match=r"^\.env:1: no assignment can be read"):
        check({".env": "hello world"})


def test_files_elsewhere_are_not_gits_concern(check: Any, tmp_path: Path) -> None:
    """No repository could hold them."""
    (tmp_path / "away").write_text("API_KEY=abc")
    settings = "[tool.sceneshift.environments.development]\nenv_files = ['../away']"
    assert check({"pyproject.toml": settings}, top="below") == ([], "")


def test_without_a_repository_nothing_is_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And that is said."""
    (tmp_path / ".env").write_text("API_KEY=abc")
    check_secrets(tmp_path, as_json=True)
    said = capsys.readouterr()
    assert json.loads(said.out) == {"is_checked": False, "findings": []}
    assert said.err.startswith("nothing is checked: this is no git repository")


def test_people_get_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No secret is in it."""
    git(tmp_path, "init", "-q")
    (tmp_path / ".env").write_text("\nAPI_KEY=abc")
    with pytest.raises(DriftError) as caught:
        check_secrets(tmp_path, as_json=False)
    said = capsys.readouterr().out
    assert said.splitlines()[1].split() == ["API_KEY", ".env:2", "not", "ignored"]
    assert "abc" not in said
    assert (
        caught.value.message == "secrets in files that git has or would take in: .env"
    )
    (tmp_path / ".env").unlink()
    check_secrets(tmp_path, as_json=False)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("API_KEY", "changeme", False),
        ("API_KEY", "", False),
        ("DB", "postgresql://u:pw@postgres:5432/d", False),
        ("DB", "postgresql://u:pw@10.0.0.7/d", True),
        ("DB", "postgresql://u:pw@[::1/d", True),
        ("LEVEL", "debug", False),
        ("ANY", TOKEN, True),
    ],
)
def test_a_secret_is_what_nobody_else_may_have(
    name: str, text: str, *, expected: bool
) -> None:
    """A placeholder is none, nor is the password of a server of one's own machine."""
    assert is_exposing(name, text) is expected
