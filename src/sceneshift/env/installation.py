"""Whether what is installed is what the lock files say."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.core.check import Check, Need, Verdict, fail, ok, skip, warn
from sceneshift.core.wording import name_few
from sceneshift.env.nodepackages import LOCKS, find_manager
from sceneshift.env.sidebyside import Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sceneshift.core.check import Subject

_DEEPEST = 3  # folders below the project in which a frontend is looked for
_FEW = 3
_LOOK_S = 0.5  # of the 2 s that the whole command has
_NO_FOLDERS = frozenset({"node_modules", "dist", "build", "vendor"})

_TOML_PIN = re.compile(r'^name = "([^"]+)"\r?\nversion = "([^"]+)"', re.MULTILINE)
_TEXT_PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^\s;\\]+)"
    r"(?P<marker>\s*;)?",
    re.MULTILINE,
)
# The first of these that exists is the one that the team installs from.
_PYTHON_LOCKS = {
    "uv.lock": "uv sync",
    "poetry.lock": "poetry install",
    "pdm.lock": "pdm sync",
    "requirements/dev.lock": "rm -r .venv && ./inv --list",
    "requirements.lock": ".venv/bin/python -m pip install -r requirements.lock",
    "requirements.txt": ".venv/bin/python -m pip install -r requirements.txt",
}


def list_installation_checks(
    subject: Subject, *, look_s: float = _LOOK_S
) -> Iterator[Check]:
    """Yield a check for each frontend, and one for the project's `.venv`.

    Args:
        subject: The project.
        look_s: Seconds in which frontends are looked for.
    """
    root = subject.project.root
    job = Job(partial(find_frontends, root))
    if not job.wait(look_s):  # a share that is away, or folders without end
        text = f"not all folders were looked through within {look_s:g} s"
        remedy = "see whether a disk hangs: df"
        yield Check(name="node packages", look=partial(warn, text, remedy))
    for folder in job.result or ():
        place = folder.relative_to(root)
        name = "node packages" if place == Path() else f"node packages of {place}"
        yield Check(name=name, look=partial(check_node_packages, subject, folder))
    yield Check(name="python packages", look=partial(check_python_packages, subject))


def find_frontends(root: Path) -> list[Path]:
    """Return the folders with a lock of Node's packages, some folders deep.

    Folders that this user may not enter, such as the data of a container, have none.
    """
    found = []
    waiting = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop()
        with contextlib.suppress(OSError):
            entries = list(os.scandir(folder))
            # Thousands of folders: a look for each lock in each would take a second.
            is_locked = any(entry.name in LOCKS for entry in entries)
            if is_locked and find_manager(folder) is not None:
                found.append(folder)
            if depth < _DEEPEST:
                waiting += [(each, depth + 1) for each in _list_folders(entries)]
    return sorted(found)


def _list_folders(entries: Iterable[os.DirEntry[str]]) -> list[Path]:
    return [
        Path(entry.path)
        for entry in entries
        if entry.is_dir(follow_symlinks=False)
        and not entry.name.startswith(".")
        and entry.name not in _NO_FOLDERS
    ]


def check_node_packages(subject: Subject, folder: Path) -> Verdict:
    """Compare the lock with what the program says that it has installed."""
    manager = find_manager(folder)
    if manager is None:
        return skip("the lock is gone")
    remedy = manager.advise(folder.relative_to(subject.project.root))
    judge = partial(subject.judge_missing, Need.of_lock(folder / manager.lock))
    if (folder / ".pnp.cjs").is_file():
        return skip(f"{manager.name} keeps packages outside of node_modules here")
    if not (folder / "node_modules").is_dir():
        return judge(fail("there is no node_modules", remedy))
    try:
        found = manager.look(folder)
    except OSError:
        found = None
    if found is None:
        return skip(f"{manager.name} did not write down what it has installed")
    if found.wrong:
        names = name_few(found.wrong, _FEW)
        return judge(fail(f"not as {manager.lock} says: {names}", remedy))
    return ok(f"{found.installed} packages as {manager.lock} says")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What a lock file says.

    Attributes:
        versions: The versions of each package; there are several for several systems.
        needed: Those that every system needs.
    """

    versions: Mapping[str, frozenset[str]]
    needed: frozenset[str]


def check_python_packages(subject: Subject) -> Verdict:
    """Compare the first lock file of the project with what `.venv` holds."""
    root = subject.project.root
    file = next((each for each in _PYTHON_LOCKS if (root / each).is_file()), None)
    if file is None:
        return skip("there is no lock file of Python packages")
    remedy = _PYTHON_LOCKS[file]
    judge = partial(subject.judge_missing, Need.of_lock(root / file))
    if not (root / ".venv").is_dir():
        return judge(fail("there is no .venv", remedy))
    pins = read_pins((root / file).read_text(encoding="utf-8", errors="replace"))
    if not pins.versions:
        return skip(f"{file} pins no versions")
    installed = find_installed(root / ".venv")
    wrong = sorted(
        f"{name} {installed[name]}"
        for name, versions in pins.versions.items()
        if name in installed and installed[name] not in versions
    )
    wrong += sorted(f"{name} (missing)" for name in pins.needed - installed.keys())
    if wrong:
        return judge(fail(f"not as {file} says: {name_few(wrong, _FEW)}", remedy))
    return ok(f"{len(installed)} packages as {file} says")


def read_pins(text: str) -> Pins:
    """Read a lock of uv, poetry or pdm, or pinned requirements.

    Those of the first kind list what other systems and groups need too: nothing of
    them is known to be missing. They are scanned, for the whole of a large one would
    take half a second to parse.
    """
    versions: dict[str, set[str]] = {}
    needed = set()
    for name, version in _TOML_PIN.findall(text):
        versions.setdefault(_normalize(name), set()).add(version)
    for found in _TEXT_PIN.finditer(text):
        name = _normalize(found["name"])
        versions.setdefault(name, set()).add(found["version"])
        if not found["marker"]:
            needed.add(name)
    return Pins(
        versions={name: frozenset(each) for name, each in versions.items()},
        needed=frozenset(needed),
    )


def find_installed(environment: Path) -> dict[str, str]:
    """Return the version of each package in a virtual environment."""
    folders = environment.glob("lib/python*/site-packages/*.dist-info")
    parts = (folder.name.removesuffix(".dist-info").split("-") for folder in folders)
    return {_normalize(name): version for name, version, *_ in parts}


def _normalize(name: str) -> str:
    """Return a name as packages compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
