from __future__ import annotations

from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from resetting import Shop
from sceneshift.core.errors import RefusedError
from sceneshift.core.value import Source, SourceKind, Value
from sceneshift.data import claim, reset
from sceneshift.data.guards import Intent, find_hosts, guard
from sceneshift.data.marker import Marker
from sceneshift.data.target import Request, load_targets

if TYPE_CHECKING:
    from pathlib import Path

HERE = Source(kind=SourceKind.PROCESS)


def ask(shop: Shop, **options: object) -> None:
    """Ask for a reset, as from a script."""
    named = {"environment": "development", "is_confirmed": True, **options}
    request = reset.ResetRequest(
        root=shop.root,
        environ=shop.environ,
        **named,  # type: ignore[arg-type]
    )
    reset.reset(request)


def configure(shop: Shop, text: str) -> None:
    """Add to the environment's table."""
    with (shop.root / "pyproject.toml").open("a") as file:
        file.write(text)


def test_a_protected_environment_is_never_reset(tmp_path: Path) -> None:
    """Whatever is given; and it is said what would have been destroyed."""
    shop = Shop(tmp_path, "a", "b")
    shop.reset()
    shop.insert("a", 2)
    configure(shop, "protected = true\n")
    with pytest.raises(RefusedError) as caught:
        ask(shop)
    assert caught.value.message == (
        "`shop.db` of development is protected, and this resets it: "
        "it holds 3 rows: a 2, b 1"
    )
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]


@pytest.mark.parametrize("options", [{"environment": None}, {"is_confirmed": False}])
def test_a_script_names_the_environment_and_confirms(
    tmp_path: Path, options: dict[str, object]
) -> None:
    """One of the two is not enough."""
    shop = Shop(tmp_path, "a")
    with pytest.raises(RefusedError) as caught:
        ask(shop, **options)
    assert caught.value.message == (
        "this resets `shop.db` of development, and nobody can be asked here: "
        "it holds no rows"
    )
    assert caught.value.hint == "confirm it: inv data.reset --yes --env development"
    assert not shop.file.exists()


@pytest.mark.parametrize(
    ("name", "environment"), [("other", "development"), ("shop", "staging")]
)
def test_what_says_that_it_is_another_s_is_left_alone(
    tmp_path: Path, name: str, environment: str
) -> None:
    """Another project's, or another environment's; until it is claimed."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    shop.run("DROP VIEW sceneshift_marker")
    shop.run(
        f"CREATE VIEW sceneshift_marker AS SELECT '{name}' AS project, "
        f"'{environment}' AS environment, '' AS state"
    )
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write('\n[project]\nname = "shop"\n')
    with pytest.raises(RefusedError) as caught:
        ask(shop)
    assert caught.value.message == (
        f"`shop.db` of development says that it is `{environment}` of the project "
        f"`{name}`, and this resets it: it holds 1 row: a 1"
    )
    claim.claim(
        Request(
            root=shop.root,
            environ=shop.environ,
            environment="development",
            is_confirmed=True,
        )
    )
    assert shop.run("SELECT id FROM a") == [(1,)]
    ask(shop)


def test_a_file_elsewhere_has_to_say_whose_it_is(tmp_path: Path) -> None:
    """Where it holds something: one in the project is that project's."""
    root, elsewhere = tmp_path / "shop", tmp_path / "data.db"
    root.mkdir()
    shop = Shop(root, "a")
    text = (root / "pyproject.toml").read_text()
    (root / "pyproject.toml").write_text(
        text.replace("sqlite:///shop.db", f"sqlite:///{elsewhere}")
    )
    shop.file = elsewhere
    shop.run("CREATE TABLE mine AS SELECT 1 AS id")
    with pytest.raises(RefusedError) as caught:
        ask(shop)
    assert caught.value.message == (
        "`data.db` of development does not say whose it is, and this resets it: "
        "it holds 1 row: mine 1"
    )
    assert caught.value.hint == "make it this one's: inv data.claim --env development"
    shop.run("DELETE FROM mine")
    ask(shop)
    shop.insert("a", 2)
    ask(shop)  # it says so now


def test_a_claim_is_confirmed_too(tmp_path: Path) -> None:
    """It is what stands before all that destroys."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    with pytest.raises(RefusedError) as caught:
        claim.claim(
            Request(
                root=shop.root,
                environ=shop.environ,
                environment="development",
                is_confirmed=False,
            )
        )
    assert caught.value.hint == "confirm it: inv data.claim --yes --env development"


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("sqlite:///app.db", []),
        ("postgresql:///app", []),
        ("postgresql://u:p@LOCALHOST:5433/app", ["localhost"]),
        ("postgresql://u:a%40b@[::1]:1/app", ["::1"]),
        ("postgresql://[2001:db8::1]/app", ["2001:db8::1"]),
        ("postgresql:///app?host=2001:db8::1", ["2001:db8::1"]),
        ("postgresql://%2Frun%2Fpg/app", ["/run/pg"]),
        ("postgresql:///app?host=/run/pg", ["/run/pg"]),
        ("postgresql://localhost,far:5433/app", ["localhost", "far"]),
        ("postgresql:///app?host=localhost,far", ["localhost", "far"]),
        ("postgresql:///app?host=localhost:1&host=far:2", ["localhost", "far"]),
        ("postgresql://localhost/app?host=far", ["localhost", "far"]),
        ("postgresql://localhost/app?hostaddr=192.0.2.1", ["localhost", "192.0.2.1"]),
        ("postgresql:///app?service=live", ["service live"]),
        ("postgresql://localhost/app?service=live", ["localhost", "service live"]),
        ("mysql+pymysql://far/app", ["far"]),
        ("mysql:///app?read_default_file=/etc/my", ["read_default_file /etc/my"]),
    ],
)
def test_all_places_that_a_url_names_count(url: str, hosts: list[str]) -> None:
    """Which of them is taken is the driver's."""
    assert find_hosts(url, {}) == hosts


@pytest.mark.parametrize(
    ("variable", "text", "hosts", "more"),
    [
        ("PGHOST", "far", ["far"], []),
        ("PGHOST", "/run/pg,far", ["/run/pg", "far"], []),
        # What a server is called, and where it is looked for, are two things.
        ("PGHOSTADDR", "192.0.2.1", ["192.0.2.1"], ["192.0.2.1"]),
        ("PGSERVICE", "live", ["service live"], ["service live"]),
    ],
)
def test_what_a_url_leaves_out_variables_say(
    variable: str, text: str, hosts: list[str], more: list[str]
) -> None:
    """They are libpq's own."""
    values = {variable: Value(text, HERE)}
    assert find_hosts("postgresql:///app", values) == hosts
    assert find_hosts("postgresql://localhost/app", values) == ["localhost", *more]
    assert find_hosts("sqlite:///app.db", values) == []


def test_guards_stand_in_one_order(tmp_path: Path) -> None:
    """What is no matter of a flag comes first; each is met when the last is content."""
    table = (
        "[tool.sceneshift.data]\nhosts = [{}]\n\n"
        "[tool.sceneshift.environments.development]\n"
        'databases = {{ default = "postgresql://far/shop" }}\nprotected = {}\n'
    )
    steps = (
        ("", "true", "staging", "is protected"),
        ("", "false", "staging", "is on far"),
        ('"far"', "false", "staging", "says that it is `staging`"),
        ('"far"', "false", "development", "nobody can be asked here"),
    )
    for hosts, protected, environment, words in steps:
        (tmp_path / "pyproject.toml").write_text(table.format(hosts, protected))
        (target,) = load_targets(tmp_path, {})
        marker = Marker(project=target.owner, environment=environment)
        intent = Intent(
            command="inv data.reset",
            doing="resets",
            target=target,
            count=lambda: {"a": 2},
            read_marker=partial(next, repeat(marker)),
        )
        with pytest.raises(RefusedError, match=f"{words}.*: it holds 2 rows: a 2$"):
            guard(intent)
    guard(replace(intent, is_named=True, is_confirmed=True))


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (None, "does not say whose it is"),
        ("staging", "says that it is `staging`"),
        ("development", None),
    ],
)
def test_rows_may_be_those_of_a_command_that_runs_meanwhile(
    tmp_path: Path, second: str | None, words: str | None
) -> None:
    """No lock is held yet: whose it is was read before there were any."""
    (tmp_path / "pyproject.toml").write_text(
        "[tool.sceneshift.environments.development]\n"
        'databases = { default = "postgresql://localhost/shop" }\n'
    )
    (target,) = load_targets(tmp_path, {})
    found = [Marker(project=target.owner, environment=second)] if second else [None]
    intent = Intent(
        command="inv data.reset",
        doing="resets",
        target=target,
        count=lambda: {"a": 2},
        read_marker=partial(next, iter([None, *found])),
        is_named=True,
        is_confirmed=True,
    )
    if words is None:
        guard(intent)
        return
    with pytest.raises(RefusedError, match=words):
        guard(intent)
