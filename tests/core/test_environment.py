from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.config import Config, EnvironmentConfig, load_config
from sceneshift.core.environment import Environment, resolve_environment
from sceneshift.core.errors import ConfigError, UsageError
from sceneshift.core.exported import EXPORTED_VARIABLE, mark_exported
from sceneshift.core.paths import StateFolder
from sceneshift.core.selection import (
    find_place,
    list_aliases,
    list_environments,
    write_active,
)
from sceneshift.core.value import SourceKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TABLE = "tool.sceneshift.environments"


def resolve(
    root: Path,
    files: Mapping[str, str] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    flag: str | None = None,
) -> Environment:
    """Write some files and resolve the environment."""
    for name, text in (files or {}).items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    config = load_config(root)
    return resolve_environment(root, config, environ=environ or {}, flag=flag)


def texts(environment: Environment) -> dict[str, str]:
    """Return the variables without their sources."""
    return {key: value.text for key, value in environment.values.items()}


def test_without_a_word_it_is_development(tmp_path: Path) -> None:
    """Zero configuration has an environment."""
    environment = resolve(tmp_path)
    assert environment.name == "development"
    assert texts(environment) == {"ENVIRONMENT": "development"}
    assert str(environment.values["ENVIRONMENT"].source) == "default"


def test_the_nearest_word_chooses(tmp_path: Path) -> None:
    """Flag, then variable, then state file, then pyproject, then the default."""
    table = "".join(f"[{TABLE}.{name}]\n" for name in ("a", "b", "c", "d"))
    toml = f'[tool.sceneshift]\ndefault_environment = "a"\n{table}'
    words: list[tuple[str, str]] = []

    def choose(**arguments: object) -> None:
        environment = resolve(tmp_path, **arguments)  # type: ignore[arg-type]
        words.append((environment.name, str(environment.chosen_by)))

    choose(files={"pyproject.toml": toml})
    choose(files={".sceneshift/environment": "\n"})
    choose(files={".sceneshift/environment": "b\n"})
    choose(environ={"SCENESHIFT_ENV": ""})
    choose(environ={"SCENESHIFT_ENV": "c"})
    choose(environ={"SCENESHIFT_ENV": "c"}, flag="d")
    assert words == [
        ("a", "pyproject.toml tool.sceneshift.default_environment"),
        ("a", "pyproject.toml tool.sceneshift.default_environment"),
        ("b", ".sceneshift/environment"),
        ("b", ".sceneshift/environment"),
        ("c", "process environment SCENESHIFT_ENV"),
        ("d", "the command line"),
    ]


def test_aliases_lead_to_the_name(tmp_path: Path) -> None:
    """Own aliases and `dev` and `prod` are names like any other."""
    toml = f"[{TABLE}.production]\n[{TABLE}.staging]\naliases = ['stage']"
    resolve(tmp_path, {"pyproject.toml": toml})
    asked = ["dev", "prod", "stage", "staging"]
    names = [resolve(tmp_path, flag=name).name for name in asked]
    assert names == ["development", "production", "staging", "staging"]


def test_an_env_file_makes_an_environment(tmp_path: Path) -> None:
    """Zero configuration covers other environments as well."""
    environment = resolve(tmp_path, {".env.production": "A=1"}, flag="prod")
    assert (environment.name, texts(environment)["A"]) == ("production", "1")


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("developmnt", "did you mean `development`?"),
        ("prod", "known: `development`"),
        ("../x", "known: `development`"),
    ],
)
def test_an_unknown_name_is_refused(tmp_path: Path, asked: str, hint: str) -> None:
    """The error names what was asked for, where, and the nearest name."""
    with pytest.raises(UsageError) as caught:
        resolve(tmp_path, flag=asked)
    message = f"there is no environment `{asked}`"
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_an_unreadable_state_file_is_refused(tmp_path: Path) -> None:
    """The wrong environment is never taken in silence."""
    (tmp_path / ".sceneshift" / "environment").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"\.sceneshift/environment: cannot be read"):
        resolve(tmp_path)


def test_each_place_overrides_the_ones_below(tmp_path: Path) -> None:
    """Built in < pyproject < files in their order < process environment."""
    environment = resolve(
        tmp_path,
        {
            "pyproject.toml": f"[{TABLE}.development]\n"
            "env = { A = 'p', B = 'p', C = 'p', D = 'p', ENVIRONMENT = 'mine' }",
            ".env": "B=e\nC=e\nD=e",
            ".env.development": "\nC=d\nD=d",
        },
        environ={"D": "shell"},
    )
    values = environment.values
    assert {key: (v.text, str(v.source)) for key, v in values.items()} == {
        "ENVIRONMENT": ("mine", f"pyproject.toml {TABLE}.development.env.ENVIRONMENT"),
        "A": ("p", f"pyproject.toml {TABLE}.development.env.A"),
        "B": ("e", ".env:1"),
        "C": ("d", ".env.development:2"),
        "D": ("shell", "process environment"),
    }
    assert values["C"].source.kind is SourceKind.ENV_FILE


def test_listed_files_replace_the_default_ones(tmp_path: Path) -> None:
    """`env_files` says which files there are; a missing one is no mistake."""
    toml = f"[{TABLE}.development]\nenv_files = ['none', 'some']\nprotected = true"
    files = {"pyproject.toml": toml, ".env": "A=1", "some": "B=2"}
    environment = resolve(tmp_path, files)
    assert texts(environment) == {"ENVIRONMENT": "development", "B": "2"}
    assert [str(file) for file in environment.files] == ["none", "some"]
    assert environment.protected


def test_references_are_replaced_wherever_their_value_is(tmp_path: Path) -> None:
    """`${NAME}` means the value that the process will see."""
    environment = resolve(
        tmp_path,
        {
            "pyproject.toml": f"[{TABLE}.development]\n"
            "env = { BROKER = 'redis://:${SECRET}@${HOST:-localhost}' }\n"
            "databases = { default = 'postgresql://u:${SECRET}@h/d' }",
            ".env": "SECRET=s\nOPTIONS=-a\nURL=http://${SHELL_HOST}${NOTHING}/",
            ".env.development": "OPTIONS=${OPTIONS} -b\nSELF=${SELF:-x}",
        },
        environ={"SHELL_HOST": "h", "RAW": "${SECRET}"},
    )
    found = texts(environment)
    assert found["BROKER"] == "redis://:s@localhost"
    assert found["DATABASE_URL"] == "postgresql://u:s@h/d"
    assert found["OPTIONS"] == "-a -b"
    assert found["SELF"] == "x"
    assert found["URL"] == "http://h/"
    assert found["RAW"] == "${SECRET}"


def test_references_in_a_circle_are_refused(tmp_path: Path) -> None:
    """The error shows the circle and a place of it."""
    with pytest.raises(ConfigError) as caught:
        resolve(tmp_path, {".env": "A=${B}\nB=${C}\nC=${A}"})
    assert caught.value.message == (
        ".env:1: variables refer to each other: A -> B -> C -> A"
    )


def test_a_circle_is_shown_without_what_leads_to_it(tmp_path: Path) -> None:
    """Who merely refers to the circle is no part of it."""
    with pytest.raises(ConfigError, match=r"other: B -> B2 -> B$"):
        resolve(tmp_path, {".env": "A=${B}\nB=${B2}\nB2=${B}"})


def test_databases_become_variables(tmp_path: Path) -> None:
    """A SQLite file is the same for every process, whatever its folder."""
    toml = (
        f"[{TABLE}.development.databases]\ndefault = 'sqlite:///var/dev.db'\n"
        "read-only = 'sqlite+aiosqlite:////abs.db'\nmemory = 'sqlite:///:memory:'"
    )
    found = texts(resolve(tmp_path, {"pyproject.toml": toml}))
    assert found["DATABASE_URL"] == f"sqlite:///{tmp_path}/var/dev.db"
    assert found["DATABASE_URL_READ_ONLY"] == "sqlite+aiosqlite:////abs.db"
    assert found["DATABASE_URL_MEMORY"] == "sqlite:///:memory:"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A=x\0y", ".env:1: `A` cannot be a variable of a process"),
        ("''=1\n", ".env:1: no assignment can be read here: `''=…`"),
        ("'A=B'=1", ".env:1: `A=B` cannot be a variable of a process"),
    ],
)
def test_what_no_process_can_be_given_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    """Else the start of every process would fail."""
    with pytest.raises(ConfigError) as caught:
        resolve(tmp_path, {".env": text})
    assert caught.value.message == message


def test_without_files_their_parser_is_not_imported(tmp_path: Path) -> None:
    """A project without env files does not pay for them."""
    code = (
        "import sys; from pathlib import Path\n"
        "from sceneshift.core.config import load_config\n"
        "from sceneshift.core.environment import resolve_environment\n"
        f"root = Path({str(tmp_path)!r})\n"
        "resolve_environment(root, load_config(root), environ={})\n"
        "sys.exit('dotenv' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("asked", ["dev", "development"])
def test_a_table_of_a_built_in_alias_names_the_environment(
    tmp_path: Path, asked: str
) -> None:
    """`[...environments.dev]` is no second environment beside `development`."""
    toml = f"[{TABLE}.dev]\nports = {{ web = 8000 }}"
    environment = resolve(tmp_path, {"pyproject.toml": toml, ".env.dev": "A=1"})
    assert (environment.name, environment.ports) == ("dev", {"web": 8000})
    assert resolve(tmp_path, flag=asked).name == "dev"
    known = list_environments(tmp_path, load_config(tmp_path))
    assert {name: list_aliases(name, known) for name in known} == {
        "dev": ("development",)
    }


def test_every_environment_is_listed_once(tmp_path: Path) -> None:
    """Of tables, of files, and the built-in one; what tools keep beside is none."""
    resolve(
        tmp_path,
        {
            "pyproject.toml": f"[{TABLE}.staging]\naliases = ['stage']\n"
            "env_files = ['.env', '.env.shared']",
            **dict.fromkeys(
                [
                    ".env",
                    ".env.shared",
                    ".env.example",
                    ".env.local",
                    ".env.prod",
                    ".env.stage",
                    ".env.test.local",
                ],
                "",
            ),
        },
    )
    known = list_environments(tmp_path, load_config(tmp_path))
    assert {name: list_aliases(name, known) for name in known} == {
        "development": ("dev",),
        "staging": ("stage",),
        "prod": ("production",),
    }


def test_a_files_short_name_gives_way_to_the_long_one(tmp_path: Path) -> None:
    """One environment, whichever of the two is asked for."""
    resolve(tmp_path, {".env.prod": "A=1", ".env.production": "A=2"})
    assert resolve(tmp_path, flag="prod").values["A"].text == "2"


def test_what_is_overridden_is_known(tmp_path: Path) -> None:
    """From the strongest down, as it is written."""
    files = {
        "pyproject.toml": f"[{TABLE}.development]\nenv = {{ A = 'p' }}",
        ".env": "A=${B}\nB=1",
    }
    values = resolve(tmp_path, files, environ={"A": "shell", "HOME": "/"}).values
    weaker = [(one.text, str(one.source)) for one in values["A"].overridden]
    assert weaker == [
        ("${B}", ".env:1"),
        ("p", f"pyproject.toml {TABLE}.development.env.A"),
    ]
    assert {key for key, value in values.items() if value.is_own} == {
        "A",
        "B",
        "ENVIRONMENT",
    }


def test_what_was_exported_gives_way_and_what_a_person_set_does_not(
    tmp_path: Path,
) -> None:
    """A shell that took in one environment does not bend the others."""
    exported = {"A": "dev", "B": "dev", "BINARY": "\udcff"}
    environ = {**exported, EXPORTED_VARIABLE: mark_exported(exported), "B": "mine"}
    environment = resolve(tmp_path, {".env": "A=file\nB=file"}, environ=environ)
    assert texts(environment) == {
        "A": "file",
        "B": "mine",
        "ENVIRONMENT": "development",
    }


def test_the_active_environment_is_written_whole(tmp_path: Path) -> None:
    """For the next start; a folder that is not there yet is made."""
    write_active(StateFolder(tmp_path), "staging")
    (tmp_path / ".env.staging").touch()
    assert resolve(tmp_path).name == "staging"
    assert [*(tmp_path / ".sceneshift").glob("*draft*")] == []


def test_a_place_is_the_same_on_each_machine(tmp_path: Path) -> None:
    """What a file of one machine makes comes behind; another name is the same."""
    for name in (".env.dev", ".env.qa", ".env.beta"):
        (tmp_path / name).touch()
    config = Config(environments={"staging": EnvironmentConfig()})
    places = {
        name: find_place(tmp_path, config, name)
        for name in ("dev", "staging", "beta", "qa")
    }
    assert places == {"dev": 0, "staging": 1, "beta": 2, "qa": 3}
