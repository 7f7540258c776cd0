"""What of the machine stands in the way: limits, file systems, proxies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.core.check import Verdict, fail, ok, skip, warn
from sceneshift.core.git import ask_git
from sceneshift.core.mounts import SILENT_SYSTEMS, find_file_system

if TYPE_CHECKING:
    from collections.abc import Mapping

_INOTIFY = Path("/proc/sys/fs/inotify")
_MOUNTS = Path("/proc/self/mounts")
_ENOUGH = 524_288
_UNWATCHED = frozenset({"node_modules", "__pycache__"})
_NETWORK = frozenset(
    {"afpfs", "cifs", "fuse.sshfs", "nfs", "nfs4", "smb3", "smbfs", "ncpfs"}
)
_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_LOCAL = ("localhost", "127.0.0.1")


def check_watches(root: Path, limits: Path = _INOTIFY) -> Verdict:
    """Compare the folders that would be watched with what the system allows."""
    if sys.platform != "linux":  # pragma: no cover - needs macOS
        return skip("there is no such limit on this system")
    try:
        most = int((limits / "max_user_watches").read_text())
    except (OSError, ValueError):
        return skip("the system does not tell its limit")
    count = count_folders(root)
    detail = f"{count:,} folders to watch, {most:,} are allowed for all programs"
    remedy = f"sudo sysctl fs.inotify.max_user_watches={_ENOUGH}"
    if count >= most:
        return fail(detail, remedy)
    return warn(detail, remedy) if count * 2 >= most else ok(detail)


def count_folders(root: Path) -> int:
    """Return how many folders are not ignored: git knows, else it is guessed."""
    words = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = ask_git(root, *words, limit_s=1.0)
    if listed is None:
        return sum(1 for _ in _walk(root))
    folders = {""}
    for file in listed.split(b"\0"):
        folder = os.path.dirname(os.fsdecode(file))  # noqa: PTH120 - thousands of them
        while folder not in folders:
            folders.add(folder)
            folder = os.path.dirname(folder)  # noqa: PTH120
    return len(folders)


def _walk(root: Path) -> list[str]:
    found = []
    for folder, below, _ in os.walk(root):
        below[:] = [name for name in below if name not in _UNWATCHED and name[0] != "."]
        found.append(folder)
    return found


def check_case(root: Path) -> Verdict:
    """Tell whether names that differ by case alone are one file here."""
    probe = next(
        (
            name
            for name in ("tasks.py", "pyproject.toml", "Procfile.dev", "Procfile")
            if (root / name).exists()
        ),
        None,
    )
    if probe is None:
        return skip("there is no file to try it with")
    other = root / probe.swapcase()
    if other.exists() and other.samefile(root / probe):
        return warn(
            "names that differ by case alone are one file here, and two elsewhere",
            "see names that clash: git ls-files | sort -f | uniq -di",
        )
    return ok("case counts")


def check_file_system(root: Path, mounts: Path = _MOUNTS) -> Verdict:
    """Tell whether the project is on another machine's disk."""
    try:
        text = mounts.read_text(encoding="utf-8", errors="replace")
    except OSError:  # pragma: no cover - macOS
        return skip("this system does not tell its mounts so")
    kind = find_file_system(str(root.resolve()), text)
    if kind in SILENT_SYSTEMS | _NETWORK:
        told = (
            "its changes are found by polling"
            if kind in SILENT_SYSTEMS
            else "it is slow"
        )
        remedy = "move the project to a local disk"
        return warn(
            f"the project is on another machine's disk ({kind}): {told}", remedy
        )
    return ok(kind or "unknown")


def check_proxy(environ: Mapping[str, str]) -> Verdict:
    """Tell whether a proxy catches what is meant for this machine."""
    name = next((each for each in _PROXIES if environ.get(each)), None)
    if name is None:
        return ok("no proxy for http is set")
    kept = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    hosts = [each.strip() for each in kept.split(",")]
    missing = [each for each in _LOCAL if each not in hosts]
    if "*" in hosts or not missing:
        return ok(f"{name} leaves this machine alone")
    value = ",".join(filter(None, [kept, *missing]))
    return warn(
        f"{name} catches requests to {' and '.join(missing)}",
        f"export no_proxy={value} NO_PROXY={value}",
    )
