"""What holds for all tests."""

from __future__ import annotations

import os

import pytest

import components


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker `needs`."""
    config.addinivalue_line(
        "markers",
        "needs(*components): chromium, docker, fish, node, postgresql, redis, sqlite3 "
        "or tmux; without it the test is skipped, and fails under CI=true",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose component is missing; in CI nothing may be missing."""
    needed = [name for mark in item.iter_markers("needs") for name in mark.args]
    missing = [name for name in needed if components.find(name) is None]
    if not missing:
        return
    reason = f"missing on this machine: {', '.join(missing)}"
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(f"{reason}; .ci/run installs it", pytrace=False)
    pytest.skip(reason)
