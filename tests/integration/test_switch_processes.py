"""Another environment may have other processes, in other places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support import free_port
from switching import FILES, WEB, environments, is_gone, switch

if TYPE_CHECKING:
    from reloading import Stack


def test_processes_come_and_go_with_their_environment(stack: Stack) -> None:
    """By another Procfile, which is read on from then on."""
    pyproject = environments(development=stack.port, staging=stack.port)
    pyproject = pyproject.replace(
        'NAME = "staging"', 'NAME = "staging", PROCFILE = "Procfile.staging"'
    )
    files = {
        **FILES,
        "Procfile": WEB + "worker: python worker.py\n",
        "Procfile.staging": WEB + "extra: python worker.py\n",
        "pyproject.toml": pyproject,
    }
    del files["Procfile.dev"]
    stack.start(files)
    stack.wait_page("development")
    stack.wait_ready("worker")
    worker = stack.pid("worker")
    said = stack.ask("env.switch", "staging")
    actions = [(each["process"], each["action"]) for each in said["actions"]]
    assert actions == [("web", "replace"), ("extra", "add"), ("worker", "remove")]
    assert [each["name"] for each in said["processes"]] == ["web", "extra"]
    stack.wait(lambda: is_gone(worker))
    stack.write({"Procfile.staging": WEB + "other: python worker.py\n"})
    stack.wait_ready("other")
    switch(stack, "development")
    names = [each["name"] for each in stack.ask("dev.status")["processes"]]
    assert names == ["web", "worker"]


def test_processes_change_places(stack: Stack) -> None:
    """Each is stopped for the other, last of all."""
    other = free_port()
    ports = (
        f"{{ web = {stack.port}, api = {other} }}",
        (f"{{ web = {other}, api = {stack.port} }}"),
    )
    pyproject = "".join(
        f"[tool.sceneshift.environments.{name}]\nports = {places}\n"
        f'env = {{ NAME = "{name}" }}\n'
        for name, places in zip(("development", "staging"), ports, strict=True)
    )
    serve = "uvicorn asgi:app --port $PORT --lifespan off\n"
    body = FILES["asgi.py"].replace("body = NAME", "body = (PROCESS + NAME)")
    asgi = 'import os\nPROCESS = os.environ["HONCHO_PROCESS_NAME"]\n' + body
    procfile = f"web: {serve}api: {serve}"
    files = {"asgi.py": asgi, "Procfile.dev": procfile, "pyproject.toml": pyproject}
    stack.start(files)
    stack.wait_page("web.1development")
    stack.wait_ready("api")
    for name, here in (("staging", "api.1"), ("development", "web.1")):
        switch(stack, name)
        assert stack.get() == f"{here}{name}"
