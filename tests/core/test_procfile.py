from __future__ import annotations

from pathlib import Path

import pytest
from honcho.environ import parse_procfile as parse_as_honcho
from hypothesis import example, given
from hypothesis import strategies as st

from sceneshift.core.errors import ConfigError
from sceneshift.core.procfile import load_procfile, parse_procfile

FILE = Path("Procfile.dev")
LINES = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.from_regex(r"\A\s?[a-z_-]{1,3}\s?:\s*[a-z #$]{0,5}\Z"),
    )
)


@given(st.one_of(st.text(), LINES.map("\n".join)))
@example("web: a\r\nworker: b")
@example("a:b\u2028c: d")
@example("a: \x0b")
@example("a: #")
def test_what_is_accepted_is_what_honcho_reads(text: str) -> None:
    """For any text, ours equals honcho's, or ours refused."""
    refusal: ConfigError | None = None
    try:
        commands = parse_procfile(text, FILE).commands
    except ConfigError as error:
        refusal = error
    if refusal is None:
        assert commands == parse_as_honcho(text).processes
    else:
        assert "\n" not in refusal.message
        assert refusal.hint


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_comments_and_blank_lines_are_skipped(end: str) -> None:
    """Lines count as in an editor, and the last needs no end."""
    text = end.join(["# ours", "", "web: a b", "  # more", "\t", "work-er_1:c  "])
    procfile = parse_procfile(text, FILE)
    assert procfile.commands == {"web": "a b", "work-er_1": "c  "}
    assert procfile.lines == {"web": 3, "work-er_1": 6}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("  web: a", "a process must begin at the line's start"),
        ("web : a", "no process can be read here"),
        ("wéb: a", "no process can be read here"),
        ("web", "no process can be read here"),
        ("web:", "a process has no command"),
        ("web: # later", "a process has no command"),
        ("web: a\0b", "a command holds a NUL byte"),
    ],
)
def test_what_honcho_drops_is_refused(line: str, complaint: str) -> None:
    """No line is dropped in silence."""
    with pytest.raises(ConfigError) as caught:
        parse_procfile(f"ok: a\n{line}\n", FILE)
    assert caught.value.message.startswith(f"Procfile.dev:2: {complaint}: `")
    assert "name: command" in (caught.value.hint or "")


def test_two_processes_of_a_name_are_refused() -> None:
    """Both lines are named."""
    with pytest.raises(ConfigError) as caught:
        parse_procfile("a: 1\nb: 2\n\na: 3", FILE)
    message = "Procfile.dev:4: there is a second process `a`, the first is in line 1"
    assert caught.value.message == message


def test_the_file_for_development_is_taken_first(tmp_path: Path) -> None:
    """`Procfile.dev`, else `Procfile`; both are worth a look when they change."""
    (tmp_path / "Procfile").write_text("web: live")
    procfile = load_procfile(tmp_path)
    assert procfile.commands == {"web": "live"}
    assert procfile.looked_for == (Path("Procfile.dev"), Path("Procfile"))
    (tmp_path / "Procfile.dev").write_bytes(b"\xef\xbb\xbfweb: dev")
    procfile = load_procfile(tmp_path)
    assert procfile.commands == {"web": "dev"}
    assert procfile.looked_for == (Path("Procfile.dev"),)


def test_a_named_file_is_the_only_one(tmp_path: Path) -> None:
    """A wrong name does not start something else."""
    (tmp_path / "Procfile").write_text("web: live")
    with pytest.raises(ConfigError) as caught:
        load_procfile(tmp_path, Path("Procfile.local"))
    assert caught.value.message == "there is no Procfile, looked for: `Procfile.local`"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """An unreadable file is not taken for a missing one."""
    (tmp_path / "Procfile.dev").mkdir()
    with pytest.raises(ConfigError, match="dev: cannot be read: Is a directory"):
        load_procfile(tmp_path)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """The line is named."""
    (tmp_path / "Procfile").write_bytes(b"web: a\nw\xf6rker: b")
    with pytest.raises(ConfigError, match=r"^Procfile:2: is not UTF-8$"):
        load_procfile(tmp_path)
