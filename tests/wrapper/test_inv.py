from __future__ import annotations

import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from support import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from wrapper.conftest import Project

AWKWARD = ["", "a b", "'", '"', "$HOME", "*", "--", "-x", "back\\slash", "ä\nö"]
SHELLS = [path for path in map(shutil.which, ("sh", "dash", "bash", "ksh")) if path]


def packages_of(project: Project) -> set[str]:
    """Names of what is in `.venv`, pip's own aside."""
    infos = (project.root / ".venv").glob("lib/*/site-packages/*.dist-info")
    return {path.name.split("-")[0] for path in infos} - {"pip", "setuptools"}


def test_a_fresh_clone_installs_and_answers(any_project: Project) -> None:
    """One command is the whole set-up, with uv and with pip."""
    done = any_project.run()

    assert done.returncode == 0, done.stderr
    assert "making .venv with Python" in done.stderr
    assert "installing requirements/dev.lock with" in done.stderr
    assert packages_of(any_project) == {"program", "own"}


def test_a_warm_call_starts_nothing_but_cksum(installed: Project) -> None:
    """Python, uv and pip cost more than the 20 ms that a call may."""
    for program in installed.bin.iterdir():
        if program.name != "cksum":
            program.unlink()

    done = installed.run()

    assert (done.returncode, done.stderr) == (0, "")


def test_arguments_reach_the_program_untouched(installed: Project) -> None:
    """The shell must neither split, expand nor drop an argument."""
    assert installed.ask(*AWKWARD)["argv"] == AWKWARD


def test_the_exit_code_is_that_of_the_program(installed: Project) -> None:
    """The wrapper replaces itself."""
    assert installed.run("exit", "7").returncode == 7


def test_standard_input_reaches_the_program(project: Project) -> None:
    """An installation on the way must not eat what is meant for the program."""
    assert project.ask("listen", heard="hello")["heard"] == "hello"


@pytest.mark.parametrize("shell", SHELLS)
def test_any_posix_shell_will_do(installed: Project, shell: str) -> None:
    """`sh` is another program on each system."""
    answer = installed.ask(*AWKWARD, command=(shell, str(installed.root / "inv")))

    assert answer["argv"] == AWKWARD


@pytest.mark.parametrize("is_relative", [True, False])
def test_it_may_be_called_through_a_link(
    installed: Project, tmp_path: Path, *, is_relative: bool
) -> None:
    """A link on PATH leads to the checkout that it points to."""
    target = installed.root / "inv"
    link = tmp_path / "links" / "again"
    link.parent.mkdir()
    first = link.with_name("first")
    first.symlink_to(os.path.relpath(target, link.parent) if is_relative else target)
    link.symlink_to("first")

    answer = installed.ask(command=(str(link),), cwd=tmp_path)

    assert answer["prefix"] == str(installed.root / ".venv")


def test_a_folder_inside_the_project_stays_the_working_folder(
    installed: Project,
) -> None:
    """Paths in arguments mean what the user sees."""
    folder = installed.root / "requirements"

    assert installed.ask(command=("../inv",), cwd=folder)["cwd"] == str(folder)


def test_from_elsewhere_it_works_in_the_project(
    installed: Project, tmp_path: Path
) -> None:
    """`inv` looks for tasks.py upwards from the working folder."""
    assert installed.ask(cwd=tmp_path)["cwd"] == str(installed.root)


def test_a_changed_lock_is_installed(any_project: Project) -> None:
    """What the lock no longer names goes, whichever the installer."""
    any_project.lock("1.0", "former-1.0")
    any_project.ask()
    any_project.lock("2.0", "latter-1.0")

    assert any_project.ask()["version"] == "2.0"
    assert packages_of(any_project) == {"program", "own", "latter"}


def test_a_changed_lock_with_an_old_time_is_installed(installed: Project) -> None:
    """`cp -p` and archives bring files that are older than the stamp."""
    installed.lock("2.0")
    os.utime(installed.root / "requirements" / "dev.lock", (0, 0))

    assert installed.ask()["version"] == "2.0"


def test_a_touched_lock_is_not_installed_again(installed: Project) -> None:
    """`git checkout` there and back sets times, and changes nothing."""
    (installed.root / "requirements" / "dev.lock").touch()

    assert installed.run().stderr == ""
    assert installed.installs == 1


def test_a_changed_pyproject_installs_the_project_alone(installed: Project) -> None:
    """The settings of tools are in this file too, and are edited often."""
    with (installed.root / "pyproject.toml").open("a") as file:
        file.write("[tool.any]\n")

    done = installed.run()

    assert "dev.lock" not in done.stderr
    assert installed.installs == 2


def test_a_project_that_is_no_package_gets_its_lock(project: Project) -> None:
    """An application need not be installable."""
    (project.root / "pyproject.toml").unlink()

    assert project.ask()["version"] == "1.0"
    assert packages_of(project) == {"program"}


def test_a_killed_installation_is_begun_anew(project: Project, tmp_path: Path) -> None:
    """`inv` may be there already, and half of what it needs not."""
    (project.root / "hold").touch()
    process = project.start(log=tmp_path / "first.log")
    wait_until((project.root / "held").exists)
    assert (project.root / ".venv" / "bin" / "inv").exists()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (project.root / "hold").unlink()

    done = project.run()

    assert done.returncode == 0, done.stderr
    assert "making .venv anew: no installation was finished in it" in done.stderr
    assert project.installs == 2


def test_two_at_once_install_once(project: Project, tmp_path: Path) -> None:
    """The second one waits, says for whom, and finds everything done."""
    (project.root / "hold").touch()
    first = project.start(log=tmp_path / "first.log")
    wait_until((project.root / "held").exists)
    second = project.start(log=tmp_path / "second.log")
    wait_until(lambda: "waiting for" in (tmp_path / "second.log").read_text())
    (project.root / "hold").unlink()

    assert [first.wait(), second.wait()] == [0, 0]
    assert project.installs == 1


def test_an_orphaned_installer_is_waited_for(project: Project, tmp_path: Path) -> None:
    """Its parents are gone, but it still writes into `.venv`."""
    (project.root / "hold").touch()
    first = project.start(log=tmp_path / "first.log")
    wait_until((project.root / "held").exists)
    holder = int((project.root / ".venv" / ".inv-lock").read_text())
    for pid in (first.pid, holder):
        os.kill(pid, signal.SIGKILL)
    second = project.start(log=tmp_path / "second.log")
    wait_until(lambda: "waiting for" in (tmp_path / "second.log").read_text())
    (project.root / "hold").unlink()

    assert second.wait() == 0
    assert project.installs == 2


def test_a_lock_left_by_a_killed_process_holds_nobody(project: Project) -> None:
    """The file stays, the lock on it ends with its process."""
    (project.root / ".venv").mkdir()
    (project.root / ".venv" / ".inv-lock").write_text("1\n")

    assert "waiting for" not in project.run().stderr


def test_an_interrupted_installation_says_so(project: Project, tmp_path: Path) -> None:
    """Ctrl-C reaches the whole foreground; nobody wants a traceback of it."""
    (project.root / "hold").touch()
    process = project.start(log=tmp_path / "first.log")
    wait_until((project.root / "held").exists)
    os.killpg(process.pid, signal.SIGINT)

    assert process.wait() in {130, -signal.SIGINT}
    wait_until(lambda: "error: interrupted" in (tmp_path / "first.log").read_text())
    assert "Traceback" not in (tmp_path / "first.log").read_text()
    assert not project.stamp.exists()


def test_a_failed_installation_is_not_taken_as_finished(any_project: Project) -> None:
    """A hash that does not fit ends it, now and the next time."""
    lock = any_project.root / "requirements" / "dev.lock"
    lock.write_text(lock.read_text()[:-9] + "00000000\n")

    for _ in range(2):
        done = any_project.run()
        assert done.returncode == 1
        assert "error: `" in done.stderr
        assert "nothing is taken as installed" in done.stderr
        assert not any_project.stamp.exists()


def test_an_update_that_fails_early_keeps_what_was_there(
    any_project: Project,
) -> None:
    """A lock that cannot be fetched offline leaves the way back open."""
    any_project.ask()
    lock = any_project.root / "requirements" / "dev.lock"
    former = lock.read_text()
    lock.write_text("program==9.9 --hash=sha256:" + 64 * "0" + "\n")
    assert any_project.run().returncode == 1

    lock.write_text(former)

    assert any_project.run().stderr == ""


def test_a_moved_checkout_gets_a_new_environment(
    installed: Project, tmp_path: Path
) -> None:
    """The programs in `.venv` name the folder that they were installed in."""
    root = tmp_path / "elsewhere"
    installed.root.rename(root)
    installed.root = root

    done = installed.run()

    assert f"it was made in {tmp_path / 'my project'}" in done.stderr
    assert installed.ask()["prefix"] == str(root / ".venv")


@pytest.mark.parametrize("program", ["python", "inv"])
def test_a_program_that_is_gone_comes_back(installed: Project, program: str) -> None:
    """A Python that was updated away leaves a link to nowhere."""
    path = installed.root / ".venv" / "bin" / program
    path.unlink()
    path.symlink_to("nowhere")

    done = installed.run()

    assert done.returncode == 0, done.stderr
    assert "making .venv anew: its programs are gone" in done.stderr


def test_a_spoiled_stamp_is_no_stamp(installed: Project) -> None:
    """A disk that was full may have left an empty one."""
    installed.stamp.write_text("")

    assert installed.run().returncode == 0
    assert installed.installs == 2


def test_an_environment_made_by_hand_is_made_anew(project: Project) -> None:
    """What is in it is known only when it was installed from the lock."""
    (project.root / ".venv" / "lib").mkdir(parents=True)
    (project.root / ".venv" / "pyvenv.cfg").touch()
    (project.root / ".venv" / "link").symlink_to(project.bin)

    assert project.ask()["version"] == "1.0"
    assert (project.bin / "uv").exists()


def test_a_folder_that_is_no_environment_is_left_alone(project: Project) -> None:
    """Nothing is removed that somebody may want."""
    precious = project.root / ".venv" / "precious"
    precious.parent.mkdir()
    precious.touch()

    done = project.run()

    assert done.returncode == 2
    assert "error: there is something else than a virtual" in done.stderr
    assert precious.exists()


def test_a_venv_that_is_a_file_is_an_error_without_traceback(
    project: Project,
) -> None:
    """The system's own words, and which folder to look at."""
    (project.root / ".venv").touch()

    done = project.run()

    assert done.returncode == 1
    assert done.stderr.startswith("error: [Errno")
    assert "hint: see to " in done.stderr


def test_without_a_python_it_says_how_to_get_one(bare_project: Project) -> None:
    """The one thing that it cannot install itself."""
    done = bare_project.run(SCENESHIFT_PYTHON="")

    assert done.returncode == 2
    assert "error: no working Python 3.11 or newer" in done.stderr
    assert "hint: install one" in done.stderr
    assert not (bare_project.root / ".venv").exists()


def test_a_python_that_does_not_run_is_passed_over(project: Project) -> None:
    """The shims of pyenv exist for versions that are not active, and fail."""
    project.add_program("python3.14", "exit 127")
    project.add_program("python3.13", "echo not a path; exit 1")
    project.add_program("python3", f'exec "{sys.executable}" "$@"')

    assert project.ask(SCENESHIFT_PYTHON="")["version"] == "1.0"


def test_a_uv_that_does_not_run_is_passed_over(bare_project: Project) -> None:
    """A shim may fail here too; pip does it then."""
    bare_project.add_program("uv", "exit 127")

    assert "dev.lock with pip" in bare_project.run().stderr


def test_pip_takes_over_an_environment_of_uv(installed: Project) -> None:
    """Uv makes none, and may be removed again."""
    (installed.bin / "uv").unlink()
    installed.lock("2.0")

    assert installed.ask()["version"] == "2.0"


def test_a_wrong_sceneshift_python_is_named(project: Project) -> None:
    """What was asked for must not be replaced in silence."""
    done = project.run(SCENESHIFT_PYTHON="/nowhere/python")

    assert done.returncode == 2
    assert "SCENESHIFT_PYTHON is no working Python" in done.stderr
    assert "/nowhere/python" in done.stderr


def test_another_name_of_the_same_python_changes_nothing(installed: Project) -> None:
    """Only another Python is a reason to install everything again."""
    other = installed.add_program("python", f'exec "{sys.executable}" "$@"')

    assert installed.ask(SCENESHIFT_PYTHON=str(other))["version"] == "1.0"
    assert installed.installs == 1


def test_without_a_lock_it_says_how_to_make_one(project: Project) -> None:
    """The wrapper can be copied into any repository."""
    (project.root / "requirements" / "dev.lock").unlink()

    done = project.run()

    assert done.returncode == 2
    assert "error: this project has no lock to install from" in done.stderr
    assert "hint: make it: uv pip compile" in done.stderr


def test_a_lock_without_inv_is_an_error(project: Project) -> None:
    """Else the shell would say that a file is missing."""
    (project.root / "requirements" / "dev.lock").write_text("")

    done = project.run()

    assert done.returncode == 2
    assert "error: requirements/dev.lock brings no program `inv`" in done.stderr
    assert not project.stamp.exists()


def test_a_broken_pyproject_is_named(project: Project) -> None:
    """Before anything is installed that would be in vain."""
    (project.root / "pyproject.toml").write_text("[")

    done = project.run()

    assert done.returncode == 2
    assert "pyproject.toml is not valid TOML" in done.stderr
