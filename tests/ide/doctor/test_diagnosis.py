from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.ide.dap.client import Client, Frame
from sceneshift.ide.dap.connection import Connection
from sceneshift.ide.dap.session import Session, Wanted
from sceneshift.ide.doctor.attempts import judge_end
from sceneshift.ide.doctor.call import Call
from sceneshift.ide.doctor.diagnosis import (
    _judge_answers,
    _judge_function,
    judge_stop,
    split_common,
)
from sceneshift.ide.doctor.findings import Kind, Outcome
from sceneshift.ide.doctor.sources import Place
from sceneshift.ide.doctor.trial import Trial, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

MAPPED = {"pathMappings": [{"localRoot": "/here", "remoteRoot": "/there"}]}


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    """Yield a trial of a file's function, with a debugger that has no program."""
    file = tmp_path / "api/main.py"
    file.parent.mkdir()
    file.touch()
    ours, theirs = socket.socketpair()
    with Client({}) as client, ours, theirs:
        session = Session(
            Connection(ours, ours), {}, wanted=Wanted(), on_reverse=lambda *_: None
        )
        trial = Trial(client, session, resolved={}, root=tmp_path, limit_s=1)
        trial.places = [Place(file=file, line=3, function="show")]
        yield trial


def stop_in(file: Path, function: str = "show") -> Frame:
    """Return where a thread stands."""
    return Frame(file=str(file), line=3, function=function)


def judge(trial: Trial, frame: Frame, **resolved: Any) -> Verdict:
    """Judge a stop that the name of a function has brought."""
    trial.resolved = resolved
    return _judge_function(trial, frame)


def test_a_stop_in_the_file_that_was_meant_is_a_hit(trial: Trial) -> None:
    """Where, is said by its place in the project."""
    found = judge_stop(trial, stop_in(trial.places[0].file))
    assert (found.outcome, found.detail) == (Outcome.HIT, "api/main.py:3 in show")


def test_a_stop_that_is_shown_in_another_file_is_none(trial: Trial) -> None:
    """The editor would open a file that is not there."""
    found = judge_stop(trial, stop_in(trial.root / "main.py", "<module>"))
    assert found.findings[0].kind is Kind.NO_MAPPING
    assert found.detail.startswith(f"it stops in {trial.root}/main.py, and the file is")


@pytest.mark.parametrize(
    ("remote", "mapping"),
    [
        ("/app/main.py", '"${workspaceFolder}/api", "remoteRoot": "/app"'),
        ("/app/api/main.py", '"${workspaceFolder}", "remoteRoot": "/app"'),
    ],
)
def test_the_mapping_that_is_missing_is_said(
    trial: Trial, remote: str, mapping: str
) -> None:
    """It is what both paths do not end with."""
    found = judge(trial, stop_in(Path(remote)))
    assert found.findings[0].kind is Kind.NO_MAPPING
    assert f'"localRoot": {mapping}' in found.findings[0].hint


def test_a_mapping_may_begin_above_the_project(trial: Trial) -> None:
    """Where the process has a copy of more than that."""
    found = judge(trial, stop_in(Path("/srv", trial.root.name, "api/main.py")))
    assert f'"localRoot": "{trial.root.parent}", "remote' in found.findings[0].hint


def test_a_mapping_that_leads_away_is_told(trial: Trial) -> None:
    """The file is the one that was meant, and the line was set elsewhere."""
    file = stop_in(trial.places[0].file)
    assert judge(trial, file, **MAPPED).findings[0].kind is Kind.NO_MAPPING
    found = judge(trial, file)
    assert found.findings[0].kind is Kind.NEVER_HIT
    assert "though show of" in found.detail


def test_paths_without_a_common_end_stay_whole() -> None:
    """Then the folders are no help."""
    assert split_common(Path("/a/b.py"), Path("/a/c.py")) == (
        Path("/a/b.py"),
        Path("/a/c.py"),
    )
    assert split_common(Path("/a/b.py"), Path("/c/a/b.py")) == (Path("/"), Path("/c"))


def test_a_port_of_another_process_is_told(trial: Trial) -> None:
    """What answers is not what is debugged: here, this very test."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        trial.port = server.getsockname()[1]
        found = _judge_answers(trial)
    assert found.findings[0].kind is Kind.NEVER_HIT
    assert f"port {trial.port} is answered by a process that is not" in found.detail
    assert "accepted and never hit" in _judge_answers(trial).detail


def test_what_does_not_answer_is_said_with_the_request(trial: Trial) -> None:
    """A server may be gone meanwhile."""
    trial.calls.append(Call(trial.client, "127.0.0.1", 1, "/x"))
    found = _judge_answers(trial)
    assert "no request has come to a handler: GET /x: no answer" in found.detail


def test_a_port_that_is_taken_is_known_by_the_last_words(trial: Trial) -> None:
    """Where an entry does not say the port, only the program knows it."""
    trial.session.add_output("[Errno 98] Address already in use\n")
    trial.session.exit_code = 3
    found = judge_end(trial)
    assert found.findings[0].kind is Kind.PORT_TAKEN
    assert "ends with exit code 3, as its port is taken: [Errno 98]" in found.detail
