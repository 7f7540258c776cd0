"""How long a large `launch.json` takes, and what edits change that is not theirs."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from bench.jsoncpeers import FIVE, NODE, install_editors, running_peer
from bench.launchfiles import make_entry, make_launch_file
from bench.record import OURS, Record, show_progress
from bench.scribbles import change, scribble
from bench.strays import count_stray_bytes
from sceneshift.ide.files import File, Section
from sceneshift.ide.jsonc import parse
from sceneshift.ide.jsonc.blanking import blank
from sceneshift.ide.merging import merge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench.jsoncpeers import Peer

_WARM = 30  # until V8 has compiled what is to be measured
_SLOW_RUNS = 3  # of what takes seconds
_CHANGED = 10
_REMOVALS = 20
_EDITS_OF_A_FILE = 5


def measure_merging(
    root: Path,
    record: Record,
    *,
    runs: int,
    count: int,
    peers: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Add reading and merging to a record, beside other editors.

    Args:
        root: The project in whose state folder the peers are installed.
        record: What is added to.
        runs: Samples of each.
        count: Configurations in the file, all of them made by templates.
        peers: Their command lines; None has them installed.
    """
    if peers is None:
        peers, left_out = install_editors(root)
        record.left_out |= left_out
    data = make_launch_file(count)
    base = {(entry := make_entry(number))["name"]: entry for number in range(count)}
    changed = {
        name: {**entry, "cwd": "${workspaceFolder}"} if index % step == 0 else entry
        for step in (max(count // _CHANGED, 1),)
        for index, (name, entry) in enumerate(base.items())
    }
    kinds = {"base": base, "same": base, "changed": changed}
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        files = Path(place) / "launch.json", Path(place) / "kinds.json"
        files[0].write_bytes(data)
        files[1].write_text(json.dumps(kinds))
        running = {
            name: stack.enter_context(running_peer(argv, files))
            for name, argv in peers.items()
        }
        _take_turns(record, _list_cases(data, kinds), running, runs)
        _count_lost_comments(record, running.get(NODE), runs * _REMOVALS)
    size = f"{len(data) / 1000:.0f} kB"
    record.notes.append(
        f"{count} configurations are {size}; each contender's own clock, one call"
        f" at a time, in a process that has done {_WARM} of them before, json-five one"
    )


def _list_cases(
    data: bytes, kinds: Mapping[str, Mapping[str, Any]]
) -> dict[str, tuple[str, Callable[[], Any]]]:
    """Return what is measured: its name for peers, and what we do."""
    base = {"configurations": kinds["base"]}

    def merge_into(entries: Mapping[str, Any]) -> Callable[[], Any]:
        section = Section(path=("configurations",), key="name", entries=entries)
        file = File(path="launch.json", template="", sections=(section,))
        return lambda: merge(file, data, base).content

    return {
        "parse": ("read", lambda: parse(data, name="launch.json").value),
        "parse and merge, nothing changed": ("same", merge_into(kinds["same"])),
        f"parse and merge, {_CHANGED} changed": (
            "changed",
            merge_into(kinds["changed"]),
        ),
    }


def _take_turns(
    record: Record,
    cases: Mapping[str, tuple[str, Callable[[], Any]]],
    running: Mapping[str, Peer],
    runs: int,
) -> None:
    for case, (name, ours) in cases.items():
        samples: dict[str, list[float]] = {each: [] for each in (OURS, *running)}
        expected = _read(ours())
        for number in range(-_WARM, runs):
            show_progress(f"{case} {number + 1}/{runs}")
            began = time.perf_counter()
            ours()
            samples[OURS].append((time.perf_counter() - began) * 1000)
            for peer, program in running.items():
                if peer == FIVE and not -1 <= number < _SLOW_RUNS:
                    continue
                took_ms, merged = program.run(name)
                if merged != expected:
                    raise RuntimeError(f"{peer} has made another file: {case}")
                samples[peer].append(took_ms)
        kept = {x: y[1:] if x == FIVE else y[_WARM:] for x, y in samples.items()}
        record.add(case, "ms", kept)
        record.compare(case, OURS, NODE, at_most=3)
        record.compare(case, OURS, FIVE, faster=10)


def _read(made: Any) -> Any:
    return parse(made, name="launch.json").value if isinstance(made, bytes) else made


def _count_lost_comments(record: Record, node: Peer | None, count: int) -> None:
    """Remove things from random files, and count the comments that go with them."""
    random = Random(count)  # noqa: S311 - the same files each time
    lost: dict[str, list[float]] = {OURS: [0]}
    for _ in range(count):
        document = parse(scribble(random), name="scribble")
        if not document.value:
            continue
        source = document.source
        child = random.choice(source.open(source.start).children)
        text = source.text
        wanted = _list_comments(text[: child.start] + "0" + text[child.end :])
        made = document.remove((child.key,)).decode()
        lost[OURS][0] += (wanted - _list_comments(made)).total()
        if node is not None:
            _, made = node.run(json.dumps({"data": text, "path": [child.key]}))
            lost.setdefault(NODE, [0])[0] += (wanted - _list_comments(made)).total()
    case = f"comments lost, {count} removals"
    record.add(case, "comments", lost)
    record.aim(case, OURS, at_most=0)


def _list_comments(text: str) -> Counter[str]:
    return Counter(text[start:end] for start, end in blank(text).comments)


def measure_strays(record: Record, *, edits: int) -> None:
    """Count bytes that edits of random files have changed and should not have.

    Args:
        record: What is added to.
        edits: How many; each starts where the one before has ended, five to a file.
    """
    strays = 0
    data = b""
    random = Random(edits)  # noqa: S311 - the same files each time
    for number in range(edits):
        show_progress(f"edits {number + 1}/{edits}")
        if number % _EDITS_OF_A_FILE == 0 or not _has_values(data):
            data = scribble(random)
        made = change(random, data)
        strays += count_stray_bytes(made)
        strays += parse(made.after, name="scribble").value != made.value
        data = made.after
    case = f"bytes changed outside, {edits:,} edits"
    record.add(case, "bytes", {OURS: [strays]})
    record.aim(case, OURS, at_most=0)


def _has_values(data: bytes) -> bool:
    return isinstance(parse(data, name="scribble").value, dict | list)
