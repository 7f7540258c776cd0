from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.env.catalog import show_environments

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TABLE = "tool.sceneshift.environments"
PROCFILE = "web: sleep 1\nworker: sleep 2\n"


def write(root: Path, files: Mapping[str, str]) -> None:
    """Make a project of some files."""
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture(name="ask")
def make_ask(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """Return what lists the environments of some files, by name."""

    def ask(files: Mapping[str, str], **environ: str) -> dict[str, dict[str, Any]]:
        write(tmp_path, files)
        # However busy the machine is.
        show_environments(tmp_path, environ, as_json=True, limit_s=30)
        listed = json.loads(capsys.readouterr().out)["environments"]
        return {entry["name"]: entry for entry in listed}

    return ask


def test_an_empty_project_has_development(ask: Any) -> None:
    """Zero configuration, not even a Procfile."""
    assert ask({}) == {
        "development": {
            "name": "development",
            "aliases": ["dev"],
            "is_active": True,
            "is_running": False,
            "is_reachable": None,
            "is_protected": False,
            "ports": {},
            "databases": [],
            "error": None,
        }
    }


def test_each_place_that_makes_an_environment_counts(ask: Any) -> None:
    """Tables, env files and what is built in; one is active."""
    toml = f"[{TABLE}.production]\nprotected = true\nports = {{ web = 80 }}"
    files = {"Procfile": PROCFILE, "pyproject.toml": toml, ".env.staging": ""}
    listed = ask(files, SCENESHIFT_ENV="staging")
    assert [*listed] == ["development", "production", "staging"]
    assert [n for n, entry in listed.items() if entry["is_active"]] == ["staging"]
    assert [n for n, entry in listed.items() if entry["is_protected"]] == ["production"]
    assert listed["production"]["ports"] == {"web": 80, "worker": 5100}


def test_a_port_that_is_found_by_itself_is_foreseen(ask: Any, tmp_path: Path) -> None:
    """Looking keeps nothing, and what was kept is shown."""
    toml = f"[{TABLE}.development]\nports = {{ web = 'auto' }}"
    files = {"Procfile": PROCFILE, "pyproject.toml": toml}
    foreseen = ask(files)["development"]["ports"]["web"]
    assert 20_000 <= foreseen < 30_000
    assert not (tmp_path / ".sceneshift").exists()
    kept = ask({".sceneshift/ports.json": '{"web.1": 20123}'})
    assert kept["development"]["ports"]["web"] == 20123


def test_databases_are_looked_at_and_their_passwords_masked(
    ask: Any, tmp_path: Path
) -> None:
    """A file exists, a server accepts, and neither does: why not."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        toml = (
            f"[{TABLE}.development.databases]\n"
            f"default = 'postgresql+psycopg://u:secret@127.0.0.1:{port}/d'\n"
            f"file = 'sqlite:///{tmp_path}/here.db'\nmissing = 'sqlite:///none.db'"
        )
        entry = ask({"pyproject.toml": toml, "here.db": ""})["development"]
    server_, file, missing = entry["databases"]
    assert server_ == {
        "name": "default",
        "url": f"postgresql+psycopg://u:***@127.0.0.1:{port}/d",
        "is_reachable": True,
        "problem": None,
    }
    assert (file["name"], file["is_reachable"]) == ("file", True)
    assert missing["problem"] == "the file does not exist"
    assert entry["is_reachable"] is False


def test_a_broken_env_file_hides_only_its_own_environment(ask: Any) -> None:
    """The others are listed, and the error says where it is."""
    listed = ask({".env.staging": "hello world", ".env.development": "A=1"})
    assert listed["staging"]["error"] == (
        ".env.staging:1: no assignment can be read here: `hello world`"
    )
    assert listed["development"]["error"] is None


def test_people_get_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One row an environment, on standard output."""
    toml = (
        f"[{TABLE}.production]\nprotected = true\nports = {{ web = 80 }}\n"
        "databases = { default = 'sqlite:////none/x.db' }"
    )
    write(tmp_path, {"Procfile": "web: x", "pyproject.toml": toml, ".env.b": "c d"})
    show_environments(tmp_path, {}, as_json=False, limit_s=30)
    said = capsys.readouterr()
    assert said.err == ""
    missing = "default sqlite:////none/x.db (the file does not exist)"
    assert [re.split(" {2,}", line) for line in said.out.splitlines()] == [
        ["environment", "aliases", "state", "ports", "databases"],
        ["development", "dev", "active", "web 5000", "-"],
        ["production", "prod", "protected, unreachable", "web 80", missing],
        ["b", "-", "-", ".env.b:1: no assignment can be read here: `c d`", "-"],
    ]
