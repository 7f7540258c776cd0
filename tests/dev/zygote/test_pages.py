"""Taking pages that a sibling has written, in real forks."""

from __future__ import annotations

import subprocess
import sys

PAGES = 4096
# Forks twice: one writes to every second page, the other takes what that one has.
SCRIPT = """
import mmap, os, resource, sys
from sceneshift.dev.zygote import pages

COUNT, SIZE = {pages}, mmap.PAGESIZE
flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
memory = mmap.mmap(-1, COUNT * SIZE, flags=flags)
memory.madvise(mmap.MADV_NOHUGEPAGE)
memory.write(b"x" * COUNT * SIZE)
written, writing = os.pipe()
waiting, letting_go = os.pipe()

def write():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for page in range(0, COUNT, 2):
        memory[page * SIZE] = 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def run(what):
    pid = os.fork()
    if not pid:
        os._exit(what() or 0)
    return pid

def sibling():
    write()
    os.write(writing, b"1")
    os.read(waiting, 1)

first = run(sibling)
os.read(written, 1)
line, other = os.pipe()

def taking():
    {prepare}
    pages.take(first, line)
    assert memory[:] == b"x" * COUNT * SIZE
    print(write(), flush=True)

os.waitpid(run(taking), 0)
os.write(letting_go, b"1")
os.waitpid(first, 0)
"""


def count_faults(prepare: str = "pass") -> int:
    """Return how many faults writing has taken after pages were taken."""
    script = SCRIPT.format(pages=PAGES, prepare=prepare)
    argv = [sys.executable, "-c", script]
    return int(subprocess.run(argv, check=True, capture_output=True).stdout)


def test_what_a_sibling_has_written_is_written_to_without_a_fault() -> None:
    """And is what it was before."""
    assert count_faults() < PAGES // 20


def test_a_word_on_the_line_comes_first() -> None:
    """Whoever is told to go on has no time for that."""
    assert count_faults("os.write(other, b'go')") >= PAGES // 2


def test_a_sibling_that_is_gone_is_no_error() -> None:
    """It may have been replaced meanwhile."""
    over = """os.write(letting_go, b"1")
    while " Z " not in open(f"/proc/{first}/stat").read(): pass"""
    assert count_faults(over) >= PAGES // 2
