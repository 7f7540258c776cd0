from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sceneshift.dev.zygote.words import REPORT

if TYPE_CHECKING:
    from zygotes import Zygote

STOPS = """\
for number in (1, 2):
    breakpoint()
    print("went on", number, flush=True)
"""


def test_a_breakpoint_has_a_terminal_and_says_where_it_is(zygote: Zygote) -> None:
    """One terminal a process, and a word when somebody has gone on."""
    zygote.begin(STOPS)
    child = zygote.fork(park=False)
    (terminal,) = child.next("terminal")["fds"]
    for _ in (1, 2):
        said = child.next("debugger", "terminal")
        assert (said["event"], said["file"]) == ("debugger", "app.py")
        assert said["line"] in (2, 3)  # from Python 3.13 on where the word stands
        assert said["waiting"]
        os.write(terminal, b"continue\n")
        assert not child.next("debugger")["waiting"]
    assert child.wait_end() == 0
    assert zygote.read_output() == "went on 1\nwent on 2\n"
    os.close(terminal)


WORD = f"""\
import os
breakpoint()
os.kill(os.getpid(), {int(REPORT)})
print("went on", flush=True)
"""


def test_a_word_that_comes_meanwhile_is_no_step(zygote: Zygote) -> None:
    """Whoever steps over a line is at the next one, not in the word's handler."""
    zygote.begin(WORD)
    child = zygote.fork(park=False)
    (terminal,) = child.next("terminal")["fds"]
    while (said := child.next("debugger"))["line"] < 4:
        os.write(terminal, b"step\n")
        assert not child.next("debugger")["waiting"]
    assert (said["file"], said["line"]) == ("app.py", 4)
    os.write(terminal, b"continue\n")
    assert child.wait_end() == 0
    assert zygote.read_output() == "went on\n"
    os.close(terminal)


ALONE = """\
import os
os.closerange(3, 256)
reading, writing = os.pipe()
breakpoint()
os.write(writing, b"x")
"""


def test_a_breakpoint_in_what_nobody_can_attach_to_is_pythons_own(
    zygote: Zygote,
) -> None:
    """A daemon has closed the line, and its number may be another file's by now."""
    zygote.begin(ALONE)
    child = zygote.fork(park=False)
    child.wait_end()
    assert "(Pdb)" in zygote.read_output()
