from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.ide.doctor.places import choose_tests, find_test_file
from sceneshift.ide.doctor.sources import (
    find_files,
    find_lines,
    find_routes,
    find_tests,
)
from sceneshift.ide.doctor.target import read_words

if TYPE_CHECKING:
    from pathlib import Path

DECORATED = '''\
router = APIRouter(prefix="/items")
pages = blueprint = Blueprint("pages", __name__, url_prefix="/pages")


@router.get("/{number}")
async def show(number):
    """Say it."""
    return number


@app.post("/made")
def make():
    return 1


@pages.route("/<int:number>/edit", methods=["POST", "GET"])
def edit(number):
    return 2


@pages.route("/save", methods=["POST"])
def save():
    return 3


@app.get("health")
@cached
def health():
    import json
    return json


@app.get(PATH)
@other
def unknown():
    return 4
'''


def write(folder: Path, files: dict[str, str]) -> list[Path]:
    """Write files, and return what is found."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return find_files(folder)


def test_routes_of_get_are_found_by_their_decorators(tmp_path: Path) -> None:
    """Their first lines that do something, those without parameters first."""
    found = find_routes(write(tmp_path, {"api.py": DECORATED}))
    assert [(place.path, place.function, place.line) for place in found] == [
        ("/health", "health", 30),
        ("/items/1", "show", 8),
        ("/pages/1/edit", "edit", 18),
    ]


def test_routes_of_django_are_found_by_its_patterns(tmp_path: Path) -> None:
    """Views are functions with a request."""
    urls = 'urlpatterns = [path("orders/<int:n>/", views.show), path("", home),\n'
    urls += 're_path("^old$", views.other), path("x/", include("x")), path(y, home)]\n'
    views = "def show(request, n):\n    return n\ndef home(request):\n    return 1\n"
    files = write(tmp_path, {"urls.py": urls, "shop/views.py": views})
    found = {(place.path, place.line) for place in find_routes(files)}
    assert found == {("/orders/1/", 2), ("/", 4)}


def test_lines_of_a_module_are_what_is_run(tmp_path: Path) -> None:
    """Neither docstrings nor imports, and of what is decorated the decorator."""
    text = '"""Docs."""\nimport os\n\n\n@once\nclass One:\n    def run(self):\n'
    text += "        global x\n        x = 1\n"
    (file,) = write(tmp_path, {"one.py": text})
    assert [place.line for place in find_lines(file)] == [5, 9]


def test_what_cannot_be_read_has_no_lines(tmp_path: Path) -> None:
    """A file may be half written."""
    files = write(tmp_path, {"one.py": "def", "two.py": ""})
    assert find_routes(files) == []
    assert [find_lines(file) + find_tests(file) for file in files] == [[], []]


def test_only_the_projects_own_files_are_looked_at(tmp_path: Path) -> None:
    """An environment may have any name."""
    files = {
        ".hidden/a.py": "",
        "node_modules/a.py": "",
        "own/pyvenv.cfg": "",
        "own/a.py": "",
        "lib/a.py": "",
        "b.py": "",
    }
    found = write(tmp_path, files)
    assert [file.relative_to(tmp_path).as_posix() for file in found] == [
        "b.py",
        "lib/a.py",
    ]
    assert find_files(tmp_path, most=1) == [tmp_path / "b.py"]


def test_tests_are_those_that_are_named_or_else_all(tmp_path: Path) -> None:
    """A node of a file means the file."""
    test = "def test_one():\n    assert 1\n"
    files = {"tests/test_a.py": test, "tests/deep/test_b.py": test, "test_c.py": ""}
    write(tmp_path, {**files, "tests/helpers.py": ""})

    def choose(*words: str) -> list[str]:
        target = read_words(["pytest", *words], tmp_path, {})
        return [place.file.name for place in choose_tests(tmp_path, target)]

    assert choose() == ["test_a.py", "test_b.py"]
    assert choose("tests/test_a.py::test_one", "-x") == ["test_a.py"]
    assert choose("tests/deep") == ["test_b.py"]
    assert find_test_file(tmp_path) is not None
    assert find_test_file(tmp_path / "none") is None
