"""`signal.pause`, which the words that are signals must not end.

Other calls go on by themselves after a signal that was handled (PEP 475). This one is
there to return: a program that waits by it would have ended at its first word.
"""

from __future__ import annotations

import os
import signal

from sceneshift.dev.zygote.words import WORDS


def adapt() -> None:
    """Have `signal.pause` wait on after a word."""
    usual = signal.pause

    def pause() -> None:
        try:
            before = signal.set_wakeup_fd(-1)
        except ValueError:  # no thread but the main one hears signals
            usual()
            return
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing)
        try:
            while WORDS.issuperset(os.read(reading, 4096)):
                pass
        finally:
            signal.set_wakeup_fd(before)
            os.close(reading)
            os.close(writing)

    signal.pause = pause
