"""Whether node_modules holds what a lock says: of npm, pnpm and both kinds of Yarn.

Each of them writes down what it has installed. That is compared with the lock, and not
the thousands of folders. YAML is scanned line by line: its parsers are slow, and these
files have one shape each.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sceneshift.core.packagejson import read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

# `  'a@1.0.0':` below `packages:`; before version 9 of the lock, `  /a@1.0.0:`.
_PNPM_SECTION = re.compile(r"^packages:\n(?P<body>(?:[ \n].*\n?|\n)*)", re.MULTILINE)
_PNPM_PACKAGE = re.compile(r"^  (['\"]?)/?(?P<id>[^ '\"][^'\"\n]*)\1:", re.MULTILINE)
# `a@^1, "b@npm:1":`, its version, and where that comes from.
_CLASSIC_PACKAGE = re.compile(
    r"^(?P<ids>[^\s#].*):\n  version .*\n(?:  resolved \"(?P<resolved>[^\"]*)\")?",
    re.MULTILINE,
)
_BERRY_PACKAGE = re.compile(
    r"^\S.*:\n  version: .*\n  resolution: \"(?P<id>[^\"]+)\"\n(?P<rest>(?:  .*\n)*)",
    re.MULTILINE,
)
_BERRY_INSTALLED = re.compile(r"^\"(?P<id>[^\"]+)\":", re.MULTILINE)
_BERRY_VIRTUAL = re.compile(r"@virtual:[^#]*#")
_BERRY_MARK = "\n__metadata:"


class Comparison(NamedTuple):
    """What is installed, beside what is locked.

    Attributes:
        installed: How many packages are installed.
        wrong: Those that are missing, or there in another version.
    """

    installed: int
    wrong: list[str]


class Manager(NamedTuple):
    """A program that installs packages.

    Attributes:
        name: What it is called.
        lock: Its lock file.
        state: What it writes into node_modules.
        compare: Compares the two; None where the latter cannot be read.
        install: Its words that install as locked.
        place: Its option for another folder.
    """

    name: str
    lock: str
    state: str
    compare: Callable[[Path, Path], Comparison | None]
    install: str
    place: str

    def advise(self, place: Path) -> str:
        """Return the command that installs in a folder, seen from the project's."""
        option = f" {self.place} {place}" if place.parts else ""
        return f"{self.name}{option} {self.install}"

    def look(self, folder: Path) -> Comparison | None:
        """Compare; None where it did not write down what it has installed."""
        return self.compare(folder / self.lock, folder / "node_modules" / self.state)


def find_manager(folder: Path) -> Manager | None:
    """Return what has installed here, or would; None where there is no lock."""
    there = [each for each in _MANAGERS if (folder / each.lock).is_file()]
    if _BERRY in there and _BERRY_MARK not in _read(folder / _BERRY.lock):
        there.remove(_BERRY)
    elif _CLASSIC in there:
        there.remove(_CLASSIC)
    used = [each for each in there if (folder / "node_modules" / each.state).is_file()]
    return next(iter([*used, *there]), None)


def _compare_npm(lock: Path, state: Path) -> Comparison | None:
    installed = read_json(state).get("packages")
    locked = read_json(lock).get("packages")
    if not isinstance(installed, dict) or not isinstance(locked, dict):
        return None
    wrong = [
        path.rpartition("node_modules/")[2]
        for path, package in locked.items()
        if _is_wrong(path, package, installed)
    ]
    return Comparison(len(installed), wrong)


def _is_wrong(path: str, package: Any, installed: Mapping[str, Any]) -> bool:
    """Tell whether a package is missing, or there in another version.

    Optional ones are those of other systems.
    """
    if not isinstance(package, dict) or not path.startswith("node_modules/"):
        return False  # the project itself, or a workspace
    if package.get("link") or package.get("extraneous"):
        return False
    there = installed.get(path)
    if not isinstance(there, dict):
        return not (package.get("optional") or package.get("devOptional"))
    return bool(there.get("version") != package.get("version"))


def _compare_pnpm(lock: Path, state: Path) -> Comparison | None:
    """Compare with its copy of the lock, those of other systems included."""
    installed = set(_scan_pnpm(_read(state)))
    missing = sorted(set(_scan_pnpm(_read(lock))) - installed)
    return Comparison(len(installed), missing)


def _scan_pnpm(text: str) -> Iterator[str]:
    section = _PNPM_SECTION.search(text)
    for found in _PNPM_PACKAGE.finditer(section["body"] if section else ""):
        yield found["id"]


def _compare_classic(lock: Path, state: Path) -> Comparison | None:
    """Compare where each package that is asked for comes from."""
    installed = read_json(state).get("lockfileEntries")
    if not isinstance(installed, dict):
        return None
    wrong = [
        name
        for name, resolved in _scan_classic(_read(lock))
        if installed.get(name, resolved if resolved is None else "") != resolved
    ]
    return Comparison(len(installed), sorted(wrong))


def _scan_classic(text: str) -> Iterator[tuple[str, str | None]]:
    for found in _CLASSIC_PACKAGE.finditer(text):
        for name in found["ids"].split(", "):
            yield name.strip('"'), found["resolved"]


def _compare_berry(lock: Path, state: Path) -> Comparison | None:
    """Compare where each package comes from; those with conditions are for some."""
    text = _read(state)
    installed = {
        _BERRY_VIRTUAL.sub("@", found["id"])
        for found in _BERRY_INSTALLED.finditer(text)
    }
    wrong = [
        found["id"]
        for found in _BERRY_PACKAGE.finditer(f"{_read(lock)}\n")
        if found["id"] not in installed and "  conditions: " not in found["rest"]
    ]
    return Comparison(len(installed), sorted(wrong))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")


_yarn = partial(Manager, name="yarn", lock="yarn.lock", place="--cwd")
_NPM = Manager(
    name="npm",
    lock="package-lock.json",
    state=".package-lock.json",
    compare=_compare_npm,
    install="ci",
    place="--prefix",
)
_PNPM = Manager(
    name="pnpm",
    lock="pnpm-lock.yaml",
    state=".pnpm/lock.yaml",
    compare=_compare_pnpm,
    install="install --frozen-lockfile",
    place="--dir",
)
_CLASSIC = _yarn(
    state=".yarn-integrity",
    compare=_compare_classic,
    install="install --frozen-lockfile",
)
_BERRY = _yarn(
    state=".yarn-state.yml", compare=_compare_berry, install="install --immutable"
)
_MANAGERS = (_NPM, _PNPM, _CLASSIC, _BERRY)
LOCKS = frozenset(manager.lock for manager in _MANAGERS)
