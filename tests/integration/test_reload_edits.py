"""Edits of every kind: the last save is served, and nothing runs twice."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from reloading import TASKS
from watching import git

if TYPE_CHECKING:
    from reloading import Stack

SERVER = """\
import os
import signal
from http.server import BaseHTTPRequestHandler, HTTPServer
import first, hot, last

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        body = " ".join([first.TEXT, hot.text(), last.TEXT])
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass

def main():
    HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
HOT = """\
import json
import {module}

TEXT = "{text}"
print("ran", TEXT, flush=True)

def text():
    return TEXT + {module}.__name__
"""
MAIN = "import first\nfirst.TEXT = 'm'\nfrom server import main\nmain()\n"
FILES = {
    "pkg/__init__.py": "",
    "pkg/__main__.py": "from server import main\nmain()\n",
    "server.py": SERVER,
    "first.py": "TEXT = 'f0'\n",
    "last.py": "TEXT = 'l0'\n",
    "hot.py": HOT.format(module="csv", text="h0"),
    "Procfile.dev": "web: python -m pkg\n",
}


PARTS = [f"part{number:02}" for number in range(24)]
LARGE = SERVER.replace("import first, hot, last", "import parts").replace(
    "[first.TEXT, hot.text(), last.TEXT]", "parts.TEXTS"
)
LINK = "from {former} import TEXTS\nTEXTS.append('{name}={text}')\n"


def link(number: int, text: str) -> dict[str, str]:
    """A module in a chain of imports, which adds a word to those before it."""
    former = PARTS[number - 1] if number else "texts"
    name = PARTS[number]
    return {f"{name}.py": LINK.format(former=former, name=name, text=text)}


def count(stack: Stack, text: str) -> int:
    """Return how often a line was printed."""
    return sum(line.endswith(f"| {text}") for line in stack.output.splitlines())


@pytest.fixture
def served(stack: Stack) -> Stack:
    """A server of four modules."""
    stack.start(FILES)
    stack.wait_page("f0 h0csv l0")
    stack.wait_output("ready")
    return stack


def test_one_file_again_and_again_then_its_neighbors(served: Stack) -> None:
    """Its body, its imports, a file before it, one behind it, and back."""
    for number in range(1, 6):
        served.write({"hot.py": HOT.format(module="csv", text=f"h{number}")})
        served.wait_page(f"f0 h{number}csv l0")
    served.write({"hot.py": HOT.format(module="this_one", text="h5")})
    served.wait_output("-- .*this_one")
    assert served.get() == "f0 h5csv l0"
    served.write({"this_one.py": ""})
    served.wait_page("f0 h5this_one l0")
    served.write({"hot.py": HOT.format(module="string", text="h6")})
    served.wait_page("f0 h6string l0")
    served.write({"first.py": "TEXT = 'f1'\n"})
    served.wait_page("f1 h6string l0")
    served.write({"last.py": "TEXT = 'l1'\n"})
    served.wait_page("f1 h6string l1")
    served.write({"hot.py": HOT.format(module="string", text="h7")})
    served.wait_page("f1 h7string l1")
    served.write({"first.py": "TEXT = 'f0'\n"})
    served.wait_page("f0 h7string l1")


def test_a_module_that_prints_does_so_once_when_it_takes_over(served: Stack) -> None:
    """What waits for the next reload says nothing ahead of it."""
    served.wait_output("ran h0")
    for number in range(1, 4):
        text = f"h{number}"
        assert count(served, f"ran {text}") == 0
        served.write({"hot.py": HOT.format(module="csv", text=text)})
        served.wait_page(text)
        served.wait_output(f"ran {text}")
    served.write({"last.py": "print('ran last', flush=True)\nTEXT = 'l1'\n"})
    served.wait_page("l1")
    served.write({"hot.py": HOT.format(module="csv", text="h4")})
    served.wait_page("h4")
    served.wait_output("ran h4")
    said = [count(served, f"ran h{number}") for number in range(5)]
    assert said == [1, 1, 1, 2, 1]  # h3 ran again for last.py
    assert count(served, "ran last") == 2


def test_edits_all_over_a_project_of_many_modules(stack: Stack) -> None:
    """Whichever child goes on has run what the files say now, once, in their order."""
    files = {
        "pkg/__init__.py": "",
        "pkg/__main__.py": "from server import main\nmain()\n",
        "server.py": LARGE,
        "texts.py": "TEXTS = []\n",
        "parts.py": f"from {PARTS[-1]} import TEXTS\n",
        "Procfile.dev": "web: python -m pkg\n",
    }
    for number in range(len(PARTS)):
        files |= link(number, "0")
    stack.start(files)
    texts = ["0"] * len(PARTS)
    stack.wait_page(f"{PARTS[-1]}=0")
    stack.wait_output("ready")
    for edit, number in enumerate((23, 2, 12, 2, 23, 17, 9, 0, 12, 23, 1), 1):
        texts[number] = str(edit)
        stack.write(link(number, texts[number]))
        expected = [f"{n}={t}" for n, t in zip(PARTS, texts, strict=True)]
        stack.wait_page(" ".join(expected))


def test_modules_come_go_and_become_packages(served: Stack) -> None:
    """Renamed, deleted and made again, turned into a package, newly imported."""
    served.write({"last.py": "from fresh import TEXT\n", "fresh.py": "TEXT = 'n0'\n"})
    served.wait_page("n0")
    served.write({"fresh.py": "TEXT = 'n1'\n"})
    served.wait_page("n1")
    (served.root / "fresh.py").rename(served.root / "renamed.py")
    served.write({"last.py": "from renamed import TEXT\n"})
    served.wait_page("n1")
    served.write({"renamed.py": "TEXT = 'n2'\n"})
    served.wait_page("n2")
    (served.root / "renamed.py").unlink()
    served.wait_output("-- .*renamed")
    assert served.get().endswith("n2")
    served.write({"renamed/__init__.py": "TEXT = 'n3'\n"})
    served.wait_page("n3")
    served.write({"renamed/__init__.py": "TEXT = 'n4'\n"})
    served.wait_page("n4")
    served.write({"pkg/__main__.py": MAIN})
    served.wait_page("m h0csv n4")


def test_the_last_of_many_rapid_saves_is_served(served: Stack) -> None:
    """All of one size within a second, some of them during a reload."""
    for number in range(10, 40):
        served.write({"first.py": f"TEXT = 'f{number}'\n"})
    served.wait_page("f39")
    for number in range(40, 60):
        served.write({"first.py": f"TEXT = 'f{number}'\n"})
        served.get()
    served.wait_page("f59")


def test_an_edit_that_is_taken_back_is_taken_back(served: Stack) -> None:
    """Also before anything came of it."""
    served.write({"first.py": "TEXT = 'f1'\n"})
    served.write({"first.py": FILES["first.py"]})
    served.write({"last.py": "TEXT = 'l1'\n"})
    served.wait_page("l1")
    assert served.get() == "f0 h0csv l1"


def test_a_save_without_a_change_does_nothing(served: Stack) -> None:
    """Neither do a touch, other permissions or a file that is replaced by itself."""
    path = served.root / "first.py"
    os.kill(served.supervisor, signal.SIGSTOP)  # nobody looks before all is written
    try:
        path.write_text(FILES["first.py"])
        served.write({"first.py": FILES["first.py"]})
        path.touch()
        path.chmod(0o600)
        served.write({"first.py": "TEXT = 'fx'\n"})
        served.write({"first.py": FILES["first.py"], "last.py": "TEXT = 'l1'\n"})
    finally:
        os.kill(served.supervisor, signal.SIGCONT)
    served.wait_page("l1")
    causes = {
        file for each in served.ask("dev.why")["reloads"] for file in each["files"]
    }
    assert "first.py" not in causes
    assert "last.py" in causes


def test_what_was_saved_while_nothing_ran_is_served(served: Stack) -> None:
    """What was learned of a program is no copy of its code."""
    served.write({"hot.py": HOT.format(module="csv", text="h1")})
    served.wait_page("h1csv")
    served.close()
    files = {"hot.py": HOT.format(module="csv", text="h2"), "first.py": "TEXT = 'f2'\n"}
    served.start({**FILES, **files})
    served.wait_page("f2 h2csv l0")


def test_a_new_module_is_found_in_a_folder_that_looks_the_same(served: Stack) -> None:
    """Folders have times as coarse as some milliseconds, and listings are kept."""
    served.write({"hot.py": HOT.format(module="csv", text="h1")})
    served.wait_page("h1csv")
    for number in (2, 3):
        served.wait_ready("web")
        before = served.root.stat().st_mtime_ns
        name = f"fresh{number}"
        (served.root / f"{name}.py").touch()
        os.utime(served.root, ns=(before, before))
        (served.root / "hot.py").write_text(HOT.format(module=name, text=f"h{number}"))
        served.wait_page(f"h{number}{name}")


MANY = 60


def test_a_checkout_of_another_branch_is_one_reload(stack: Stack) -> None:
    """Though it changes many files, one after the other."""
    names = [f"module{number}" for number in range(MANY)]
    server = SERVER.replace(
        "first, hot, last", ", ".join(["first", "hot", "last", *names])
    )
    table = "[tool.sceneshift]\n"
    base = {**FILES, "server.py": server, "pyproject.toml": table, "tasks.py": TASKS}
    stack.write({**base, ".gitignore": "output\n.sceneshift\n"})
    stack.write({f"{name}.py": "N = 1\n" for name in names})
    git(stack.root, "init", "-q", "-b", "main")
    git(stack.root, "add", ".")
    git(stack.root, "commit", "-qm", "One")
    git(stack.root, "checkout", "-qb", "other")
    stack.write({f"{name}.py": "N = 22\n" for name in names})
    stack.write({"first.py": "TEXT = 'f2'\n", "last.py": "TEXT = 'l2'\n"})
    git(stack.root, "commit", "-qam", "Two")
    git(stack.root, "checkout", "-q", "main")
    stack.start(base)
    stack.wait_page("f0 h0csv l0")
    git(stack.root, "checkout", "-q", "other")
    stack.wait_page("f2 h0csv l2")
    (reload,) = stack.ask("dev.why")["reloads"]
    assert len(reload["files"]) == MANY + 2
