"""Entries of browsers: what can be told without one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sceneshift.core.wording import name_few, quote
from sceneshift.ide.doctor.call import Call
from sceneshift.ide.doctor.findings import Finding, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sceneshift.ide.dap.client import Client

_DEPTH = 4  # of folders in which a Vite root is looked for
_ANSWER_S = 10.0


def check_web_root(resolved: Mapping[str, Any], root: Path) -> Iterator[Finding]:
    """Yield what is wrong with `webRoot`, or the file that is opened.

    Source maps are found by it: where it is not the root of Vite, no breakpoint is
    ever hit.
    """
    folder = Path(root, str(resolved.get("webRoot") or root))
    if not folder.is_dir():
        yield Finding(
            kind=Kind.WRONG_WEB_ROOT,
            text=f"there is no folder {folder}, its `webRoot`",
            hint="write the folder of vite.config",
        )
        return
    roots = find_vite_roots(root)
    if roots and folder.resolve() not in {each.resolve() for each in roots}:
        inside = [each.relative_to(root).as_posix() for each in roots]
        yield Finding(
            kind=Kind.WRONG_WEB_ROOT,
            text=f"`webRoot` is {folder}, which is not the root of Vite: "
            f"{name_few([str(each) for each in roots], 2)}",
            hint=f'write "webRoot": "${{workspaceFolder}}/{inside[0]}"',
        )


def find_vite_roots(root: Path) -> list[Path]:
    """Return the folders with a configuration of Vite."""
    found = []
    folders = [root]
    for _ in range(_DEPTH):
        below = []
        for folder in folders:
            if next(folder.glob("vite.config.*"), None) is not None:
                found.append(folder)
            below += [
                each
                for each in sorted(folder.iterdir())
                if each.is_dir()
                and not each.is_symlink()
                and not each.name.startswith(".")
                and each.name not in {"node_modules", "dist", "__pycache__"}
            ]
        folders = below
    return found


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


def check_url(resolved: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield that there is no page."""
    if "file" not in resolved and find_page(resolved) is None:
        yield Finding(
            kind=Kind.BAD_VALUE,
            text=f"its `url` is none: {quote(str(resolved.get('url')))}",
            hint='write "url": "http://127.0.0.1:5173/"',
        )


def ask_page(client: Client, page: tuple[str, int, str]) -> int | None:
    """Return the code that the page is answered with; None where nothing answers."""
    call = Call(client, *page)
    client.wait(lambda: call.is_over, limit_s=_ANSWER_S)
    return call.status
