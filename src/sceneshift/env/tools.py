"""The programs that a project needs on the machine, and their versions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from sceneshift.core.check import Verdict, fail, ok, skip, warn
from sceneshift.core.config import PYPROJECT
from sceneshift.core.packagejson import fits, read_engines
from sceneshift.env.installation import find_frontends

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_VERSION_S = 2.0
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_REQUIRES = re.compile(r"""^requires-python\s*=\s*["']([^"']+)["']""", re.MULTILINE)
_COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
# What makes a lock file, in the project or in a frontend of it.
_MANAGERS = {
    "uv.lock": "uv",
    "poetry.lock": "poetry",
    "pdm.lock": "pdm",
    "Pipfile.lock": "pipenv",
    "package-lock.json": "npm",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
}
# The command line of a database system: the first program that is there will do.
_CLIENTS = {
    "mariadb": ("mariadb", "mysql"),
    "mongodb": ("mongosh", "mongo"),
    "mssql": ("sqlcmd",),
    "mysql": ("mysql", "mariadb"),
    "oracle": ("sqlplus",),
    "postgres": ("psql",),
    "postgresql": ("psql",),
    "redis": ("redis-cli", "valkey-cli"),
}
_PACKAGES = {
    "psql": "postgresql-client",
    "mysql": "default-mysql-client",
    "mariadb": "mariadb-client",
    "redis-cli": "redis-tools",
    "docker": "docker.io",
}
_BREW_PACKAGES = {
    "psql": "libpq",
    "mysql": "mysql-client",
    "redis-cli": "redis",
    "node": "node",
}
_OWN_INSTALLERS = {
    "pnpm": "npm install -g pnpm",
    "yarn": "npm install -g yarn",
    "bun": "npm install -g bun",
    "uv": "python3 -m pip install uv",
    "poetry": "pipx install poetry",
    "pdm": "pipx install pdm",
    "pipenv": "pipx install pipenv",
}


def advise_install(program: str, platform: str = sys.platform) -> str:
    """Return the command that installs a program on this kind of machine."""
    if own := _OWN_INSTALLERS.get(program):
        return own
    if platform == "darwin":
        return f"brew install {_BREW_PACKAGES.get(program, program)}"
    package = _PACKAGES.get(program, "nodejs npm" if program == "npm" else program)
    package = "nodejs npm" if program == "node" else package
    for manager in ("apt-get", "dnf", "pacman", "apk"):
        if shutil.which(manager):
            verb = {"pacman": "-S", "apk": "add"}.get(manager, "install")
            return f"sudo {manager} {verb} {package}"
    return f"install {program} by the system's package manager"


def ask_version(
    *words: str, env: Mapping[str, str], limit_s: float = _VERSION_S
) -> str | None:
    """Return the version that a program says; None where it is not there or silent."""
    path = shutil.which(words[0], path=env.get("PATH", os.defpath))
    if path is None:
        return None
    try:
        done = subprocess.run(
            [path, *words[1:]],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(done.stdout) or _VERSION.search(done.stderr)
    return found[0] if found and done.returncode == 0 else None


def check_python(root: Path) -> Verdict:
    """Compare the project's interpreter with `requires-python`."""
    version = find_python(root)
    wanted = _read_requires(root)
    if wanted is None:
        return ok(f"{version}; pyproject.toml asks for none in particular")
    # 15 ms, and needed here alone.
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415

    try:
        is_enough = SpecifierSet(wanted).contains(version, prereleases=True)
    except InvalidSpecifier:
        return fail(
            f"`requires-python` cannot be read: {wanted}",
            f'write it so in {PYPROJECT}: requires-python = ">=3.11"',
        )
    if is_enough:
        return ok(f"{version}, as {wanted} asks for")
    return fail(
        f"{version}, and {PYPROJECT} asks for {wanted}",
        "make .venv anew with such a Python: rm -r .venv && ./inv --list",
    )


def find_python(root: Path) -> str:
    """Return the version of the project's `.venv`, else of this interpreter."""
    try:
        text = (root / ".venv" / "pyvenv.cfg").read_text(encoding="utf-8")
    except (OSError, ValueError):
        text = ""
    found = re.search(
        r"^version(?:_info)?\s*=\s*(\d+\.\d+(?:\.\d+)?)", text, re.MULTILINE
    )
    return found[1] if found else ".".join(map(str, sys.version_info[:3]))


def _read_requires(root: Path) -> str | None:
    """Return what pyproject.toml asks of Python, by the line alone."""
    try:
        text = (root / PYPROJECT).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    found = _REQUIRES.search(text)
    return found[1] if found else None


def check_node(root: Path, env: Mapping[str, str]) -> Verdict:
    """Compare the machine's Node with what each package.json asks for."""
    folders = {*find_frontends(root), *([root] if _has_package(root) else [])}
    if not folders:
        return skip("there is no package.json")
    engines = [wanted for folder in sorted(folders) for wanted in read_engines(folder)]
    text = " and ".join(dict.fromkeys(engines)) or "any"
    version = ask_version("node", "--version", env=env)
    has_npm = shutil.which("npm", path=env.get("PATH", os.defpath)) is not None
    if version is None or not has_npm:
        missing = "node" if version is None else "npm"
        return warn(
            f"there is no {missing}, and package.json asks for {text}; "
            "`inv dev` brings its own",
            advise_install(missing),
        )
    if fits(version, engines):
        return ok(f"{version}, as {text} asks for")
    return warn(
        f"{version}, and package.json asks for {text}; `inv dev` brings its own",
        "install such a Node: https://nodejs.org/en/download",
    )


def _has_package(folder: Path) -> bool:
    return (folder / "package.json").is_file()


def check_git(root: Path, env: Mapping[str, str]) -> Verdict:
    """Tell whether git is there where the project is a repository."""
    is_needed = any((each / ".git").exists() for each in (root, *root.parents))
    version = ask_version("git", "--version", env=env)
    if version is not None:
        return ok(version)
    if not is_needed:
        return skip("this is no git repository")
    return fail("there is no git", advise_install("git"))


def check_docker(root: Path, env: Mapping[str, str]) -> Verdict:
    """Tell whether an engine answers where the project has a compose file."""
    files = [name for name in _COMPOSE if (root / name).is_file()]
    if not files:
        return skip("there is no compose file")
    if shutil.which("docker", path=env.get("PATH", os.defpath)) is None:
        return fail(f"there is no docker for {files[0]}", advise_install("docker"))
    words = ("docker", "version", "--format", "{{.Server.Version}}")
    version = ask_version(*words, env=env)
    if version is not None:
        return ok(version)
    remedy = "start it: sudo systemctl start docker, or Docker Desktop"
    return fail(f"no engine answers, for {files[0]}", remedy)


def check_managers(root: Path, env: Mapping[str, str]) -> Verdict:
    """Tell whether the programs are there that the lock files are of."""
    folders = {root, *find_frontends(root)}
    needed = {
        program: file
        for file, program in _MANAGERS.items()
        if any((folder / file).is_file() for folder in folders)
    }
    if not needed:
        return skip("there is no lock file of a package manager")
    path = env.get("PATH", os.defpath)
    missing = [each for each in needed if shutil.which(each, path=path) is None]
    if missing:
        first = missing[0]
        return warn(f"there is no {first} for {needed[first]}", advise_install(first))
    return ok(", ".join(needed))


def check_clients(systems: Iterable[str], env: Mapping[str, str]) -> Verdict:
    """Tell whether each database system of the project has its command line."""
    wanted = [each for each in dict.fromkeys(systems) if each in _CLIENTS]
    if not wanted:
        return skip("no database of the project has a client of its own")
    found = []
    for system in wanted:
        version = _find_client(_CLIENTS[system], env)
        if version is None:
            program = _CLIENTS[system][0]
            return warn(f"there is no {program} for {system}", advise_install(program))
        found.append(version)
    return ok(", ".join(found))


def _find_client(programs: Sequence[str], env: Mapping[str, str]) -> str | None:
    for program in programs:
        version = ask_version(program, "--version", env=env)
        if version is not None:
            return f"{program} {version}"
    return None
