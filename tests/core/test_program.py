from __future__ import annotations

import os
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sceneshift.core.program import (
    PythonProgram,
    ShellCommand,
    analyse,
    find_interpreter,
)

if TYPE_CHECKING:
    from pathlib import Path

# A program that is called as an interpreter is, and says how it was called.
ECHO = """#!/bin/sh
printf '%s\\0' "$(pwd -P)" "${A-unset}" "${B-unset}" "$@"
"""
FRAGMENTS = [
    *(
        "'",
        '"',
        " ",
        "a",
        "b c",
        "$A",
        "${A}",
        "${B:-d}",
        "${B-d}",
        "$NONE",
        "${NONE:-}",
    ),
    *(
        "${NONE-x y}",
        "*",
        "~",
        "\\",
        "#",
        "=",
        "A=1",
        ";",
        "&&",
        ">",
        "`",
        "$",
        "{}",
        "é",
    ),
    *("$(echo 1)", "$SPACED", "$STAR", "--x=", "[a]", "!", "%", "-", "\t"),
]
PREFIXES = [
    *(
        "",
        "exec ",
        "env ",
        "A=1 ",
        "A='x' B=$A ",
        "cd sub && ",
        "cd sub && A=2 exec ",
    ),
    *("env A=$A ", "exec env B=3 ", 'A="$STAR" ', "cd 'sub' && "),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a `python` that echoes, a script and a folder."""
    root = tmp_path_factory.mktemp("program")
    (root / "bin").mkdir()
    (root / "bin" / "python").write_text(ECHO)
    (root / "bin" / "python").chmod(0o755)
    for name in ("run.py", "sub/run.py", "starred.txt"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    return root


def environment(folder: Path) -> dict[str, str]:
    """An environment with values of all kinds."""
    path = f"{folder / 'bin'}:/usr/bin:/bin"
    values = {"A": "old", "B": "", "SPACED": "x  y", "STAR": "star*"}
    return {"PATH": path, "LC_ALL": "C.UTF-8", **values}


def said_by_shell(line: str, folder: Path) -> list[str]:
    """Run a line by `sh`; return what the echoing `python` was given."""
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split("\0")[:-1]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    prefix=st.sampled_from(PREFIXES),
    rest=st.lists(st.sampled_from(FRAGMENTS), max_size=6).map("".join),
)
@example(prefix="", rest='--name="my app" "a"b \'c\'"d"')
@example(prefix="A=1 ", rest="$A")
@example(prefix="", rest="${B-d} '' \"\"")
def test_a_line_means_what_it_means_to_a_shell(
    prefix: str, rest: str, folder: Path
) -> None:
    """Either the words, the folder and the environment are the same, or it runs it."""
    line = f"{prefix}python run.py {rest}"
    program = analyse(line, cwd=folder, env=environment(folder))
    if isinstance(program, ShellCommand):
        return
    env = program.env
    got = [str(program.cwd), env["A"], env["B"], program.typed, *program.argv]
    assert got == said_by_shell(line, folder)


@pytest.mark.parametrize(
    "rest",
    ["", "a 'b c' \"$A\"", "--port ${PORT:-80}", "a\"b c\"'d'", "${B-x}y", "a=b @x %y"],
)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_plain_line_needs_no_shell(prefix: str, rest: str, folder: Path) -> None:
    """Assignments, `cd`, `exec`, `env`, quotes and variables are understood."""
    line = f"{prefix}python run.py {rest}"
    assert isinstance(analyse(line, cwd=folder, env=environment(folder)), PythonProgram)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("python run.py | tee log", "a shell reads `|`"),
        ("python run.py 'x", "its quotes do not match"),
        ("python run.py $SPACED", "a shell splits the value of `$SPACED`"),
        ("python run.py $STAR", "a shell splits the value of `$STAR`"),
        ("python run.py `date`", "a shell reads ``date``"),
        ("cd none && python run.py", "its folder does not exist"),
        ("cd - && python run.py", "a shell reads `cd -`"),
        ("A=1", "it starts nothing"),
        ("none run.py", "`none` is not on the PATH"),
        ("bin/none", "`bin/none` is not on the PATH"),
        ("exec A=1 python run.py", "`A=1` is not on the PATH"),
        ("python", "an interpreter without a program"),
        ("python -m", "an interpreter without a program"),
        ("python -c 'print(1)'", "`python -c` is no program of files"),
        ("python -P run.py", "`python -P` is no program of files"),
        ("python -", "`python -` is no program of files"),
        ("python sub", "`sub` is no Python file"),
        ("sleep 1", "`sleep` is no Python program"),
    ],
)
def test_what_needs_a_shell_says_why(line: str, reason: str, folder: Path) -> None:
    """`inv dev.why` and the plan show it."""
    found = analyse(line, cwd=folder, env=environment(folder))
    assert isinstance(found, ShellCommand)
    assert found.reason == reason


def test_a_script_that_is_not_there_is_kept_in_mind(folder: Path) -> None:
    """It may be told before the start."""
    found = analyse("cd sub && python no.py", cwd=folder, env=environment(folder))
    reason, path = "`no.py` is no Python file", folder / "sub" / "no.py"
    assert found == ShellCommand(reason=reason, missing=path, typed="no.py")


def read(line: str, folder: Path, **env: str) -> PythonProgram:
    """Analyse a line that is a program."""
    found = analyse(line, cwd=folder, env={**environment(folder), **env})
    assert isinstance(found, PythonProgram), found
    return found


def test_options_of_the_interpreter_are_kept() -> None:
    """With their values, apart from the program's own."""
    from pathlib import Path  # noqa: PLC0415 - needed once

    program = read(
        f"{sys.executable} -uB -W error -Xdev -X utf8 -m demo.worker -u x", Path("/")
    )
    assert program.options == ("-uB", "-W", "error", "-Xdev", "-X", "utf8")
    assert (program.kind, program.name) == ("module", "demo.worker")
    assert program.argv == ("-u", "x")
    assert program.interpreter == sys.executable


def write(path: Path, text: str) -> Path:
    """Write a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    "head",
    [
        "#!{python}\n",
        "#! {python} \n",
        "#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n",
        "#!/bin/sh\n'''exec' {python} \"$0\" \"$@\"\n' '''\n",
    ],
)
def test_a_console_script_names_its_interpreter(tmp_path: Path, head: str) -> None:
    """In the first line, or in that of what installers write for a long path."""
    script = write(tmp_path / "my app" / "serve", head.format(python=sys.executable))
    program = read("serve --x", tmp_path, PATH=str(script.parent))
    assert program.interpreter == sys.executable
    assert (program.target, program.typed) == (str(script), str(script))
    assert (program.kind, program.name, program.argv) == ("script", "serve", ("--x",))


def test_a_script_may_name_the_python_of_the_path(tmp_path: Path, folder: Path) -> None:
    """`#!/usr/bin/env python3` is looked up on the process's own PATH."""
    write(tmp_path / "serve", "#!/usr/bin/env python\n")
    program = read("./serve", tmp_path, PATH=str(folder / "bin"))
    assert program.interpreter == str(folder / "bin" / "python")
    assert program.typed == "./serve"


@pytest.mark.parametrize(
    "head",
    [
        "#!/usr/bin/env bash\n",  # what pyenv has for each program
        "#!/usr/bin/env -S python -u\n",
        "#!/usr/bin/env python-none\n",
        "#!/nowhere/bin/python\n",
        "#!python\n",
        "\x7fELF",
        "",
    ],
)
def test_anything_else_is_no_python_program(tmp_path: Path, head: str) -> None:
    """A shell starts it."""
    path = write(tmp_path / "serve", head)
    assert find_interpreter(str(path), tmp_path, os.environ) is None


def test_a_script_that_cannot_be_read_is_no_python_program(tmp_path: Path) -> None:
    """The shell will say what is wrong with it."""
    assert find_interpreter(str(tmp_path / "none"), tmp_path, {}) is None


def test_relative_places_are_those_of_the_process(tmp_path: Path) -> None:
    """On the PATH and in the line, wherever we ourselves are."""
    script = write(tmp_path / "bin" / "serve", f"#!{sys.executable}\n")
    assert read("serve", tmp_path, PATH="bin").target == str(script)
    assert read("bin/serve", tmp_path).target == str(script)
    known = {"PWD": "/"}
    program = read("cd bin && ./serve", tmp_path, **known)
    assert program.env["PWD"] == str(script.parent)


def test_packages_are_found_beside_the_interpreter(tmp_path: Path) -> None:
    """Installing something there renews the zygote."""
    venv.create(tmp_path / ".venv", symlinks=True)
    program = read(".venv/bin/python -m x", tmp_path)
    (found,) = program.package_folders()
    assert found.match(".venv/lib/python3*/site-packages")


@pytest.mark.parametrize("wrapper", ["uv", "poetry", "pdm", "pipenv"])
def test_a_wrapper_of_the_active_environment_is_left_out(
    tmp_path: Path, wrapper: str
) -> None:
    """Where it would run the very same program, and has no options of its own."""
    own = tmp_path / ".venv"
    script = write(own / "bin" / "serve", f"#!{sys.executable}\n")
    path = {"PATH": f"{own}/bin:/usr/bin", "VIRTUAL_ENV": str(own)}
    (tmp_path / "sub").mkdir()
    line = f"cd sub && {wrapper} run serve --x"
    assert read(line, tmp_path, **path).target == str(script)
    for other in ("run --with x serve", "run none", "sync serve", "run"):
        found = analyse(f"{wrapper} {other}", cwd=tmp_path, env=path)
        assert isinstance(found, ShellCommand)
    foreign = {**path, "VIRTUAL_ENV": "/opt/other"}
    found = analyse(f"{wrapper} run serve", cwd=tmp_path, env=foreign)
    assert isinstance(found, ShellCommand)


@pytest.mark.parametrize(
    ("line", "is_certain"),
    [
        ("a; b", True),
        ("a 'b", True),
        ("a $B", False),
        ("none", False),
        ("cd x && a", False),
    ],
)
def test_what_is_so_on_each_machine_is_known(
    line: str, *, is_certain: bool, tmp_path: Path
) -> None:
    """By the line alone, whatever is installed and whatever variables are."""
    found = analyse(line, cwd=tmp_path, env={"PATH": "/nowhere"})
    assert isinstance(found, ShellCommand)
    assert found.is_certain == is_certain
