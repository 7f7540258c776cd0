"""What is set on a database itself, and is in no copy of it.

CREATE DATABASE with a template and pg_dump without `--create` both leave it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sceneshift.core.blake2 import blake2b
from sceneshift.data.postgresql.server import quote_name, quote_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Asking = Callable[[str], list[tuple[Any, ...]]]

_DATABASE = """\
SELECT to_jsonb(d) || jsonb_build_object(
    'owner', pg_get_userbyid(datdba),
    'encoding', pg_encoding_to_char(encoding),
    'comment', shobj_description(d.oid, 'pg_database'),
    'mine', pg_has_role(datdba, 'USAGE'))
FROM pg_database d WHERE datname = {}
"""
_VARIABLES = """\
SELECT s.setrole, coalesce(r.rolname, ''), unnest(s.setconfig)
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
LEFT JOIN pg_roles r ON r.oid = s.setrole
WHERE d.datname = {}
"""
_OWN = "AND (s.setrole = 0 OR r.rolname = current_user)"
_GRANTS = """\
SELECT coalesce(r.rolname, ''), a.privilege_type, a.is_grantable
FROM pg_database d, aclexplode(d.datacl) a
LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE d.datname = {}
"""
_COLLATIONS_FROM = 15
_LOCALE = (
    *("encoding", "datlocprovider", "datcollate", "datctype"),
    *("daticulocale", "datlocale", "daticurules"),
)
_BUILTIN = {"i": "icu ICU_LOCALE", "b": "builtin BUILTIN_LOCALE"}
# Settings that are lists of names: their text is SQL already, as pg_dump has it
# (variable_is_guc_list_quote in src/bin/pg_dump/dumputils.c).
_LISTS = frozenset(
    {
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    }
)


def find_database(ask: Asking, name: str) -> Mapping[str, Any] | None:
    """Return what is known of a database; None where there is none."""
    rows = ask(_DATABASE.format(quote_text(name)))
    return rows[0][0] if rows else None


def describe_creation(found: Mapping[str, Any], name: str) -> str:
    """Return the statement that makes an empty database of the same language."""
    words = [f"CREATE DATABASE {quote_name(name)} TEMPLATE template0"]
    words.append(f"ENCODING {quote_text(found['encoding'])}")
    words.append(f"LC_COLLATE {quote_text(found['datcollate'])}")
    words.append(f"LC_CTYPE {quote_text(found['datctype'])}")
    provider = found.get("datlocprovider")  # from 15 on
    if provider in _BUILTIN:
        words.append(f"LOCALE_PROVIDER {_BUILTIN[provider]} {_find_locale(found)}")
    return " ".join(words)


def _find_locale(found: Mapping[str, Any]) -> str:
    locale = found.get("datlocale") or found.get("daticulocale")  # of 17, and of 15
    return quote_text(str(locale))


def describe_system(ask: Asking, name: str) -> str:
    """Return what decides on how text is kept and sorted; see `System.description`.

    Besides, who owns what is made, and what sessions in it are set to.

    Args:
        ask: Asks the server.
        name: The database, which may not be there.
    """
    found = find_database(ask, name) or find_database(ask, "template0")
    assert found is not None
    ((user, number),) = ask(
        "SELECT current_user, current_setting('server_version_num')::int"
    )
    major = number // 10_000
    words = ["postgresql", major, *(found.get(each) for each in _LOCALE), user]
    if major >= _COLLATIONS_FROM:
        look = "SELECT pg_database_collation_actual_version({}::oid)"
        ((version,),) = ask(look.format(quote_text(str(found["oid"]))))
        words.append(version)
    set_to = "\n".join(sorted(list_variables(ask, name, is_own=True)))
    if set_to:
        words.append(blake2b(set_to.encode(), digest_size=8).hexdigest())
    return " ".join(str(each) for each in words if each is not None)


def list_options(ask: Asking, found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is missing in a copy, as statements with `{}` for its name."""
    if found["datconnlimit"] >= 0:
        yield f"ALTER DATABASE {{}} CONNECTION LIMIT {found['datconnlimit']}"
    yield from _list_grants(ask, found["datname"])
    yield from list_variables(ask, found["datname"])
    if found["mine"]:  # last: what is another's can no more be changed
        yield f"ALTER DATABASE {{}} OWNER TO {_escape(quote_name(found['owner']))}"


def list_variables(ask: Asking, name: str, *, is_own: bool = False) -> Iterator[str]:
    """Yield the settings of sessions in a database, as statements like those.

    Args:
        ask: Asks the server.
        name: The database.
        is_own: Whether those of this user's sessions alone are meant.
    """
    rows = ask(_VARIABLES.format(quote_text(name)) + (_OWN if is_own else ""))
    for role, role_name, text in rows:
        key, _, value = text.partition("=")
        who = f"ROLE {_escape(quote_name(role_name))} IN DATABASE {{}}"
        what = value if key in _LISTS else quote_text(value)
        setting = ".".join(quote_name(part) for part in key.split("."))
        whose = who if role else "DATABASE {}"
        yield f"ALTER {whose} SET {_escape(setting)} TO {_escape(what)}"


def _list_grants(ask: Asking, name: str) -> Iterator[str]:
    rows = ask(_GRANTS.format(quote_text(name)))
    if rows:  # else they are those that every database has
        yield "REVOKE ALL ON DATABASE {} FROM PUBLIC"
    for role, privilege, is_grantable in rows:
        who = _escape(quote_name(role)) if role else "PUBLIC"
        end = " WITH GRANT OPTION" if is_grantable else ""
        yield f"GRANT {privilege} ON DATABASE {{}} TO {who}{end}"


def _escape(text: str) -> str:
    """Keep braces from being taken for the place of the name."""
    return text.replace("{", "{{").replace("}", "}}")
