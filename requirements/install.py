"""Make this checkout's `.venv` what `requirements/dev.lock` says.

Called by `./inv` and `inv.cmd` under any Python 3.11 or newer, before anything is
installed: standard library only, and nothing of the project.

`.venv/.inv-stamp` says what was installed; it is written last, and is the only
proof that an installation was finished. Without it `.venv` is made anew: neither uv
nor pip can tell a package that was half unpacked when they were killed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import venv
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_LOCK = "requirements/dev.lock"
_INPUTS = (_LOCK, "requirements/install.py", "pyproject.toml")
_PROGRAMS, _SUFFIX = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
_MANY = 10  # packages that are worth a line of progress
_IDENTIFY = """\
import os, sys
assert sys.version_info >= (3, 11)
print(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
"""


class InstallError(Exception):
    """What a person can act upon: one sentence, and what to do next."""

    def __init__(self, message: str, *, hint: str, exit_code: int = 1) -> None:
        super().__init__(f"{message}\nhint: {hint}")
        self.exit_code = exit_code


class Stamp(NamedTuple):
    """What an installation was made from.

    Attributes:
        asked: The Python that was asked for by SCENESHIFT_PYTHON; may be empty.
        root: The checkout's folder.
        sums: A line for each input that exists; opaque, it ends with its path.
    """

    asked: str
    root: str
    sums: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Stamp:
        """Return the stamp of that text."""
        asked, root, *sums = text.splitlines()
        return cls(asked, root, tuple(sums))

    def render(self) -> str:
        """Return the text that `./inv` compares with."""
        return "".join(f"{line}\n" for line in (self.asked, self.root, *self.sums))


class Environment:
    """The virtual environment of a checkout.

    Attributes:
        root: The checkout's folder, absolute.
        folder: Where it is.
        stamp: The proof of a finished installation.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.stamp = self.folder / ".inv-stamp"

    def program(self, name: str) -> Path:
        """One of its programs."""
        return self.folder / _PROGRAMS / (name + _SUFFIX)

    def site_packages(self) -> list[Path]:
        """Where its packages are."""
        posix = [*self.folder.glob("lib/python*/site-packages")]
        return posix or [self.folder / "Lib" / "site-packages"]

    def installed(self) -> set[str]:
        """Names of its packages."""
        found = distributions(path=[str(folder) for folder in self.site_packages()])
        return {name_of(each.name) for each in found if each.name}

    def read_stamp(self) -> Stamp | None:
        """What was installed; None where that was never finished."""
        try:
            return Stamp.parse(self.stamp.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    def write_stamp(self, stamp: Stamp) -> None:
        """Write it whole or not at all."""
        draft = self.folder / ".inv-stamp-draft"
        draft.write_text(stamp.render(), encoding="utf-8")
        draft.replace(self.stamp)


class Installer(NamedTuple):
    """uv where there is one, pip otherwise.

    Attributes:
        environment: What is installed into.
        uv: Path of a uv that works, or None.
        keep_open: Descriptors that children inherit: while one of them lives, even
            without us, it holds the lock on `.venv`.
    """

    environment: Environment
    uv: str | None
    keep_open: tuple[int, ...]

    def install_lock(self) -> None:
        """Install exactly what the lock says, and remove everything else."""
        say(f"installing {_LOCK} with {'uv' if self.uv else 'pip'}")
        if self.uv:
            self._call("sync", "--require-hashes", _LOCK)
            return
        options = ("--no-deps", "--no-compile", "--require-hashes")
        self._call("install", *options, "-r", _LOCK)
        lines = (self.environment.root / _LOCK).read_text(encoding="utf-8").splitlines()
        wanted = {name_of(line) for line in lines if line[:1].isalnum()}
        if surplus := self.environment.installed() - wanted - {"pip", "setuptools"}:
            self._call("uninstall", "--yes", *sorted(surplus))

    def install_project(self, requires: Sequence[str]) -> None:
        """Install the project itself, so that edits count at once.

        Args:
            requires: What its build needs. Where the lock brings all of it, the build
                takes it from there instead of fetching it unpinned; such a lock must
                bring what the build asks for later, too, as hatchling's `editables`.
        """
        say("installing the project itself")
        options = ["--no-deps", "--editable", "."]
        if {name_of(each) for each in requires} <= self.environment.installed():
            options.append("--no-build-isolation")
        options += ["--reinstall"] if self.uv else []  # else it goes by files' times
        self._call("install", *options)

    def _call(self, command: str, *arguments: str) -> None:
        python = str(self.environment.program("python"))
        if self.uv:
            argv = [self.uv, "pip", command, "--python", python]
        else:
            if "pip" not in self.environment.installed():
                say("putting pip into .venv")
                self._run([python, "-Im", "ensurepip"])
            argv = [python, "-Im", "pip", command, "--disable-pip-version-check"]
        self._run([*argv, *arguments])

    def _run(self, argv: Sequence[str]) -> None:
        with subprocess.Popen(
            argv,
            cwd=self.environment.root,
            env=os.environ | {"PIP_USER": "0", "PYTHONUTF8": "1"},
            stdout=subprocess.PIPE,
            pass_fds=self.keep_open,
            encoding="utf-8",
            errors="replace",
        ) as process:
            show_progress(process.stdout or ())
        if process.returncode:
            raise InstallError(
                f"`{Path(argv[0]).name} {' '.join(argv[1:4])} …` failed, and nothing "
                f"is taken as installed: exit code {process.returncode}",
                hint="see its message above, then type the same command again",
            )


def say(text: str) -> None:
    """Tell people what happens."""
    sys.stderr.write(f"inv: {text}\n")


def show_progress(lines: Iterable[str]) -> None:
    """Tell what takes pip long: every tenth package; uv shows its progress itself."""
    count = 0
    for line in lines:
        if line.startswith("Collecting "):
            count += 1
            if count % _MANY == 0:
                say(f"{count} packages found, now {line.split()[1]}")
        elif line.startswith("Installing collected packages"):
            number = line.count(",") + 1
            if number >= _MANY:
                say(f"unpacking {number} packages")


def name_of(requirement: str) -> str:
    """Return the normalized name at the start of a requirement."""
    name = re.match(r"\s*([A-Za-z0-9._-]+)", requirement)
    return re.sub(r"[-_.]+", "-", name[1]).lower() if name else ""


def build_requirements(pyproject: Path) -> list[str] | None:
    """Return what building the project needs; None where it is no package."""
    if not pyproject.exists():
        return None
    try:
        table = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as exc:
        raise InstallError(
            f"{pyproject} is not valid TOML: {exc}", hint="mend it", exit_code=2
        ) from exc
    build = table.get("build-system")
    return None if build is None else list(build.get("requires", ()))


def output_of(*argv: str | Path) -> str | None:
    """Return what a program says, or None where it fails, as a shim may."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def identify(python: str | Path) -> str | None:
    """Return the path of the Python that another one is made from, if it works."""
    return output_of(python, "-Ic", _IDENTIFY)


def reason_to_remake(environment: Environment, asked: str) -> str:
    """Say why an environment cannot be kept; empty where it can."""
    former = environment.read_stamp()
    if former is None:
        return "no installation was finished in it"
    if former.root != str(environment.root):
        return f"it was made in {former.root}"
    base = identify(environment.program("python"))
    if base is None or not environment.program("inv").exists():
        return "its programs are gone"
    if asked and base != identify(sys.executable):
        return f"another Python is asked for: {asked}"
    return ""


def remake(folder: Path, reason: str) -> None:
    """Make an empty virtual environment in place of what is there."""
    mark = folder / "pyvenv.cfg"
    if mark.exists():
        say(f"making .venv anew: {reason}")
    elif {entry.name for entry in folder.iterdir()} - {".inv-lock", ".gitignore"}:
        raise InstallError(
            f"there is something else than a virtual environment in {folder}",
            hint="move it away",
            exit_code=2,
        )
    say(f"making .venv with Python {sys.version.split()[0]}: {sys.executable}")
    mark.touch()  # from now on it is ours to remove, however far we get
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name not in {".inv-lock", mark.name}:
            entry.unlink()
    venv.EnvBuilder(symlinks=os.name != "nt").create(folder)


def install(
    environment: Environment, wanted: Stamp, keep_open: tuple[int, ...]
) -> None:
    """Bring an environment to what is wanted; the caller holds the lock on it."""
    reason = reason_to_remake(environment, wanted.asked)
    if not reason and environment.read_stamp() == wanted:
        return  # another `./inv` did it while this one waited
    start = time.monotonic()
    if reason:
        environment.stamp.unlink(missing_ok=True)
        remake(environment.folder, reason)
    uv = shutil.which("uv")
    if uv and not output_of(uv, "--version"):
        uv = None  # a shim of a version that is not active
    update(Installer(environment, uv, keep_open), wanted)
    say(f"ready after {time.monotonic() - start:.1f} s")


def update(installer: Installer, wanted: Stamp) -> None:
    """Install what changed since the stamp, then write the new one."""
    environment = installer.environment
    former = environment.read_stamp()
    lines = {*wanted.sums} ^ ({*former.sums} if former else set())
    changed = {name for name in _INPUTS for line in lines if line.endswith(name)}
    requires = build_requirements(environment.root / "pyproject.toml")
    with without_stamp(environment, former):
        if changed - {"pyproject.toml"}:
            installer.install_lock()
        if changed and requires is not None:
            installer.install_project(requires)
        if not environment.program("inv").exists():
            raise InstallError(
                f"{_LOCK} brings no program `inv`",
                hint="add `invoke` to what the lock is made from",
                exit_code=2,
            )
    environment.write_stamp(wanted)


@contextmanager
def without_stamp(environment: Environment, former: Stamp | None) -> Iterator[None]:
    """Take the stamp away while packages change.

    An installer that fails before it touches a package, say for want of a network,
    leaves the former installation as it was: then the stamp comes back, so that the
    next attempt need not begin with an empty folder.
    """
    before = change_times(environment)
    environment.stamp.unlink(missing_ok=True)
    try:
        yield
    except InstallError:
        if former is not None and change_times(environment) == before:
            environment.write_stamp(former)
        raise


def change_times(environment: Environment) -> list[int]:
    """Return when entries were last added to or removed from its folders, in ns."""
    folders = [*environment.site_packages(), environment.folder / _PROGRAMS]
    return [folder.stat().st_mtime_ns for folder in folders]


@contextmanager
def locked(folder: Path) -> Iterator[tuple[int, ...]]:
    """Hold `.venv` alone, and say who is waited for; the system frees it at their end.

    Windows lets two at once through: it has no lock that children inherit.
    """
    folder.mkdir(exist_ok=True)
    with (folder / ".inv-lock").open("a+", encoding="utf-8") as file:
        if sys.platform == "win32":
            yield ()
            return
        import fcntl  # noqa: PLC0415 - not on Windows

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            say(f"waiting for another ./inv that installs here: process {holder}")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield (file.fileno(),)


def describe(root: Path) -> Stamp:
    """Say what there is to install from, where the caller could not."""
    sums = (
        f"{hashlib.sha256((root / name).read_bytes()).hexdigest()} {name}"
        for name in _INPUTS
        if (root / name).exists()
    )
    return Stamp(os.environ.get("SCENESHIFT_PYTHON", ""), str(root), tuple(sums))


def main(arguments: Sequence[str]) -> int:
    """Install; return the exit code.

    Args:
        arguments: The stamp that `./inv` will compare with; none on Windows.
    """
    environment = Environment(Path(__file__).absolute().parent.parent)
    wanted = [Stamp.parse(text) for text in arguments] or [describe(environment.root)]
    try:
        with locked(environment.folder) as keep_open:
            install(environment, wanted[0], keep_open)
    except InstallError as exc:
        sys.stderr.write(f"error: {exc}\n")
        return exc.exit_code
    except OSError as exc:
        sys.stderr.write(f"error: {exc}\nhint: see to {environment.folder}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted, and nothing is taken as installed\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
