"""Reading why a Python process could not start, from real interpreters' words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sceneshift.dev.failure import (
    ErrorReport,
    one_line,
    parse_failure,
    read_excerpt,
    split_frames,
)

GROUP = """
from app import leaf
def fail(n):
    raise ValueError(f"leaf {n}")
errors = []
for n in (1, 2):
    try:
        fail(n)
    except ValueError as error:
        errors.append(error)
"""


def fail(root: Path, files: dict[str, str], *argv: str) -> ErrorReport:
    """Run a project of these files, which fails, and read why."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    run = subprocess.run(
        [sys.executable, *(argv or ("main.py",))],
        cwd=root,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "FORCE_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode
    return parse_failure(run.stderr, root, process="web", since=1.0)


def test_a_syntax_error_in_a_module_is_named_with_its_place(tmp_path: Path) -> None:
    """The file that is broken counts, not the one that imports it."""
    files = {"main.py": "import demo.api", "demo/api.py": "x = 1\ndef f(:\n    pass\n"}
    report = fail(tmp_path, files)
    assert one_line(report) == "demo/api.py:2: SyntaxError: invalid syntax"
    assert report.text.startswith("Traceback (most recent call last):")
    assert "\x1b" not in report.text


def test_a_syntax_error_in_the_script_itself_has_no_traceback(tmp_path: Path) -> None:
    """Python writes no header for a main script that it cannot compile."""
    report = fail(tmp_path, {"main.py": "x = = 1\n"})
    assert one_line(report) == "main.py:1: SyntaxError: invalid syntax"
    assert report.text.lstrip().startswith("File ")


def test_an_error_deep_in_a_library_is_placed_in_the_project(tmp_path: Path) -> None:
    """People can mend their own line, and not json's."""
    files = {"main.py": "import json\n\njson.loads('{')\n"}
    assert one_line(fail(tmp_path, files)).startswith("main.py:3: json.decoder.JSON")


def test_site_packages_below_the_project_are_not_its_own(tmp_path: Path) -> None:
    """A virtual environment lies in the project's folder and is no part of it."""
    files = {
        "main.py": "import sys; sys.path.append('.venv/site-packages'); import lib",
        ".venv/site-packages/lib.py": "raise OSError('broken')",
    }
    assert one_line(fail(tmp_path, files)) == "main.py:1: OSError: broken"


def test_the_last_exception_of_a_chain_counts(tmp_path: Path) -> None:
    """What came before it is shown and not named."""
    text = (
        "def inner():\n    return {}['key']\n"
        "try:\n    inner()\nexcept KeyError as error:\n"
        "    raise RuntimeError('no key') from error\n"
    )
    report = fail(tmp_path, {"main.py": text})
    assert one_line(report) == "main.py:6: RuntimeError: no key"
    assert "KeyError: 'key'" in report.text


def test_a_chain_that_ends_in_a_library_is_placed_by_its_cause(tmp_path: Path) -> None:
    """Some traceback of the chain leads into the project."""
    text = """Traceback (most recent call last):
  File "app.py", line 3, in <module>
    import nothing
ModuleNotFoundError: No module named 'nothing'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/usr/lib/python3/site-packages/flask/cli.py", line 9, in locate
    raise NoAppException
flask.cli.NoAppException: while importing
"""
    report = parse_failure(text, tmp_path)
    assert one_line(report) == "app.py:3: flask.cli.NoAppException: while importing"


def test_an_earlier_traceback_is_not_it(tmp_path: Path) -> None:
    """A traceback that was only logged is not why it ended."""
    text = (
        "import traceback\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()\n"
        "raise ValueError('the end')\n"
    )
    report = fail(tmp_path, {"main.py": text})
    assert one_line(report) == "main.py:6: ValueError: the end"
    assert "ZeroDivisionError" not in report.text


def test_a_group_is_named_by_its_first_member(tmp_path: Path) -> None:
    """How many errors there were mends nothing."""
    text = GROUP + "raise ExceptionGroup('both', errors)\n"
    report = fail(tmp_path, {"app.py": "leaf = 1\n", "main.py": text})
    assert one_line(report) == "main.py:4: ValueError: leaf 1"
    assert "ExceptionGroup: both" in report.text


def test_a_group_in_a_group_is_followed(tmp_path: Path) -> None:
    """Task groups nest, and so do their errors."""
    text = GROUP + (
        "try:\n    raise ExceptionGroup('inner', errors)\n"
        "except ExceptionGroup as inner:\n"
        "    group = ExceptionGroup('outer', [inner, TypeError('unraised')])\n"
        "raise group\n"
    )
    report = fail(tmp_path, {"app.py": "leaf = 1\n", "main.py": text})
    assert one_line(report) == "main.py:4: ValueError: leaf 1"


def test_a_group_whose_members_were_never_raised_names_itself(tmp_path: Path) -> None:
    """A member without a traceback has no place."""
    text = "raise ExceptionGroup('both', [ValueError(1), TypeError(2)])\n"
    report = fail(tmp_path, {"main.py": text})
    assert one_line(report) == "main.py:1: ExceptionGroup: both (2 sub-exceptions)"


def test_a_chain_within_a_group_ends_with_its_last(tmp_path: Path) -> None:
    """A member's own cause is not the member."""
    text = (
        "try:\n    try:\n        1 / 0\n    except ZeroDivisionError as error:\n"
        "        raise ValueError('why') from error\nexcept ValueError as error:\n"
        "    group = ExceptionGroup('one', [error])\nraise group\n"
    )
    report = fail(tmp_path, {"main.py": text})
    assert one_line(report) == "main.py:5: ValueError: why"


def test_a_message_of_many_lines_is_named_by_its_first(tmp_path: Path) -> None:
    """Validation errors list fields below the headline, and notes follow."""
    text = "error = ValueError('2 fields\\n\\n  name missing')\nerror.add_note('hm')\n"
    report = fail(tmp_path, {"main.py": text + "raise error\n"})
    assert report.headline == "ValueError: 2 fields"
    assert report.text.endswith("  name missing\nhm")


def test_a_log_level_before_the_traceback_is_no_matter(tmp_path: Path) -> None:
    """Servers log the traceback of a start-up that failed."""
    text = (
        "INFO:     Waiting for application startup.\n"
        "ERROR:    Traceback (most recent call last):\n"
        f'  File "{tmp_path}/app.py", line 7, in lifespan\n'
        "    connect()\n"
        "ConnectionError: no database\n\n"
        "ERROR:    Application startup failed. Exiting.\n"
    )
    report = parse_failure(text, tmp_path)
    assert one_line(report) == "app.py:7: ConnectionError: no database"
    assert report.text.endswith("Exiting.")


@pytest.mark.parametrize(
    ("text", "headline"),
    [
        ("\nINFO: up\n/bin/sh: 1: foo: not found\n\n", "/bin/sh: 1: foo: not found"),
        ("", "it ended without a word"),
        ("Traceback (most recent call last):\n", "Traceback (most recent call last):"),
    ],
    ids=["words", "nothing", "cut off"],
)
def test_without_a_traceback_the_last_words_count(
    text: str, headline: str, tmp_path: Path
) -> None:
    """A command that is not there, or killed while it wrote, has a headline too."""
    report = parse_failure(text, tmp_path)
    assert one_line(report) == headline
    assert report.place is None
    assert read_excerpt(report) == ()


def test_a_chain_whose_beginning_is_lost_is_read_from_where_it_goes_on(
    tmp_path: Path,
) -> None:
    """The output that is kept has an end and not always a beginning."""
    text = (
        "During handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError\n'
    )
    assert one_line(parse_failure(text, tmp_path)) == "a.py:1: ValueError"


def test_a_folder_of_two_names_is_one(tmp_path: Path) -> None:
    """A traceback may name the project by another path, as macOS's /tmp does."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    text = (
        "Traceback (most recent call last):\n"
        f'  File "{tmp_path}/real/a.py", line 1, in f\nValueError\n'
    )
    report = parse_failure(text, tmp_path / "link")
    assert report.file == tmp_path / "link" / "a.py"


def test_a_file_outside_of_the_project_is_shown_whole(tmp_path: Path) -> None:
    """A place that is not below the project has no shorter name."""
    report = ErrorReport(
        process="web",
        headline="E",
        file=Path("/etc/x.py"),
        line=1,
        text="",
        since=0.0,
        root=tmp_path,
    )
    assert report.place == "/etc/x.py:1"


def test_a_very_long_text_keeps_its_end(tmp_path: Path) -> None:
    """The exception stands at the end."""
    report = parse_failure("word\n" * 50_000 + "the end", tmp_path)
    assert len(report.text) < 70_000
    assert report.text.startswith("...\nword")
    assert report.text.endswith("the end")


def test_an_excerpt_is_the_source_around_the_place(tmp_path: Path) -> None:
    """Five lines before, five after, and the place is marked."""
    (tmp_path / "a.py").write_text("".join(f"line {n}\n" for n in range(1, 21)))
    text = (
        'Traceback (most recent call last):\n  File "a.py", line 8, in f\nValueError\n'
    )
    excerpt = read_excerpt(parse_failure(text, tmp_path))
    assert [line.number for line in excerpt] == list(range(3, 14))
    assert [line.text for line in excerpt if line.is_place] == ["line 8"]


def test_a_file_that_cannot_be_read_has_no_excerpt(tmp_path: Path) -> None:
    """It may be gone by now."""
    text = (
        'Traceback (most recent call last):\n  File "a.py", line 8, in f\nValueError\n'
    )
    assert read_excerpt(parse_failure(text, tmp_path)) == ()


def test_frames_are_told_apart(tmp_path: Path) -> None:
    """The project's own frames are marked, the libraries' are others."""
    text = (
        "Traceback (most recent call last):\n"
        '  File "a.py", line 1, in f\n    call()\n    ^^^^\n'
        '  File "/usr/lib/python3/json.py", line 2, in g\n    fail()\n'
        '  File "<frozen importlib._bootstrap>", line 3, in h\n'
        "ValueError: no\n"
    )
    pieces = list(split_frames(text, tmp_path))
    assert [kind for _, kind in pieces] == [None, True, False, False, None]
    assert "".join(piece for piece, _ in pieces) == text
    assert list(split_frames("", tmp_path)) == []


@given(st.text(st.sampled_from('TFrx: \n|+-."'), max_size=60), st.integers(0, 60))
def test_nothing_breaks_the_reader(noise: str, cut: int) -> None:
    """Whatever a process writes, there is a report."""
    sample = (
        "  + Exception Group Traceback (most recent call last):\n"
        '  |   File "a.py", line 1, in f\n  | ExceptionGroup: x (1 sub-exception)\n'
        "  +-+---------------- 1 ----------------\n    | Traceback (most recent "
        'call last):\n    |   File "b.py", line 2, in g\n    | ValueError\n'
    )
    text = sample[:cut] + noise + sample[cut:]
    report = parse_failure(text, Path("/project"))
    assert report.headline
    assert "".join(piece for piece, _ in split_frames(report.text, report.root))
