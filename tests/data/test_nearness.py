"""Whether a plain name leads to this machine."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

from sceneshift.core.errors import RefusedError
from sceneshift.core.firstuse import Order
from sceneshift.core.separation import OwnDatabase
from sceneshift.data import nearness
from sceneshift.data.firstuse import make_databases
from sceneshift.data.nearness import refuse_far

if TYPE_CHECKING:
    from pathlib import Path

FAR = "192.0.2.7"  # RFC 5737: nobody's


@pytest.fixture
def _resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know a server of the company by its plain name, as a search domain does."""
    real = socket.getaddrinfo

    def find(host: str, port: int, **more: int) -> object:
        if host == "nosuch":
            raise socket.gaierror
        return real(FAR if host == "live" else host, port, **more)

    monkeypatch.setattr(socket, "getaddrinfo", find)
    monkeypatch.setattr(nearness, "_SIGNS", ())


@pytest.mark.usefixtures("_resolver")
@pytest.mark.parametrize(
    ("url", "environ"),
    [
        ("postgresql://live/shop", {}),
        ("postgresql:///shop?host=localhost,live", {}),
        ("postgresql:///shop?host=/run&host=live", {}),
        ("postgresql:///shop", {"PGHOST": "live"}),
    ],
)
def test_a_server_of_the_company_is_refused(url: str, environ: dict[str, str]) -> None:
    """Whatever is told of it, no copy of what it has is made there."""
    with pytest.raises(RefusedError, match=f"`live` is on another machine: {FAR}"):
        refuse_far(make_url(url), environ)


@pytest.mark.usefixtures("_resolver")
@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1", "nosuch", "/live"])
def test_this_machine_is_near(host: str) -> None:
    """By a socket too; what has no address cannot be reached anyway."""
    refuse_far(make_url(f"postgresql:///shop?host={host}"), {})
    refuse_far(make_url("postgresql://[::1]/shop"), {})


@pytest.mark.usefixtures("_resolver")
def test_in_a_container_a_plain_name_is_that_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of Docker, Podman or Kubernetes."""
    url = make_url("postgresql://live/shop")
    refuse_far(url, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    monkeypatch.setattr(nearness, "_SIGNS", (tmp_path / "none", tmp_path))
    refuse_far(url, {})


@pytest.mark.usefixtures("_resolver")
def test_no_worktree_gets_a_copy_there(tmp_path: Path) -> None:
    """It is told, before anybody has connected."""
    url = "postgresql://live/shop"
    database = OwnDatabase(
        name="default", url=f"{url}__wt_tree", origin=url, system="postgresql"
    )
    order = Order(
        root=str(tmp_path),
        worktree="tree",
        common=str(tmp_path),
        databases=(database,),
    )
    said: list[str] = []
    assert not make_databases(order, said.append)
    assert f"is not there: `live` is on another machine: {FAR}" in said[0]
    assert 'share_databases = ["default"]' in said[1]
