"""What a stack cannot be read from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.errors import ConfigError, SceneshiftError, UsageError
from sceneshift.dev.stack import load_stack
from sources import DEVELOPMENT, PATH, PROCESSES, THREE, load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BAD_FILES: list[tuple[dict[str, str], str, str]] = [
    ({}, "there is no Procfile, looked for: `Procfile.dev`, `Procfile`", "write one"),
    ({"Procfile": "# nothing\n"}, "Procfile: names no process", "write a line"),
    (
        {"Procfile": "web: sleep 1\n  worker: sleep 1"},
        "Procfile:2: a process must begin at the line's start: `  worker: sleep 1`",
        "write `name: command`",
    ),
    (
        {"Procfile": "web: sleep 1\nweb: sleep 2"},
        "Procfile:2: there is a second process `web`, the first is in line 1",
        "another name",
    ),
    (
        {"Procfile": "web: sleep 1", ".env/x": ""},
        ".env: cannot be read: Is a directory",
        "make it readable",
    ),
    (
        {"Procfile": "web: sleep 1", ".env": "no assignment"},
        ".env:1: no assignment can be read here: `no assignment`",
        "write NAME=value",
    ),
    (
        {"Procfile": "a: sleep 1\nweb: exec gunicron app:app"},
        "Procfile:2: `web` runs a program that does not exist: `gunicron`",
        "install it, or mend the line; looked in `.venv/bin` and PATH",
    ),
    (
        {"Procfile": "web: './serve it'", "serve it": "#!/bin/sh"},
        "Procfile:1: `web` runs a program that is not executable: `./serve it`",
        "make it so: chmod +x './serve it'",
    ),
    (
        {"Procfile": "web: ./srever"},
        "Procfile:1: `web` runs a program that does not exist: `./srever`",
        "looked in /",
    ),
    (
        {"Procfile": "a: sleep 1\nweb: python3 -u srever.py --port $PORT"},
        "Procfile:2: `web` runs a script that does not exist: `srever.py`",
        "write it, or mend the line; looked at: /",
    ),
    (
        {"Procfile": "web: python3 -m srever.main"},
        "Procfile:1: `web` runs a module that does not exist: `srever.main`",
        "install it, or mend the line; asked /",
    ),
    (
        {
            "Procfile": "web: sleep 1",
            "pyproject.toml": f"[{PROCESSES}.web]\ncwd = 'fontend'",
        },
        (
            f"pyproject.toml: `{PROCESSES}.web.cwd`: there is no folder `fontend` "
            "in the project"
        ),
        "looked at: /",
    ),
    (
        {"Procfile": "web: sleep 1", ".env": "PORT=http"},
        "PORT is to be a number from 1 to 65535, found: `http` (from .env:1)",
        "set PORT",
    ),
    (
        {"Procfile": "web: sleep 1", ".env": "PORT=65536"},
        "PORT is to be a number from 1 to 65535, found: `65536` (from .env:1)",
        "set PORT",
    ),
    (
        {"Procfile": "web: sleep 1", "pyproject.toml": f"[{PROCESSES}.web]\nheath=1"},
        (
            f"pyproject.toml: `{PROCESSES}.web.heath`: there is no such key, "
            "the nearest is `health`"
        ),
        "did you mean `health`?",
    ),
    (
        {"Procfile": "web: sleep 1", "pyproject.toml": f"[{PROCESSES}.wbe]"},
        (
            f"pyproject.toml: `{PROCESSES}.wbe`: the Procfile has no process `wbe`, "
            "the nearest is `web`"
        ),
        "did you mean `web`?",
    ),
    (
        {
            "Procfile": "web: sleep 1",
            "pyproject.toml": f"[{DEVELOPMENT}.ports]\npostgres = 1",
        },
        (
            f"pyproject.toml: `{DEVELOPMENT}.ports.postgres`: the Procfile has no "
            "process `postgres`"
        ),
        "known: `web`",
    ),
    (
        {
            "Procfile": "web: sleep 1",
            "pyproject.toml": f"[{PROCESSES}.web]\ndepends_on = ['wbe']",
        },
        (
            f"pyproject.toml: `{PROCESSES}.web.depends_on`: the Procfile has no "
            "process `wbe`, the nearest is `web`"
        ),
        "did you mean `web`?",
    ),
    (
        {
            "Procfile": "a: sleep 1\nb: sleep 1\nc: sleep 1",
            "pyproject.toml": f"[{PROCESSES}.a]\ndepends_on = ['b']\n"
            f"[{PROCESSES}.b]\ndepends_on = ['c']\n"
            f"[{PROCESSES}.c]\ndepends_on = ['b']",
        },
        (
            f"pyproject.toml: `{PROCESSES}.b.depends_on`: processes wait for each "
            "other: b -> c -> b"
        ),
        "take one",
    ),
    (
        {
            "Procfile": "web: sleep 1",
            "pyproject.toml": f"[{PROCESSES}.web]\nhealth = {{ log = '(' }}",
        },
        (
            f"pyproject.toml: `{PROCESSES}.web.health.log`: `(` is no regular "
            "expression: missing ), unterminated subpattern at position 0"
        ),
        "escape",
    ),
    (
        {
            "Procfile": "web: sleep 1",
            "pyproject.toml": f"[{PROCESSES}.web]\nstop = {{ signal = 'SIGTREM' }}",
        },
        f"pyproject.toml: `{PROCESSES}.web.stop.signal`: `SIGTREM` is no signal",
        "did you mean `TERM`?",
    ),
    (
        {
            "Procfile": "web: sleep 1",
            "pyproject.toml": f"[{PROCESSES}.web]\nenv = {{ PORT = 1 }}",
        },
        f"pyproject.toml: `{PROCESSES}.web.env.PORT`: a port is not set here",
        "set `web` in `ports` of the environment",
    ),
    (
        {
            "Procfile": "a: sleep 1\nb: sleep 1",
            "pyproject.toml": f"[{DEVELOPMENT}.ports]\na = 8000\nb = 8000",
        },
        f"pyproject.toml: `{DEVELOPMENT}.ports.b`: port 8000 is already that of `a`",
        'give it another, or "auto"',
    ),
    (
        {"Procfile": "a: sleep 1\nb: sleep 1", ".env": "PORT=65500"},
        "the port of `b.1` would be 65600, the last is 65535",
        "set PORT",
    ),
]


@pytest.mark.parametrize(("files", "message", "hint"), BAD_FILES)
def test_bad_input_is_one_line_and_a_hint(
    tmp_path: Path, files: Mapping[str, str], message: str, hint: str
) -> None:
    """What, where and the value; then what to type next."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_stack(tmp_path, environ=PATH)
    assert caught.value.message == message
    assert hint in (caught.value.hint or "")
    assert caught.value.exit_code == 2


MADE_BEFORE = {
    "its own set-up": "web.setup = { run = 'make' }",
    "that of what it waits for": "web.depends_on = ['db']\ndb.setup = { run = 'make' }",
    "that of what this waits for": (
        "web.depends_on = ['db']\ndb.depends_on = ['make']\n"
        "make.setup = { run = 'make' }"
    ),
    "a process that ends": "web.depends_on = { make = 'completed' }",
    "one further on": (
        "web.depends_on = ['db']\ndb.depends_on = { make = 'completed' }"
    ),
}


@pytest.mark.parametrize("command", ["none", "python3 none.py", "python3 -m none"])
@pytest.mark.parametrize("settings", MADE_BEFORE.values(), ids=MADE_BEFORE)
def test_what_may_be_made_before_the_start_is_not_missed(
    tmp_path: Path, settings: str, command: str
) -> None:
    """The first start of a clone installs and generates what it then runs."""
    lines = f"web: {command}\ndb: sleep 1\nmake: sleep 1\n"
    stack = load(tmp_path, lines, f"[{PROCESSES}]\n{settings}")
    assert stack.get("web").command == command


def test_a_step_of_another_process_makes_nothing_for_this_one(tmp_path: Path) -> None:
    """It runs at the same time, and may be done too late."""
    settings = f"[{PROCESSES}]\ndb.setup = {{ run = 'make' }}"
    with pytest.raises(ConfigError, match="does not exist"):
        load(tmp_path, "web: python3 none.py\ndb: sleep 1\n", settings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"only": ["workr"]}, "there is no process `workr`"),
        ({"concurrency": {"workr": 2}}, "there is no process `workr`"),
        (
            {"environment": "developmnt"},
            "there is no environment `developmnt`",
        ),
    ],
)
def test_a_bad_argument_is_one_line_and_a_hint(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    """The nearest name is what to type next."""
    with pytest.raises(UsageError) as caught:
        load(tmp_path, **options)
    assert caught.value.message == message
    assert (caught.value.hint or "").startswith("did you mean `")


def test_a_fixed_port_beyond_the_last_is_refused(tmp_path: Path) -> None:
    """Instances go up from the number."""
    toml = f"[{DEVELOPMENT}.ports]\nbackend = 65535"
    with pytest.raises(ConfigError, match=r"`backend\.2` would be 65536"):
        load(tmp_path, THREE, toml, concurrency={"backend": 2})


def test_a_file_that_others_may_not_read_is_refused(tmp_path: Path) -> None:
    """An unreadable `.env` is never taken for a missing one."""
    env_file = tmp_path / ".env"
    env_file.touch(mode=0o000)
    if os.access(env_file, os.R_OK):
        # Who may read everything (root) sees what a circle of links does instead.
        env_file.unlink()
        env_file.symlink_to(env_file)
    with pytest.raises(SceneshiftError, match=r"^\.env: cannot be read: "):
        load(tmp_path)
