"""Becoming a program that is to outlive whoever starts it, or must not be root's.

`python -I -S become.py [--user UID:GID] [--away LOG] PROGRAM [ARGUMENT …]`

PostgreSQL refuses to be root's, and another user often cannot enter the project's
folder, which may be in root's home. On Linux that user is given one of root's rights,
to pass by what folders and files say about access, and no other: see capabilities(7).
Containers have it unless somebody takes it from them.
"""

# It measures nothing: the interpreter has no site, and turns into something else.
from __future__ import annotations  # pragma: no cover

import os  # pragma: no cover
import sys  # pragma: no cover

_KEEPS_RIGHTS = 1 << 2  # SECBIT_NO_SETUID_FIXUP: access(2) heeds them, too
_SET_SECUREBITS, _AMBIENT, _RAISE = 28, 47, 2  # prctl(2)
_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
_DAC_OVERRIDE = 1


def main(words: list[str]) -> None:  # pragma: no cover
    """Become the program that is named."""
    user, log = None, None
    while words[0].startswith("--"):
        if words[0] == "--user":
            user = words[1]
        else:
            log = words[1]
        words = words[2:]
    os.umask(0o077)
    if log is not None:
        _leave(log)
    if user is not None:
        uid, gid = map(int, user.split(":"))
        _lessen(uid, gid)
    try:
        os.execv(words[0], words)  # noqa: S606
    except OSError as error:
        sys.exit(f"{words[0]}: {error.strerror}")


def _leave(log: str) -> None:  # pragma: no cover
    """Be nobody's child, with a file for what is said."""
    if os.fork():
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for number, source in enumerate([nothing, output, output]):
        os.dup2(source, number)
    os.close(nothing)
    os.close(output)


def _lessen(uid: int, gid: int) -> None:  # pragma: no cover
    """Be another user, who keeps one right where that can be."""
    import ctypes  # noqa: PLC0415 - of root alone

    libc = ctypes.CDLL(None)
    libc.prctl(_SET_SECUREBITS, _KEEPS_RIGHTS, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    bit = 1 << _DAC_OVERRIDE
    head = (ctypes.c_uint32 * 2)(_VERSION, 0)
    # Effective, permitted, inheritable; the upper halves of them.
    rights = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    if libc.capset(head, rights):  # it has not that one: what it can reach is enough
        libc.capset(head, (ctypes.c_uint32 * 6)())
        return
    libc.prctl(_AMBIENT, _RAISE, _DAC_OVERRIDE, 0, 0)


if __name__ == "__main__":  # pragma: no cover
    main(sys.argv[1:])
