from __future__ import annotations

import pytest

from sceneshift.core.commandline import find_scheme


@pytest.mark.parametrize(
    ("command", "scheme"),
    [
        ("redis-server --port $PORT --save ''", "redis"),
        ("exec /usr/lib/postgresql/bin/postgres -D var", "postgresql"),
        ("flask run", "http"),
        ("python redis-server", "http"),
        ("cd db && redis-server", "http"),
    ],
)
def test_a_known_server_has_an_address_of_its_kind(command: str, scheme: str) -> None:
    """What is no web server is not said to be one."""
    assert find_scheme(command) == scheme
