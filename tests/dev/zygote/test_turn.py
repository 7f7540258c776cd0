"""Threads and signals' handlers, one at a time."""

from __future__ import annotations

import threading

import pytest

from sceneshift.dev.zygote.turn import Turn


def test_a_handler_works_at_once_where_nobody_has_the_turn() -> None:
    """It has the turn itself, and may ask for it again."""
    turn, done = Turn(), []

    def work() -> None:
        with turn:
            done.append("work")

    turn.run(work)
    assert done == ["work"]


def test_a_handler_in_the_middle_of_a_turn_works_at_its_end() -> None:
    """Of the outermost one; a handler that comes while that is so works after it."""
    turn, done = Turn(), []

    def second() -> None:
        done.append("second")

    def first() -> None:
        done.append("first")
        turn.run(second)
        assert done == ["first"]

    with turn:
        with turn:
            turn.run(first)
        assert done == []
    assert done == ["first", "second"]


def test_a_handler_waits_for_the_turn_of_a_thread() -> None:
    """That has nothing to do with the main thread, and ends by itself."""
    turn, done = Turn(), []
    is_in, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with turn:
            is_in.set()
            may_end.wait(30)
            done.append("thread")

    thread = threading.Thread(target=hold)
    thread.start()
    is_in.wait(30)
    threading.Timer(0.05, may_end.set).start()
    turn.run(lambda: done.append("handler"))
    thread.join()
    assert done == ["thread", "handler"]


def test_a_loop_in_a_thread_waits_for_the_turn_of_the_main_thread() -> None:
    """It is no handler in the middle of that: nobody would do its work then."""
    turn, done = Turn(), []
    thread = threading.Thread(
        target=turn.run, args=[lambda: done.append(threading.current_thread())]
    )
    with turn:
        thread.start()
        thread.join(0.1)
        assert done == []
    thread.join()
    assert done == [thread]


def test_a_failure_ends_a_turn() -> None:
    """A socket's error is the program's own."""
    turn, done = Turn(), []

    def fail() -> None:
        with turn:
            turn.run(lambda: done.append("later"))
            raise ConnectionError

    with pytest.raises(ConnectionError):
        fail()
    assert done == ["later"]
