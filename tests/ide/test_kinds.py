from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sceneshift.ide.kinds import detect
from sceneshift.ide.model import Kind

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = {"PATH": "/nowhere", "PORT": "5000"}
PACKAGE = """{"scripts": {
  "dev": "vite", "web": "vite web --port 3", "start": "next dev", "api": "node api.js",
  "both": "tsc && vite"
}}"""


@pytest.mark.parametrize(
    ("command", "kind", "program"),
    [
        ("uvicorn shop:app --port $PORT", Kind.UVICORN, "uvicorn"),
        ("python -m uvicorn shop:app", Kind.UVICORN, "uvicorn"),
        ("LOG=1 exec uv run uvicorn shop:app", Kind.UVICORN, "uvicorn"),
        ("cd api && uvicorn shop:app", Kind.UVICORN, "uvicorn"),
        ("flask --app shop run --port $PORT", Kind.FLASK, "flask"),
        ("flask --app shop shell", Kind.PYTHON, "flask"),
        ("python manage.py runserver $PORT", Kind.DJANGO, "manage.py"),
        ("python manage.py migrate", Kind.PYTHON, "manage.py"),
        ("./manage.py runserver $PORT", Kind.DJANGO, "manage.py"),
        ("django-admin runserver", Kind.DJANGO, "django-admin"),
        ("celery -A shop worker", Kind.CELERY, "celery"),
        ("python -m celery -A shop beat", Kind.CELERY, "celery"),
        ("gunicorn shop:app", Kind.PYTHON, "gunicorn"),
        ("python -u -X dev jobs/worker.py --fast", Kind.PYTHON, "worker.py"),
        ("python3.12 -W error -m shop.worker", Kind.PYTHON, "shop.worker"),
        ("python", Kind.OTHER, "python"),
        ("python -c 'print(1)'", Kind.OTHER, "python"),
        ("npm run dev", Kind.VITE, "vite"),
        ("npx vite", Kind.VITE, "vite"),
        ("npm run both", Kind.VITE, "vite"),
        ("yarn start", Kind.NODE, "next"),
        ("npm run api", Kind.NODE, "node"),
        ("npm run missing", Kind.NODE, "npm"),
        ("node server.js", Kind.NODE, "node"),
        ("redis-server --port $PORT", Kind.OTHER, "redis-server"),
        ("uvicorn shop:app & flask run", Kind.OTHER, "flask"),
        ("uvicorn shop:app --port $PORT > log", Kind.OTHER, "uvicorn"),
        ("python jobs.py *.csv", Kind.OTHER, "jobs.py"),
        ("'", Kind.OTHER, ""),
    ],
)
def test_a_kind_is_told_by_the_words_alone(
    tmp_path: Path, command: str, kind: Kind, program: str
) -> None:
    """Whether anything is installed or not: files are the same on each machine."""
    (tmp_path / "package.json").write_text(PACKAGE)
    (tmp_path / "api").mkdir()
    found = detect(command, tmp_path, NOWHERE)
    assert (found.kind, found.program) == (kind, program)


def test_a_program_of_no_known_name_is_looked_at(tmp_path: Path) -> None:
    """By its first line, where the project's packages have put it."""
    script = tmp_path / "jobs"
    script.write_text(f"#!{tmp_path}/python\n")
    script.chmod(0o755)
    (tmp_path / "python").touch(0o755)
    found = detect("jobs --all", tmp_path, {"PATH": str(tmp_path)})
    assert (found.kind, found.program) == (Kind.PYTHON, "jobs")


def test_options_of_the_interpreter_are_kept(tmp_path: Path) -> None:
    """They cannot be given to a program that runs already."""
    found = detect("python -u -X dev -W error worker.py -x", tmp_path, NOWHERE)
    assert found.python_options == ("-u", "-X", "dev", "-W", "error")


@pytest.mark.parametrize(
    ("command", "arguments", "ready"),
    [
        ("uvicorn a:b", ("--reload",), "Application startup complete"),
        ("uvicorn a:b --reload", (), "Application startup complete"),
        ("flask run", ("--reload",), r"Running on (https?://\S+)"),
        ("celery -A a worker", (), None),
    ],
)
def test_what_has_a_server_reload_is_known(
    tmp_path: Path, command: str, arguments: tuple[str, ...], ready: str | None
) -> None:
    """And what it says when the code is loaded, and not when its reloader is."""
    found = detect(command, tmp_path, NOWHERE)
    assert (found.reload_arguments, found.reload_ready) == (arguments, ready)


def test_django_reloads_unless_it_is_told_not_to(tmp_path: Path) -> None:
    """So that is what other environments have."""
    found = detect("python manage.py runserver", tmp_path, NOWHERE)
    assert (found.reload_arguments, found.steady_arguments) == ((), ("--noreload",))


@pytest.mark.parametrize(
    ("command", "folder"),
    [("npm --prefix ui run dev", "ui"), ("npm --prefix ui run web", "ui/web")],
)
def test_a_pages_folder_is_the_root_of_vite(
    tmp_path: Path, command: str, folder: str
) -> None:
    """Where a browser's debugger looks for sources; any other, and it finds none."""
    (tmp_path / "ui").mkdir()
    (tmp_path / "ui" / "package.json").write_text(PACKAGE)
    found = detect(command, tmp_path, NOWHERE)
    assert found.is_page
    assert found.folder == tmp_path / folder
