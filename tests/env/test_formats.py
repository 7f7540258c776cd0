"""Each format is read by its own reader, and gives the very values."""

from __future__ import annotations

import io
import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from dotenv import dotenv_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sceneshift.core.envfile import load_env_file
from sceneshift.core.environment import expand
from sceneshift.env.formats import FORMATS, render_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HARD = {
    "EMPTY": "",
    "PLAIN": "a/b:c@d,1.5-x",
    "SPACES": "  two  words ",
    "QUOTES": """it's "so" `so`""",
    "DOLLARS": "$HOME ${HOME} ${A:-b} $$ $(id) ${",
    "BACKSLASHES": r"C:\new \\ \' \n \ ",
    "LINES": "one\ntwo\n\nfour\n",
    "RETURNS": "a\rb\r\nc\"d'e\\",
    "COMMENT": "a # b",
    "WORDS": "!history * ? ~ {a,b} [x] <y> | & ; %s",
    "EQUAL": "a=b<<c",
    "HEREDOC": "x<<end\nend\ny=z",
    "UNICODE": "ä→𝄞\u2028\x85\x1c\x0b\x07\x1b",
    "NEWLINE": "\n",
    "_UNDER1": "-n",
}
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40
) | st.text(st.sampled_from("a\\'\"$`{}\n\r#= !<>~*-"), max_size=12)
VALUES = st.dictionaries(st.from_regex(r"V_[A-Z0-9_]{0,6}", fullmatch=True), TEXTS)
# Each example starts a shell.
shell_settings = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PRINT = """\
import json, os, sys
json.dump({k: v for k, v in os.environ.items() if k in sys.argv[1:]}, sys.stdout)
"""


def render(form: str, values: dict[str, str]) -> str:
    """Write the values in a format."""
    return "".join(FORMATS[form].assign(*item) for item in values.items())


def read_back(shell: list[str], script: str, names: list[str]) -> dict[str, str]:
    """Run a shell's script, and return what a program gets from it."""
    python = subprocess.list2cmdline([os.environ.get("PYTHON", "python3")])
    words = " ".join(names)
    done = subprocess.run(
        [*shell, "-c", f"{script}\n{python} -c '{PRINT}' {words}\n"],
        env={"PATH": os.environ["PATH"], "HOME": "/none", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
    )
    said: dict[str, str] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize(
    "shell", ["sh", "bash", pytest.param("fish", marks=pytest.mark.needs("fish"))]
)
def test_a_shell_takes_in_the_values(shell: str) -> None:
    """Those that are hard to write."""
    form = "fish" if shell == "fish" else "sh"
    assert read_back([shell], render(form, HARD), [*HARD]) == HARD


@shell_settings
@given(VALUES)
def test_a_posix_shell_takes_in_any_value(values: dict[str, str]) -> None:
    """By way of `eval`, as it is meant."""
    script = render("sh", values).replace("'", "'\\''")
    assert read_back(["sh"], f"eval '{script}'", [*values]) == values


def test_a_posix_shell_takes_in_bytes() -> None:
    """A value need be no text."""
    text = os.fsdecode(b"\xff\xfe'")
    argv = ["sh", "-c", render("sh", {"A": text}) + 'printf %s "$A"']
    assert subprocess.check_output(argv) == b"\xff\xfe'"


def read_fish(text: str) -> Iterator[tuple[str, str]]:
    """Read `set -gx NAME '…'`, as fish's manual says of quotes."""
    stream = io.StringIO(text)
    while head := stream.read(len("set -gx ")):
        assert head == "set -gx "
        name = "".join(iter(lambda: stream.read(1), " "))
        assert stream.read(1) == "'"
        value = ""
        while (char := stream.read(1)) != "'":
            following = stream.read(1) if char == "\\" else ""
            is_escape = following != "" and following in "\\'"
            value += following if is_escape else char + following
        assert stream.read(1) == "\n"
        yield name, value


@given(VALUES)
def test_fish_is_written_by_its_grammar(values: dict[str, str]) -> None:
    """Also where there is no fish."""
    assert dict(read_fish(render("fish", values))) == values


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES)
def test_env_files_are_read_as_they_were_written(
    tmp_path: Path, values: dict[str, str]
) -> None:
    """By python-dotenv, and by our own reader."""
    for each in (HARD, values):
        file = tmp_path / "some.env"
        file.write_text(render("dotenv", each), encoding="utf-8", newline="")
        assert dotenv_values(file) == each
        lines = load_env_file(tmp_path, file)
        assert {line.key: expand(line.text, {}) for line in lines} == each


def read_github(text: str) -> Iterator[tuple[str, str]]:
    """Read what GITHUB_ENV names as the runner does.

    See `SetEnvFileCommand` in actions/runner, src/Runner.Worker/FileCommandManager.cs.
    """
    lines = text.split("\n")
    assert lines.pop() == ""
    while lines:
        line = lines.pop(0)
        if not line:
            continue
        equal, heredoc = line.find("="), line.find("<<")
        if equal >= 0 and (heredoc < 0 or equal < heredoc):
            yield line[:equal], line[equal + 1 :]
            continue
        name, _, delimiter = line.partition("<<")
        end = lines.index(delimiter)
        yield name, "\n".join(lines[:end])
        del lines[: end + 1]


@given(VALUES)
def test_a_github_runner_takes_in_the_values(values: dict[str, str]) -> None:
    """Several lines by a delimiter that none of them can be."""
    for each in (HARD, values):
        assert dict(read_github(render("github", each))) == each


@given(st.dictionaries(st.text(), st.text()))
def test_json_holds_everything(values: dict[str, str]) -> None:
    """Whatever the names are."""
    assert json.loads(render_json(values)) == values


@pytest.mark.parametrize(
    ("form", "name", "text", "expected"),
    [
        ("sh", "A-B", "x", False),
        ("fish", "1A", "x", False),
        ("dotenv", "A-B.c", "x", True),
        ("github", "A B", "x", False),
        ("sh", "A", "\udcff", True),
        ("dotenv", "A", "\udcff", False),
        ("github", "A", "ä", True),
    ],
)
def test_what_a_format_cannot_say_is_known(
    form: str, name: str, text: str, *, expected: bool
) -> None:
    """It is left out, and never said wrongly."""
    assert FORMATS[form].can_say(name, text) is expected
