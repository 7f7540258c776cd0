"""Whether a plain name leads to this machine, or into a network of containers.

A name without dots may be that of a container, or of a server of the company, where a
resolver puts a domain behind it. That is only known by asking the resolver.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sceneshift.core.errors import RefusedError
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import URL

# Docker, Podman, and what systemd knows of: there, plain names are those of others.
_SIGNS = (
    Path("/.dockerenv"),
    Path("/run/.containerenv"),
    Path("/run/systemd/container"),
)
_POD = "KUBERNETES_SERVICE_HOST"


def refuse_far(url: URL, environ: Mapping[str, str]) -> None:
    """Refuse a server that is on another machine, as far as its name tells.

    Args:
        url: An address of it.
        environ: The process environment.

    Raises:
        RefusedError: Its name leads to another machine, and this is no container.
    """
    if _POD in environ or any(sign.exists() for sign in _SIGNS):
        return
    for host in _list_hosts(url, environ):
        address = _find_far(host)
        if address is not None:
            raise RefusedError(
                f"{quote(host)} is on another machine: {address}",
                hint="a worktree's databases are made on this one alone",
            )


def _list_hosts(url: URL, environ: Mapping[str, str]) -> Iterator[str]:
    given = url.query.get("host") or url.host or environ.get("PGHOST", "")
    for each in (given,) if isinstance(given, str) else given:
        for host in each.split(","):
            if host and not host.startswith(("/", "@")):  # else a socket's folder
                yield host


def _find_far(host: str) -> str | None:
    """Return an address of a host, none of which is this machine's."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except OSError:  # whoever connects is told
        return None
    if any(_is_here(family, address) for family, _, _, _, address in found):
        return None
    return str(found[0][4][0])


def _is_here(family: int, address: Any) -> bool:
    """Tell whether an address is one of this machine: others cannot be bound."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(address)
        except OSError:
            return False
    return True
