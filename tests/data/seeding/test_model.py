from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import ConfigError, UsageError
from sceneshift.data.seeding.model import (
    Dataset,
    find_datasets,
    find_excluded,
    get_dataset,
    list_inputs,
    order_datasets,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def make(root: Path, files: Mapping[str, str]) -> Mapping[str, Dataset]:
    """Write files below `seeds`, and return the datasets."""
    for name, text in files.items():
        path = root / "seeds" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return find_datasets(root / "seeds", root=root)


def test_each_folder_is_a_dataset(tmp_path: Path) -> None:
    """But for those that tools make."""
    found = make(tmp_path, {"b/x": "", "a/x": "", "_c/x": "", ".d/x": "", "e.csv": ""})
    assert list(found) == ["a", "b"]
    assert found["a"] == Dataset(name="a", folder=tmp_path / "seeds" / "a")
    assert find_datasets(tmp_path / "gone") == {}
    assert find_datasets(tmp_path / "seeds" / "e.csv") == {}


ALL = """
needs = ["base", "base"]
environments = ["development", "test"]
seed = 7
keys = { "shop.orders" = ["number"] }
[dates]
anchor = 2026-01-31T12:00:00+01:00
columns = { orders = ["placed_at"] }
"""


def test_everything_that_a_dataset_says(tmp_path: Path) -> None:
    """With a byte order mark before it, too."""
    found = make(tmp_path, {"a/dataset.toml": f"\ufeff{ALL}"})["a"]
    assert found.needs == ("base",)
    assert found.environments == ("development", "test")
    assert found.seed == 7
    assert found.keys == {"shop.orders": ("number",)}
    assert found.anchor == datetime(2026, 1, 31, 11, tzinfo=UTC)
    assert found.dates == {"orders": ("placed_at",)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "need = []",
            "seeds/a/dataset.toml: `need`: there is no such key, the nearest is ",
        ),
        ("seed = 'x'", "seeds/a/dataset.toml: `seed`: "),
        ("needs = 'x'", "seeds/a/dataset.toml: `needs`: "),
        ("keys = []", "seeds/a/dataset.toml: `keys`: "),
        ("dates = {}", "seeds/a/dataset.toml: `dates`: "),
        ("x =", "seeds/a/dataset.toml: cannot be read: "),
        (
            "dates = { anchor = 2026-01-01T00:00:00 }",
            "seeds/a/dataset.toml: `dates.anchor`: it has no time zone",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    tmp_path: Path, text: str, message: str
) -> None:
    """With the file, and the key."""
    with pytest.raises(ConfigError) as caught:
        make(tmp_path, {"a/dataset.toml": text})
    assert caught.value.message.startswith(message)
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A folder in place of the file."""
    (tmp_path / "seeds" / "a" / "dataset.toml").mkdir(parents=True)
    with pytest.raises(ConfigError, match="cannot be read: is a directory"):
        find_datasets(tmp_path / "seeds")


def test_what_is_needed_comes_first(tmp_path: Path) -> None:
    """Each once, in the order that is written."""
    files = {"a": ["c", "b"], "b": ["d"], "c": ["d"], "d": []}
    found = make(
        tmp_path, {f"{name}/dataset.toml": f"needs = {n}" for name, n in files.items()}
    )
    names = [each.name for each in order_datasets(found["a"], found)]
    assert names == ["d", "c", "b", "a"]


@pytest.mark.parametrize(
    ("needs", "problem", "hint"),
    [
        (["bas"], "there is no dataset `bas`", "did you mean `base`?"),
        (["base"], "datasets need each other: a -> base -> a", "take one of"),
        (["a"], "datasets need each other: a -> a", "take one of"),
    ],
)
def test_needs_that_lead_nowhere_are_said(
    tmp_path: Path, needs: list[str], problem: str, hint: str
) -> None:
    """With the file that says them."""
    files = {"a/dataset.toml": f"needs = {needs}", "base/dataset.toml": "needs = ['a']"}
    found = make(tmp_path, files)
    with pytest.raises(ConfigError) as caught:
        order_datasets(found["a"], found)
    assert problem in caught.value.message
    assert "/dataset.toml: `needs`: " in caught.value.message
    assert (caught.value.hint or "").startswith(hint)


def test_an_unknown_name_is_met_with_the_nearest(tmp_path: Path) -> None:
    """As everywhere."""
    found = make(tmp_path, {"development/x": ""})
    assert get_dataset("development", found).name == "development"
    with pytest.raises(UsageError) as caught:
        get_dataset("devlopment", found)
    assert caught.value.hint == "did you mean `development`?"


def test_files_are_applied_by_name(tmp_path: Path) -> None:
    """What is there for others is left out."""
    names = ["b.sql", "10_a.csv", "9_a.csv", "_h.py", ".x.py", "d.txt", "sub/x.py"]
    more = ["c.py", "A.json", "e.yaml", "f.yml", "dataset.toml"]
    found = make(tmp_path, {f"a/{name}": "" for name in (*names, *more)})["a"]
    assert [path.name for path in found.list_files()] == [
        "10_a.csv",
        "9_a.csv",
        "A.json",
        "b.sql",
        "c.py",
        "e.yaml",
        "f.yml",
    ]


def test_inputs_are_all_files_of_all_that_is_needed(tmp_path: Path) -> None:
    """For a program may read them; but not what Python or an editor keeps."""
    kept = ["a/dataset.toml", "a/b/photo.jpg", "a/x.py", "a/_y.py", "base/z.csv"]
    left = ["a/__pycache__/x.pyc", "a/.x.swp", "a/.git/x", "other/x.py"]
    found = make(tmp_path, dict.fromkeys((*left, *kept), ""))
    found = make(tmp_path, {"a/dataset.toml": "needs = ['base']"})
    inputs = list_inputs(found["a"], found)
    assert inputs == tuple(tmp_path / "seeds" / name for name in sorted(kept))


def test_a_policy_of_what_is_needed_counts_too(tmp_path: Path) -> None:
    """And an alias is as good as the name."""
    found = make(
        tmp_path,
        {
            "a/dataset.toml": "needs = ['base']",
            "base/dataset.toml": "environments = ['dev']",
        },
    )
    ordered = order_datasets(found["a"], found)
    assert find_excluded(ordered, {"development", "dev"}) is None
    assert find_excluded(ordered, {"staging"}) == found["base"]
    assert find_excluded([found["a"]], {"staging"}) is None


@pytest.mark.parametrize(
    ("anchor", "at", "now"),
    [
        (None, "2026-03-09T17:30Z", "2026-03-09T00:00Z"),
        ("2026-01-31T12:00Z", "2026-03-09T17:30Z", "2026-03-09T12:00Z"),
        ("2026-01-31T12:00Z", "2026-03-09T11:59Z", "2026-03-08T12:00Z"),
        ("2026-01-31T12:00Z", "2026-01-31T12:00Z", "2026-01-31T12:00Z"),
        ("2026-01-31T12:00Z", "2026-01-31T11:00Z", "2026-01-30T12:00Z"),
    ],
)
def test_now_is_the_same_for_a_day(
    tmp_path: Path, anchor: str | None, at: str, now: str
) -> None:
    """Whole days after the anchor, and never in the future."""
    start = None if anchor is None else datetime.fromisoformat(anchor)
    dataset = Dataset(name="a", folder=tmp_path, anchor=start)
    assert dataset.find_now(datetime.fromisoformat(at)) == datetime.fromisoformat(now)


def test_a_folder_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A name that is longer than any may be."""
    with pytest.raises(ConfigError, match="cannot be read: file name too long"):
        find_datasets(tmp_path / ("x" * 300))


def test_what_is_no_file_is_no_input(tmp_path: Path) -> None:
    """A socket, or a link that leads nowhere."""
    found = make(tmp_path, {"a/x.csv": ""})
    (tmp_path / "seeds" / "a" / "gone").symlink_to("nowhere")
    assert list_inputs(found["a"], found) == (tmp_path / "seeds" / "a" / "x.csv",)


LOADED = """
import sys
from pathlib import Path
from sceneshift.data.seeding.model import find_datasets, list_inputs
found = find_datasets(Path(sys.argv[1]))
print(len(list_inputs(found["a"], found)))
print(*sorted({"alembic", "sqlalchemy", "yaml"} & set(sys.modules)))
"""


def test_looking_at_datasets_imports_nothing_slow(tmp_path: Path) -> None:
    """The key of what is stored is made of this."""
    make(tmp_path, {"a/x.yaml": "[]"})
    words = [sys.executable, "-c", LOADED, str(tmp_path / "seeds")]
    assert subprocess.check_output(words, text=True) == "1\n\n"
