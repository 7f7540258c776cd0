from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING

from stacks import DEADLINE_S
from support import wait_until

if TYPE_CHECKING:
    from stacks import MakeProject
# honcho ends all at the first end: so both wait until both have said everything.
PLAIN = """\
import os, pathlib, sys, time
for number in range(200):
    print("out", number, flush=True)
sys.stdout.write("no end")
sys.stdout.flush()
pathlib.Path("said-" + os.environ["HONCHO_PROCESS_NAME"]).touch()
while len(list(pathlib.Path().glob("said-*"))) < 2:
    time.sleep(0.01)
"""
STRANGE = r"""
import os
os.write(1, b"x" * 1_000_000 + b"\n")
os.write(1, b"bad \xff\xfe utf-8\n")
os.write(1, b"nul \0 byte\n")
os.write(1, b"\x1b[31mred\x1b[0m\n")
os.write(1, b"\xc3")
os.write(1, b"\xa9 in halves\n")
os.write(1, b"last\n")
"""
PARTIAL = """\
import sys, time, pathlib
sys.stdout.write("password: ")
sys.stdout.flush()
while not pathlib.Path("typed").exists():
    time.sleep(0.01)
print("thanks")
"""
FLOOD = """\
import pathlib
for number in range(200_000):
    print("line", number, "x" * 60)
pathlib.Path("written").touch()
import time
time.sleep(300)
"""
TIME = re.compile(r"^\d\d:\d\d:\d\d ", re.MULTILINE)


def _without_times(text: str) -> list[str]:
    assert all(TIME.match(line) for line in text.splitlines()), text
    return TIME.sub("", text).splitlines()


def test_plain_lines_look_as_honcho_shows_them(make_project: MakeProject) -> None:
    """Time, name, bar, text: the same bytes but for the supervisors' own words."""
    processes = {"app": "python plain.py", "long-name": "python plain.py"}
    project = make_project({"plain.py": PLAIN}, processes=processes)
    theirs = subprocess.run(
        [project.inv_path.with_name("honcho"), "start", "-f", "Procfile.dev"],
        cwd=project.root,
        env={**project.env, "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    stack = project.start()
    assert stack.wait() == 0

    def shown(text: str) -> list[str]:
        lines = _without_times(text)
        own = re.compile(r"system +\||.*\| -- ")
        # A line without an end is shown again where another's came in between.
        return sorted({line for line in lines if not own.match(line)})

    assert len(shown(stack.output)) == 402
    assert shown(stack.output) == shown(theirs.stdout)


def test_strange_bytes_harm_nothing(make_project: MakeProject) -> None:
    """A line of 1 MB, what is no UTF-8, NUL bytes, colors, halves of a character."""
    project = make_project({"x.py": STRANGE}, processes={"a": "python x.py"})
    stack = project.start()
    assert stack.wait() == 0
    assert stack.raw().count(b"x") >= 1_000_000
    assert b"bad \xff\xfe utf-8\n" in stack.raw() or "bad \ufffd" in stack.output
    assert "\x1b[31mred\x1b[0m\n" in stack.output
    assert "é in halves" in stack.lines
    assert "last" in stack.lines
    logged = project.inv("dev.logs", "a", "--json").stdout.splitlines()
    texts = [json.loads(line)["text"] for line in logged]
    assert max(map(len, texts)) == 1_000_000
    assert "last" in texts


def test_a_line_that_has_not_ended_is_shown(make_project: MakeProject) -> None:
    """A prompt is there before its answer."""
    project = make_project({"x.py": PARTIAL}, processes={"a": "python x.py"})
    stack = project.start()
    stack.wait_for("a.1    | password: ")
    project.write({"typed": ""})
    assert stack.wait() == 0
    assert "password: thanks" in stack.lines


def test_a_terminal_without_sequences_gets_none(make_project: MakeProject) -> None:
    """On TERM=dumb an unfinished line goes on as it does in a file."""
    project = make_project({"x.py": PARTIAL}, processes={"a": "python x.py"})
    stack = project.start_in_terminal(kind="dumb")
    stack.wait_for("a.1    | password: ")
    project.write({"typed": ""})
    assert stack.wait() == 0
    assert b"\x1b" not in stack.raw()


def test_a_viewer_that_does_not_read_blocks_nobody(make_project: MakeProject) -> None:
    """The process writes on, its log is whole, and an end is an end."""
    project = make_project({"x.py": FLOOD}, processes={"a": "exec python x.py"})
    reading, writing = os.pipe()
    stack = project.start(stdout=writing)
    os.close(writing)
    written = project.root / "written"
    wait_until(written.exists, DEADLINE_S)
    last = project.inv("dev.logs", "a", "--lines", "1", "--grep", "^line").stdout
    assert "| line 199999 x" in last
    assert stack.stop() == 130
    os.close(reading)


def test_logs_are_rotated_and_bounded(make_project: MakeProject) -> None:
    """A flood leaves files of a bounded size, and none besides."""
    project = make_project({"x.py": FLOOD}, processes={"a": "exec python x.py"})
    stack = project.start()
    wait_until((project.root / "written").exists, DEADLINE_S)
    assert stack.stop() == 130
    folder = project.root / ".sceneshift" / "logs"
    files = sorted(folder.glob("a.log*"))
    assert len(files) > 1
    assert sum(file.stat().st_size for file in files) > 10_000_000
