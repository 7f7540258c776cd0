"""The cluster of a PostgreSQL service: made once, whole or not at all."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.services import become
from sceneshift.core.services.programs import find_programs
from sceneshift.core.services.service import MADE, ROLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.core.services.programs import Programs
    from sceneshift.core.services.service import Service

# What a server needs of a shell's variables. The others would change what it does
# (PGPORT, LC_ALL), are nothing for its eyes (passwords), or mark a stack's processes.
_KEPT = ("DYLD_LIBRARY_PATH", "HOME", "LD_LIBRARY_PATH", "PATH", "TZ", "TZDIR")
_BUILT_IN_FROM = 17  # a C.UTF-8 of its own, the same on every system
_SYNCFS_FROM = 14
_LONGEST = 300
_OTHERS = ("postgres", "nobody")


class Owner(Struct, frozen=True, kw_only=True):
    """Whose a server is, where it cannot be root's.

    Attributes:
        uid: The user; -1 stands for this one.
        gid: The group; likewise.
    """

    uid: int
    gid: int


class Cluster(Struct, frozen=True, kw_only=True):
    """A service with what can run it.

    Attributes:
        service: The service.
        programs: The programs of its version.
        owner: Whose it is; None where it is this user's.
        env: The variables of its programs.
    """

    service: Service
    programs: Programs
    owner: Owner | None
    env: Mapping[str, str]

    def list_words(
        self, program: str, *args: str, log: Path | None = None
    ) -> list[str]:
        """Return what runs a program of the server's.

        Args:
            program: Its name.
            args: Its arguments.
            log: Where what it says is appended to, if it is to outlive its starter.
        """
        words = [str(self.programs.folder / program), *args]
        options = [] if log is None else ["--away", str(log)]
        if self.owner is not None:
            options += ["--user", f"{self.owner.uid}:{self.owner.gid}"]
        if not options:
            return words
        return [*list_bare(become.__file__), *options, *words]


def list_bare(script: str) -> list[str]:
    """Return what runs a script in an interpreter without anything else."""
    return [sys.executable, "-I", "-S", script]


def open_cluster(service: Service, environ: Mapping[str, str]) -> Cluster:
    """Return a service with what can run it.

    Args:
        service: The service.
        environ: The process environment.

    Raises:
        ComponentError: Its programs are not on this machine.
        SceneshiftError: Its data is of another version, or another user's.
    """
    owner, found = _find_owner(service), read_version(service)
    if found is None and service.data.exists():
        raise SceneshiftError(
            f"{service.data} is there, and is no data of PostgreSQL's",
            hint="put that folder away",
        )
    programs = find_programs(service.major or found, environ.get("PATH", os.defpath))
    if found is not None and found != programs.major:
        raise SceneshiftError(
            f"the data in {service.data} is of PostgreSQL {found}, and it is left as "
            f"it is: PostgreSQL {programs.major} cannot run it",
            hint=f"put that folder away, or have it where it belongs: "
            f"{service.folder.with_name(f'postgresql-{found}')}",
        )
    env = {key: environ[key] for key in _KEPT if key in environ}
    return Cluster(
        service=service,
        programs=programs,
        owner=owner,
        # Without it, PostgreSQL on macOS has several threads, and refuses to start.
        env={"PATH": os.defpath, **env, "LC_ALL": "C"},
    )


def read_version(service: Service) -> int | None:
    """Return the major version of a cluster; None where there is none."""
    try:
        return int((service.data / "PG_VERSION").read_text())
    except (OSError, ValueError):
        return None


def _find_owner(service: Service) -> Owner | None:
    """Return whose the server is to be; None where it is this user's.

    Raises:
        SceneshiftError: Its data is another user's, or there is nobody but root.
    """
    own = service.data.stat().st_uid if service.data.exists() else None
    if os.geteuid() != 0:
        if own not in {None, os.geteuid()}:
            raise SceneshiftError(
                f"{service.data} is another user's: {_name(own or 0)}",
                hint="work here as that user, or put that folder away",
            )
        return None
    if sys.platform != "linux":  # pragma: no cover - needs macOS
        raise SceneshiftError(
            "PostgreSQL refuses to be root's", hint="do this as an ordinary user"
        )
    return _choose_owner(own or service.home.stat().st_uid)


def _choose_owner(uid: int) -> Owner:
    """Return whom root runs it as: whose the project is, where that is somebody."""
    candidates: list[int | str] = [uid] if uid else []
    for each in [*candidates, *_OTHERS]:
        try:  # initdb insists on a user with a name
            found = pwd.getpwuid(each) if isinstance(each, int) else pwd.getpwnam(each)
        except KeyError:
            continue
        return Owner(uid=found.pw_uid, gid=found.pw_gid)
    raise SceneshiftError(
        "PostgreSQL refuses to be root's, and there is no user `postgres` or `nobody`",
        hint="add one: useradd --system postgres",
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def list_others(service: Service) -> list[str]:
    """Return the versions of which there is data besides."""
    places = (service.folder.parent).glob("postgresql*/data/PG_VERSION")
    others = (each.parent for each in places if each.parent != service.data)
    return sorted(str(each) for each in others)


def make_cluster(cluster: Cluster, held: int) -> None:
    """Make the cluster of a service that has none.

    It is made aside, and is there as a whole or not at all, after a power failure too.

    Args:
        cluster: The service, with what can run it.
        held: What initdb holds as well: where this is killed, it goes on by itself, and
            would take away what the next one makes in the same place.

    Raises:
        SceneshiftError: initdb failed, and with which words.
    """
    service = cluster.service
    draft = service.folder / "data.draft"
    shutil.rmtree(draft, ignore_errors=True)  # of one that was killed
    draft.mkdir(mode=0o700)
    owner = cluster.owner or Owner(uid=-1, gid=-1)
    os.chown(draft, owner.uid, owner.gid)
    words = cluster.list_words(
        "initdb",
        *("-D", str(draft), "-U", ROLE, "--encoding=UTF8"),
        # Who can enter the folder of the socket is trusted; nobody else can connect.
        *("--auth-local=trust", "--auth-host=scram-sha-256"),
        *_list_locale(cluster.programs.major),
        *(["--no-sync"] if _has_syncfs() else []),
    )
    done = subprocess.run(
        words,
        env=cluster.env,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        pass_fds=(held,),
    )
    if done.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        raise SceneshiftError(
            f"{service.title} cannot make its data: {find_reason(done.stderr)}",
            hint=f"is there room, and may you write there? df -h {service.folder}",
        )
    _sync(draft)
    shutil.rmtree(service.folder / MADE, ignore_errors=True)  # of one that is gone
    draft.rename(service.data)
    _sync(service.folder)


def _list_locale(major: int) -> list[str]:
    """Return the options for C.UTF-8: byte by byte order, and letters of all scripts.

    No update of the system changes it, as it does with those of languages, whose
    indexes are damaged by that.
    """
    if major >= _BUILT_IN_FROM:
        return ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if sys.platform == "linux":
        return ["--locale=C.UTF-8", "--lc-messages=C"]
    return ["--no-locale", "--lc-ctype=UTF-8"]  # pragma: no cover - needs macOS


def find_reason(said: str) -> str:
    """Return the line of what a program said that tells why it failed."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    words = ("FATAL:", "PANIC:", "error:", "ERROR:")
    told = [line for line in lines if any(word in line for word in words)]
    line = (told or lines or ["nothing"])[-1]
    for word in words:
        line = line.rpartition(word)[2].strip() or line
    return line[:_LONGEST]


def can_sync_at_once(major: int) -> bool:
    """Tell whether a server can have all of its files on the disk by one call."""
    return _has_syncfs() and major >= _SYNCFS_FROM


def _has_syncfs() -> bool:
    return sys.platform == "linux"


def _sync(folder: Path) -> None:
    """Have what is in a folder on the disk.

    By one call for its file system: 0.1 s in place of the 1 to 2 s that initdb takes
    for its thousand files.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not _has_syncfs():  # pragma: no cover - needs macOS, where initdb does it
            os.fsync(handle)
            return
        import ctypes  # noqa: PLC0415 - once for each cluster

        ctypes.CDLL(None).syncfs(handle)
    finally:
        os.close(handle)
