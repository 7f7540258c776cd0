from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from editing import make_project
from sceneshift.ide.kinds import detect
from sceneshift.ide.model import Kind

if TYPE_CHECKING:
    from pathlib import Path

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
        ("celery -A shop worker -c $COUNT > log", Kind.OTHER, "celery"),
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
    found = detect(command, tmp_path, tmp_path)
    assert (found.kind, found.program) == (kind, program)


DECLARED = {
    "pyproject.toml": """
[project]
scripts = { jobs = "shop.jobs:main" }
dependencies = ["Acme_Queue[fast]>=2", "redis", "stripe", 7]
optional-dependencies = { more = ["acme.extra ; python_version > '3'"] }
[dependency-groups]
dev = ["acme-dev", { include-group = "more" }]
[tool.poetry]
scripts = { poems = "shop:poems" }
dependencies = { acme-poem = "1" }
group.dev.dependencies = { acme-verse = "1" }
[tool.uv]
dev-dependencies = ["acme-uv"]
workspace.members = ["packages/*"]
""",
    "packages/mail/pyproject.toml": "[project.scripts]\nmail = 'mail:main'",
    "packages/broken/pyproject.toml": "[",
    "Pipfile": "[packages]\nacme-pip = '*'",
    "setup.cfg": "[options]\ninstall_requires =\n  acme-old==1\n"
    "[options.entry_points]\nconsole_scripts =\n  old = shop:old\n",
    "requirements-dev.txt": "-r other.txt\n# none\nacme-plain  # why\n",
    "requirements/base.in": "acme-base @ https://x.example/base.whl",
    "api/requirements.txt": "acme-api",
    "package.json": '{"devDependencies": {"nodemon": "3"}, "dependencies": {"x": "1"}}',
    "bin/work": "#!/usr/bin/env python3\n",
    "bin/tool": "#!/bin/sh\n",
    "env/pyvenv.cfg": "",
    "env/bin/own": "#!/usr/bin/python3\n",
}


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        *((name, Kind.PYTHON) for name in ("jobs", "poems", "mail", "old", "bin/work")),
        *((f"acme-{name} --all", Kind.PYTHON) for name in ("queue", "extra", "dev")),
        *((f"acme-{name}", Kind.PYTHON) for name in ("poem", "verse", "uv", "pip")),
        *((f"acme-{name}", Kind.PYTHON) for name in ("old", "plain", "base")),
        ("cd api && acme-api", Kind.PYTHON),
        ("env/bin/jobs", Kind.PYTHON),
        ("jobs > log", Kind.OTHER),
        ("acme-api", Kind.OTHER),
        ("bin/tool", Kind.OTHER),
        ("env/bin/own", Kind.OTHER),
        ("../elsewhere", Kind.OTHER),
        ("redis-server", Kind.OTHER),
        ("redis", Kind.OTHER),
        ("x", Kind.OTHER),
        ("none", Kind.OTHER),
        ("nodemon api.js", Kind.NODE),
        ("stripe listen", Kind.OTHER),
    ],
)
def test_a_program_of_no_known_name_is_what_is_declared(
    tmp_path: Path, command: str, kind: Kind
) -> None:
    """Of the project's scripts and dependencies; not by what is installed."""
    root = make_project(tmp_path / "shop", DECLARED)
    (tmp_path / "elsewhere").write_text(DECLARED["bin/work"])
    assert detect(command, root, root).kind is kind


def test_options_of_the_interpreter_are_kept(tmp_path: Path) -> None:
    """They cannot be given to a program that runs already."""
    found = detect("python -u -X dev -W error worker.py -x", tmp_path, tmp_path)
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
    found = detect(command, tmp_path, tmp_path)
    assert (found.reload_arguments, found.reload_ready) == (arguments, ready)


def test_django_reloads_unless_it_is_told_not_to(tmp_path: Path) -> None:
    """So that is what other environments have."""
    found = detect("python manage.py runserver", tmp_path, tmp_path)
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
    found = detect(command, tmp_path, tmp_path)
    assert found.is_page
    assert found.folder == tmp_path / folder
