"""Whether a process accepts connections, asked of the kernel."""

from __future__ import annotations

import os
import select
import socket

from sceneshift.dev.run.accepting import is_accepting


def test_a_socket_in_an_epoll_set_is_one_that_is_accepted_from() -> None:
    """Whoever has put it there, in Python or not."""
    with socket.create_server(("127.0.0.1", 0)) as server, select.epoll() as poll:
        inode = os.fstat(server.fileno()).st_ino
        assert not is_accepting(os.getpid(), [inode])
        poll.register(server, select.EPOLLIN)
        assert is_accepting(os.getpid(), [inode])
        assert not is_accepting(os.getpid(), [inode + 1])
        poll.unregister(server)
        assert not is_accepting(os.getpid(), [inode])


def test_a_child_that_accepts_counts() -> None:
    """A server's workers do, where its own process only watches them."""
    ready, told = os.pipe()
    done, end = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as server:
        pid = os.fork()
        if pid == 0:
            poll = select.epoll()
            poll.register(server, select.EPOLLIN)
            os.write(told, b"x")
            os.close(end)
            os.read(done, 1)
            os._exit(0)
        os.read(ready, 1)
        inode = os.fstat(server.fileno()).st_ino
        assert is_accepting(os.getpid(), [inode])
        os.write(end, b"x")
        os.waitpid(pid, 0)
        assert not is_accepting(os.getpid(), [inode])
        assert not is_accepting(pid, [inode])
    for fd in (ready, told, done, end):
        os.close(fd)
