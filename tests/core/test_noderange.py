"""npm's version ranges, compared with npm's own implementation."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from sceneshift.core.noderange import parse_version, satisfies

VITE = "^20.19.0 || >=22.12.0"
SCRIPT = """
const semver = require(process.argv[1]);
const cases = JSON.parse(require("fs").readFileSync(process.argv[2]));
console.log(JSON.stringify(cases.map(([version, range]) =>
  semver.validRange(range) === null
    ? null : semver.satisfies(version, range, {includePrerelease: true}))));
"""


@pytest.mark.parametrize(
    ("version", "wanted", "expected"),
    [
        ("20.19.0", VITE, True),
        ("v20.18.9", VITE, False),
        ("21.9.0", VITE, False),
        ("22.12.0", VITE, True),
        ("18.0.0", ">=16 <19", True),
        ("19.0.0", ">= 16 < 19", False),
        ("18.17.1", "18.x", True),
        ("18.17.1", "18.17", True),
        ("18.17.1", "~18.16.0", False),
        ("18.17.1", "18 - 20", True),
        ("21.0.0", "18 - 20", False),
        ("20.0.0", "*", True),
        ("20.0.0", "", True),
        ("20.0.0", ">18", True),
        ("18.9.0", ">18", False),
        ("18.9.0", "<=18", True),
        ("0.1.9", "^0.1.2", True),
        ("0.2.0", "^0.1.2", False),
        ("0.0.4", "^0.0.3", False),
        ("0.9.0", "^0", True),
        ("1.0.0", "<*", False),
        ("23.0.0-nightly.20240101", ">=22", True),
        ("1.0.0-rc.2", "1.0.0-rc.1 - 1.0.0-rc.10", True),
        ("1.0.0-rc.2", "^1.0.0-rc.10", False),
    ],
)
def test_ranges_mean_what_they_mean_to_npm(
    version: str, wanted: str, *, expected: bool
) -> None:
    """Each form of the grammar."""
    assert satisfies(version, wanted) is expected


@pytest.mark.parametrize("wanted", ["lts", "node 18", ">=x18", "18 - y", "^1 - 2"])
def test_what_is_no_range_is_refused(wanted: str) -> None:
    """A range that npm cannot read either."""
    with pytest.raises(ValueError, match="no "):
        satisfies("20.0.0", wanted)


@pytest.mark.parametrize(
    "text", ["", "20", "20.1", "^20.1.2", "x.1.2", "twenty", "1.2.x"]
)
def test_what_is_no_version_is_refused(text: str) -> None:
    """A version has three numbers."""
    with pytest.raises(ValueError, match="no "):
        parse_version(text)


def make_cases(seed: int, count: int) -> list[tuple[str, str]]:
    """Make versions and ranges of every form."""
    dice = random.Random(seed)  # noqa: S311 - nothing secret

    def number() -> str:
        return dice.choice(["0", "0", "1", "2", "20"])

    def version() -> str:
        tail = dice.choice(["", "", "", "", "-0", "-rc.1", "-rc.2.x"])
        return f"{number()}.{number()}.{number()}{tail}"

    def partial() -> str:
        forms = ["{}", "{}.x", "*", "{}.{}", "{}.{}.x", "{}.*.x"]
        form = dice.choice([*forms, *["full"] * 4])
        return version() if form == "full" else form.format(number(), number())

    def comparator() -> str:
        signs = ["", "^", "~", ">=", ">", "<", "<=", "=", "v", "~>", ">= ", "^ "]
        return dice.choice(signs) + partial()

    def alternative() -> str:
        if dice.random() < 0.2:
            return f"{partial()} - {partial()}"
        return " ".join(comparator() for _ in range(dice.choice([0, 1, 1, 2])))

    def wanted() -> str:
        row = [alternative() for _ in range(dice.choice([1, 1, 2]))]
        return dice.choice([" || ", "||"]).join(row)

    # Releases alone: what a prerelease of Node fits has changed from npm to npm.
    return [(version().partition("-")[0], wanted()) for _ in range(count)]


def test_agrees_with_npm(tmp_path: Path) -> None:
    """Npm's own code says the same of thousands of made-up cases."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not on this machine")
    semver = Path(npm).resolve().parent.parent / "node_modules" / "semver"
    if not semver.exists():
        pytest.skip("npm keeps its libraries elsewhere on this machine")
    cases = make_cases(seed=1, count=5_000)
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(cases))
    run = subprocess.run(
        ["node", "-e", SCRIPT, str(semver), str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    expected = json.loads(run.stdout)
    wrong = [
        (case, theirs)
        for case, theirs in zip(cases, expected, strict=True)
        if satisfies(*case) is not theirs
    ]
    assert wrong == []
