"""Programs that reload themselves, and what they do not reload themselves for."""

from __future__ import annotations

import glob
import itertools
import os
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.invocation import parse_command, resolve_scripts

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.core.invocation import Invocation

_ENVIRONMENT = (".env", ".env.*")
_NODE = (
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "bun.lock",
    "bun.lockb",
    "tsconfig*.json",
    "jsconfig.json",
    *_ENVIRONMENT,
)
_PYTHON = ("pyproject.toml", "uv.lock", "requirements*.txt", *_ENVIRONMENT)


class Reloader(Struct, frozen=True, kw_only=True):
    """A program that reloads itself, at least when it is called so.

    Attributes:
        words: It does where one of its arguments is one of these,
        options: or one of its options; always where both are empty,
        never: but not where one of its arguments is one of these.
        globs: Its own configuration.
        shared: The configuration that it shares with others of its kind.
    """

    words: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    globs: tuple[str, ...] = ()
    shared: tuple[str, ...] = _NODE

    def reloads(self, args: tuple[str, ...]) -> bool:
        """Whether it reloads itself when it is called with `args`."""
        if not self.never.isdisjoint(args):
            return False
        given = {re.split("[=:]", word)[0] for word in args if word.startswith("-")}
        is_asked = not self.words.isdisjoint(args) or not self.options.isdisjoint(given)
        return is_asked or not (self.words or self.options)


def _on(words: str, *globs: str) -> Reloader:
    """Return a program that reloads itself with one of these commands."""
    return Reloader(words=frozenset(words.split()), globs=globs)


def _with(options: str, *globs: str) -> Reloader:
    """Return a program that reloads itself with one of these options."""
    return Reloader(options=frozenset(options.split()), globs=globs)


def _unless(words: str, *globs: str) -> Reloader:
    """Return a program that reloads itself with all but these commands."""
    return Reloader(never=frozenset(words.split()), globs=globs)


_WEBPACK = ("webpack.config.*", "babel.config.*", ".babelrc*")
_ANY_WATCH = "-w --watch"
_RELOADERS = {
    "astro": _on("dev", "astro.config.*"),
    "babel": _with(_ANY_WATCH, "babel.config.*", ".babelrc*"),
    "bun": _with("--hot --watch", "bunfig.toml"),
    "craco": _on("start", "craco.config.*"),
    "deno": _with("--watch --watch-hmr", "deno.json*", "deno.lock"),
    "docusaurus": _on("start", "docusaurus.config.*", "sidebars.*"),
    "eleventy": _with("--serve --watch", ".eleventy.js", "eleventy.config.*"),
    "esbuild": _with("--watch --serve", "esbuild.config.*"),
    "expo": _on("start", "app.json", "app.config.*", "metro.config.*"),
    "gatsby": _on("develop", "gatsby-*.js", "gatsby-*.ts"),
    "next": _on("dev", "next.config.*"),
    "ng": _on("serve s dev", "angular.json"),
    "node": _with("--watch --watch-path"),
    "nodemon": Reloader(globs=("nodemon.json",)),
    "nuxi": _on("dev", "nuxt.config.*"),
    "nuxt": _on("dev", "nuxt.config.*"),
    "parcel": _unless("build help", ".parcelrc"),
    "postcss": _with(_ANY_WATCH, "postcss.config.*", "tailwind.config.*"),
    "react-router": _on("dev", "react-router.config.*", "vite.config.*"),
    "react-scripts": _on("start"),
    "react-native": _on("start", "metro.config.*", "babel.config.*"),
    "remix": _on("dev vite:dev", "remix.config.*", "vite.config.*"),
    "rollup": _with(_ANY_WATCH, "rollup.config.*"),
    "rspack": _on("serve dev", "rspack.config.*"),
    "rsbuild": _on("dev", "rsbuild.config.*"),
    "sass": _with(_ANY_WATCH),
    "start-storybook": Reloader(globs=(".storybook/**",)),
    "storybook": _on("dev", ".storybook/**"),
    "streamlit": Reloader(
        words=frozenset({"run"}), globs=(".streamlit/**",), shared=_PYTHON
    ),
    "svelte-kit": _on("dev", "svelte.config.*", "vite.config.*"),
    "tailwindcss": _with(_ANY_WATCH, "tailwind.config.*", "postcss.config.*"),
    "ts-node-dev": Reloader(),
    "tsc": _with(_ANY_WATCH),
    "tsnd": Reloader(),
    "tsup": _with(_ANY_WATCH, "tsup.config.*"),
    "tsx": _on("watch"),
    "vinxi": _on("dev", "app.config.*"),
    "vite": _unless("build preview optimize", "vite.config.*"),
    "vitepress": _on("dev", ".vitepress/config.*"),
    "vue-cli-service": _on("serve", "vue.config.*"),
    "webpack": Reloader(
        words=frozenset({"serve", "server", "s", "watch", "w"}),
        options=frozenset({"-w", "--watch"}),
        globs=_WEBPACK,
    ),
    "webpack-dev-server": Reloader(globs=_WEBPACK),
    "wrangler": _on("dev", "wrangler.*"),
}


def is_self_reloading(command: str, cwd: Path) -> tuple[str, ...] | None:
    """Tell whether a command line's process reloads itself.

    Scripts of package.json are followed, through `npm run`, `npx` and `sh -c` too. In a
    line of several programs it is the last one that counts, which is what goes on.

    Args:
        command: The Procfile's command line.
        cwd: Where it runs.

    Returns:
        Globs relative to `cwd` of the files whose change has to restart it all the
        same: its configuration, lock files, env files. None where it does not reload
        itself, or cannot be told.
    """
    programs = parse_command(command, cwd)
    program = resolve_scripts(programs[-1]) if programs else None
    reloader = None if program is None else _find_reloader(program)
    if program is None or reloader is None:
        return None
    names = dict.fromkeys((*reloader.globs, *reloader.shared))
    folders = [program.folder]
    if program.folder != cwd and (cwd / "package.json").exists():
        folders.append(cwd)  # its script leads there
    return tuple(_place(name, folder, cwd) for folder in folders for name in names)


def _place(name: str, folder: Path, cwd: Path) -> str:
    """Return a glob of one folder as one that is relative to another."""
    relative = os.path.relpath(folder, cwd)
    return name if relative == "." else f"{glob.escape(relative)}/{name}"


def _find_reloader(program: Invocation) -> Reloader | None:
    """Return how the program reloads itself when it is called so."""
    args = program.args
    if program.name == "node":  # what follows the script is the script's
        args = tuple(itertools.takewhile(lambda word: word.startswith("-"), args))
    elif program.name == "tsx":
        args = args[:1]
    reloader = _RELOADERS.get(program.name)
    return reloader if reloader is not None and reloader.reloads(args) else None
