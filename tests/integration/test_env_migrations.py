from __future__ import annotations

import json
from typing import TYPE_CHECKING

from migrating import INI, READING, make_chain

if TYPE_CHECKING:
    from stacks import MakeProject

FILES = {
    "alembic.ini": INI,
    "migrations/env.py": READING,
    **{
        f"migrations/versions/{name}.py": text
        for name, text in make_chain("pass").items()
    },
}


def test_what_is_pending_hinders_nothing(make_project: MakeProject) -> None:
    """It is a warning: the database works, with the code of another day."""
    project = make_project({".env": "DATABASE_URL=sqlite:///dev.db", **FILES})
    (project.root / "dev.db").touch()
    found = {each["name"]: each for each in project.ask("env.validate")["checks"]}
    assert found["database default"]["state"] == "ok"
    assert found["migrations default"]["state"] == "warning"
    assert found["migrations default"]["detail"] == (
        "never migrated, 1 pending: r1 Do r1"
    )


def test_a_table_that_leads_nowhere_is_a_failure(make_project: MakeProject) -> None:
    """With the key."""
    table = '[tool.sceneshift.databases.default]\nalembic = "gone.ini"\n'
    project = make_project({".env": "DATABASE_URL=sqlite:///dev.db"}, settings=table)
    done = project.inv("env.validate", "--json")
    checks = json.loads(done.stdout)["checks"]
    (found,) = [each for each in checks if each["name"] == "migrations default"]
    assert found["state"] == "failed"
    assert found["detail"].endswith("default.alembic`: there is no file `gone.ini`")
