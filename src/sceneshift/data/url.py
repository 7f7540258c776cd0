"""`inv data.url`: the address of a database, as programs get it.

It is made for a pipe, `export X="$(inv data.url --driver none)"`, and comes out whole
there. A terminal keeps what it shows: the password is masked on one unless it is asked
for, and that of a protected environment unless this is confirmed besides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import RefusedError, UsageError
from sceneshift.core.secrets import MASK, mask_secrets
from sceneshift.core.wording import quote
from sceneshift.data.seeding.child.address import (
    OLD_NAMES,
    ONLY_ASYNCPG,
    SSL_MODES,
)
from sceneshift.data.target import Request, load_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sceneshift.data.target import Target

NONE = "none"
_ASYNCPG = "asyncpg"
_DRIVER = re.compile(r"[a-z][a-z0-9_]*")
# As SQLAlchemy reads it, a password ends at the first `@`; whoever has written one
# into it as it is has meant the last one before the host.
_PASSWORD = re.compile(r"([^:]+://[^:/]*:)[^@]*(?:@[^/?@]*(?=@))*(?=@)")


class UrlRequest(Request, frozen=True, kw_only=True):
    """What was asked for.

    Attributes:
        driver: The driver that it is to name, or `NONE`; None means its own.
        is_terminal: Whether a person will see it.
        is_shown: Whether a terminal is to show the password.
    """

    driver: str | None = None
    is_terminal: bool = False
    is_shown: bool = False


def show_url(request: UrlRequest) -> None:
    """Print the address of a database.

    Raises:
        UsageError: There is no such environment or database, or it is not clear which
            one is meant, or the driver is none.
        RefusedError: A protected environment's password would be shown on a terminal.
    """
    console = StreamConsole()
    targets = _find(request)
    found = [
        (each.database.name, _name_driver(each.database.url, request.driver))
        for each in targets
    ]
    if request.is_terminal and not request.is_shown:
        masked = [(name, mask_address(url)) for name, url in found]
        _print(console, targets[0], masked, as_json=request.as_json)
        if masked != found:
            console.note("a password is masked: --show-password shows it here")
        return
    if request.is_terminal:
        _check(targets[0], is_confirmed=request.is_confirmed)
    _print(console, targets[0], found, as_json=request.as_json)


def _find(request: UrlRequest) -> list[Target]:
    if request.as_json:
        return request.load()
    options = {"environment": request.environment, "database": request.database}
    return [load_target(request.root, request.environ, **options)]


def _check(target: Target, *, is_confirmed: bool) -> None:
    if target.project.environment.protected and not is_confirmed:
        name = target.environment
        raise RefusedError(
            f"{quote(name)} is protected, and this would show its password",
            hint=f"look at it masked: inv data.url --env {name}; "
            "or show it nevertheless: --yes",
        )


def _print(
    console: StreamConsole,
    target: Target,
    found: list[tuple[str, str]],
    *,
    as_json: bool,
) -> None:
    if not as_json:
        console.secret_data(f"{found[0][1]}\n")
        return
    import json  # noqa: PLC0415 - 5 ms

    rows = [{"name": name, "url": url} for name, url in found]
    value = {"environment": target.environment, "databases": rows}
    console.secret_data(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def mask_address(url: str) -> str:
    """Return an address without its password, whatever that is written with."""
    return mask_secrets(_PASSWORD.sub(rf"\g<1>{MASK}", url, count=1))


def _name_driver(url: str, driver: str | None) -> str:
    """Return the same address for another driver.

    Raises:
        UsageError: It can be none.
    """
    if driver is None:
        return url
    if not _DRIVER.fullmatch(driver):
        raise UsageError(
            f"{quote(driver)} can be no driver",
            hint="write it as SQLAlchemy has it: --driver psycopg, or --driver none",
        )
    scheme, _, rest = url.partition("://")
    system, _, former = scheme.partition("+")
    place, mark, query = rest.partition("?")
    options = parse_qsl(query, keep_blank_values=True)
    translated = [*_translate(options, former, driver)]
    if translated != options:  # else it stays as it was written
        query = urlencode(translated)
        mark = "?" if query else ""
    system = OLD_NAMES.get(system, system)
    name = system if driver == NONE else f"{system}+{driver}"
    return f"{name}://{place}{mark}{query}"


def _translate(
    options: Iterable[tuple[str, str]], former: str, driver: str
) -> Iterator[tuple[str, str]]:
    """Yield the arguments of a driver for those of another: asyncpg has its own."""
    for name, text in options:
        if former == _ASYNCPG != driver and name == "ssl":
            yield "sslmode", SSL_MODES.get(text.lower(), text)
        elif driver == _ASYNCPG != former and name == "sslmode":
            yield "ssl", text
        elif not (former == _ASYNCPG != driver and name in ONLY_ASYNCPG):
            yield name, text
