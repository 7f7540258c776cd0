"""What a process itself changes is no reason to restart it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reloading import Stack

STATEFUL = """\
import json, os, sqlite3, sys, time
import job

print("began", job.WORK, flush=True)
with open("state.json") as file:
    state = json.load(file)
with open("inbox/first") as file:
    file.read()
with open("data.db", "rb") as file:
    file.read(16)
with sqlite3.connect("data.db") as database:
    database.execute("create table if not exists rows (x)")
    database.execute("insert into rows values (1)")
database.close()
with open("state.json.new", "w") as file:
    json.dump([*state, os.getpid()], file)
os.replace("state.json.new", "state.json")
os.rename("inbox/first", "done")
os.rename("done", "inbox/first")
with open("inbox/first", "a") as file:
    file.write("x")
print("saved", job.WORK, flush=True)
while True:
    time.sleep(0.01)
"""


def test_a_process_is_not_restarted_for_what_it_saves_itself(stack: Stack) -> None:
    """By renaming, by a database, by taking a file away that it has read."""
    files = {"state.json": "[]", "inbox/first": "x", "data.db": "", "job.py": "WORK=0"}
    procfile = "worker: python stateful.py\n"
    stack.start({**files, "stateful.py": STATEFUL, "Procfile.dev": procfile})
    for number in range(1, 4):
        stack.wait_output(f"saved {number - 1}")
        stack.wait_ready("worker")
        stack.write({"job.py": f"WORK={number}"})
        stack.wait_output(f"saved {number}")
    assert len(json.loads((stack.root / "state.json").read_text())) == 4
    causes = [entry["files"] for entry in stack.ask("dev.why")["reloads"]]
    assert causes == [["job.py"]] * 3
