from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from support import wait_until
from vscode.demo import ENVIRONMENTS

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from vscode.conftest import Photograph
    from vscode.demo import Demo
    from vscode.editor import Editor, Place

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(600)]

OVERVIEW = "demo/backend/routes/overview.py"
FIELD = "environment=request.app.state.settings.environment,"
APP = "demo/frontend/src/App.tsx"
LOOP = "            self.try_tick()"
WORKER = "demo/worker/__main__.py"


def test_all_entries_are_offered(editor: Editor, photograph: Photograph) -> None:
    """Those of development first, and what is guarded after the others."""
    editor.clear()
    editor.show_command("workbench.action.debug.selectandstart")
    photograph("run", until=lambda: "Full stack (staging)" in editor.list_picks())
    editor.run_command("workbench.action.closeQuickOpen")


def find_route(editor: Editor) -> Place:
    """Return where the demo's first page is answered."""
    return editor.find_place(OVERVIEW, "    status = task.status")


@pytest.fixture(autouse=True)
def _leave_nothing(editor: Editor, demo: Demo) -> None:
    """Begin with nothing, whatever went wrong before."""
    editor.set_breakpoints()
    editor.stop()
    demo.inv("dev.stop")
    wait_until(lambda: not editor.list_programs())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_backend_is_debugged_in_each_environment(
    editor: Editor, demo: Demo, pool: ThreadPoolExecutor, environment: str
) -> None:
    """It has the values of that one, and nothing of it is left."""
    place = find_route(editor)
    with editor.debugging(f"backend: debug ({environment})", place):
        answer = demo.get(pool, environment, "/api/overview")
        stop = editor.wait_stop(place)
        found = editor.evaluate(stop, "request.app.state.settings.environment")
        assert found == repr(environment)
        editor.resume(stop)
        answer.result()
    wait_until(lambda: not editor.list_programs())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_worker_is_debugged_in_each_environment(
    editor: Editor, environment: str
) -> None:
    """From its first line on."""
    place = editor.find_place(WORKER, "engine = make_engine(")
    with editor.debugging(f"worker: debug ({environment})", place):
        stop = editor.wait_stop(place)
        found = editor.evaluate(stop, "settings.environment")
        assert found == repr(environment)
        editor.resume(stop)
    wait_until(lambda: not editor.list_programs())


@pytest.mark.parametrize(
    ("name", "file", "text"),
    [
        ("Tests: current file", "tests/demo/test_settings.py", "load_settings({})"),
        ("Tests: all", "tests/conftest.py", '"markers", "cold: '),
    ],
)
def test_tests_are_debugged(editor: Editor, name: str, file: str, text: str) -> None:
    """Those of the file that is shown, or all."""
    place = editor.find_place(file, text)
    editor.ask("open", file=file, line=place.line)
    with editor.debugging(name, place):
        editor.resume(editor.wait_stop(place))
    wait_until(lambda: not editor.list_programs())


@pytest.mark.parametrize("kind", ["debug", "attach"])
def test_a_breakpoint_is_hit_after_each_save(
    editor: Editor,
    demo: Demo,
    pool: ThreadPoolExecutor,
    photograph: Photograph,
    kind: str,
) -> None:
    """F5 once; where that has started a stack, to leave it ends nothing."""
    place = find_route(editor)
    file = demo.root / OVERVIEW
    text = file.read_text()
    editor.clear()
    editor.ask("open", file=OVERVIEW, line=place.line)
    with editor.debugging(f"backend: {kind} (development)", place):
        known, served = set[str](), ""
        for word in ("development", "first-save", "second-save"):
            if word != "development":
                file.write_text(text.replace(FIELD, f'environment="{word}",'))
            # A request that is answered while VS Code attaches is not stopped.
            wait_until(partial(has_another, editor, known, served), 60)
            answer = demo.get(pool, "development", "/api/overview")
            stop = editor.wait_stop(place)
            if (kind, word) == ("attach", "second-save"):
                editor.run_command("workbench.action.closePanel")
                editor.run_command("workbench.view.debug")
                editor.page.wait_for("second-save")
                photograph("breakpoint", until=editor.has_variables)
            known = {each["id"] for each in editor.ask("sessions")}
            served = stop.session
            editor.resume(stop)
            assert json.loads(answer.result())["environment"] == word
    file.write_text(text)
    if kind == "attach":
        answer = demo.get(pool, "development", "/api/overview")
        assert json.loads(answer.result())
        assert editor.run_task("stack: stop") == 0
    wait_until(lambda: not editor.list_programs())


def has_another(editor: Editor, known: set[str], gone: str) -> bool:
    """Tell whether one process has taken the place of another, breakpoints and all."""
    sessions = {each["id"]: each for each in editor.ask("sessions")}
    new = [
        each for id_, each in sessions.items() if each["parent"] and id_ not in known
    ]
    return gone not in sessions and any(each["isConfigured"] for each in new)


@pytest.mark.parametrize("environment", ["development", "staging"])
def test_each_process_of_a_stack_is_attached_to(
    editor: Editor, demo: Demo, pool: ThreadPoolExecutor, environment: str
) -> None:
    """One after the other, by an entry each; the first one starts the stack."""
    loop, route = editor.find_place("demo/worker/loop.py", LOOP), find_route(editor)
    with editor.debugging(f"worker: attach ({environment})", loop):
        stop = editor.wait_stop(loop)
        editor.set_breakpoints()
        editor.resume(stop)
    with editor.debugging(f"backend: attach ({environment})", route):
        wait_until(partial(has_another, editor, set(), ""), 60)
        answer = demo.get(pool, environment, "/api/overview")
        editor.resume(editor.wait_stop(route))
        assert json.loads(answer.result())["environment"] == environment
    assert editor.run_task("stack: stop") == 0
    wait_until(lambda: not editor.list_programs())


@pytest.mark.parametrize("browser", ["Chrome", "Edge"])
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_page_is_debugged_from_its_first_line(
    editor: Editor, environment: str, browser: str
) -> None:
    """Its server is started before, and ended with it."""
    place = editor.find_place(APP, "const live = useLive")
    with editor.debugging(f"frontend: {browser} ({environment})", place):
        stop = editor.wait_stop(place)
        editor.set_breakpoints()
        editor.resume(stop)
    wait_until(lambda: not editor.list_programs())


@pytest.mark.parametrize("browser", ["Chrome", "Edge"])
def test_the_browser_of_the_stack_is_attached_to(editor: Editor, browser: str) -> None:
    """Its page goes on afterwards, as the stack does that was started for it."""
    place = editor.find_place(APP, "const live = useLive")
    with editor.debugging(f"frontend: attach {browser} (development)", place):
        stop = editor.wait_stop(place)
        editor.set_breakpoints()
        editor.resume(stop)
    assert editor.run_task("stack: stop") == 0
    wait_until(lambda: not editor.list_programs())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_whole_stack_is_started_in_order_and_stopped_at_once(
    editor: Editor, environment: str
) -> None:
    """The API, then the page that asks it; one square ends all of it."""
    route, page = find_route(editor), editor.find_place(APP, "const live = useLive")
    worker = f"worker: debug ({environment})"
    with editor.debugging(f"Full stack ({environment})", route, page):
        stop = editor.wait_stop(page)
        editor.set_breakpoints(route)
        editor.resume(stop)
        stop = editor.wait_stop(route)
        names = {each["name"] for each in editor.ask("sessions")}
        assert worker in names
        editor.set_breakpoints()
        editor.resume(stop)
        editor.stop(worker)
    wait_until(lambda: not editor.list_programs())


@pytest.mark.parametrize("environment", ["development", "staging"])
def test_a_running_stack_is_debugged_as_a_whole(
    editor: Editor, demo: Demo, environment: str
) -> None:
    """Worker, page, and the route that it asks; the stack outlives its debuggers."""
    route, page = find_route(editor), editor.find_place(APP, "const live = useLive")
    loop = editor.find_place("demo/worker/loop.py", LOOP)
    with editor.debugging(f"Running stack ({environment})", page):
        stop = editor.wait_stop(page)
        for place in (loop, route):
            editor.set_breakpoints(place)
            editor.resume(stop)
            stop = editor.wait_stop(place)
        editor.set_breakpoints()
        editor.resume(stop)
    status = demo.ask("dev.status")
    assert status["environment"] == environment
    assert {each["state"] for each in status["processes"]} == {"ready"}
    assert editor.run_task("stack: stop") == 0
    wait_until(lambda: not editor.list_programs())
