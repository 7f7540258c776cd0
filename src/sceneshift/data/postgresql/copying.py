"""Making a worktree's database on a PostgreSQL server, as a copy of another.

Everything is done in a draft, a database of another name. It gets its name when it is
whole: a name that is there is that of a finished database, wherever a copy was killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.blake2 import blake2b
from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.postgresql.server import (
    Server,
    StatementError,
    quote_name,
    quote_text,
)
from sceneshift.data.postgresql.settings import (
    describe_creation,
    find_database,
    list_options,
)
from sceneshift.data.postgresql.tools import find_tools, pipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

_INVALID = -2  # an interrupted DROP leaves it so, and it can only be dropped
_MARK, _OTHERS = "sceneshift worktree", "others"
# Whoever may do everything keeps all; others what they may have.
_OPTIONS: Mapping[bool, Sequence[tuple[str, ...]]] = {
    True: [()],
    False: [("--no-owner",), ("--no-owner", "--no-acl")],
}


class Copied(Struct, frozen=True, kw_only=True):
    """What was made.

    Attributes:
        is_new: Whether it was not there already.
        is_copy: Whether it has what the original has.
        problem: Why it has not, though there is an original.
        lost: What of the original could not be set on the copy.
        owner: The checkout whose mark it bears, another one where it bears several;
            None where it bears none.
    """

    is_new: bool = True
    is_copy: bool = False
    problem: str | None = None
    lost: tuple[str, ...] = ()
    owner: str | None = None


def make_copy(
    server: Server,
    origin: str,
    name: str,
    *,
    root: str,
    keep: Callable[[], None],
) -> Copied:
    """Make a database that is a copy of another, unless it is there.

    It is empty where there is no original, or where that cannot be copied.

    Args:
        server: The server of both.
        origin: The original.
        name: The database.
        root: The checkout that it is for.
        keep: Writes down that it is made for the checkout; called before it is.

    Raises:
        SceneshiftError: It cannot be made; nothing is left.
    """
    server.lock(name)
    with contextlib.suppress(StatementError):  # another user's is in nobody's way
        sweep_drafts(server, name)
    found = find_database(server.ask, name)
    if found is not None and found["datconnlimit"] != _INVALID:
        owners = read_mark(found["comment"])
        if owners:  # else somebody has made it by hand
            keep()
            _add_mark(server, name, owners, root)
        others = [each for each in owners if each != root]
        owner = next(iter(others or owners), None)
        return Copied(is_new=False, is_copy=True, owner=owner)
    keep()
    server.drop(name)
    draft = f"{_start_draft(name)}{secrets.token_hex(4)}"
    try:
        copied = _fill(server, origin, draft)
        mark = quote_text(write_mark(root))
        server.run(f"COMMENT ON DATABASE {quote_name(draft)} IS {mark}")
        server.run(f"ALTER DATABASE {quote_name(draft)} RENAME TO {quote_name(name)}")
    except BaseException:
        with contextlib.suppress(SceneshiftError):
            server.drop(draft, is_forced=True)
        raise
    return copied


def sweep_drafts(server: Server, name: str) -> None:
    """Drop what copies that were killed have left; the lock is held.

    Raises:
        StatementError: The server refused it.
    """
    for draft in server.list_names(_start_draft(name)):
        server.drop(draft, is_forced=True)


def write_mark(*roots: str) -> str:
    """Return the comment that says for which checkouts a database is."""
    return json.dumps({_MARK: roots[0], _OTHERS: roots[1:]})


def read_mark(comment: str | None) -> tuple[str, ...]:
    """Return the checkouts that a comment names; none where it is another comment."""
    try:
        found = json.loads(comment or "")
    except ValueError:
        return ()
    if not isinstance(found, dict) or not isinstance(found.get(_MARK), str):
        return ()
    others = found.get(_OTHERS)
    return (found[_MARK], *(map(str, others) if isinstance(others, list) else ()))


def _add_mark(server: Server, name: str, owners: Sequence[str], root: str) -> None:
    """Have a database that two clones came upon be dropped for neither alone."""
    if root in owners:
        return
    mark = quote_text(write_mark(*owners, root))
    with contextlib.suppress(StatementError):  # another user's
        server.run(f"COMMENT ON DATABASE {quote_name(name)} IS {mark}")


def _start_draft(name: str) -> str:
    key = blake2b(name.encode(), digest_size=8).hexdigest()
    return f"sceneshift_new_{key}_"


def _fill(server: Server, origin: str, draft: str) -> Copied:
    """Make the draft, with all that the original has if that can be."""
    found = find_database(server.ask, origin)
    if found is None:
        server.run(f"CREATE DATABASE {draft}")
        return Copied()
    try:
        if not _clone(server, origin, draft):
            dump(server, found, draft)
    except SceneshiftError as error:
        server.drop(draft, is_forced=True)
        server.run(f"CREATE DATABASE {draft}")
        hint = f"; {error.hint}" if isinstance(error, ComponentError) else ""
        return Copied(problem=f"{error.message}{hint}")
    return Copied(is_copy=True, lost=tuple(_replay(server, found, draft)))


def _clone(server: Server, origin: str, draft: str) -> bool:
    """Have the server copy it; tell whether it would: nobody may be in it."""
    if server.count_sessions(origin):
        return False
    try:
        server.run(f"CREATE DATABASE {draft} TEMPLATE {quote_name(origin)}")
    except StatementError:  # somebody came, or it is not this user's, or of old locales
        return False
    return True


def dump(server: Server, found: Mapping[str, Any], draft: str) -> None:
    """Copy a database through a dump, which others who are in it do not notice.

    Args:
        server: The server.
        found: What `find_database` says of the database.
        draft: The copy, whose name is plain.

    Raises:
        SceneshiftError: It cannot be copied.
    """
    url = server.url.set(database=found["datname"])
    tools = find_tools(server.major, os.environ.get("PATH", os.defpath), url)
    tries = [*_OPTIONS[server.is_superuser()]]
    while tries:
        server.drop(draft, is_forced=True)
        server.run(describe_creation(found, draft))
        try:
            pipe(url, draft, tools=tools, options=tries.pop(0))
        except SceneshiftError:
            if not tries:
                raise
        else:
            return


def _replay(server: Server, found: Mapping[str, Any], draft: str) -> Iterator[str]:
    """Set what a copy does not have by itself; yield what the server refuses."""
    if not found["mine"]:  # given away, it could be neither marked nor dropped
        owner = quote_name(found["owner"])
        yield f"ALTER DATABASE {quote(found['datname'])} OWNER TO {owner}"
    for statement in [*list_options(server.ask, found)]:
        try:
            server.run(statement.format(draft))
        except StatementError:
            told = statement.format(quote(found["datname"]))
            # A setting may be a secret, as `pgrst.jwt_secret` of PostgREST is.
            yield told.partition(" TO ")[0] if " SET " in told else told
