from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import signal
import stat
import sys
import threading
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.services import cluster, readiness, server
from sceneshift.core.services import use as services_use
from sceneshift.core.services.use import is_in_use, release
from serving_services import (
    find_major,
    load_service,
    run,
    serving,
    stop,
    use,
    write_project,
)
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sceneshift.core.services.service import Service

pytestmark = pytest.mark.needs("postgresql")


@pytest.fixture(scope="module", name="made")
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a server that was made once for all of these tests."""
    with serving(write_project(tmp_path_factory.mktemp("pg") / "shop")) as service:
        use(service)
        run(service, "CREATE TABLE kept (id int)")
        yield service


@pytest.fixture(name="service")
def begin(made: Service) -> Service:
    """Return it up, with its table empty."""
    use(made)
    run(made, "TRUNCATE kept")
    return made


def kill(service: Service) -> None:
    """Kill it, and wait until it is seen to be gone."""
    pid = readiness.read_pid(service)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not readiness.is_ready(service))


def count_starts(service: Service) -> int:
    """Return how often it was started, as its log has it."""
    return service.log.read_text().count("listening on Unix socket")


def test_it_is_started_once(service: Service) -> None:
    """And has its database; who uses it again, or as well, changes nothing."""
    pid = readiness.read_pid(service)
    assert use(service) == []
    release(service)
    assert not is_in_use(service)
    assert use(service) == []
    assert is_in_use(service)
    assert readiness.read_pid(service) == pid
    ((name, encoding, collation),) = run(
        service,
        "SELECT datname, pg_encoding_to_char(encoding), datcollate FROM pg_database "
        "WHERE datname = current_database()",
    )
    assert (name, encoding) == ("shop_development", "UTF8")
    assert collation == "C.UTF-8" or find_major() >= 17


def test_only_who_may_enter_its_folder_gets_in(service: Service) -> None:
    """There is no port, and no password that could be read."""
    assert run(service, "SHOW listen_addresses") == [("",)]
    assert stat.S_IMODE(service.socket.stat().st_mode) == 0o700
    socket = service.socket / ".s.PGSQL.5432"
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert stat.S_IMODE(service.data.stat().st_mode) == 0o700
    assert stat.S_IMODE(service.log.stat().st_mode) == 0o600


def test_nothing_that_is_committed_is_lost(service: Service) -> None:
    """Its settings are those of a server, and it recovers from a kill by itself."""
    settings = ("fsync", "synchronous_commit", "full_page_writes")
    assert [run(service, f"SHOW {each}") for each in settings] == [[("on",)]] * 3
    run(service, "INSERT INTO kept VALUES (1)")
    kill(service)
    use(service)
    assert run(service, "SELECT id FROM kept") == [(1,)]


def test_a_pid_file_of_long_ago_hinders_nothing(service: Service) -> None:
    """After a reboot its number may be any program's: here it is our own."""
    stop(service)
    (service.data / "postmaster.pid").write_text(
        f"{os.getppid()}\n{service.data}\n1\n5432\n{service.socket}\n\n1 1\nready   \n"
    )
    assert not readiness.is_ready(service)
    use(service)
    assert run(service, "SELECT 1") == [(1,)]


def test_a_server_of_another_system_is_left_alone(service: Service) -> None:
    """A container's and its host's see no locks of each other, but the same data."""
    stop(service)
    mark, pid_file = service.folder / "system", service.data / "postmaster.pid"
    assert mark.read_text() == f"{sys.platform}\n"
    mark.write_text("another\n")
    pid_file.write_text("1\n")
    with pytest.raises(SceneshiftError, match="started on another, and") as caught:
        use(service)
    assert str(pid_file) in str(caught.value.hint)
    pid_file.unlink()
    use(service)
    assert mark.read_text() == f"{sys.platform}\n"


def test_two_at_once_start_one(service: Service) -> None:
    """The second waits for the first, and finds it up."""
    stop(service)
    before = count_starts(service)
    threads = [threading.Thread(target=use, args=(service,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count_starts(service) == before + 1
    assert run(service, "SELECT 1") == [(1,)]


def test_one_whose_socket_was_removed_is_started_anew(service: Service) -> None:
    """As by what clears `/tmp` from time to time; it could be reached no more."""
    pid = readiness.read_pid(service)
    (service.socket / ".s.PGSQL.5432").unlink()
    use(service)
    assert readiness.read_pid(service) != pid
    assert run(service, "SELECT 1") == [(1,)]


def test_a_database_is_made_once(service: Service) -> None:
    """Who drops one has meant it."""
    address = service.describe_address("", "postgres")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute('DROP DATABASE IF EXISTS "other"')
        use(type(service)(home=service.home, major=service.major, databases=("other",)))
        connection.execute('DROP DATABASE "other"')
        use(type(service)(home=service.home, major=service.major, databases=("other",)))
        names = [
            name for (name,) in connection.execute("SELECT datname FROM pg_database")
        ]
    assert "other" not in names


def test_it_ends_with_its_last_user(service: Service) -> None:
    """Those who hold its lock count, and clients that do not know of it."""
    wait_until(lambda: readiness.is_kept(service))
    end_keeper(service)
    server.keep(service, os.environ, idle_s=0, pause_s=0.05)
    wait_until(lambda: readiness.is_kept(service))
    address = service.describe_address("", "postgres")
    with psycopg.connect(address, autocommit=True) as client:
        release(service)
        looks = (
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'psql'"
        )
        # It has asked for clients at least once, and has found one.
        wait_until(lambda: client.execute(looks).fetchone() == (True,))
        wait_until(lambda: client.execute(looks).fetchone() == (False,))
    wait_until(lambda: not readiness.is_held(service.folder / "server.lock"))
    assert "database system is shut down" in service.log.read_text()
    wait_until(lambda: not readiness.is_kept(service))
    use(service)
    assert run(service, "SELECT 1") == [(1,)]


def end_keeper(service: Service) -> None:
    """Kill what would end it, by its command line."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if str(service.folder) in words and "keeper.py" in " ".join(words):
            process.kill()
    wait_until(lambda: not readiness.is_kept(service))


def test_one_that_nobody_would_end_is_kept_again(service: Service) -> None:
    """Whatever is killed, the next user puts it right."""
    end_keeper(service)
    pid = readiness.read_pid(service)
    use(service)
    wait_until(lambda: readiness.is_kept(service))
    assert readiness.read_pid(service) == pid


def test_data_of_another_version_is_left_as_it_is(service: Service) -> None:
    """And what to do is said."""
    stop(service)
    version = service.data / "PG_VERSION"
    former = version.read_text()
    version.write_text("12\n")
    try:
        with pytest.raises(SceneshiftError, match="is of PostgreSQL 12") as caught:
            use(service)
    finally:
        version.write_text(former)
    assert "postgresql-12" in str(caught.value.hint)
    assert run_after(service) == [(0,)]


def run_after(service: Service) -> list[tuple[object, ...]]:
    """Count the rows after a start."""
    use(service)
    return run(service, "SELECT count(*) FROM kept")


def test_a_server_that_cannot_start_says_why(service: Service) -> None:
    """In its own words, and the data is as it was."""
    stop(service)
    settings = service.data / "postgresql.auto.conf"
    former = settings.read_text()
    settings.write_text("shared_buffers = 'none'\n")
    try:
        with pytest.raises(SceneshiftError, match="does not start: ") as caught:
            use(service)
    finally:
        settings.write_text(former)
    assert str(service.log) in str(caught.value.hint)
    assert run_after(service) == [(0,)]


def test_a_cluster_is_made_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed or failed one has left is swept, and nothing counts as data."""
    service = load_service(write_project(tmp_path / "shop"))
    draft = service.make() / "data.draft"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("1\n")
    monkeypatch.setattr(cluster, "_list_locale", lambda _major: ["--locale=none"])
    with serving(tmp_path / "shop"), pytest.raises(SceneshiftError, match="locale"):
        use(service)
    assert not draft.exists()
    assert not service.data.exists()


def test_whoever_is_killed_while_it_is_made_hinders_nobody(tmp_path: Path) -> None:
    """What goes on by itself then is waited for, and swept."""
    with serving(write_project(tmp_path / "shop")) as service:
        other = service.folder.with_name("postgresql-12") / "data"
        other.mkdir(parents=True)
        (other / "PG_VERSION").write_text("12\n")
        pid = os.fork()
        if pid == 0:  # pragma: no cover - it is killed
            use(service)
            os._exit(0)
        wait_until((service.folder / "data.draft/PG_VERSION").exists)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert not service.data.exists()
        assert str(other) in use(service)[1]
        assert run(service, "SELECT 1") == [(1,)]
        assert not (service.folder / "data.draft").exists()


def test_root_runs_it_as_whose_the_project_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL refuses to be root's; another user's data is left alone."""
    service = load_service(write_project(tmp_path / "shop"))
    service.folder.mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(service.home, pwd.getpwnam("nobody").pw_uid, -1)
    uid = service.home.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    own = cluster.open_cluster(service, os.environ)
    assert own.owner is None
    assert own.list_words("psql", "-l") == [str(own.programs.folder / "psql"), "-l"]
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    owner = cluster.open_cluster(service, os.environ).owner
    assert owner == cluster.Owner(uid=uid, gid=pwd.getpwuid(uid).pw_gid)
    service.data.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    with pytest.raises(SceneshiftError, match="is another user's: "):
        cluster.open_cluster(service, os.environ)
    monkeypatch.setattr(os, "geteuid", lambda: service.data.stat().st_uid)
    with pytest.raises(SceneshiftError, match="is no data of PostgreSQL's"):
        cluster.open_cluster(service, os.environ)


def test_root_needs_a_user_with_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner of a mounted folder is often none of the container's users."""
    nameless = 987_654_321
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setattr(cluster, "_OTHERS", ("no such user", "nobody"))
    expected = cluster.Owner(uid=nobody.pw_uid, gid=nobody.pw_gid)
    assert cluster._choose_owner(nameless) == cluster._choose_owner(0) == expected
    assert cluster._name(nameless) == str(nameless)
    monkeypatch.setattr(cluster, "_OTHERS", ())
    with pytest.raises(SceneshiftError, match="there is no user") as caught:
        cluster._choose_owner(nameless)
    assert "useradd" in str(caught.value.hint)


def test_letters_are_those_of_all_scripts_in_every_version() -> None:
    """From 17 on by PostgreSQL itself, before that by the system."""
    assert "--builtin-locale=C.UTF-8" in cluster._list_locale(17)
    assert "builtin" not in " ".join(cluster._list_locale(16))


def test_what_hinders_is_told(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that cannot be, a server elsewhere, and one that takes its time."""
    with pytest.raises(SceneshiftError, match="cannot be made: unterminated"):
        server.make_database(service, os.environ, 'a"b')
    found = cluster.open_cluster(service, os.environ)
    with pytest.raises(SceneshiftError, match="cannot be started"):
        server._send_away(found, ["false"])
    stop(service)
    monkeypatch.setattr(server, "_LEFT_S", 0)
    with holding(service, "server.lock"), pytest.raises(SceneshiftError) as caught:
        use(service)
    assert "does not answer here" in caught.value.message
    release(service)
    monkeypatch.setattr(services_use, "_LIMIT_S", 0.02)
    with holding(service, "users.lock"), pytest.raises(SceneshiftError) as caught:
        use(service)
    assert "is being stopped, and does not end" in caught.value.message
    monkeypatch.undo()
    monkeypatch.setattr(server, "_TOLD_AFTER_S", -1)
    monkeypatch.setattr(server, "_LOG_BYTES", 0)
    (said,) = use(service)
    assert said.endswith("takes its time: it recovers what was cut off")
    assert service.log.with_name("log.1").exists()


@contextlib.contextmanager
def holding(service: Service, name: str) -> Iterator[None]:
    """Hold a lock as another program would."""
    with (service.folder / name).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
