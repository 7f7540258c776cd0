"""Entries of browsers: what they say, and what can be told without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sceneshift.core.holders import find_holder
from sceneshift.core.wording import name_few, quote
from sceneshift.core.worktree import find_worktree
from sceneshift.ide.doctor.findings import Finding, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEPTH = 4  # of folders in which sources are looked for
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


def check_web_root(resolved: Mapping[str, Any], root: Path) -> Iterator[Finding]:
    """Yield what is wrong with `webRoot`, or the file that is opened.

    Source maps are found by it: where it is not the root of Vite, no breakpoint is
    ever hit.
    """
    folder = get_web_root(resolved, root)
    if not folder.is_dir():
        yield Finding(
            kind=Kind.WRONG_WEB_ROOT,
            text=f"there is no folder {folder}, its `webRoot`",
            hint="write the folder of vite.config",
        )
        return
    roots = find_vite_roots(root)
    if roots and folder.resolve() not in {each.resolve() for each in roots}:
        yield Finding(
            kind=Kind.WRONG_WEB_ROOT,
            text=f"`webRoot` is {folder}, which is not the root of Vite: "
            f"{name_few([str(each) for each in roots], 2)}",
            hint=f'write "webRoot": "{describe_folder(roots[0], root)}"',
        )


def get_web_root(resolved: Mapping[str, Any], root: Path) -> Path:
    """Return the folder by which sources are found; that of the project by default."""
    return Path(root, str(resolved.get("webRoot") or root))


def describe_folder(folder: Path, root: Path) -> str:
    """Return a folder of the project as launch.json names it."""
    inside = folder.relative_to(root).as_posix()
    return "${workspaceFolder}" + ("" if inside == "." else f"/{inside}")


def find_vite_roots(root: Path) -> list[Path]:
    """Return the folders with a configuration of Vite."""
    return [
        folder
        for folder in list_folders(root)
        if next(folder.glob("vite.config.*"), None) is not None
    ]


def list_folders(root: Path) -> Iterator[Path]:
    """Yield the folders that may have sources, the upper ones first."""
    folders = [root]
    for _ in range(_DEPTH):
        below = []
        for folder in folders:
            yield folder
            below += [
                each
                for each in sorted(folder.iterdir())
                if each.is_dir()
                and not each.is_symlink()
                and not each.name.startswith(".")
                and each.name not in {"node_modules", "dist", "__pycache__"}
            ]
        folders = below


def find_page(resolved: Mapping[str, Any]) -> tuple[str, int, str] | None:
    """Return host, port and path of the page; None where none is named by http."""
    try:
        url = urlsplit(str(resolved.get("url") or ""))
        port = url.port or (443 if url.scheme == "https" else 80)
    except ValueError:
        return None
    if url.scheme not in {"http", "https"} or not url.hostname:
        return None
    return url.hostname, port, url.path or "/"


def find_url(resolved: Mapping[str, Any], root: Path) -> str:
    """Return the address of the page, or of the file that is one."""
    file = resolved.get("file")
    if resolved.get("url") or not file:
        return str(resolved.get("url") or "")
    return Path(root, str(file)).absolute().as_uri()


def find_address(resolved: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return where an entry attaches to a browser; None where it does not."""
    port = str(resolved.get("port", ""))
    if resolved.get("request") != "attach" or not port.isdigit():
        return None
    return str(resolved.get("address") or "localhost"), int(port)


def check_attach(
    resolved: Mapping[str, Any], root: Path, *, has_task: bool
) -> Iterator[Finding]:
    """Yield what is wrong with an entry that attaches to a browser."""
    address = find_address(resolved)
    if address is None:
        yield Finding(
            kind=Kind.BAD_VALUE,
            text="the port that it attaches to is no number: "
            f"{quote(str(resolved.get('port')))}",
            hint='write "port": 9222, that of --remote-debugging-port',
        )
        return
    host, port = address
    if host in _LOCAL and not has_task and find_holder(port, root=root) is None:
        yield Finding(
            kind=Kind.PORT_CLOSED,
            text=f"nothing listens at port {port}, which it attaches to",
            hint="have a browser opened with it: inv debug.frontend",
        )


def explain(hint: str, root: Path) -> str:
    """Return a hint about a port; those of a linked worktree are others."""
    if find_worktree(root) is None:
        return hint
    return "this is a linked worktree: entries name the ports of the main checkout"


def check_url(resolved: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield that there is no page; who attaches may take any."""
    if resolved.get("request") == "attach" and not resolved.get("url"):
        return
    if "file" not in resolved and find_page(resolved) is None:
        yield Finding(
            kind=Kind.BAD_VALUE,
            text=f"its `url` is none: {quote(str(resolved.get('url')))}",
            hint='write "url": "http://127.0.0.1:5173/"',
        )
