from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from sceneshift.core.program import PythonProgram
from sceneshift.dev.run.sharing import find_changes, is_alike, may_change

PROGRAM = PythonProgram(
    interpreter="/usr/bin/python3",
    kind="module",
    target="web",
    argv=("--port", "8000"),
    cwd=Path("/project"),
    env={"NAME": "a"},
)


def test_another_environment_and_other_arguments_are_no_other_program() -> None:
    """They are a child's own."""
    assert is_alike(PROGRAM, replace(PROGRAM, argv=(), typed="x", env={}))


@pytest.mark.parametrize(
    "change",
    [
        {"interpreter": "/usr/bin/python3.14"},
        {"options": ("-O",)},
        {"kind": "script"},
        {"target": "other"},
        {"cwd": Path("/elsewhere")},
    ],
)
def test_what_an_interpreter_is_started_with_is_another(change: dict[str, str]) -> None:
    """It holds before the first import."""
    assert not is_alike(PROGRAM, replace(PROGRAM, **change))


def test_changes_are_told_by_name() -> None:
    """Those that are gone too."""
    old = {"SAME": "1", "OTHER": "1", "GONE": "1"}
    new = {"SAME": "1", "OTHER": "2", "NEW": "2"}
    assert find_changes(old, new) == {"OTHER": "2", "NEW": "2", "GONE": None}
    assert find_changes(old, old) == {}


@pytest.mark.parametrize(
    ("names", "reads", "may"),
    [
        ([], None, True),
        (["DATABASE_URL"], ["PATH"], True),
        (["DATABASE_URL"], ["DATABASE_URL"], False),
        (["DATABASE_URL", "PORT"], ["PORT"], False),
        (["DATABASE_URL"], None, False),
        (["PYTHONHASHSEED"], [], False),
        (["OMP_NUM_THREADS"], [], False),
        (["TZ"], [], False),
        (["HOME"], [], False),
        (["HOMEPAGE_URL"], [], True),
        (["LANG"], [], False),
        (["SSL_CERT_FILE"], [], False),
        (["LANGFUSE_HOST", "LANGCHAIN_API_KEY", "NVIDIA_API_KEY"], [], True),
        (["SSL_REDIRECT", "TF_VAR_region", "ORACLE_PASSWORD", "ATLAS_URI"], [], True),
        (["GRPC_PORT", "TORCH_URL"], [], True),
        (["GRPC_VERBOSITY"], [], False),
    ],
)
def test_what_was_read_may_not_change(
    names: list[str],
    reads: list[str] | None,
    may: bool,  # noqa: FBT001 - a column
) -> None:
    """Nor what native code reads, of which nobody hears."""
    assert may_change(names, reads) is may
