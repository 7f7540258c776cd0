"""One VS Code with the demo in it, for all tests of this folder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

import pytest

from sceneshift.core.errors import SceneshiftError
from support import wait_until
from vscode.demo import REPOSITORY, Demo
from vscode.editor import Editor
from vscode.install import Installation, install_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_INSTALLED = pytest.StashKey[Installation]()
_IMAGES = REPOSITORY / "docs" / "images"


class Photograph(Protocol):
    """What makes a picture for the documentation."""

    def __call__(self, name: str, *, until: Callable[[], bool]) -> None:
        """Make one, where pictures are wanted.

        Args:
            name: Its file's.
            until: Whether VS Code shows what is to be seen.
        """
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """Have pictures made where they are wanted."""
    about = "make the pictures of docs/images anew"
    parser.addoption("--screenshots", action="store_true", help=about)


def pytest_configure(config: pytest.Config) -> None:
    """Install VS Code, or say why that cannot be."""
    capture = config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled():
            config.stash[_INSTALLED] = install_code(print)
    except SceneshiftError as error:
        raise pytest.UsageError(f"{error}\nhint: {error.hint}") from error


@pytest.fixture(name="demo", scope="session")
def make_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Return the demo, with all that a start of it installs."""
    demo = Demo(tmp_path_factory.mktemp("vscode") / "Anna's demo")
    try:
        demo.prepare()
        yield demo
    finally:
        demo.close()


@pytest.fixture(name="editor", scope="session")
def make_editor(
    demo: Demo, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Editor]:
    """Return VS Code with the demo."""
    installed = pytestconfig.stash[_INSTALLED]
    place = tmp_path_factory.mktemp("code")
    with Editor(installed, demo, place) as editor:
        yield editor


@pytest.fixture(name="pool")
def make_pool() -> Iterator[ThreadPoolExecutor]:
    """Return threads for those who ask the demo."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture(name="photograph")
def make_photograph(editor: Editor, pytestconfig: pytest.Config) -> Photograph:
    """Return what makes pictures."""
    wanted = pytestconfig.getoption("--screenshots")

    def photograph(name: str, *, until: Callable[[], bool]) -> None:
        wait_until(until)
        if wanted:
            _IMAGES.mkdir(exist_ok=True)
            (_IMAGES / f"{name}.png").write_bytes(editor.page.capture())

    return photograph
