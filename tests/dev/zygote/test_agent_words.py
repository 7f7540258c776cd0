"""What the agent sees, reports and lets wait, in this process."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.channel import Channel
from sceneshift.dev.zygote.agent import Agent
from sceneshift.dev.zygote.code import CodeCache, Territory
from support import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GO = {"op": "go"}


class Watched:
    """An agent, and the supervisor's end of its line."""

    def __init__(self, root: Path) -> None:
        self.root = root
        ours, theirs = socket.socketpair()
        self.channel = Channel(ours)
        self.agent = Agent(Territory(str(root)), CodeCache())
        self.agent.channel = Channel(theirs)
        self.agent.pid = os.getpid()

    def arm(self) -> None:
        """Have it wait; the word to go is there already."""
        self.agent.is_armed = True
        self.channel.send(GO)

    def open(self, name: str, flags: int = os.O_RDONLY) -> None:
        """Have the program open a file."""
        self.agent.audit("open", (str(self.root / name), None, flags))

    def said(self) -> list[dict[str, Any]]:
        """Return what it has told so far."""
        self.channel.sock.setblocking(False)
        try:
            received = self.channel.receive_all()
        except BlockingIOError:
            return []
        finally:
            self.channel.sock.setblocking(True)
        return [message for message, _ in received or []]

    def close(self) -> None:
        """Close both ends."""
        self.channel.close()
        if self.agent.channel is not None:
            self.agent.channel.close()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """Return an agent of a project."""
    made = Watched(tmp_path)
    yield made
    made.close()


def test_a_data_file_is_reported_once(watched: Watched) -> None:
    """Without a digest, which is taken where it is needed."""
    watched.open("words.txt")
    watched.open("words.txt")
    path = str(watched.root / "words.txt")
    said = {"event": "file", "path": path, "digest": None, "module": None}
    assert watched.said() == [{**said, "identity": [0, 0, 0]}]  # it is not there


def test_a_path_of_bytes_is_a_path(watched: Watched) -> None:
    """As Python itself takes it."""
    path = str(watched.root / "words.txt")
    watched.agent.audit("open", (os.fsencode(path), "r", os.O_RDONLY))
    assert [each["path"] for each in watched.said()] == [path]


@pytest.mark.parametrize(
    "flags", [os.O_WRONLY | os.O_CREAT, os.O_RDWR, os.O_WRONLY | os.O_APPEND]
)
def test_what_the_program_writes_is_told_as_written(
    watched: Watched, flags: int
) -> None:
    """Each time: it may have been read before."""
    watched.open("out.txt")
    watched.open("out.txt", flags)
    watched.open("out.txt", flags)
    assert [each["digest"] for each in watched.said()] == [None, "written", "written"]


def test_what_the_program_changes_is_told_where_it_has_read_it(
    watched: Watched,
) -> None:
    """Once: of the many files that come and go nobody has asked."""
    state, aside = str(watched.root / "state"), str(watched.root / "aside")
    for _ in range(2):
        watched.agent.audit("os.rename", (aside, state, -1, -1))
    watched.open("state")
    for _ in range(2):
        watched.agent.audit("os.rename", (aside, state, -1, -1))
    said = [(each["path"], each["digest"]) for each in watched.said()]
    assert said == [(state, None), (state, "written")]


def test_a_database_is_written_by_whoever_opens_it(watched: Watched) -> None:
    """Code that is not Python does so later, where nobody sees it."""
    database = str(watched.root / "data.db")
    watched.agent.audit("sqlite3.connect", (database,))
    said = [(each["path"], each["digest"]) for each in watched.said()]
    assert said == [(database, "written")]


@pytest.mark.parametrize("event", ["os.remove", "sqlite3.connect"])
def test_a_change_of_a_file_waits_for_the_word(watched: Watched, event: str) -> None:
    """Wherever the file is."""
    watched.arm()
    watched.agent.audit(event, ("/tmp/a", -1))
    assert [each["event"] for each in watched.said()] == ["parked"]


@pytest.mark.parametrize(
    "name", ["app.py", "app.pyc", ".git/HEAD", "node_modules/x.js", "/etc/hostname"]
)
def test_what_is_no_data_of_the_project_is_not_told(
    watched: Watched, name: str
) -> None:
    """Sources are told by who imports them."""
    watched.open(name)
    assert watched.said() == []


def test_descriptors_and_silence_are_no_files(watched: Watched) -> None:
    """`open(3)` has no path; in the zygote nobody listens."""
    watched.agent.audit("open", (3, None, os.O_RDONLY))
    watched.agent.audit("compile", (None, None))
    assert watched.said() == []
    assert watched.agent.channel is not None
    watched.agent.channel.close()
    watched.agent.channel = None
    watched.open("words.txt")
    watched.agent.send({"event": "x"})


@pytest.mark.parametrize("event", ["socket.connect", "os.fork", "subprocess.Popen"])
def test_an_effect_waits_for_the_word(watched: Watched, event: str) -> None:
    """Once: what goes on goes on."""
    watched.arm()
    watched.agent.audit(event, ())
    watched.agent.audit(event, ())
    parked = {"event": "parked", "at": event, "head": [0, None]}
    assert watched.said() == [parked]


def test_writing_waits_wherever_the_file_is(watched: Watched) -> None:
    """Others would notice; reading the project's own data may be too early."""
    watched.arm()
    watched.open("/dev/null", os.O_WRONLY)
    assert [each["event"] for each in watched.said()] == ["parked"]
    watched.agent._may_go = False
    watched.arm()
    watched.open("words.txt")
    assert [each["event"] for each in watched.said()] == ["parked", "file"]


def test_data_is_read_on_the_way_to_a_hot_file(watched: Watched) -> None:
    """What it was made from is told, so a change of it is not missed."""
    watched.agent.hot = frozenset({"/hot.py"})
    watched.agent.is_armed = True
    watched.open("words.txt")
    assert [each["event"] for each in watched.said()] == ["file"]
    assert watched.agent.is_armed


def test_a_child_of_the_program_never_waits(watched: Watched) -> None:
    """Nobody would tell it to go on."""
    watched.arm()
    watched.agent.pid = 1
    watched.agent.audit("os.fork", ())
    assert watched.said() == []


def test_a_supervisor_that_is_gone_harms_nothing(watched: Watched) -> None:
    """The program goes on, and says no more."""
    watched.channel.close()
    line = watched.agent.channel
    watched.open("words.txt")
    assert watched.agent.channel is None
    watched.agent.branch()
    assert line is not None
    line.close()


def test_a_fork_has_a_line_of_its_own(watched: Watched) -> None:
    """The end for the supervisor comes over the old one."""
    watched.agent.branch()
    assert watched.said() == []  # it is no fork
    old = watched.agent.channel
    assert old is not None
    watched.agent.pid = 1
    watched.agent.branch()
    received = watched.channel.receive()
    assert received is not None
    message, (fd,) = received
    assert message["event"] == "branch"
    assert message["pid"] == os.getpid()
    assert watched.agent.channel is not None
    watched.agent.send({"event": "hello"})
    branch = Channel(socket.socket(fileno=fd))
    assert branch.receive() == ({"event": "hello"}, [])
    branch.close()
    old.close()


def test_a_fork_has_no_connections_of_a_server(watched: Watched) -> None:
    """It hears the words for itself; a loop that runs elsewhere would never answer."""
    line = watched.agent.channel
    assert line is not None
    watched.agent.handover.connections = Unheard()  # type: ignore[assignment]
    watched.agent.pid = 1
    watched.agent.branch()
    (branch,) = watched.said()
    assert not branch["waits"]  # it has no sockets
    watched.agent.handover.hold()
    assert watched.agent.handover.is_holding
    line.close()


class Unheard:
    """The connections of a server that runs in another process."""

    def hold(self) -> None:
        """Be told what is for another."""
        pytest.fail("told the server of another process")


def test_a_fork_without_a_line_says_nothing(watched: Watched) -> None:
    """The supervisor was gone when it was made."""
    watched.channel.close()
    line = watched.agent.channel
    watched.agent.pid = 1
    watched.agent.branch()
    assert watched.agent.channel is None
    assert line is not None
    line.close()


def test_a_word_that_it_does_not_know_is_not_the_one_to_go(watched: Watched) -> None:
    """It is passed over, and the next one is waited for."""
    watched.channel.send({"op": "unknown"})
    watched.arm()
    watched.agent.audit("os.system", ())
    assert watched.agent._may_go


@pytest.mark.parametrize("source", ["x = 1\n", "x = (\n", None])
def test_a_hot_file_without_a_head_is_run_whole(
    watched: Watched, tmp_path: Path, source: str | None
) -> None:
    """Where it does not parse or is not there, the import itself says so."""
    from importlib.machinery import SourceFileLoader  # noqa: PLC0415 - for this test
    from types import ModuleType  # noqa: PLC0415

    path = tmp_path / "hot.py"
    if source is not None:
        path.write_text(source)
    watched.agent.is_armed, watched.agent.hot = True, frozenset({str(path)})
    loader, module = SourceFileLoader("hot", str(path)), ModuleType("hot")
    if source == "x = 1\n":
        watched.agent.exec_module(loader, module)
        assert vars(module)["x"] == 1
        return
    with pytest.raises((SyntaxError, FileNotFoundError)):
        watched.agent.exec_module(loader, module)


def fork(watched: Watched) -> None:
    """Have it be in a fork of its process."""
    watched.agent.pid = -1
    watched.agent.branch()


def serve(watched: Watched) -> None:
    """Have the program bind an address and listen; what was held is gone."""
    watched.agent.binding.held = {"key": -1}
    with socket.socket() as server:
        address = ("127.0.0.1", free_port())
        watched.agent.binding.bind(server, address, lambda sock, at: sock.bind(at))
        server.listen()
        watched.agent.binding.listen(server)


@pytest.mark.parametrize(
    "act", [lambda watched: watched.open("words.txt"), fork, serve]
)
def test_a_descriptor_that_is_another_s_by_now_is_left_alone(
    watched: Watched, act: Callable[[Watched], None]
) -> None:
    """A program may have closed all that it does not know, and opened others."""
    assert watched.agent.channel is not None
    number = watched.agent.channel.fileno()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        os.dup2(theirs.fileno(), number)
        act(watched)
        assert watched.agent.channel is None
        os.close(number)
        theirs.close()
        assert ours.recv(1) == b""


@pytest.fixture
def shared(watched: Watched) -> Iterator[socket.socket]:
    """Return a listening socket that a predecessor does not want to block on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        watched.channel.send({"op": "serve"})
        port = listener.getsockname()[1]
        watched.agent.binding.held[f"{int(socket.AF_INET)}/127.0.0.1/{port}"] = (
            listener.fileno()
        )
        yield listener


def test_binding_does_not_make_a_predecessor_block(
    watched: Watched, shared: socket.socket
) -> None:
    """It may be about to accept; a server says after `bind` that it does not block."""
    with socket.socket() as sock:
        watched.agent.binding.bind(sock, shared.getsockname(), socket.socket.bind)
        assert not os.get_blocking(shared.fileno())
        sock.setblocking(False)
        watched.agent.binding.listen(sock)
        assert not os.get_blocking(shared.fileno())


def test_a_server_that_blocks_does_so_from_listening_on(
    watched: Watched, shared: socket.socket
) -> None:
    """Whatever its predecessor did."""
    with socket.socket() as sock:
        watched.agent.binding.bind(sock, shared.getsockname(), socket.socket.bind)
        watched.agent.binding.listen(sock)
        assert os.get_blocking(shared.fileno())
        watched.agent.binding.listen(sock)  # a longer queue


def test_a_server_that_never_blocks_does_not_from_binding_on(
    watched: Watched, shared: socket.socket
) -> None:
    """It may listen where nobody sees it."""
    shared.setblocking(True)
    with socket.socket() as sock:
        sock.setblocking(False)
        watched.agent.binding.bind(sock, shared.getsockname(), socket.socket.bind)
        assert not os.get_blocking(shared.fileno())


def test_another_socket_that_listens_is_left_alone(
    watched: Watched, shared: socket.socket
) -> None:
    """Only what clients of the program find counts."""
    watched.said()
    with socket.create_server(("127.0.0.1", 0)) as other:
        watched.agent.binding.listen(other)
        assert os.get_blocking(other.fileno())
    assert watched.said() == []
    assert not os.get_blocking(shared.fileno())
