"""A zygote that is spoken to as the supervisor does."""

from __future__ import annotations

import errno
import os
import signal
import socket
from typing import TYPE_CHECKING

import psutil
import pytest

from memory import count_own_bytes
from sceneshift.core.processes import children, find_process
from sceneshift.dev.zygote.server import _forget_children, _watch_children
from sceneshift.dev.zygote.words import REPORT
from support import wait_until
from zygotes import answer, take

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zygotes import Zygote

MEMORY = 16 << 20


def test_a_zygote_of_nobody_ends(zygote: Zygote) -> None:
    """Its supervisor was gone before the first word."""
    zygote.channel.close()
    assert zygote.process.wait(30) == 0


def test_a_parked_child_goes_on_when_it_is_told(zygote: Zygote) -> None:
    """Not before: nothing of the project has run until then."""
    zygote.begin("print('ran', flush=True)\n")
    child = zygote.fork()
    parked = child.next("parked")
    assert (parked["at"], parked["head"]) == (str(zygote.root / "app.py"), [0, None])
    assert zygote.read_output() == ""
    child.tell(op="go")
    assert child.wait_end() == 0
    assert zygote.read_output() == "ran\n"


def test_a_child_that_does_not_wait_finds_what_is_new(zygote: Zygote) -> None:
    """Also in a folder that the zygote has listed, and whose time is what it was."""
    zygote.begin("import fresh\n", preload=["wave"])
    before = zygote.root.stat().st_mtime_ns
    (zygote.root / "fresh.py").write_text("print('found', flush=True)\n")
    os.utime(zygote.root, ns=(before, before))
    assert zygote.fork(park=False).wait_end() == 0
    assert zygote.read_output() == "found\n"


def test_what_waits_ends_with_the_supervisor(zygote: Zygote) -> None:
    """Its own line is enough: the zygote may be at work still."""
    zygote.begin("")
    child = zygote.fork()
    child.next("parked")
    child.channel.close()
    assert child.wait_end() == 0


def test_all_children_end_with_the_supervisor(zygote: Zygote) -> None:
    """Those that wait and those that run."""
    zygote.begin("import time\nprint('up', flush=True)\ntime.sleep(300)\n")
    zygote.fork().next("parked")
    zygote.fork(park=False)
    wait_until(lambda: zygote.read_output() == "up\n")
    pids = [entry.pid for entry in children(zygote.process.pid)]
    assert len(pids) == 2
    zygote.channel.close()
    assert zygote.process.wait(30) == 0
    wait_until(lambda: not any(map(_runs, pids)))


WRITES = (
    "import ground, time\n"
    "for at in range(0, len(ground.memory), 4096): ground.memory[at] = 1\n"
    "print('written', flush=True)\n"
    "time.sleep(300)\n"
)


def test_what_waits_has_the_memory_that_its_like_has_written(zygote: Zygote) -> None:
    """A reload then takes no fault for it; until it is told, it shares it still."""
    flags = "mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS"
    ground = f"import mmap\nmemory = mmap.mmap(-1, {MEMORY}, flags={flags})\n"
    (zygote.root / "ground.py").write_text(f"{ground}memory.write(bytes({MEMORY}))\n")
    zygote.begin(WRITES, preload=["ground"])
    like = zygote.fork(park=False)
    wait_until(lambda: zygote.read_output() == "written\n")
    child = zygote.fork()
    child.next("parked")
    assert count_own_bytes(child.pid) < MEMORY
    child.tell(op="take", like=like.pid)
    wait_until(lambda: count_own_bytes(child.pid) > MEMORY)


def test_a_child_names_what_its_zygote_has_not(zygote: Zygote) -> None:
    """And all of the project's modules, for those are never in one."""
    (zygote.root / "own.py").write_text("import colorsys, wave\n")
    source = "import own, time\nprint('up', flush=True)\ntime.sleep(300)\n"
    zygote.begin(source, preload=["wave"])
    child = zygote.fork(park=False)
    wait_until(lambda: zygote.read_output() == "up\n")
    os.kill(child.pid, REPORT)
    said = child.next("modules")
    assert said["own"] == ["own"]
    assert "colorsys" in said["foreign"]
    assert not {"wave", "os"} & set(said["foreign"])


EFFECTS = (
    "import atexit, sqlite3, sys\n"
    "atexit.register(lambda: sqlite3.connect(':memory:').close())\n"
)


@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        ("import no_such_module", 1, "No module named 'no_such_module'"),
        ("sys.exit('no key')\nimport os", 1, "no key"),
        ("sys.exit(3)\nimport os", 3, ""),
    ],
)
def test_a_child_that_has_failed_does_not_wait(
    zygote: Zygote, ending: str, code: int, said: str
) -> None:
    """Its last effects would have it parked, and be taken for the next reload."""
    hot = zygote.root / "hot.py"
    hot.write_text(f"{EFFECTS}{ending}\n")
    zygote.begin("import hot\n")
    child = zygote.fork(hot=[hot])
    assert child.wait_end() == code
    assert said in zygote.read_output()


def test_an_import_ahead_that_fails_is_the_end(zygote: Zygote) -> None:
    """Whatever the program's own hook for errors does."""
    hook = "sys.excepthook = lambda *_: sqlite3.connect(':memory:').close()\n"
    hot = zygote.root / "hot.py"
    hot.write_text("")
    (zygote.root / "bad.py").write_text(f"import sqlite3, sys\n{hook}1 / 0\n")
    zygote.begin("")
    child = zygote.fork()
    child.next("parked")
    child.tell(op="import", modules=["gone", "bad"], main=None, hot=[str(hot)])
    assert child.wait_end() == 1


def test_a_program_that_ends_by_itself_has_its_effects_later(zygote: Zygote) -> None:
    """It has not failed, so what it does at its end waits for the word."""
    hot = zygote.root / "hot.py"
    hot.write_text("")
    zygote.begin(f"{EFFECTS}sys.exit(0)\n")
    child = zygote.fork(hot=[hot])
    assert child.next("parked")["at"] == "sqlite3.connect"
    child.tell(op="go")
    assert child.wait_end() == 0


BINDS = (
    "import socket, sys\n"
    "sock = socket.socket()\n"
    "try:\n"
    "    sock.bind(('127.0.0.1', 1))\n"
    "except OSError as error:\n"
    "    sys.exit(error.errno)\n"
)


def test_an_address_that_cannot_be_had_is_an_error_of_bind(zygote: Zygote) -> None:
    """The program's own `bind` raises what the supervisor's did."""
    zygote.begin(BINDS)
    child = zygote.fork(park=False)
    asked = child.next("bind")
    assert asked["key"] == f"{int(socket.AF_INET)}/127.0.0.1/1"
    answer(asked, {"op": "refused", "errno": errno.EADDRINUSE})
    assert child.wait_end() == errno.EADDRINUSE


def test_a_program_that_waits_for_an_address_ends_with_the_supervisor(
    zygote: Zygote,
) -> None:
    """Nobody would ever answer."""
    zygote.begin(BINDS)
    child = zygote.fork(park=False)
    asked = child.next("bind")
    child.channel.close()
    os.close(asked["fds"][0])
    assert child.wait_end() == 0


TAKES = BINDS.replace("import socket, sys", "import os, socket, sys") + (
    "print(os.fstat(sock.fileno()).st_ino, flush=True)\n"
)


def test_the_newest_socket_of_an_address_is_the_one(zygote: Zygote) -> None:
    """One that was held before is replaced; one that is given up is asked for."""
    zygote.begin(TAKES)
    key = f"{int(socket.AF_INET)}/127.0.0.1/1"
    with socket.socket() as old, socket.socket() as new:
        for each in (old, new):
            hold(zygote, key, each)
        child = zygote.fork(park=False)
        assert child.next("bound")["key"] == key
        child.tell(op="serve")
        assert child.wait_end() == 0
        assert zygote.read_output() == f"{os.fstat(new.fileno()).st_ino}\n"
        for _ in range(2):
            zygote.channel.send({"op": "release", "user": 0, "key": key})
        child = zygote.fork(park=False)
        child.bind(old)
        child.tell(op="serve")
        assert child.wait_end() == 0
        assert zygote.read_output() == f"{os.fstat(old.fileno()).st_ino}\n"


def hold(zygote: Zygote, key: str, sock: socket.socket, user: int = 0) -> None:
    """Give the children of a user a socket."""
    zygote.channel.send({"op": "hold", "user": user, "key": key}, (sock.fileno(),))


def test_a_child_has_the_sockets_of_its_own_user_alone(zygote: Zygote) -> None:
    """The port of another environment is free as soon as that gives it up."""
    zygote.begin(LISTED)
    with socket.socket() as theirs, socket.socket() as ours:
        hold(zygote, "theirs", theirs, user=1)
        hold(zygote, "ours", ours, user=2)
        child = zygote.fork(park=False, user=2)
        assert child.wait_end() == 0
        inodes = zygote.read_output().split()
        assert str(os.fstat(ours.fileno()).st_ino) in inodes
        assert str(os.fstat(theirs.fileno()).st_ino) not in inodes


LISTED = """\
import os, stat
for fd in range(256):
    try:
        status = os.fstat(fd)
    except OSError:
        continue
    if stat.S_ISSOCK(status.st_mode):
        print(status.st_ino, flush=True)
"""


SHOWS = """\
import os, subprocess, sys
show = (
    "import os; names = 'HOME', 'ADDED', 'PATH';"
    "print(ascii([os.environ.get(name) for name in names]), flush=True)"
)
exec(show)
subprocess.run([sys.executable, "-c", show])
"""


def test_a_child_may_have_other_variables_than_the_zygote(zygote: Zygote) -> None:
    """Another value, a new one, or none; so has what it starts."""
    zygote.begin(SHOWS)
    assert os.environ["PATH"]
    child = zygote.fork(park=False, HOME="ä\udc80", ADDED="1", PATH=None, LACKS=None)
    assert child.wait_end() == 0
    said = zygote.read_output().splitlines()
    assert said == [ascii(["ä\udc80", "1", None])] * 2


def test_a_server_of_the_standard_library_tells_requests_the_childs_variables(
    zygote: Zygote,
) -> None:
    """It has copied all when it was imported, which is no reason not to share it."""
    show = (
        "from wsgiref.handlers import BaseHandler as Handler\n"
        "print(Handler.os_environ.get('ADDED'), 'HOME' in Handler.os_environ)\n"
    )
    names = ["wsgiref.simple_server", "wsgiref.handlers"]
    zygote.begin(show, preload=names)
    assert zygote.told["reads"] is not None
    assert zygote.fork(park=False, ADDED="1", HOME=None).wait_end() == 0
    assert zygote.read_output() == "1 False\n"


def has_ended(pid: int) -> bool:
    """Say whether a process runs no more, reaped or not."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_who_leaves_takes_its_children_along(zygote: Zygote) -> None:
    """Those of others stay, and so does the zygote."""
    zygote.begin("import time\nprint('there', flush=True)\ntime.sleep(300)\n")
    first, second = (zygote.fork(park=False, user=user) for user in (1, 2))
    wait_until(zygote.read_output)
    zygote.channel.send({"op": "leave", "user": 1})
    assert take(zygote.channel, "left")["user"] == 1
    assert has_ended(first.pid)
    assert not has_ended(second.pid)
    assert first.wait_end() == -signal.SIGKILL
    zygote.channel.send({"op": "leave", "user": 1})
    third = zygote.fork(park=False, user=2)
    os.kill(third.pid, 0)


def test_what_is_imported_ahead_tells_what_it_has_read(zygote: Zygote) -> None:
    """With each import more."""
    (zygote.root / "early.py").write_text("import os\nos.environ.get('EARLY')\n")
    (zygote.root / "later.py").write_text("import os\nos.environ.get('LATER')\n")
    (zygote.root / "all.py").write_text("import os\ndict(os.environ)\n")
    zygote.begin("", preload=["early"])
    assert "EARLY" in zygote.told["reads"]
    at_start = {*zygote.told["reads"]} - {"EARLY"}  # by what is installed here
    reads = []
    for name in ("later", "all"):
        zygote.channel.send({"op": "preload", "modules": [name]})
        reads.append(take(zygote.channel, "preloaded")["reads"])
    assert reads == [sorted({*at_start, "EARLY", "LATER"}), None]


def test_a_program_that_waits_for_its_turn_ends_with_the_supervisor(
    zygote: Zygote,
) -> None:
    """Nor does any other word let it go on."""
    zygote.begin(TAKES)
    child = zygote.fork(park=False)
    with socket.socket() as sock:
        child.bind(sock)
        assert child.next("bound")["waits"]
        child.tell(op="unknown")
        child.channel.close()
        assert child.wait_end() == 0
    assert zygote.read_output() == ""


@pytest.mark.parametrize("v6only", [0, 1])
def test_an_address_of_ipv6_is_asked_for_as_the_program_wants_it(
    zygote: Zygote, v6only: int
) -> None:
    """Alone, or with those of IPv4."""
    option = f"sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, {v6only})\n"
    source = f"import socket\nsock = socket.socket(socket.AF_INET6)\n{option}"
    zygote.begin(f"{source}sock.bind(('::1', 1))\n")
    child = zygote.fork(park=False)
    with socket.socket(socket.AF_INET6) as sock:
        asked = child.bind(sock)
        assert (asked["key"], asked["v6only"]) == (f"{socket.AF_INET6:d}/::1/1", v6only)
        child.next("bound")
        child.tell(op="serve")
        assert child.wait_end() == 0


AT_ONCE = """\
import socket, threading

def bind(port):
    gate.wait()
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", port))

gate = threading.Barrier(8)
threads = [threading.Thread(target=bind, args=(port,)) for port in range(1, 9)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("all", flush=True)
"""


def test_threads_that_bind_at_once_do_not_take_each_others_sockets(
    zygote: Zygote,
) -> None:
    """Each waits for its own answer, and all of them on one line."""
    zygote.begin(AT_ONCE)
    child = zygote.fork(park=False)
    bound = 0
    with socket.socket() as sock:
        while bound < 8:
            said = child.next("bind", "bound")
            if said["event"] == "bind":
                answer(said, {"op": "hold"}, (sock.fileno(),))
                continue
            bound += 1
            if said["waits"]:
                child.tell(op="serve")
    assert child.wait_end() == 0
    assert zygote.read_output() == "all\n"


def _runs(pid: int) -> bool:
    entry = find_process(pid)
    return entry is not None and entry.is_running


@pytest.fixture
def _own_signals() -> Iterator[None]:
    """What the test does to signals is undone."""
    numbers = (signal.SIGCHLD, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_own_signals")
def test_a_child_forgets_children_though_asyncio_was_first() -> None:
    """From Python 3.12 on asyncio takes the wake-up descriptor back at a fork."""
    reader, writer = _watch_children()
    signal.set_wakeup_fd(-1)
    _forget_children(reader, writer)
    assert (reader.fileno(), writer.fileno()) == (-1, -1)
    assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL
