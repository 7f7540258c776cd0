from __future__ import annotations

import json
import threading

import pytest

from sceneshift.core.check import Check, CheckState, Verdict, fail, ok, skip, warn
from sceneshift.core.errors import DriftError, SceneshiftError
from sceneshift.env.inspection import Result, print_results, run_checks


def refuse() -> Verdict:
    """Raise as an engine does."""
    raise SceneshiftError("it is not there", hint="make it: touch x")


def refuse_bare() -> Verdict:
    """Raise without a hint."""
    raise SceneshiftError("it is not there")


def be_broken() -> Verdict:
    """Be a mistake of ours."""
    raise KeyError("x")


def test_each_check_has_a_limit_and_hides_no_other() -> None:
    """What hangs, refuses or is broken is told, with what to do."""
    never = threading.Event()

    def hang() -> Verdict:
        never.wait()
        return ok("late")

    results = run_checks(
        [
            Check(name="hangs", look=hang, limit_s=0.05),
            Check(
                name="slow",
                look=hang,
                limit_s=0.05,
                if_late=CheckState.FAILED,
                slow_remedy="be patient",
            ),
            Check(name="refuses", look=refuse, limit_s=30),
            Check(name="bare", look=refuse_bare, limit_s=30),
            Check(name="broken", look=be_broken, limit_s=30),
            Check(name="good", look=lambda: ok("fine"), limit_s=30),
        ]
    )
    never.set()
    found = {each.name: each.verdict for each in results}
    assert found == {
        "hangs": warn("no answer within 50 ms", "see what keeps the machine busy: top"),
        "slow": fail("no answer within 50 ms", "be patient"),
        "refuses": fail("it is not there", "make it: touch x"),
        "bare": fail("it is not there", "see: inv --list"),
        "broken": fail(
            "the check itself is broken: KeyError: 'x'", "report it, with this line"
        ),
        "good": ok("fine"),
    }
    assert results[0].time_s == 0.05


RESULTS = [
    Result(name="one", verdict=ok("fine"), time_s=0.0012),
    Result(name="two", verdict=warn("odd", "look"), time_s=1.5),
    Result(name="three", verdict=skip("none"), time_s=0.0),
]
BAD = Result(name="bad", verdict=fail("no", "mend it"), time_s=0.1)


def test_what_was_found_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """A row each, and below what mends it, for people."""
    print_results(RESULTS, {}, as_json=False)
    said = capsys.readouterr()
    assert [line.split() for line in said.out.splitlines()] == [
        ["check", "state", "time", "found"],
        ["one", "ok", "1", "ms", "fine"],
        ["two", "warning", "1.5", "s", "odd"],
        ["three", "skipped", "0", "ms", "none"],
    ]
    assert said.err == "two: look\n"


@pytest.mark.parametrize("as_json", [False, True])
def test_a_failure_ends_with_3(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    """After everything was printed."""
    with pytest.raises(DriftError, match=r"^a check has failed: bad$"):
        print_results([*RESULTS, BAD], {"a": 1}, as_json=as_json)
    with pytest.raises(DriftError, match=r"^2 checks have failed: bad, bad$"):
        print_results([BAD, BAD], {}, as_json=as_json)
    assert "mend it" in "".join(capsys.readouterr())


def test_json_has_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A state is one of four."""
    print_results(RESULTS, {"environment": "x"}, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["environment"], said["is_ok"]) == ("x", True)
    assert said["checks"][1] == {
        "name": "two",
        "state": "warning",
        "time_s": 1.5,
        "detail": "odd",
        "remedy": "look",
    }
    states = {state.value for state in CheckState}
    assert states == {"ok", "warning", "failed", "skipped"}
