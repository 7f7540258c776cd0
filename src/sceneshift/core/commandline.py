"""What is read off a command line: the program that it runs, where that can be told."""

from __future__ import annotations

import re
import shlex

_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)=")
# Servers that are no web servers, by what clients' URLs of them begin with.
_SCHEMES = {
    "keydb-server": "redis",
    "mariadbd": "mysql",
    "memcached": "memcached",
    "mongod": "mongodb",
    "mysqld": "mysql",
    "nats-server": "nats",
    "postgres": "postgresql",
    "redis-server": "redis",
    "valkey-server": "redis",
}
_COMPOUND = frozenset(";&|<>()")
# What only the shell can tell: expansions, patterns and a user's home folder.
_EXPANDED = frozenset("$`*?[{~")
# Reserved words and built-in commands of POSIX, 2.4, 2.14 and 1.7 of its shell
# volume, and those that dash and bash have besides.
_SHELL_WORDS = frozenset(
    """
    ! { } case do done elif else esac fi for if in then until while function select
    [[ ]] . : break continue eval exec exit export readonly return set shift times
    trap unset alias bg bind builtin cd command declare dirs disown enable fc fg
    getopts hash help history jobs let local logout popd pushd read shopt source
    suspend type typeset ulimit umask unalias wait test [ echo printf true false kill
    pwd
    """.split()  # noqa: SIM905 - a line for each word would hide the sense
)


def find_scheme(command: str) -> str:
    """Return what the address of a command begins with: `http`, unless it is known.

    A process `redis` makes a variable REDIS_URL, which a client library may well take
    by itself: it is to be one that the library understands.
    """
    program = find_program(command) or ""
    return _SCHEMES.get(program.rpartition("/")[2], "http")


def find_program(command: str) -> str | None:
    """Return the program that a simple command runs, as the line says it, or None.

    A simple command is one program with arguments, after assignments and `exec`.
    Of anything else only the shell knows what it runs.
    """
    for word in _split(command):
        assignment = _ASSIGNMENT.match(word)
        if assignment is not None and assignment["name"] != "PATH":
            continue
        if word == "exec":
            continue
        is_plain = assignment is None and not _EXPANDED.intersection(word)
        is_option = word.startswith("-")
        return word if is_plain and not is_option and word not in _SHELL_WORDS else None
    return None


def _split(command: str) -> list[str]:
    """Return the words of a simple command, none of any other."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:
        return []
    is_compound = any(word and _COMPOUND.issuperset(word) for word in words)
    return [] if is_compound else words
