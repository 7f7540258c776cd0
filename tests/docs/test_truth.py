from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import pytest

from documents import DOCUMENTS, ROOT, read_document
from sceneshift.composition import namespace
from sceneshift.core import errors
from sceneshift.core.config import (
    Config,
    DatabaseConfig,
    DataConfig,
    EnvironmentConfig,
    IdeConfig,
    ProcessConfig,
    SetupConfig,
    StopConfig,
)
from sceneshift.dev.machine.state import Phase

if TYPE_CHECKING:
    from pathlib import Path

    from invoke.collection import Collection

_COMMAND = re.compile(r"inv (dev\b(?:\.\w+)?|env\.[a-z-]*[a-z])\b([^`\n#]*)")


@pytest.fixture(name="commands", scope="module")
def load_commands(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """Return the product's own commands, in a project that has none."""
    return namespace(tmp_path_factory.mktemp("bare"))


def test_the_table_of_commands_is_that_of_the_list(commands: Collection) -> None:
    """The same names, and the same sentences."""
    rows = re.findall(
        r"^\| `inv ([\w.-]+)` \| (.+) \|$", read_document("README.md"), re.MULTILINE
    )
    documented = {"dev.up" if name == "dev" else name: text for name, text in rows}
    listed = {
        name: (commands[name].__doc__ or "").strip().splitlines()[0]
        for name in commands.task_names
    }
    assert documented == listed


@pytest.mark.parametrize("document", DOCUMENTS)
def test_flags_of_commands_exist(document: str, commands: Collection) -> None:
    """Wherever a command is written with some."""
    for name, rest in _COMMAND.findall(read_document(document)):
        known = {"--help", "--debug", "--list"}
        for argument in commands[name].get_arguments():
            known |= {f"--{each.replace('_', '-')}" for each in argument.names}
        assert set(re.findall(r"(?<=\s)--[a-z-]+", rest)) <= known, (name, rest)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    """To files of the repository and to headings of documents."""
    for target in re.findall(r"\]\(([^)\s]+)\)", read_document(document)):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        file = (ROOT / document).parent / path if path else ROOT / document
        assert file.exists(), f"{document}: {target}"
        assert not heading or heading in find_anchors(file), f"{document}: {target}"


def find_anchors(file: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize(
    ("heading", "table"),
    [
        ("## `[tool.sceneshift]`", Config),
        ("## `[tool.sceneshift.environments.<name>]`", EnvironmentConfig),
        ("## `[tool.sceneshift.processes.<name>]`", ProcessConfig),
        ("## `[tool.sceneshift.databases.<name>]`", DatabaseConfig),
        ("## `[tool.sceneshift.data]`", DataConfig),
        ("## `[tool.sceneshift.ide]`", IdeConfig),
    ],
)
def test_every_key_is_documented(heading: str, table: type) -> None:
    """Those of the reader, in its order, and no others."""
    document = read_document("docs/configuration.md")
    section = document.partition(f"{heading}\n")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert documented == [field.name for field in msgspec.structs.fields(table)]


@pytest.mark.parametrize(
    ("key", "table"), [("setup", SetupConfig), ("stop", StopConfig)]
)
def test_every_inner_key_is_documented(key: str, table: type) -> None:
    """In a list under the table."""
    document = read_document("docs/configuration.md")
    section = document.partition(f"\n`{key}`:\n")[2].partition("\n\n`")[0]
    documented = re.findall(r"^- `(\w+)`:", section, re.MULTILINE)
    assert documented == [field.name for field in msgspec.structs.fields(table)]


def test_exit_codes_are_those_of_the_errors() -> None:
    """A number that an error ends with is in the table."""
    section = read_document("docs/reference.md").partition("## JSON")[0]
    documented = {
        int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)
    }
    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    used = {
        each.exit_code for each in kinds if issubclass(each, errors.SceneshiftError)
    }
    assert documented == used | {0}


def test_states_are_those_of_the_machine() -> None:
    """And the two that stand for something that goes on in one."""
    line = re.search(
        r"^`state` is one of (.+)\.$", read_document("docs/reference.md"), re.MULTILINE
    )
    assert line is not None
    documented = re.findall(r"`(\w+)`", line[1])
    assert sorted(documented) == sorted(
        [*(phase.value for phase in Phase), "reloading", "debugging"]
    )
