"""The program that fills a database, and what is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from msgspec.structs import replace

from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.data import seeding as seeding_package
from sceneshift.data.seeding.child.context import Context
from sceneshift.data.snapshots.traced import read_trace
from seeding import count
from support import wait_until

if TYPE_CHECKING:
    from sceneshift.data.seeding.program import Progress
    from seeding import Place

WAITS = """
import os, pathlib, time
def seed(context):
    context.load("people", [{"id": 1, "email": "a@x"}])
    print("filling", flush=True)
    pathlib.Path("started.txt").write_text(str(os.getpid()))
    time.sleep(60)
"""
FILL = """
import sys
from pathlib import Path
from seeding import Place
root, url, *_ = sys.argv[1:]
Place.__init__ = lambda self, root, url: vars(self).update(root=root, url=url)
Place(Path(root), url).seed()
"""


def use_python(place: Place, script: str) -> None:
    """Give the project an interpreter that is a script."""
    python = place.root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)


def start(place: Place) -> tuple[subprocess.Popen[bytes], int]:
    """Start filling, and return both programs when rows are there."""
    place.write({"dev/x.py": WAITS})
    tests = Path(__file__).resolve().parents[2]
    words = [sys.executable, "-c", FILL, str(place.root), place.url]
    env = os.environ | {"PYTHONPATH": f"{tests}{os.pathsep}{tests.parent}"}
    parent = subprocess.Popen(words, env=env)
    started = place.root / "started.txt"
    wait_until(lambda: started.exists() and started.read_text())
    return parent, int(started.read_text())


@pytest.mark.cold
def test_what_is_imported_ahead_is_never_searched_for_garbage(place: Place) -> None:
    """What seeds make is, as ever."""
    says = "print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    place.write({"dev/x.py": f"import gc\ndef seed(context):\n    {says}\n"})
    place.seed()
    assert place.read_log() == "True True\n"


@pytest.mark.cold
def test_nothing_is_left_when_the_program_is_killed(place: Place) -> None:
    """It is said which signal ended it; the old data is complete."""
    place.run("INSERT INTO people (id, email) VALUES (7, 'old@x')")
    place.write(
        {"dev/x.py": WAITS.replace("time.sleep(60)", "os.kill(os.getpid(), 9)")}
    )
    with pytest.raises(SceneshiftError) as caught:
        place.seed()
    assert caught.value.message == (
        "`default` is as it was: the program that fills it was ended by signal 9"
    )
    assert place.run("SELECT id FROM people") == [(7,)]
    assert place.read_log() == "filling\n"


@pytest.mark.cold
def test_it_ends_with_whoever_started_it(place: Place) -> None:
    """By `kill -9`, too: nothing of it is committed afterwards."""
    parent, child = start(place)
    parent.kill()
    parent.wait()
    wait_until(lambda: not psutil.pid_exists(child))
    assert place.run("SELECT id FROM people") == []
    place.write({"dev/x.py": WAITS.replace("time.sleep(60)", "pass")})
    assert place.seed() == {"people": count(inserted=1)}


@pytest.mark.cold
def test_an_interrupt_ends_it(file: Place) -> None:
    """At once."""
    parent, child = start(file)
    parent.send_signal(signal.SIGINT)
    assert parent.wait(20) != 0
    assert not psutil.pid_exists(child)
    assert file.run("SELECT id FROM people") == []


def test_how_far_it_is_is_told(file: Place) -> None:
    """Each file, and rows as they come."""
    file.write(
        {
            "dev/1.sql": "SELECT 1",
            "dev/2_people.csv": "id,email\n1,a\n",
            "dev/3.py": "import time\ndef rows():\n"
            "    for n in range(10, 2500):\n"
            "        if n % 1000 == 0: time.sleep(0.3)\n"
            "        yield {'id': n, 'email': n}\n"
            "def seed(context): context.load('people', rows())\n",
        }
    )
    told: list[Progress] = []
    file.make().run(told.append)
    files = list(dict.fromkeys(each.file for each in told))
    assert files == [
        "seeds/dev/1.sql",
        "seeds/dev/2_people.csv",
        "seeds/dev/3.py",
        "checking references",
    ]
    assert any(each.table == "people" and each.rows >= 1000 for each in told)


@pytest.mark.cold
def test_the_projects_modules_are_found_and_nothing_of_ours(file: Place) -> None:
    """As Alembic would; the program's own folder is no place of imports."""
    (file.root / "shop").mkdir()
    (file.root / "shop" / "__init__.py").write_text("NAME = 'theirs'\n")
    (file.root / "values.py").write_text("NAME = 'theirs'\n")
    (file.root / "run.py").write_text("NAME = 'theirs'\n")
    file.write(
        {
            "dev/x.py": "import os, run, shop, sys, values\n"
            "def seed(context):\n"
            "    print(shop.NAME, run.NAME, values.NAME, os.getcwd())\n"
            "    print(sys.stdin.read(), 'msgspec' in sys.modules)\n"
            "    print([p for p in sys.path if 'seeding' in p])\n"
        }
    )
    file.seed()
    said = file.read_log().splitlines()
    assert said == [f"theirs theirs theirs {file.root}", " False", "[]"]


@pytest.mark.cold
def test_no_secret_is_in_arguments_or_in_the_log(place: Place) -> None:
    """Nor in what is said: a driver writes passwords in ways of its own."""
    url = place.url.replace("postgres@", "postgres:s3c%2Fret@")
    place.url = f"{url}?timeout=3" if place.is_file else url
    place.write(
        {
            "dev/x.py": "import sys\ndef seed(context):\n"
            "    text = open('/proc/self/cmdline').read()\n"
            "    print('s3c' in text, 'postgresql://u:pass@h/d', 's3c%2Fret')\n"
            "    raise ValueError('postgresql://u:pass@h/d s3c%2Fret')\n"
        }
    )
    with pytest.raises(SceneshiftError) as caught:
        place.seed()
    both = caught.value.message + place.read_log()
    assert "False postgresql://u:***@h/d" in both
    assert "pass@" not in both
    assert place.is_file or "s3c" not in both


def test_a_python_without_sqlalchemy_says_what_to_install(file: Place) -> None:
    """With the command."""
    use_python(file, f'exec {sys.executable} -I -S "$@"')
    file.write({"dev/x.sql": ""})
    with pytest.raises(ComponentError) as caught:
        file.seed()
    python = file.root / ".venv/bin/python"
    assert caught.value.message == f"sqlalchemy is not installed in {python}"
    assert caught.value.hint == f"install it: {python} -m pip install 'sqlalchemy'"


@pytest.mark.cold
def test_an_old_sqlalchemy_is_told(file: Place) -> None:
    """Before it fails somewhere."""
    (file.root / "sqlalchemy.py").write_text("__version__ = '1.4.52'\n")
    file.write({"dev/x.sql": ""})
    with pytest.raises(ComponentError) as caught:
        file.seed()
    assert caught.value.message == "seeds need SQLAlchemy 2, and this is 1.4.52"
    assert (caught.value.hint or "").endswith("pip install 'sqlalchemy>=2'")


def test_a_python_without_the_driver_says_what_to_install(file: Place) -> None:
    """The package that has it, which may be called otherwise."""
    file.url = "mysql+mysqldb://u@h/d"
    file.write({"dev/x.sql": ""})
    with pytest.raises(ComponentError, match="the driver `mysqldb` of the database"):
        file.seed()


def test_an_old_python_is_told(file: Place) -> None:
    """Before anything else."""
    use_python(file, "exit 9")
    file.write({"dev/x.sql": ""})
    with pytest.raises(ComponentError, match=r"seeds need Python 3.11 or newer"):
        file.seed()


def test_a_program_that_says_nothing_has_failed(file: Place) -> None:
    """With its last line."""
    use_python(file, "echo oh; exit 1")
    file.write({"dev/x.sql": ""})
    with pytest.raises(SceneshiftError, match=r"fills it failed: oh$"):
        file.seed()


@pytest.mark.cold
def test_what_a_seed_leaves_running_holds_nothing_up(file: Place) -> None:
    """Though it has the pipe of what is printed; it is ended."""
    file.write(
        {
            "dev/x.py": "import subprocess\ndef seed(context):\n"
            "    print(subprocess.Popen(['sleep', '300']).pid, flush=True)\n"
        }
    )
    file.seed()
    pid = int(file.read_log())
    wait_until(lambda: not psutil.pid_exists(pid))


def test_a_copy_is_filled_by_all_variables_that_name_the_file(file: Place) -> None:
    """So a program that reads one meets the same rows."""
    copy = file.root / "copy.db"
    copy.write_bytes((file.root / "dev.db").read_bytes())
    file.write(
        {
            "dev/people.csv": "id,email\n1,a\n",
            "dev/x.py": "import os\ndef seed(context): print(os.environ['URL'])\n",
        }
    )
    seeding = file.make()
    env = {**seeding.env, "URL": file.url}
    aimed = replace(seeding, env=env).aim(copy)
    assert aimed.is_draft
    aimed.run()
    assert file.read_log() == f"sqlite:///{copy}\n"
    assert file.run("SELECT * FROM people") == []
    file.url = f"sqlite:///{copy}"
    assert file.run("SELECT id FROM people") == [(1,)]


@pytest.mark.needs("postgresql")
def test_numbers_go_on_behind_those_of_the_rows(postgresql: Place) -> None:
    """Of serial and identity columns; one that is ahead stays."""
    postgresql.run(
        "CREATE SCHEMA shop;"
        'CREATE TABLE shop."Or:der" ("I%d" serial PRIMARY KEY, n int);'
        "CREATE TABLE always (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int);"
        "CREATE TABLE ahead (id bigserial PRIMARY KEY, n int);"
        "CREATE TABLE none (id serial PRIMARY KEY, n int);"
        "SELECT setval('ahead_id_seq', 500)"
    )
    postgresql.write(
        {
            "dev/shop.Or:der.csv": "I%d,n\n41,1\n",
            "dev/always.csv": "id,n\n41,1\n",
            "dev/ahead.csv": "id,n\n41,1\n",
        }
    )
    assert postgresql.seed()["shop.Or:der"] == count(inserted=1)
    assert postgresql.seed()["always"] == count(unchanged=1)
    found = [
        postgresql.run(f"INSERT INTO {table} (n) VALUES (2) RETURNING *")[0][0]  # noqa: S608
        for table in ('shop."Or:der"', "always", "ahead", "none")
    ]
    assert found == [42, 42, 501, 1]


@pytest.mark.needs("postgresql")
def test_types_of_postgresql_are_read_by_it(postgresql: Place) -> None:
    """From a CSV as from JSON: enumerations, arrays, ranges, networks, time zones."""
    postgresql.run(
        "CREATE TYPE mood AS ENUM ('good', 'so so');"
        "CREATE TABLE odd (id int PRIMARY KEY, mood mood, tags text[], nums int[], "
        "plain json, data jsonb, net inet, span int4range, at timestamptz, raw xml)"
    )
    head = "id,mood,tags,nums,plain,data,net,span,at\n"
    row = (
        '1,so so,"{a,""b c""}","{1,2}","{""k"": 1}","[1]",10.0.0.1,"[1,5)",'
        "2026-01-31T12:00:00+02:00\n"
    )
    postgresql.write({"dev/odd.csv": head + row})
    assert postgresql.seed() == {"odd": count(inserted=1)}
    assert postgresql.seed() == {"odd": count(unchanged=1)}
    postgresql.write(
        {
            "dev/odd.csv": "",
            "dev/odd.json": '[{"id": 1, "mood": "so so", "tags": ["a", "b c"], '
            '"nums": [1, 2], "plain": {"k": 1}, "data": [1], "net": "10.0.0.1", '
            '"span": "[1,5)", "at": "2026-01-31T10:00:00Z"}]',
        }
    )
    assert postgresql.seed() == {"odd": count(unchanged=1)}
    postgresql.write({"dev/odd.json": '[{"id": 1, "plain": {"k": 2}, "raw": "<a/>"}]'})
    assert postgresql.seed() == {"odd": count(updated=1)}


@pytest.mark.needs("postgresql")
def test_deferred_references_are_looked_at_in_the_end(postgresql: Place) -> None:
    """By the server, before anything is committed."""
    postgresql.run(
        "CREATE TABLE late (id int PRIMARY KEY, person_id int NOT NULL "
        "REFERENCES people (id) DEFERRABLE)"
    )
    postgresql.write(
        {"dev/1_late.csv": "id,person_id\n1,1\n", "dev/2.py": "", "dev/a": ""}
    )
    postgresql.write(
        {
            "dev/2.py": "def seed(context):\n"
            "    context.load('people', [{'id': 1, 'email': 'a'}])\n"
        }
    )
    postgresql.seed()
    postgresql.write({"dev/1_late.csv": "id,person_id\n1,1\n2,3\n"})
    with pytest.raises(
        SceneshiftError, match=r"Key \(person_id\)=\(3\) is not present"
    ):
        postgresql.seed()


@pytest.mark.needs("postgresql")
def test_a_session_adds_rows_behind_those_that_were_loaded(postgresql: Place) -> None:
    """In the same program, and in the one after a file."""
    postgresql.run("CREATE TABLE t (id serial PRIMARY KEY, n int)")
    add = "context.connection.exec_driver_sql('INSERT INTO t (n) VALUES (0)')"
    rows = "context.load('t', [{'id': 9, 'n': 1}])"
    postgresql.write(
        {
            "dev/1_t.csv": "id,n\n4,1\n",
            "dev/2.py": f"def seed(context):\n    {add}\n    {rows}\n    {add}\n",
        }
    )
    postgresql.seed()
    found = postgresql.run("SELECT id FROM t ORDER BY id")
    assert found == [(4,), (5,), (9,), (10,)]


@pytest.mark.needs("postgresql")
def test_instants_without_a_zone_are_of_utc(postgresql: Place) -> None:
    """Whatever the server's zone is."""
    name = postgresql.url.partition("?")[0].rpartition("/")[2]
    postgresql.run(f"ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'")
    postgresql.run("CREATE TABLE t (id int PRIMARY KEY, at timestamptz)")
    postgresql.write({"dev/t.csv": "id,at\n1,2026-01-31 12:00\n"})
    postgresql.seed()
    look = "SELECT at = '2026-01-31 12:00+00' FROM t"
    assert postgresql.run(look) == [(True,)]


@pytest.mark.cold
def test_what_it_reads_is_written_down(file: Place) -> None:
    """Where somebody asks, to know later whether it would be the same."""
    (file.root / "shop.py").write_text("")
    file.write(
        {
            "dev/_data.txt": "x",
            "dev/1_people.csv": "id,email\n1,a\n",
            "dev/x.py": "import os, shop\ndef seed(context):\n"
            "    (context.folder / '_data.txt').read_text()\n"
            "    print(os.environ.get('COLOR'))\n",
        }
    )
    trace = file.root / "trace.json"
    replace(file.make(), trace=trace).run()
    found = read_trace(trace)
    names = {
        "shop.py",
        *(f"seeds/dev/{n}" for n in ("_data.txt", "1_people.csv", "x.py")),
    }
    assert {str(file.root / name) for name in names} <= set(found.files)
    assert file.run("SELECT id FROM people") == [(1,)]


def test_the_type_of_what_a_program_gets_can_be_imported() -> None:
    """By who checks types; and nothing else from there."""
    assert seeding_package.Context is Context
    with pytest.raises(AttributeError, match="has no attribute 'Other'"):
        _ = seeding_package.Other


def test_an_answer_that_is_cut_off_is_none(file: Place) -> None:
    """It was killed while it told."""
    use_python(
        file,
        f"""exec {sys.executable} -c '
import os, sys
os.write(int(sys.argv[2]), b"{{\\"done\\": {{")
os.kill(os.getpid(), 9)
' "$@" """,
    )
    file.write({"dev/x.sql": ""})
    with pytest.raises(SceneshiftError, match="was ended by signal 9"):
        file.seed()


def test_a_program_that_is_started_ahead_gets_what_is_known_later(file: Place) -> None:
    """The variables of the draft, before anything of the project's is imported."""
    (file.root / "where.py").write_text("import os\nHOW = os.environ['HOW']\n")
    fill = "from where import HOW\ndef seed(c): c.load('people', [{'email': HOW}])\n"
    file.write({"dev/fill.py": fill})
    early = replace(file.make(), env={**os.environ, "HOW": "hastily"})
    late = replace(early, env={**os.environ, "HOW": "slowly"})
    with early.start() as program:
        late.apply(program=program)
    assert file.run("SELECT email FROM people") == [("slowly",)]


def test_nothing_is_left_of_a_program_that_is_told_nothing(file: Place) -> None:
    """What was to come before it has failed."""
    file.write({"dev/x.sql": ""})
    with file.make().start() as program:
        pid = program._child.pid
    assert not psutil.pid_exists(pid)
