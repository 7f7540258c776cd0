from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements" / "dev.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS = re.split(r"\n(?=[a-z])", LOCK)


def name_of(requirement: str) -> str:
    """Return a requirement's normalized name."""
    name = re.match(r"[\w.-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def test_every_dependency_is_locked() -> None:
    """A dependency that was added needs `./inv lock`."""
    groups = PROJECT["dependency-groups"].values()
    wanted = itertools.chain(PROJECT["project"]["dependencies"], *groups)

    assert {name_of(each) for each in wanted} <= {name_of(pin) for pin in PINS}


def test_every_package_is_pinned_and_hashed() -> None:
    """What is installed today is what was installed when it was locked."""
    for pin in PINS:
        assert re.match(r"[a-z0-9-]+==[\w.+]+ ", pin), pin
        assert "--hash=sha256:" in pin


def test_no_address_is_in_the_lock() -> None:
    """Everybody fetches from the registry or mirror of their own settings."""
    assert "://" not in LOCK
    assert not re.search(r"^\s*-[^-\s]|^--|--(?!hash=)", LOCK, re.MULTILINE)
