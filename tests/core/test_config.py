from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sceneshift.core.config import Config, load_config
from sceneshift.core.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

PROCESS = "[tool.sceneshift.processes.web]\n"
ENVIRONMENT = "[tool.sceneshift.environments.development]\n"


def load(root: Path, text: str | bytes) -> Config:
    """Write a pyproject.toml and read it."""
    data = text if isinstance(text, bytes) else text.encode()
    (root / "pyproject.toml").write_bytes(data)
    return load_config(root)


@pytest.mark.parametrize("text", ["", "[project]\nname = 'x'", "[tool.ruff]"])
def test_nothing_about_us_means_defaults(tmp_path: Path, text: str) -> None:
    """Zero configuration works."""
    assert load(tmp_path, text) == Config()


def test_no_file_means_defaults(tmp_path: Path) -> None:
    """Zero configuration works without a pyproject.toml as well."""
    assert load_config(tmp_path) == Config()


def test_every_documented_form_is_read(tmp_path: Path) -> None:
    """The forms of the documentation are what the schema takes."""
    config = load(
        tmp_path,
        """
        [tool.sceneshift]
        default_environment = "development"
        procfile = "Procfile.local"
        [tool.sceneshift.environments.development]
        aliases = ["dev"]
        env_files = [".env", ".env.development"]
        env = { LOG_LEVEL = "debug", WORKERS = 2 }
        ports = { backend = 8000, frontend = "auto" }
        databases = { default = "sqlite:///var/dev.db" }
        protected = false
        [tool.sceneshift.processes.backend]
        health = "/health"
        depends_on = { migrate = "completed" }
        open = "/api/docs"
        reload = "cold"
        watch = ["src/**"]
        stop = { signal = "INT", time_s = 3, reload_time_s = 0.5 }
        env = { A = "b" }
        [tool.sceneshift.processes.frontend]
        cwd = "frontend"
        depends_on = ["backend"]
        health = { log = "ready in" }
        setup = { run = "npm ci", when = ["package-lock.json"] }
        [tool.sceneshift.processes.worker]
        health = { command = "true" }
        [tool.sceneshift.processes.cache]
        health = "tcp"
        """,
    )
    assert config.environments["development"].ports == {
        "backend": 8000,
        "frontend": "auto",
    }
    assert config.processes["backend"].stop.reload_time_s == 0.5
    assert config.processes["frontend"].setup is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            PROCESS + "heath = 1",
            (
                "`tool.sceneshift.processes.web.heath`: there is no such key, "
                "the nearest is `health`"
            ),
        ),
        (
            "[tool.sceneshift]\nzzz = 1",
            "`tool.sceneshift.zzz`: there is no such key",
        ),
        (
            PROCESS + "health = { lag = 'x' }",
            (
                "`tool.sceneshift.processes.web.health.lag`: there is no such key, "
                "the nearest is `log`"
            ),
        ),
        (
            PROCESS + "health = {}",
            (
                "`tool.sceneshift.processes.web.health`: expected a path that begins "
                'with /, "tcp", { command = "…" } or { log = "…" }, found `{}`'
            ),
        ),
        (
            PROCESS + "setup = {}",
            (
                "`tool.sceneshift.processes.web.setup`: expected a table "
                '{ run = "…", when = ["…"] }, found `{}`'
            ),
        ),
        (
            PROCESS + "depends_on = ['db', 3]",
            (
                "`tool.sceneshift.processes.web.depends_on[1]`: expected text in "
                "quotes, found `3`"
            ),
        ),
        (
            PROCESS + "depends_on = { db = 'redy' }",
            (
                "`tool.sceneshift.processes.web.depends_on.db`: expected "
                '"started", "ready" or "completed", found `"redy"`'
            ),
        ),
        (
            PROCESS + "open = 2026-01-01",
            (
                "`tool.sceneshift.processes.web.open`: expected a path that begins "
                'with /, found `"2026-01-01"`'
            ),
        ),
        (
            ENVIRONMENT + "ports = { web = true }",
            (
                "`tool.sceneshift.environments.development.ports.web`: expected a "
                'number from 1 to 65535 or "auto", found `true`'
            ),
        ),
        (
            (
                "[tool.sceneshift.environments.'a b'.ports]\nweb = 1\n"
                "'x.y' = '8o'\n[tool.sceneshift.environments.c.ports]\nweb = '8o'"
            ),
            (
                '`tool.sceneshift.environments."a b".ports."x.y"`: expected a number '
                'from 1 to 65535 or "auto", found `"8o"`'
            ),
        ),
        (
            "[tool.sceneshift]\nprocesses = 3",
            "expected a table of processes, found `3`",
        ),
        ("tool = 3", "`tool`: expected a table"),
        (
            "[tool.sceneshift.environments.'../x']",
            "`../x` is no name of an environment",
        ),
        (
            ENVIRONMENT + "aliases = ['b']\n[tool.sceneshift.environments.b]",
            (
                "`tool.sceneshift.environments.development.aliases`: "
                "`b` already names the environment `b`"
            ),
        ),
        (
            ENVIRONMENT + "[tool.sceneshift.environments.dev]",
            (
                "`tool.sceneshift.environments.dev`: "
                "`dev` and `development` name one environment"
            ),
        ),
        (
            ENVIRONMENT + "ports = { a = 'auto', b = 'auto', c = 1, d = 1 }",
            (
                "`tool.sceneshift.environments.development.ports.d`: "
                "port 1 is already that of `c`"
            ),
        ),
    ],
)
def test_what_cannot_be_is_named_with_its_key(
    tmp_path: Path, text: str, message: str
) -> None:
    """One line names file, key path, what was found and what is expected."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert caught.value.message.startswith("pyproject.toml: `tool")
    assert message in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = 1\nb = \n", 2), ("a = 1\nb = '''\n\n", 4), ("a = 1\na = 2", 2)],
)
def test_what_is_no_toml_is_named_with_its_line(
    tmp_path: Path, text: str, line: int
) -> None:
    """An error of syntax says file:line."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert caught.value.line == line
    assert caught.value.message.startswith(f"pyproject.toml:{line}: ")


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Editors of Windows write one."""
    config = load(tmp_path, b"\xef\xbb\xbf[tool.sceneshift]\r\nprocfile = 'P'\r\n")
    assert config.procfile == "P"


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """TOML is UTF-8."""
    with pytest.raises(ConfigError, match=r"pyproject\.toml: is not UTF-8"):
        load(tmp_path, b"a = '\xff'")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Nothing is taken for an empty configuration that is not."""
    (tmp_path / "pyproject.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path)
