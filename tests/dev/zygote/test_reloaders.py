"""What servers are not left to do: reload themselves, and start interpreters."""

from __future__ import annotations

import multiprocessing
import socket
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sceneshift.dev.zygote import granian, reloaders, workers


def make_module(**content: Any) -> Any:
    """Return a module that is made of these."""
    module = ModuleType("server")
    module.__dict__.update(content)
    return module


def refuse(*_args: object, **_options: object) -> None:
    """Stand for a reloader."""
    raise AssertionError


def test_bottle_runs_without_its_reloader() -> None:
    """Whatever the program says, and all else as it says."""
    seen: list[dict[str, object]] = []
    module = make_module(run=lambda **options: seen.append(options))
    reloaders.adapt_bottle(module)
    module.run(port=80, reloader=True)
    assert seen == [{"port": 80, "reloader": False}]


@pytest.mark.parametrize(
    ("adapt", "given"),
    [(reloaders.adapt_django, (1, 2)), (reloaders.adapt_werkzeug, ())],
)
def test_what_would_be_reloaded_is_called_once(adapt: Any, given: Any) -> None:
    """Django passes arguments on, werkzeug's are the reloader's own."""
    module = make_module(run_with_reloader=refuse)
    adapt(module)
    seen: list[tuple[object, ...]] = []
    module.run_with_reloader(lambda *args: seen.append(args), 1, 2)
    assert seen == [given]


def test_tornado_does_not_begin_to_look() -> None:
    """An application with `debug=True` asks for it."""
    module = make_module(start=refuse)
    reloaders.adapt_tornado(module)
    module.start(check_time=500)


def test_uvicorn_never_has_to_reload() -> None:
    """Also where the program says `reload=True`."""
    module = make_module(Config=type("Config", (), {"should_reload": True}))
    reloaders.adapt_uvicorn(module)
    assert module.Config().should_reload is False


def test_sanic_serves_in_one_process() -> None:
    """Its command line and `app.run` both call `serve`."""

    class StartupMixin:
        serve = refuse

        @classmethod
        def serve_single(cls, primary: object) -> object:
            return primary

    reloaders.adapt_sanic(make_module(StartupMixin=StartupMixin))
    assert StartupMixin.serve(primary="app") == "app"


def test_hypercorn_forks_and_does_not_reload() -> None:
    """Its workers would be fresh interpreters, of which nothing is known."""
    seen: list[object] = []
    module = make_module(run=seen.append, get_context=refuse)
    workers.adapt_hypercorn(module)
    config = SimpleNamespace(use_reloader=True)
    module.run(config)
    assert (seen, config.use_reloader) == ([config], False)
    assert module.get_context("spawn").get_start_method() == "fork"


def test_uvicorns_workers_are_forks() -> None:
    """Of the process that has not imported the application."""
    module = make_module(spawn=multiprocessing.get_context("spawn"))
    workers.adapt_uvicorn(module)
    assert module.spawn.get_start_method() == "fork"


@pytest.mark.parametrize("adapt", [workers.adapt_uvicorn, workers.adapt_hypercorn])
def test_nothing_is_forked_where_that_is_not_safe(
    adapt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The servers' own way stays."""
    monkeypatch.setattr(workers, "IS_FORK_SAFE", False)
    module = make_module(run=refuse, spawn="spawn", get_context="get")
    adapt(module)
    assert (module.spawn, module.get_context) == ("spawn", "get")


def test_granian_is_given_an_open_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """It binds where no hook sees it otherwise; a Unix socket is left to it."""

    class AbstractServer:
        bind_uds: str | None = None
        bind_addr, bind_port, backlog = "127.0.0.1", 0, 128
        _sfd, _shd = -1, None

        def _init_shared_socket(self) -> None:
            self._shd = "its own"

        def _serve(self, target: str) -> str:
            return target

        _serve_with_reloader = refuse

    net = make_module(SocketHolder=lambda *args: args)
    monkeypatch.setitem(sys.modules, "granian.net", net)
    granian.adapt(make_module(AbstractServer=AbstractServer))
    server: Any = AbstractServer()
    assert server._serve_with_reloader("app") == "app"
    server._init_shared_socket()
    with socket.socket(fileno=server._sfd) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"
        assert server._shd == (sock.fileno(), False, 128)
    server.bind_uds = "socket"
    server._init_shared_socket()
    assert server._shd == "its own"
