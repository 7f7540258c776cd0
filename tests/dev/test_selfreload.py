"""What a command line starts, and whether that reloads itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.invocation import parse_command, resolve_scripts
from sceneshift.dev.selfreload import is_self_reloading

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS = {
    "dev": "tsc -b && NODE_ENV=development vite --host",
    "start": "webpack-dev-server",
    "build": "vite build",
    "again": "npm run dev",
    "loop": "npm run loop",
    "open": "vite 'unclosed",
    "server": "node server.js",
    "flags": "vite",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with scripts, and one below it."""
    (tmp_path / "web").mkdir()
    for path in (tmp_path, tmp_path / "web"):
        (path / "package.json").write_text(json.dumps({"scripts": SCRIPTS}))
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        "vite",
        "vite dev --port 3000",
        "vite --port 3000",
        "npx vite",
        "npx -y vite@5",
        "npx -p vite vite",
        "bunx --bun vite",
        "npm exec -- vite",
        "pnpm exec vite",
        "pnpm dlx vite@latest",
        "yarn vite",
        "./node_modules/.bin/vite",
        "node node_modules/vite/bin/vite.js",
        "node --inspect node_modules/.bin/vite --host",
        "next dev -p $PORT",
        "astro dev",
        "nuxt dev",
        "nuxi dev",
        "webpack serve",
        "webpack --watch",
        "webpack-dev-server",
        "parcel index.html",
        "ng serve",
        "npx @angular/cli@17 serve",
        "remix dev",
        "svelte-kit dev",
        "expo start",
        "nodemon app.js",
        "tsx watch app.ts",
        "node --watch app.js",
        "node --watch-path=src app.js",
        "bun --hot app.ts",
        "bun run dev",
        "bun dev",
        "esbuild app.ts --watch",
        "esbuild --serve=8000",
        "esbuild --watch=forever",
        "rollup -w -c",
        "tailwindcss -i a.css --watch",
        "storybook dev -p 6006",
        "streamlit run app.py",
        "python -m streamlit run app.py",
        "uv run streamlit run app.py",
        "npm run dev",
        "npm start",
        "npm --prefix web run dev",
        "npm run dev --prefix=web",
        "npm run --silent dev -- --port 3000",
        "npm -C web run dev",
        "pnpm dev",
        "pnpm --dir web dev",
        "yarn dev",
        "yarn run dev",
        "yarn --cwd web run dev",
        "npm run again",
        "cd web && npm run dev",
        "PORT=3000 exec npm run dev",
        "env PORT=3000 npm run dev",
        "sh -c 'npm run dev'",
        "bash -lc 'cd web; exec npx vite'",
    ],
)
def test_what_reloads_itself_is_known(command: str, folder: Path) -> None:
    """Tools, their ways to be called, and scripts that call them."""
    globs = is_self_reloading(command, folder)
    assert globs is not None
    assert any(glob.endswith(".env") for glob in globs)


@pytest.mark.parametrize(
    "command",
    [
        "",
        "vite build",
        "vite preview",
        "npm run build",
        "npm run server",
        "npm run nothing",
        "npm run loop",
        "npm run open",
        "npm run",
        "npm run flags -- build",
        "npm ci",
        "npm",
        "npx",
        "npm -w web run dev",
        "pnpm --filter web dev",
        "yarn",
        "yarn install",
        "bun app.ts",
        "next start",
        "webpack",
        "parcel build index.html",
        "tsx app.ts watch",
        "node app.js --watch",
        "node node_modules/x.js",
        "node",
        "tsc",
        "rollup -c",
        "streamlit hello",
        "uvicorn app:app --reload",
        "python app.py",
        "python -m http.server",
        "sh start.sh",
        "sh",
        "vite 'unclosed",
        "vite && python app.py",
        "cd",
        "FOO=1",
        "npm --prefix",
    ],
)
def test_what_does_not_is_left_to_the_supervisor(command: str, folder: Path) -> None:
    """A build, a plain server, and what cannot be told."""
    assert is_self_reloading(command, folder) is None


def test_a_shell_in_a_shell_in_a_shell_is_not_followed_for_ever(folder: Path) -> None:
    """Some command lines have no end."""
    command = "vite"
    for _ in range(9):
        quoted = command.replace("\\", "\\\\").replace('"', '\\"')
        command = f'sh -c "{quoted}"'
    assert is_self_reloading(command, folder) is None


def test_the_globs_are_relative_to_where_the_line_runs(folder: Path) -> None:
    """The tool's folder, and the one whose script leads there."""
    globs = is_self_reloading("npm --prefix web run dev", folder)
    assert globs is not None
    assert {"web/vite.config.*", "web/package-lock.json", "package.json"} <= set(globs)
    own = is_self_reloading("npm run dev", folder / "web")
    assert own is not None
    assert "vite.config.*" in own
    assert not any(glob.startswith(("web/", "..")) for glob in own)


def test_a_folder_with_a_strange_name_is_no_glob(tmp_path: Path) -> None:
    """Next.js names folders `[id]`."""
    globs = is_self_reloading("cd '[a]' && vite", tmp_path)
    assert globs is not None
    assert "[[]a]/vite.config.*" in globs


@pytest.mark.parametrize(
    "text", ["", "[]", '{"scripts": []}', '{"scripts": {"dev": 1}}']
)
def test_a_broken_package_has_no_scripts(text: str, tmp_path: Path) -> None:
    """Somebody is just writing it."""
    (tmp_path / "package.json").write_text(text)
    assert is_self_reloading("npm run dev", tmp_path) is None


def test_a_script_gets_the_arguments_that_are_its(folder: Path) -> None:
    """Npm keeps options for itself, yarn hands them on."""
    lines = {
        "npm run dev --silent -- --port 1": ("--host", "--port", "1"),
        "npm run dev --silent": ("--host",),
        "yarn dev --port 1": ("--host", "--port", "1"),
    }
    for line, args in lines.items():
        program = resolve_scripts(parse_command(line, folder)[-1])
        assert program is not None
        assert program.args == args
