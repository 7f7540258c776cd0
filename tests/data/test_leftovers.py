"""What removed worktrees have left, and may be dropped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.made import Made
from sceneshift.data.leftovers import apply_drops, find_drops
from sceneshift.data.postgresql.copying import write_mark
from sceneshift.data.postgresql.server import quote_text

if TYPE_CHECKING:
    from postgresql import Server


def describe(place: Path | str, system: str = "sqlite", server: str = "") -> Made:
    """Return a database of a worktree that is gone."""
    return Made(
        root="/gone",
        worktree="gone",
        name="default",
        system=system,
        place=str(place),
        server=server,
    )


def names(folder: Path) -> list[str]:
    """Return what lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_files_are_removed_with_all_that_belongs_to_them(tmp_path: Path) -> None:
    """And what a killed copy has left; one that is gone already is no trouble."""
    for name in ("dev.db", "dev.db-wal", "dev__wt_gone.db", "dev__wt_gone.db-wal"):
        (tmp_path / name).touch()
    (tmp_path / ".new-12345678-dev__wt_gone.db-journal").touch()
    made = [describe(tmp_path / "dev__wt_gone.db")]
    (drop,) = find_drops(made, tmp_path, [])
    assert drop.problem is None
    assert len(names(tmp_path)) == 5
    for _ in range(2):
        (drop,) = apply_drops([drop], tmp_path)
        assert drop.problem is None
        assert names(tmp_path) == ["dev.db", "dev.db-wal"]


def test_what_is_in_use_is_kept(tmp_path: Path) -> None:
    """Also one that somebody has opened since it was looked at."""
    path = tmp_path / "dev__wt_gone.db"
    path.touch()
    (drop,) = find_drops([describe(path)], tmp_path, [])
    with path.open():
        (found,) = apply_drops([drop], tmp_path)
        assert found.problem is not None
        assert "has it open" in found.problem
        assert found.as_json()["action"] == "keep"
    assert path.exists()


def test_a_file_of_another_name_is_kept(tmp_path: Path) -> None:
    """Whatever is written down: it is none that was made for a worktree."""
    (tmp_path / "dev.db").touch()
    drops = find_drops([describe(tmp_path / "dev.db")], tmp_path, [])
    (found,) = apply_drops(drops, tmp_path)
    assert found.problem == "its name is none that a worktree's database has"
    assert names(tmp_path) == ["dev.db"]
    (tmp_path / "dev.db").unlink()
    (found,) = apply_drops(find_drops([found.made], tmp_path, []), tmp_path)
    assert found.problem is None


@pytest.mark.parametrize("is_folder", [False, True])
def test_what_cannot_be_removed_is_told(tmp_path: Path, is_folder: bool) -> None:  # noqa: FBT001
    """And kept in mind."""
    path = tmp_path / "dev__wt_gone.db"
    if is_folder:
        path.mkdir()
    (found,) = apply_drops(find_drops([describe(path)], tmp_path, []), tmp_path)
    assert (found.problem is not None) is is_folder


@pytest.mark.parametrize(
    "urls", [[], ["postgresql://other/shop"], ["sqlite://", "x://", "no url"]]
)
def test_a_server_that_the_project_does_not_name_is_not_asked(
    urls: list[str],
) -> None:
    """Its user and password are nowhere written down."""
    made = describe("shop__wt_gone", "postgresql", "localhost:5432")
    (found,) = find_drops([made], Path("/"), urls)
    assert found.problem == "no database of this project is at localhost:5432"


def test_a_server_that_does_not_answer_keeps_what_it_has() -> None:
    """It is told, without the password."""
    made = describe("shop__wt_gone", "postgresql", "/nowhere:5432")
    url = "postgresql://me:secret@/shop?host=/nowhere"
    (found,) = find_drops([made], Path("/"), [url])
    assert found.problem is not None
    assert found.problem.startswith("postgresql says: ")
    assert "secret" not in found.problem


@pytest.mark.needs("postgresql")
def test_the_user_who_may_drop_it_does(server: Server) -> None:
    """Of the environments that are on its server one has made it."""
    place, made_by, other = "shop__wt_gone", "leftovers_dev", "leftovers_other"
    for role in (made_by, other):
        server.run("postgres", f"CREATE ROLE {role} LOGIN")
    server.run("postgres", f"CREATE DATABASE {place} OWNER {made_by}")
    mark = quote_text(write_mark("/gone"))
    server.run("postgres", f"COMMENT ON DATABASE {place} IS {mark}")
    made = describe(place, "postgresql", f"{server.folder}:5432")
    first, second = (
        f"postgresql://{role}@/{place}?host={server.folder}"
        for role in (other, made_by)
    )
    (kept,) = find_drops([made], Path("/"), [first])
    assert kept.problem == f"it belongs to the user {made_by}"
    for urls in ([first, second], [second, first]):
        (drop,) = find_drops([made], Path("/"), urls)
        assert (drop.url, drop.problem) == (second, None)
    apply_drops([drop], Path("/"))
    query = f"SELECT 1 FROM pg_database WHERE datname = '{place}'"  # noqa: S608
    assert server.run("postgres", query) == []


@pytest.mark.needs("postgresql")
def test_what_resets_have_kept_goes_too(server: Server) -> None:
    """Nobody can ask for it any more."""
    name = f"{server.make()}__wt_gone"
    others = [f"{name}__s_{'0' * 20}", f"{name}__t_{'0' * 25}", f"{name}__more"]
    for each in (name, *others):
        server.run("postgres", f"CREATE DATABASE {each}")
    mark = quote_text(write_mark("/gone"))
    server.run("postgres", f"COMMENT ON DATABASE {name} IS {mark}")
    made = [describe(name, "postgresql", f"{server.folder}:5432")]
    drops = find_drops(made, Path("/"), [server.url()])
    assert [each.problem for each in apply_drops(drops, Path("/"))] == [None]
    look = f"SELECT datname FROM pg_database WHERE datname LIKE '{name}%'"  # noqa: S608
    assert server.run("postgres", look) == [(others[-1],)]
