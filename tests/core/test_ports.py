from __future__ import annotations

import json
import multiprocessing
import os
import re
import socket
from typing import TYPE_CHECKING

import pytest

from sceneshift.core import ports as ports_module
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.ports import allocate, check_free, is_free

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1"])  # noqa: S104
def test_a_port_that_is_listened_on_is_taken(address: str) -> None:
    """On whichever of the addresses that servers take."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


def test_free_ports_are_no_reason_to_stop(tmp_path: Path) -> None:
    """Nothing is said about what is in order."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    check_free({port: "web"}, root=tmp_path)


def test_a_taken_port_is_reported_with_its_holder(tmp_path: Path) -> None:
    """All of them in one line, and what to do about it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        first, second = one.getsockname()[1], two.getsockname()[1]
        with pytest.raises(SceneshiftError) as caught:
            check_free({first: "web", second: "api"}, root=tmp_path)
    pattern = (
        rf"port {first} of `web` is taken by pid {os.getpid()} \(user \S+, `.+`, "
        rf"since [\d: -]+\); port {second} of `api` is taken by pid .+"
    )
    assert re.fullmatch(pattern, caught.value.message)
    assert caught.value.hint == "this project's processes run already: inv dev.stop"


def test_a_port_that_is_bound_without_a_server_is_reported(tmp_path: Path) -> None:
    """A holder that nobody sees is named as such, and advice given."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        with pytest.raises(SceneshiftError) as caught:
            check_free({port: "web.1"}, root=tmp_path)
    assert caught.value.message.endswith("of `web.1` is taken by an unknown process")
    assert 'web = "auto"' in (caught.value.hint or "")


def test_nothing_asked_is_nothing_written(tmp_path: Path) -> None:
    """A project without `auto` needs no state."""
    assert allocate([], root=tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_ports_last(tmp_path: Path) -> None:
    """The same checkout has the same ports, never one for two."""
    first = allocate(["a", "b"], root=tmp_path)
    assert len(set(first.values())) == 2
    assert allocate(["b", "c", "a"], root=tmp_path).items() >= first.items()


def test_a_remembered_port_is_not_given_to_another(tmp_path: Path) -> None:
    """A process that is left out today has its port tomorrow."""
    port = allocate(["a"], root=tmp_path)["a"]
    file = tmp_path / ".sceneshift" / "ports.json"
    file.write_text(json.dumps({"old": port}))
    assert allocate(["a"], root=tmp_path)["a"] != port


def test_another_checkout_has_other_ports(tmp_path: Path) -> None:
    """Two worktrees run side by side."""
    roots = [tmp_path / name for name in ("one", "two")]
    for root in roots:
        root.mkdir()
    one, two = (allocate(["a"], root=root)["a"] for root in roots)
    assert one != two


def test_a_port_of_another_process_of_the_stack_is_avoided(tmp_path: Path) -> None:
    """Even one that was remembered."""
    port = allocate(["a"], root=tmp_path)["a"]
    assert allocate(["a"], root=tmp_path, taken=[port])["a"] != port


def test_a_port_that_our_own_stack_holds_stays(tmp_path: Path) -> None:
    """Reading the configuration anew moves nothing that runs."""
    port = allocate(["a"], root=tmp_path)["a"]
    with socket.create_server(("127.0.0.1", port)):
        assert allocate(["a"], root=tmp_path)["a"] == port


def test_a_port_that_a_stranger_took_is_replaced(tmp_path: Path) -> None:
    """Nobody waits for a foreign program to end."""
    port = allocate(["a"], root=tmp_path)["a"]
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", port))
        assert allocate(["a"], root=tmp_path)["a"] != port


@pytest.mark.parametrize("text", ["{", "[]", '{"a": "x"}', '{"a": true}', '{"a": 0}'])
def test_a_damaged_memory_is_forgotten(tmp_path: Path, text: str) -> None:
    """State is never a reason not to start."""
    port = allocate(["a"], root=tmp_path)["a"]
    file = tmp_path / ".sceneshift" / "ports.json"
    file.write_text(text)
    assert allocate(["a"], root=tmp_path)["a"] == port
    assert json.loads(file.read_text())["a"] == port


def test_when_all_are_taken_it_is_said(tmp_path: Path) -> None:
    """There is an end to the search."""
    everything = range(ports_module._FIRST, ports_module._FIRST + ports_module._COUNT)
    with pytest.raises(SceneshiftError, match="no port is free from 20000 to 29999"):
        allocate(["a"], root=tmp_path, taken=everything)


def _allocate_one(argument: tuple[Path, str]) -> int:
    root, name = argument
    return allocate([name], root=root)[name]


def test_commands_at_once_do_not_get_one_port(tmp_path: Path) -> None:
    """One waits for the other."""
    names = [f"p{number}" for number in range(8)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        ports = pool.map(_allocate_one, [(tmp_path, name) for name in names])
    assert len(set(ports)) == len(names)
    remembered = json.loads((tmp_path / ".sceneshift" / "ports.json").read_text())
    assert remembered == dict(zip(names, ports, strict=True))
