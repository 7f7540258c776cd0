from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from sceneshift.core.errors import ConfigError
from sceneshift.data.scripts import read_scripts

HERE = "[alembic]\nscript_location = %(here)s/migrations\n"
TOML = '[tool.alembic]\nscript_location = "%(here)s/migrations"\n'


def write(root: Path, files: dict[str, str], *folders: str) -> None:
    """Write files, and env.py in folders."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for folder in folders:
        (root / folder).mkdir(parents=True)
        (root / folder / "env.py").touch()


def ask_alembic(
    root: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Path]:
    """Return the folders of revisions that Alembic looks into."""
    monkeypatch.chdir(root)
    monkeypatch.syspath_prepend(root)
    names = {"toml_file": "pyproject.toml", "file_": "alembic.ini"}
    names["toml_file" if config.suffix == ".toml" else "file_"] = str(root / config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has words about old separators
        found = ScriptDirectory.from_config(Config(**names))  # type: ignore[arg-type]
        return [Path(os.path.normpath(each)) for each in found._version_locations]


@pytest.mark.parametrize(
    ("files", "config"),
    [
        ({"alembic.ini": HERE}, "alembic.ini"),
        ({"sub/my.ini": HERE.replace("here)s", "here)s/..")}, "sub/my.ini"),
        ({"alembic.ini": "[alembic]\nscript_location = migrations"}, "alembic.ini"),
        ({"pyproject.toml": TOML}, "pyproject.toml"),
        (
            {"alembic.ini": "[loggers]\nkeys = root\n", "pyproject.toml": TOML},
            "alembic.ini",
        ),
        (
            {
                "alembic.ini": HERE + "version_locations = a:%(here)s/b\n"
                "path_separator = os\n"
            },
            "alembic.ini",
        ),
        (
            {
                "alembic.ini": HERE + "version_locations =\n  a b\n  c\n"
                "path_separator = newline\n"
            },
            "alembic.ini",
        ),
        (
            {
                "alembic.ini": HERE + "version_locations = a; b\n"
                "version_path_separator = ;\n"
            },
            "alembic.ini",
        ),
        ({"alembic.ini": HERE + "version_locations = a, b  c\n"}, "alembic.ini"),
        (
            {"pyproject.toml": TOML + 'version_locations = ["a", "%(here)s/b"]\n'},
            "pyproject.toml",
        ),
        (
            {
                "alembic.ini": HERE + "version_locations = app:more\n"
                "path_separator = space\nprepend_sys_path = .\n",
                "app/__init__.py": "",
                "app/more/__init__.py": "",
            },
            "alembic.ini",
        ),
    ],
)
def test_revisions_are_where_alembic_looks_for_them(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    config: str,
) -> None:
    """Whatever the way in which that is written."""
    write(tmp_path, files, "migrations")
    found = read_scripts(tmp_path, Path(config))
    expected = ask_alembic(tmp_path, Path(config), monkeypatch)
    assert [Path(os.path.normpath(each)) for each in found.versions] == expected
    assert found.environment.is_file()
    assert found.folder == tmp_path
    assert found.name_command(tmp_path, "heads") == f"alembic -c {config} heads"


def test_scripts_beside_the_file_are_for_who_runs_alembic_there(tmp_path: Path) -> None:
    """Relative paths are relative to where it runs."""
    ini = "[alembic]\nscript_location = migrations\nversion_locations = other\n"
    write(tmp_path, {"backend/alembic.ini": ini}, "backend/migrations")
    found = read_scripts(tmp_path, Path("backend/alembic.ini"))
    assert found.folder == tmp_path / "backend"
    assert found.versions == (tmp_path / "backend" / "other",)
    command = found.name_command(tmp_path, "heads")
    assert command == "cd backend && alembic -c alembic.ini heads"


def test_a_package_may_be_in_src_without_being_imported(tmp_path: Path) -> None:
    """Alembic finds it where it is installed."""
    ini = "[alembic]\nscript_location = app.db:migrations\n"
    write(tmp_path, {"alembic.ini": ini}, "src/app/db/migrations")
    found = read_scripts(tmp_path, Path("alembic.ini"))
    assert found.location == tmp_path / "src/app/db/migrations"


def test_a_package_that_is_nowhere_is_named(tmp_path: Path) -> None:
    """As it is written."""
    write(tmp_path, {"alembic.ini": "[alembic]\nscript_location = app:gone\n"})
    with pytest.raises(ConfigError, match=r"no env.py in `app:gone`$"):
        read_scripts(tmp_path, Path("alembic.ini"))


def test_the_rest_of_the_settings_is_there_too(tmp_path: Path) -> None:
    """The address, and the name of the table of versions."""
    ini = HERE + "sqlalchemy.url = sqlite:///%(here)s/a%%20b.db\n"
    ini += "recursive_version_locations = true\nversion_table = v\n"
    ini += "version_table_schema = s\n"
    write(tmp_path, {"alembic.ini": ini}, "migrations")
    found = read_scripts(tmp_path, Path("alembic.ini"))
    assert found.url == f"sqlite:///{tmp_path}/a%20b.db"
    assert (found.version_table, found.version_schema) == ("v", "s")
    assert found.is_recursive


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"alembic.ini": ""}, "alembic.ini: there is no `script_location`"),
        (
            {"alembic.ini": HERE},
            "alembic.ini: `script_location`: no env.py in `migrations`",
        ),
        ({"alembic.ini": "x = 1"}, "alembic.ini: cannot be read: File contains no"),
        (
            {"alembic.ini": "[alembic]\nscript_location = %(x)s"},
            "alembic.ini: `script_location`: Bad value substitution",
        ),
        (
            {"alembic.ini": HERE, "pyproject.toml": "x"},
            "alembic.ini: cannot be read: ",
        ),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    """With the command that says more."""
    write(tmp_path, files)
    with pytest.raises(ConfigError) as caught:
        read_scripts(tmp_path, Path("alembic.ini"))
    assert caught.value.message.startswith(message)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "line", ["version_locations = a\npath_separator = x\n", "version_table = %(x)s\n"]
)
def test_what_alembic_would_refuse_is_refused(tmp_path: Path, line: str) -> None:
    """Not taken for something else."""
    write(tmp_path, {"alembic.ini": HERE + line}, "migrations")
    with pytest.raises(ConfigError):
        read_scripts(tmp_path, Path("alembic.ini"))


def test_an_address_may_be_for_env_py_to_fill_in(tmp_path: Path) -> None:
    """It is said nowhere else what `%(DATABASE_URL)s` is."""
    ini = HERE + "sqlalchemy.url = %(DATABASE_URL)s\n"
    write(tmp_path, {"alembic.ini": ini}, "migrations")
    assert read_scripts(tmp_path, Path("alembic.ini")).url is None


@pytest.mark.parametrize("text", ["%(x)s", "%", "%(here)d"])
def test_a_table_is_filled_in_as_alembic_does_it(tmp_path: Path, text: str) -> None:
    """Or refused."""
    toml = f'[tool.alembic]\nscript_location = "{text}"\n'
    write(tmp_path, {"pyproject.toml": toml})
    with pytest.raises(ConfigError, match="cannot be filled in"):
        read_scripts(tmp_path, Path("pyproject.toml"))


def test_folders_of_modules_are_as_seen_from_where_alembic_runs(tmp_path: Path) -> None:
    """Several of them, by the separator that the file names."""
    ini = HERE + "prepend_sys_path = .:lib\npath_separator = :\n"
    write(tmp_path, {"alembic.ini": ini}, "migrations")
    paths = read_scripts(tmp_path, Path("alembic.ini")).paths
    assert paths == (tmp_path, tmp_path / "lib")
