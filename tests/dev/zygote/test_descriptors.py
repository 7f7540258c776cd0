from __future__ import annotations

import os
import select
import socket
from typing import TYPE_CHECKING

from sceneshift.dev.zygote.descriptors import EPOLL, find_open

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_open_is_told_with_what_it_is_of(tmp_path: Path) -> None:
    """Sockets by their inode; what looked is not open any more."""
    path = tmp_path / "file"
    with path.open("w") as file, socket.socket() as sock, select.epoll() as poll:
        opened = dict(find_open())
        assert opened[file.fileno()] == str(path)
        assert opened[sock.fileno()] == f"socket:[{os.fstat(sock.fileno()).st_ino}]"
        assert opened[poll.fileno()] == EPOLL
    after = dict(find_open())
    assert len(opened) - len(after) == 3
    assert after.items() <= opened.items()
