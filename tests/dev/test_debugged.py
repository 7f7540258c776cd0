"""Which processes are debugged: what is refused before anything starts."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import ConfigError, SceneshiftError, UsageError
from sceneshift.dev.request import check_ports
from sceneshift.dev.stack import load_stack
from support import free_port

if TYPE_CHECKING:
    from sceneshift.dev.model import StackSpec

WORKER = "worker: python work.py\n"
PROCFILE = f"web: python -m http.server $PORT\n{WORKER}job: sleep 5 | cat\n"
ENVIRONMENT = "[tool.sceneshift.environments.development]\n"


def load(
    folder: Path, debug: str, settings: str = "", procfile: str = PROCFILE, **more: str
) -> StackSpec:
    """Return a stack with debuggers."""
    (folder / "Procfile.dev").write_text(procfile)
    (folder / "work.py").write_text("pass\n")
    (folder / "pyproject.toml").write_text(ENVIRONMENT + settings)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
    return load_stack(
        folder,
        environ={"PATH": path, **more},
        concurrency={"worker": 2} if WORKER in procfile else {},
        debug=debug,
    )


def ports_of(stack: StackSpec) -> dict[str, int | None]:
    """Return where each is debugged."""
    return {spec.name: spec.debug_port for spec in stack.processes}


@pytest.mark.parametrize(
    ("debug", "names"),
    [("*", ["web", "worker.1"]), ("worker", ["worker.1"]), ("", [])],
)
def test_what_is_asked_for_has_the_ports_that_editors_know(
    tmp_path: Path, debug: str, names: list[str]
) -> None:
    """Of all, those that can be debugged; of several instances the first."""
    ports = ports_of(load(tmp_path, debug, "debug_ports = { worker = 7000 }\n"))
    known = {"web": 5678, "worker.1": 7000}
    assert ports == {name: known[name] if name in names else None for name in ports}


PAGE = "page: npm run dev -- --port $PORT\n"
USUAL = "".join(
    f"{name}: python work.py --port $PORT\n" for name in ("api", "backend", "worker")
)


@pytest.mark.parametrize(
    ("debug", "procfile", "names"),
    [
        ("@backend", PROCFILE, ["web"]),
        ("@worker", PROCFILE, ["worker.1"]),
        ("@frontend", PROCFILE + PAGE, ["page"]),
        ("*,@frontend", PROCFILE + PAGE, ["web", "worker.1", "page"]),
        ("@frontend", f"api: node api.js $PORT\n{PAGE}ui: npx vite $PORT\n", ["ui"]),
        ("@backend", USUAL, ["backend"]),
        (
            "*",
            f"api: node api.js $PORT\n{WORKER}ui: npx vite $PORT\n",
            ["worker.1", "ui"],
        ),
        ("*", f"frontend: {PAGE.partition(' ')[2]}", ["frontend"]),
    ],
)
def test_commands_find_what_they_are_for(
    tmp_path: Path, debug: str, procfile: str, names: list[str]
) -> None:
    """By the usual name, else by what a process is."""
    ports = ports_of(load(tmp_path, debug, procfile=procfile))
    assert [name for name, port in ports.items() if port] == names


@pytest.mark.parametrize(
    ("debug", "procfile", "words"),
    [
        ("wbe", PROCFILE, "there is no process `wbe` to debug"),
        ("job", PROCFILE, "`job` cannot be debugged: a shell reads"),
        ("*", "job: sleep 5 | cat\n", "`job` cannot be debugged"),
        ("@frontend", "job: python work.py\n", "no process is a frontend: job"),
    ],
)
def test_what_cannot_be_debugged_is_bad_usage(
    tmp_path: Path, debug: str, procfile: str, words: str
) -> None:
    """Nothing is started then."""
    with pytest.raises(UsageError) as caught:
        load(tmp_path, debug, procfile=procfile)
    assert words in caught.value.message
    assert caught.value.hint


def make_interpreter(folder: Path, base: Path | None = None) -> tuple[Path, str]:
    """Return an interpreter that nobody runs, and a PATH with it."""
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    if base is None:
        python.write_text("")
        python.chmod(0o755)
    else:
        python.symlink_to(base)
    return python, f"{python.parent}{os.pathsep}{os.defpath}"


def install_debugpy(folder: Path, version: str) -> None:
    """Have as much of it in a folder of packages as is looked at."""
    (folder / "debugpy").mkdir(parents=True, exist_ok=True)
    (folder / f"debugpy-{version}.dist-info").mkdir()


def test_an_interpreter_without_debugpy_is_named(tmp_path: Path) -> None:
    """With what is to be done; a folder of that name is none."""
    python, path = make_interpreter(tmp_path)
    (tmp_path / "debugpy").mkdir()
    with pytest.raises(SceneshiftError, match="debugpy is not installed") as caught:
        load(tmp_path, "web", PYTHONPATH=".", PATH=path)
    assert caught.value.message.endswith(f"for `web`: {python}")
    assert "sceneshift[debug]" in (caught.value.hint or "")
    install_debugpy(tmp_path, "1.8.0")
    stack = load(tmp_path, "web", PYTHONPATH=".", PATH=path)
    assert ports_of(stack)["web"] == 5678


def test_a_debugpy_that_is_too_old_is_refused(tmp_path: Path) -> None:
    """It knows less; the first on the path is the one that is imported."""
    _python, path = make_interpreter(tmp_path)
    install_debugpy(tmp_path / "lib/python3.11/site-packages", "1.8.22")
    load(tmp_path, "web", PATH=path)
    install_debugpy(tmp_path / "vendor", "1.6.3")
    with pytest.raises(SceneshiftError, match=r"`web` is older than 1\.8: 1\.6\.3"):
        load(tmp_path, "web", PYTHONPATH="vendor", PATH=path)


def test_packages_of_the_system_count_where_they_are_imported(tmp_path: Path) -> None:
    """A virtual environment says so, or has none of them."""
    base, _path = make_interpreter(tmp_path / "base")
    install_debugpy(tmp_path / "base/lib/python3/dist-packages", "1.8.22")
    _python, path = make_interpreter(tmp_path / "venv", base)
    says = tmp_path / "venv" / "pyvenv.cfg"
    says.write_text("include-system-site-packages = true\n")
    load(tmp_path, "web", PATH=path)
    says.write_text("include-system-site-packages = false\n")
    with pytest.raises(SceneshiftError, match="debugpy is not installed"):
        load(tmp_path, "web", PATH=path)


def test_those_that_run_keep_their_ports(tmp_path: Path) -> None:
    """Editors are attached there; a line before theirs would shift them."""
    line = "late: python work.py\n"
    running = load(tmp_path, "*", procfile=line)
    (tmp_path / "Procfile.dev").write_text(f"early: python work.py\n{line}")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
    again = load_stack(tmp_path, environ={"PATH": path}, debug="*", former=running)
    assert ports_of(again) == {"early": 5680, "late": 5678}


def test_what_editors_files_name_is_kept(tmp_path: Path) -> None:
    """Whatever lines come before it; but no port is that of two."""
    lines = "".join(f"{name}: python work.py\n" for name in ("early", "web", "late"))
    ports = {"late": 5678, "web": 5000, "gone": 5679}
    recorded = {"development": ports, "staging": {"late": 5678, "web": 5680}}
    record = tmp_path / ".sceneshift-ide.json"
    record.write_text(json.dumps({"version": 1, "debug_ports": recorded}))
    found = ports_of(load(tmp_path, "*", procfile=lines))
    assert found == {"early": 5681, "web": 5682, "late": 5678}
    given = "debug_ports = { late = 7000 }\n"
    assert ports_of(load(tmp_path, "*", given, procfile=lines))["late"] == 7000
    (tmp_path / ".env.staging").touch()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
    stack = load_stack(
        tmp_path, environ={"PATH": path}, environment="staging", debug="*"
    )
    assert ports_of(stack)["web"] == 5680
    assert ports_of(stack)["late"] != 5678


@pytest.mark.parametrize("text", ["{", "[]", '{"debug_ports": {"development": 1}}'])
def test_a_record_that_is_damaged_names_no_port(tmp_path: Path, text: str) -> None:
    """Who generates the files is told of it."""
    (tmp_path / ".sceneshift-ide.json").write_text(text)
    assert ports_of(load(tmp_path, "web"))["web"] == 5678


def test_no_two_have_one_port(tmp_path: Path) -> None:
    """Neither two debuggers, nor a debugger and a server."""
    with pytest.raises(ConfigError, match="port 7000 is already that of `web`"):
        load(tmp_path, "web", "debug_ports = { web = 7000, worker = 7000 }\n")
    shared = "debug_ports = { worker = 7000 }\nports = { web = 7000 }\n"
    with pytest.raises(ConfigError, match="port 7000 is already that of `web`"):
        load(tmp_path, "*", shared)
    with pytest.raises(ConfigError, match="port 5000 is already that of `web`"):
        load(tmp_path, "*", "debug_ports = { worker = 5000 }\n")
    with pytest.raises(SceneshiftError, match=r"of `worker\.1` is that of `web`"):
        load(tmp_path, "*", PORT="5679")


def test_a_port_that_another_program_has_is_told_with_its_holder(
    tmp_path: Path,
) -> None:
    """As those of servers are; the stack's own are no news to itself."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        settings = (
            f"debug_ports = {{ web = {port} }}\nports = {{ web = {free_port()} }}\n"
        )
        stack = load(tmp_path, "web", settings)
        words = f"port {port} of the debugger of `web` is taken by pid {os.getpid()}"
        with pytest.raises(SceneshiftError, match=words):
            check_ports(stack)
        check_ports(stack, stack.processes)
