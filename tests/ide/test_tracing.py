"""What values of entries depend on: by marks, as by one change after the other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from editing import make_project, read
from sceneshift.core.errors import SceneshiftError
from sceneshift.ide.rendering import render_files
from sceneshift.ide.tracing import find_entries, flatten, list_facts, mark, trace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sceneshift.ide.files import File
    from sceneshift.ide.model import Model

ENVIRONMENTS = "[tool.sceneshift.environments.{}]\n"
NAMES = ("development", "staging", "production")
PROCFILE = "web: uvicorn shop:app --port $PORT\njobs: python jobs.py\nui: npx vite\n"
DECIDING = """\
{
  "recommendations": [
{% if model.name != "shop" %}"other",{% endif %}
    "first"
  ],
  "by": {
{% for process in model.environments[0].processes %}
{% if process.name != "ui" %}
    {{ process.name | json }}: {
      "port": {{ process.debug_port }},
      "next": {{ process.debug_port + 1 }},
      "length": {{ process.name | length }},
      "is_it": {{ (process.name == "jobs") | json }},
      "short": {{ process.program[:3] | json }},
      "folder": {{ {"." : "top"}[process.folder] | json }},
      "both": {{ (process.name ~ process.debug_port ~ model.name) | json }},
{% if model.environments[1].name == "staging" %}
      "staged": true,
{% endif %}
      {{ ("x" ~ process.name) | json }}: [900000001, 900000999, "\u20261\u2026"]
    },
{% endif %}
{% endfor %}
{% if model.find_environment("staging") %}
    "staging": "there"
{% endif %}
  }
}
"""


@pytest.fixture(name="root", scope="module")
def _root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project whose own template decides by what it is given."""
    root = tmp_path_factory.mktemp("in") / "shop"
    files = {
        "Procfile": PROCFILE,
        "pytest.ini": "[pytest]\naddopts = --cov",
        "package.json": "{}",
        "pyproject.toml": "".join(map(ENVIRONMENTS.format, NAMES)),
        "templates/vscode/extensions.json.jinja": DECIDING,
    }
    return make_project(root, files)


def try_each(
    model: Model, files: Sequence[File], name: str, root: Path
) -> dict[Any, Any]:
    """Return what depends on what, by as many projects as there are facts."""
    found: dict[Any, Any] = {}
    for entry in find_entries(files, name):
        made = files[entry.file].sections[entry.section].entries[name]
        found[entry] = {key: [] for key, _ in flatten(made)}
    for fact, _ in list_facts(model, ()):
        try:
            tried = render_files(mark(model, (), {fact: 5}), root, is_kept=False)
        except SceneshiftError:
            continue
        for entry, keys in found.items():
            section = files[entry.file].sections[entry.section]
            after = tried[entry.file].sections[entry.section].entries
            place = list(section.entries).index(name)
            # Only where a name is another may another one be in its place.
            is_moved = len(after) != len(section.entries)
            made = after.get(name) if is_moved else [*after.values()][place]
            now = dict(flatten(made))
            for key, value in flatten(section.entries[name]):
                moved = key.replace("xweb", "xweb\u20265\u2026")
                if now.get(key, now.get(moved, "gone")) != value:
                    keys[key].append(fact)
    return found


NAMED = ["web", "staging", "first", "web: debug (staging)", "Full stack (staging)"]


@pytest.mark.parametrize("name", [*NAMED, "switch:staging", "stack: stop"])
def test_marks_tell_what_each_change_alone_would_tell(root: Path, name: str) -> None:
    """Of what is written as it is, computed, compared and looked up."""
    model = read(root)
    files = render_files(model, root)
    render = partial(render_files, root=root, is_kept=False)
    found = trace(model, files, name, render)
    assert found
    assert found == try_each(model, files, name, root)


def test_one_more_rendering_tells_what_templates_only_write(root: Path) -> None:
    """However many facts there are."""
    model = read(root)
    files = render_files(model, root)
    rendered = []

    def render(other: Model) -> Sequence[File]:
        rendered.append(other)
        only = ["sceneshift/vscode/launch.json.jinja"]
        return render_files(other, root, templates=only, is_kept=False)

    name = "Full stack (development)"
    (keys,) = trace(model, files[:1], name, render).values()
    assert len(rendered) == 1
    names = [("environments", 0, "processes", n, "name") for n in range(3)]
    assert set(names) < {fact for facts in keys.values() for fact in facts}
