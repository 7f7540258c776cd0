from __future__ import annotations

from pathlib import Path

import pytest

from sceneshift.ide.doctor.target import (
    LAUNCHER,
    Role,
    Target,
    read_command,
    read_entry,
    read_words,
)

HERE = Path("/project")


@pytest.mark.parametrize(
    ("line", "role", "module", "port", "is_reloading"),
    [
        ("uvicorn api.main:app --reload --port 8001", "web", "api.main", 8001, True),
        ("uvicorn api.main:create(1) --factory", "web", "api.main", 8000, False),
        ("uvicorn api:app --workers=2 --port=1", "web", "api", 1, True),
        ("flask --app site run --debug -p 81", "web", "site", 81, True),
        ("flask run", "web", "app", 5000, False),
        ("gunicorn api:app -b 127.0.0.1:82", "web", "api", 82, True),
        ("gunicorn api:app -b $PORT", "web", "api", None, True),
        ("fastapi dev api/main.py", "web", "api/main.py", 8000, True),
        ("manage.py runserver 83", "web", "manage.py", 83, True),
        ("manage.py runserver --noreload", "web", "manage.py", 8000, False),
        ("manage.py test", "tests", "manage.py", None, False),
        ("manage.py migrate", "program", "manage.py", None, False),
        ("pytest tests -x", "tests", "pytest", None, False),
        ("celery -A work.tasks worker", "program", "work.tasks", None, False),
        ("work.run --once", "program", "work.run", None, False),
    ],
)
def test_programs_are_known_by_their_words(
    line: str,
    role: str,
    module: str,
    port: int | None,
    is_reloading: bool,  # noqa: FBT001 - a column
) -> None:
    """They say what runs the code, where it is, and where it listens."""
    found = read_words(line.split(), HERE, {})
    assert (found.role.value, found.module) == (role, module)
    assert (found.port, found.is_reloading) == (port, is_reloading)


def test_variables_say_what_words_do_not() -> None:
    """Flask's are read by it alone."""
    env = {"FLASK_APP": "own:app", "FLASK_DEBUG": "1", "FLASK_RUN_PORT": "84"}
    found = read_words(["flask", "run"], HERE, {**env, "PYTHONPATH": "lib"})
    assert (found.module, found.port, found.is_reloading) == ("own", 84, True)
    assert found.folders[0] == HERE / "lib"


def test_code_is_found_in_its_folders(tmp_path: Path) -> None:
    """A module, a package, a file: as the interpreter would."""
    (tmp_path / "src/jobs").mkdir(parents=True)
    main = tmp_path / "src/jobs/__main__.py"
    main.touch()
    (tmp_path / "one.py").touch()

    def find(*words: str) -> Path | None:
        return read_words(words, tmp_path, {}).find_file()

    assert find("jobs") == main
    assert find("one") == find("one.py") == tmp_path / "one.py"
    assert find("nothing") is None
    assert find() is None


@pytest.mark.parametrize(
    "command",
    [
        "python one.py",
        "python -X frozen_modules=off -W error one.py",
        "python -Xfrozen_modules=off -m debugpy --listen 1 one.py",
        "python -m debugpy --listen 1 --wait-for-client -m one.py",
        "python -m debugpy --configure-subProcess True --listen 1 one.py",
    ],
)
def test_debugpy_is_no_part_of_a_command(command: str) -> None:
    """What it runs is."""
    assert read_command(command.split(), HERE, HERE).words == ("one.py",)


@pytest.mark.parametrize(
    "line", ["uvicorn a:app", "exec uvicorn a:app", "X=1 python -m uvicorn a:app"]
)
def test_a_process_is_what_the_procfile_says(tmp_path: Path, line: str) -> None:
    """An entry names it, and adds to its arguments."""
    (tmp_path / "Procfile").write_text(f"web: {line}\n")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.sceneshift.processes.web]\ncwd = "api"\n'
    )
    found = launched(tmp_path, ["--ready", "web", "--", "--reload"])
    assert found.words == ("uvicorn", "a:app", "--reload")
    assert found.folders[0] == tmp_path / "api"
    assert found.role is Role.WEB
    assert found.name == "uvicorn"


def test_a_process_that_is_not_there_runs_nothing(tmp_path: Path) -> None:
    """The program itself says so."""
    (tmp_path / "Procfile").write_text("web: uvicorn a:app\n")
    assert launched(tmp_path, ["wbe"]).words == ()


def launched(root: Path, args: list[str]) -> Target:
    """Return what an entry runs that names a process."""
    return read_entry({"module": LAUNCHER, "args": args, "cwd": str(root)}, root)
