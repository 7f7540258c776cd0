"""What a program finds under `inv dev` is what it would find under a shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from reloading import Stack

SIGNALS = """\
import signal
def signals():
    handlers = {
        number.name: str(signal.getsignal(number)).partition(" at 0x")[0]
        for number in signal.valid_signals()
        if isinstance(number, signal.Signals) and number < signal.SIGRTMIN
    }
    blocked = [*map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))]
    return [handlers, blocked, signal.set_wakeup_fd(-1)]
"""
TELL = """\
from signals import signals
SIGNALS = signals()
import atexit, json, multiprocessing, os, sys, threading, time, warnings
import near

def double(x):
    return 2 * x

if __name__ == "__main__":
    import __main__
    try:
        warnings.warn("careful", UserWarning)
        warned = False
    except UserWarning:
        warned = True
    with multiprocessing.get_context("spawn").Pool(1) as spawned:
        by_spawn = spawned.apply(double, (21,))
    with multiprocessing.get_context("fork").Pool(1) as forked:
        by_fork = forked.apply(double, (21,))
    answers = []
    thread = threading.Thread(target=lambda: answers.append(1))
    thread.start()
    thread.join()
    said = {
        "argv": sys.argv[1:],
        "signals": SIGNALS,
        "path0": sys.path[0],
        "main": [__main__.__file__, __name__, __package__],
        "flags": [sys.flags.dev_mode, sys.stdout.write_through, warned],
        "executable": sys.executable,
        "stdin": [sys.stdin.read(), os.readlink("/proc/self/fd/0")],
        "pools": [by_spawn, by_fork],
        "threads": answers,
        "session": os.getsid(0) == os.getpid(),
        "modules": sorted(name for name in sys.modules if "sceneshift" in name),
        "fds": [
            os.readlink(path)
            for path in [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
            if os.path.lexists(path)
        ],
    }
    with open("said.json.new", "w") as file:
        json.dump(said, file)
    os.replace("said.json.new", "said.json")
    atexit.register(lambda: open("ended", "w").close())
    sys.stdout.write("told\\n")
    sys.stdout.flush()
    if sys.argv[1:] == ["leave"]:
        sys.exit(7)
    import signal
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        time.sleep(1)
"""
CRASH = """\
import near

def fail():
    raise RuntimeError("on purpose")

fail()
"""


def tell(stack: Stack, command: str, **files: str) -> dict[str, Any]:
    """Run a program, and return what it found."""
    files = {**files, "signals.py": SIGNALS}
    project = {"tell.py": TELL, "near.py": "", "Procfile.dev": f"job: {command}\n"}
    stack.start({**project, **files})
    stack.wait_output("told")
    said: dict[str, Any] = json.loads((stack.root / "said.json").read_text())
    return said


@pytest.mark.parametrize("target", ["-m tell", "tell.py"])
def test_a_program_finds_itself_as_under_a_shell(stack: Stack, target: str) -> None:
    """Arguments, options of the interpreter, pools, threads, standard input."""
    stack.env.pop("COVERAGE_PROCESS_CONFIG", None)  # a measurement handles SIGTERM
    said = tell(stack, f"python -u -X dev -W error::UserWarning {target} a 'b c'")
    assert said["argv"] == ["a", "b c"]
    assert said["flags"] == [True, True, True]
    assert said["path0"] == str(stack.root)
    assert said["main"] == [
        str(stack.root / "tell.py"),
        "__main__",
        "" if target == "-m tell" else None,
    ]
    assert said["executable"] == sys.executable
    assert said["stdin"] == ["", "/dev/null"]
    assert said["pools"] == [42, 42]
    assert said["threads"] == [1]
    assert said["session"]
    sockets = [each for each in said["fds"] if each.startswith("socket:")]
    assert len(sockets) == 1  # its own line, and nothing of what made it
    assert said["signals"] == signals_under_a_shell(stack.env)


def signals_under_a_shell(env: dict[str, str]) -> Any:
    """Return what an interpreter finds that a shell has started."""
    program = SIGNALS + "import json; print(json.dumps(signals()))"
    command = [sys.executable, "-X", "dev", "-c", program]
    told = subprocess.run(command, env=env, capture_output=True, check=True)
    return json.loads(told.stdout)


def test_handlers_for_the_end_run_when_it_is_stopped(stack: Stack) -> None:
    """As at every end of an interpreter."""
    tell(stack, "python -m tell")
    stack.wait_ready("job")
    assert stack.inv("dev.stop", "job").returncode == 0
    assert (stack.root / "ended").exists()


def test_an_exit_code_passes_through(stack: Stack) -> None:
    """It is what a strict run ends with."""
    project = {
        "tell.py": TELL,
        "near.py": "",
        "signals.py": SIGNALS,
        "Procfile.dev": "job: python tell.py leave",
    }
    stack.start(project, "--strict")
    assert stack.wait_end() == 7


@pytest.mark.parametrize("target", ["-m crash", "crash.py"])
def test_a_traceback_begins_with_the_users_own_code(stack: Stack, target: str) -> None:
    """And has no frames between that and an import that fails."""
    stack.env.pop("COVERAGE_PROCESS_CONFIG", None)  # a measurement keeps all frames
    stack.start(
        {"crash.py": CRASH, "near.py": "", "Procfile.dev": f"job: python {target}"}
    )
    stack.wait_output("RuntimeError: on purpose")
    assert "zygote" not in stack.output
    assert "runpy" not in stack.output
    stack.write({"near.py": "import nowhere\n"})
    stack.wait_output("^.*ModuleNotFoundError: No module named 'nowhere'")
    stack.write({"near.py": "x = \n"})
    stack.wait_output("^.*SyntaxError: invalid syntax")
    assert "zygote" not in stack.output
    assert "importlib" not in stack.output


@pytest.mark.parametrize("kind", ["asked", "unable"])
def test_a_process_that_cannot_be_forked_is_restarted(stack: Stack, kind: str) -> None:
    """By a fresh interpreter each time, and the reason is told."""
    table = "[tool.sceneshift]\n"
    python = sys.executable
    if kind == "asked":
        table = '[tool.sceneshift.processes.job]\nreload = "cold"\n'
    else:
        wrapper = stack.root / "bin" / "python3"
        wrapper.parent.mkdir()
        # As an old Python would: it runs the program, but not what is ours.
        wrapper.write_text(
            '#!/bin/sh\ncase "$*" in *sceneshift*) echo bad >&2; exit 1;; esac\n'
            f'exec {sys.executable} "$@"\n'
        )
        wrapper.chmod(0o755)
        python = str(wrapper)
    code = "import time, near\nprint('uses', near.N, flush=True)\ntime.sleep(300)\n"
    stack.start(
        {
            "pyproject.toml": table,
            "job.py": code,
            "near.py": "N = 0\n",
            "Procfile.dev": f"job: {python} job.py\n",
        }
    )
    stack.wait_output("uses 0")
    stack.wait_ready("job")
    row = stack.status("job")
    assert row["reload"] == "cold"
    assert row["reload_reason"]
    if kind == "unable":
        return
    stack.write({"near.py": "N = 1\n"})
    stack.wait_output("uses 1")
    (entry,) = stack.ask("dev.why")["reloads"]
    assert (entry["rung"], entry["reason"]) == ("cold", row["reload_reason"])


# What macOS has not, nor a Python that was made on an old Linux.
OTHER_SYSTEM = "import os\ndel os.pidfd_open\n"
PLAIN = """\
import os, time, near
print("uses", near.N, "below", os.getppid(), flush=True)
time.sleep(300)
"""


def test_where_a_fork_is_not_known_to_be_safe_none_is_made(stack: Stack) -> None:
    """As on macOS, whose frameworks die in a forked child; all else is the same."""
    folder = stack.root.parent / "system"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(OTHER_SYSTEM)
    paths = [str(folder), stack.env.get("PYTHONPATH", "")]
    stack.env["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    procfile = "job: python plain.py\n"
    stack.start({"plain.py": PLAIN, "near.py": "N = 0\n", "Procfile.dev": procfile})
    for number in range(1, 4):
        stack.wait_output(f"uses {number - 1} ")
        stack.wait_ready("job")
        stack.write({"near.py": f"N = {number}\n"})
    stack.wait_output("uses 3 ")
    reloads = stack.ask("dev.why")["reloads"]
    assert [each["rung"] for each in reloads] == ["cold"] * 3
    assert "Linux only" in reloads[0]["reason"]
    lines = [each for each in stack.output.splitlines() if " below " in each]
    assert len({line.split()[-1] for line in lines}) == 1  # the guard, no zygote
