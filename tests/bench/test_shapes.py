from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import cli, data, ide, orphans, output, reload, seeding, stress, switch
from bench.breakpoints import measure_breakpoints
from bench.jsoncpeers import FIVE
from bench.peers import find_here
from bench.record import OURS, Record
from sceneshift.core.errors import UsageError

pytestmark = pytest.mark.timeout(180)


def read_back(record: Record, root: Path) -> dict[str, Any]:
    """Return what a record's file says, once its table could be made."""
    assert record.format().startswith(record.bench)
    said = json.loads(record.write(root).read_text())
    assert isinstance(said, dict)
    return said


def check(said: dict[str, Any], bench: str) -> None:
    """Assert what all benches have in common."""
    assert said["bench"] == bench
    assert len(said["machine"]["load_before"]) == 3
    for figure in said["figures"]:
        assert figure["lowest"] <= figure["median"] <= figure["highest"]
        assert figure["samples"]
    assert said["targets"]
    for target in said["targets"]:
        assert isinstance(target["is_met"], bool)
        assert target["limit"]


def test_reload_tells_ours_by_variant(tmp_path: Path) -> None:
    """A save to the same file and one to each in turn are told apart."""
    record = reload.measure(
        tmp_path, runs=1, reloads=1, applications=("light",), peers=()
    )
    said = read_back(record, tmp_path)
    check(said, "reload")
    names = {figure["contender"] for figure in said["figures"]}
    assert names == {f"{OURS}, same file", f"{OURS}, files in turn"}
    assert said["left_out"] == []


def test_output_counts_every_line(tmp_path: Path) -> None:
    """A line that is missing would be a note."""
    record = output.measure(tmp_path, runs=1, lines=50, peer_runs=0)
    said = read_back(record, tmp_path)
    check(said, "output")
    assert not [note for note in said["notes"] if note.endswith("lines came")]


def test_cli_has_commands_and_memory(tmp_path: Path) -> None:
    """Both kinds of figures have ours and a peer's."""
    said = read_back(cli.measure(tmp_path, runs=1), tmp_path)
    check(said, "cli")
    assert {figure["unit"] for figure in said["figures"]} == {"ms", "MB"}


def test_orphans_counts_what_is_left(tmp_path: Path) -> None:
    """The count of ours is a target."""
    said = read_back(orphans.measure(tmp_path, runs=1, peer_runs=1), tmp_path)
    check(said, "orphans")
    left = [x for x in said["figures"] if x["case"] == "left after 1 s"]
    assert {x["contender"] for x in left} == {OURS, "honcho"}


def test_stress_has_targets_for_each_server_and_application(tmp_path: Path) -> None:
    """Nothing may be lost or stale, and where connections are kept, none is closed."""
    record = stress.measure(
        tmp_path,
        reloads=1,
        connections=2,
        hogs=0,
        only="uvicorn-asyncio-h11",
        installed=find_here(),
    )
    said = read_back(record, tmp_path)
    check(said, "stress")
    cases = {figure["case"] for figure in said["figures"]}
    wanted = ("lost requests", "stale answers", "closed connections")
    assert cases == {f"{x}, {y}" for x in wanted for y in stress.APPLICATIONS}
    assert len(said["targets"]) == len(cases)
    assert len([note for note in said["notes"] if "1 of 1 reloads served" in note]) == 2
    assert said["left_out"] == []


def test_stress_runs_no_server_by_an_unknown_name(tmp_path: Path) -> None:
    """An empty table would look as if all were well."""
    with pytest.raises(UsageError, match="`apache`"):
        stress.measure(tmp_path, only="apache")


def test_switch_counts_what_is_lost(tmp_path: Path) -> None:
    """Beside the seconds that it and its peer took."""
    record = switch.measure(
        tmp_path, runs=1, applications=("light",), installed=find_here()
    )
    said = read_back(record, tmp_path)
    check(said, "switch")
    assert {figure["unit"] for figure in said["figures"]} == {"s", "requests"}


def test_seeding_compares_with_what_is_written_by_hand(tmp_path: Path) -> None:
    """Without a server where the project has none."""
    said = read_back(seeding.measure(tmp_path, runs=1, rows=400), tmp_path)
    check(said, "seeding")
    cases = {figure["case"] for figure in said["figures"]}
    assert cases == {"SQLite: 400 rows", "SQLite: 20 rows"}
    assert [each["peer"] for each in said["left_out"]] == ["PostgreSQL"]


def test_data_resets_beside_the_usual_ways(tmp_path: Path) -> None:
    """And counts what those see of it who are connected."""
    sizes = data.Sizes(migrations=2, rows=1010, growth=(2,))
    record = data.measure(tmp_path, runs=1, sizes=sizes, systems=["SQLite"])
    said = read_back(record, tmp_path)
    check(said, "data")
    assert {figure["unit"] for figure in said["figures"]} == {"s", "errors", "looks"}
    seen = {(each["case"], each["contender"]): each for each in said["figures"]}
    for case in ("errors of a client", "partial data seen"):
        assert seen[f"SQLite: {case} meanwhile", OURS]["samples"] == [0]
    # What is emptied in one transaction and filled in another, is seen empty.
    assert seen["SQLite: partial data seen meanwhile", data.FLUSH]["median"] > 0


PEER = """
import json, pathlib, sys
from sceneshift.ide.jsonc import parse
launch, kinds = map(pathlib.Path, sys.argv[1:])
value = parse(launch.read_bytes(), name="launch.json").value
made = json.loads(kinds.read_text())
for line in sys.stdin:
    value["configurations"] = [*made.get(line.strip(), made["base"]).values()]
    print(json.dumps({"ms": 9, "merged": value}), flush=True)
"""


def test_ide_counts_what_edits_have_no_business_with(tmp_path: Path) -> None:
    """Beside the time that merging takes, with a peer that says what it has made."""
    peers = {FIVE: (sys.executable, "-c", PEER)}
    record = ide.measure(tmp_path, runs=1, count=2, edits=20, saves=0, peers=peers)
    said = read_back(record, tmp_path)
    check(said, "ide")
    assert {figure["unit"] for figure in said["figures"]} == {"ms", "comments", "bytes"}
    assert {figure["contender"] for figure in said["figures"]} == {OURS, FIVE}
    assert said["figures"][-1]["samples"] == [0]


def test_ide_waits_for_a_breakpoint_in_new_code(tmp_path: Path) -> None:
    """Ours and debugpy's own way: both are hit, and nothing of them is left out."""
    record = Record(bench="ide", runs=1)
    python = Path(sys.executable)
    measure_breakpoints(tmp_path, record, saves=1, pythons=[python], warmups=0)
    said = read_back(record, tmp_path)
    names = {figure["contender"] for figure in said["figures"]}
    assert names == {OURS, "uvicorn --reload in debugpy"}
    assert {figure["unit"] for figure in said["figures"]} == {"ms", "answers"}
    assert said["left_out"] == []
