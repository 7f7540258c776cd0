"""Entries of browsers, run with a real one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

import components
from breakpoints import ENVIRON
from pages import make_code, serving
from sceneshift.core.browsers import list_flags, read_version
from sceneshift.core.devtools import DevTools, DevToolsError
from sceneshift.core.websocket import Opcode, WebSocket, encode_frame
from sceneshift.ide.doctor import Examined, Kind, Outcome, Request, examine
from sceneshift.ide.doctor.browser import explain, find_url
from sceneshift.ide.doctor.browsing import matches
from support import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAIN = """\
export function greet(name) {
  return `hello ${name}`;
}

document.title = greet("you");
"""
# As of a bundler: each module in a function.
LATE = """\
window.later = () => {
  const said = "late";
  return said;
};
"""
# Of which a map tells the second line alone, and nobody runs that.
IDLE = "let idle = () => {\n  return 1;\n};\n"
PAGE = "<script type=module src={}></script>"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project whose page has its sources in a folder."""
    root = tmp_path_factory.mktemp("it's own")
    files = {
        "web/src/main.ts": MAIN,
        "web/src/late.ts": LATE,
        "web/src/idle.ts": "export const idle = () => 1;\n",
        "web/plain.js": "let one = 1;\nwindow.two = one + 1;\n",
        ".vscode/extensions.json": "{}",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture(scope="module")
def site(root: Path) -> Iterator[str]:
    """Serve the page as a development server does; return its address."""
    files = {
        "/": PAGE.format("/src/main.ts"),
        "/src/main.ts": make_code("main.ts", MAIN),
        "/late": PAGE.format("/bundle.js"),
        "/bundle.js": make_code("webpack://shop/./src/late.ts", LATE)
        .replace("let made;", "(() => {", 1)
        .replace("//# source", "window.later() })()\n//# source"),
        "/plain": PAGE.format("/plain.js"),
        "/plain.js": (root / "web/plain.js").read_text(),
        "/idle": PAGE.format("/out/idle.js"),
        "/out/idle.js": f"{IDLE}//# sourceMappingURL=../idle.js.map",
        "/idle.js.map": json.dumps(
            {
                "sources": ["none.ts", "idle.ts"],
                "sourceRoot": "/src",
                "mappings": ";ACAA",
            }
        ),
        "/foreign": PAGE.format("/x.js"),
        "/x.js": "let x;\n//# sourceMappingURL=none:map",
        "/empty": "<p>nothing",
    }
    with serving(files) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start a browser that takes debuggers; return its port."""
    port, profile = free_port(), tmp_path_factory.mktemp("profile")
    words = list_flags(port=port, profile=profile, is_headless=True)
    process = subprocess.Popen(
        [components.get("chromium"), *words, "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_until(lambda: read_version(port) is not None, 30)
    yield port
    with connect(port) as tools:
        tools.ask("Browser.close")
    process.wait(30)


def connect(port: int) -> DevTools:
    """Connect to the browser."""
    version = read_version(port)
    assert version is not None
    return DevTools.connect(version["webSocketDebuggerUrl"])


def show(port: int, url: str) -> None:
    """Open a page in the browser, which somebody looks at."""
    address = f"http://127.0.0.1:{port}/json/new?{url}"
    request = urllib.request.Request(address, method="PUT")
    with urllib.request.urlopen(request):  # noqa: S310
        pass


def list_pages(tools: DevTools) -> set[str]:
    """Return the ids of all pages."""
    targets = tools.ask("Target.getTargets")["targetInfos"]
    return {each["targetId"] for each in targets if each["type"] == "page"}


def run(root: Path, entry: dict[str, Any], **environ: str) -> Examined:
    """Run an entry."""
    given = {"name": "one", "type": "chrome", "request": "launch", **entry}
    launch = json.dumps({"configurations": [given]})
    (root / ".vscode/launch.json").write_text(launch)
    env = {**ENVIRON, **environ}
    (found,) = examine(root, ["one"], Request(environ=env, limit_s=30))
    return found


def attach(port: int, **more: Any) -> dict[str, Any]:
    """Return an entry that attaches to the browser."""
    place = {"request": "attach", "address": "127.0.0.1", "port": port}
    return {**place, "webRoot": "${workspaceFolder}/web", **more}


@pytest.mark.needs("chromium")
def test_a_page_stops_in_its_source_when_it_is_loaded(root: Path, site: str) -> None:
    """In a browser of its own, another one where that of the entry is not here."""
    entry = {"type": "msedge", "url": f"{site}/", "webRoot": "${workspaceFolder}/web"}
    found = run(root, {**entry, "runtimeArgs": ["--headless=new", "--mute-audio"]})
    assert (found.outcome, found.detail) == (Outcome.HIT, "web/src/main.ts:5")
    (warning,) = found.findings
    assert (warning.kind, warning.is_warning) == (Kind.MISSING_BROWSER, True)
    assert "Edge is not installed here: it was tried with" in warning.text


@pytest.mark.needs("chromium")
@pytest.mark.parametrize(
    ("path", "detail"),
    [("/", "web/src/main.ts:5"), ("/late", "web/src/late.ts:1"), ("/plain", "")],
)
def test_an_open_page_is_tried_in_a_tab_of_its_own(
    root: Path, site: str, browser: int, path: str, detail: str
) -> None:
    """Whoever looks at it sees nothing of that; bundlers' code stops, and plain one."""
    show(browser, f"{site}{path}")
    with connect(browser) as tools:
        before = list_pages(tools)
        found = run(root, attach(browser, urlFilter=f"{site}{path}"))
        assert found.outcome is Outcome.HIT, found
        assert found.detail == (detail or "web/plain.js:1")
        wait_until(lambda: list_pages(tools) == before)


@pytest.mark.needs("chromium")
@pytest.mark.parametrize(
    ("path", "more", "kind", "text"),
    [
        ("/", {"webRoot": "${workspaceFolder}"}, Kind.WRONG_WEB_ROOT, "by `webRoot`"),
        ("/idle", {}, Kind.NEVER_HIT, "stops in none of 1 lines of "),
        ("/foreign", {}, Kind.NO_PLACE, "is made from a file of this project: http"),
        (
            "/",
            {"pathMapping": {"src": "/none"}, "sourceMapPathOverrides": []},
            Kind.NO_MAPPING,
            "by its `pathMapping` and",
        ),
        ("/empty", {}, Kind.NO_PLACE, "has no code"),
        ("/none", {}, Kind.SILENT, "cannot be shown: it answers 404"),
    ],
)
def test_a_page_that_cannot_stop_is_told(  # noqa: PLR0917 - columns
    root: Path,
    site: str,
    browser: int,
    path: str,
    more: dict[str, Any],
    kind: Kind,
    text: str,
) -> None:
    """With what to do about it."""
    show(browser, f"{site}{path}")
    found = run(root, attach(browser, urlFilter=f"{site}{path}", **more))
    assert [one.kind for one in found.findings] == [kind]
    assert text in found.detail
    if kind is Kind.WRONG_WEB_ROOT:
        hint = 'write "webRoot": "${workspaceFolder}/web"'
        assert found.findings[0].hint == hint


@pytest.mark.needs("chromium")
def test_a_page_that_is_not_open_is_told(root: Path, browser: int) -> None:
    """With those that are."""
    found = run(root, attach(browser, url="http://127.0.0.1:1/"))
    assert [one.kind for one in found.findings] == [Kind.NO_PAGE]
    assert "is that of its filter `http://127.0.0.1:1/`: " in found.detail


@pytest.mark.needs("chromium")
def test_an_address_at_which_nobody_is_is_told(root: Path) -> None:
    """As the browser says it."""
    found = run(root, {"url": f"http://127.0.0.1:{free_port()}/"})
    assert [one.kind for one in found.findings] == [Kind.SILENT]
    assert "cannot be shown: net::ERR_CONNECTION_REFUSED" in found.detail


def test_what_is_no_browser_is_told_with_who_it_is(root: Path, site: str) -> None:
    """Something else has its port."""
    port = int(site.rpartition(":")[2])
    found = run(root, attach(port))
    assert [one.kind for one in found.findings] == [Kind.PORT_CLOSED]
    text = f"no browser takes debuggers at 127.0.0.1:{port}, but pid {os.getpid()}"
    assert text in found.detail


@pytest.mark.parametrize(
    ("entry", "kind", "text"),
    [
        ({}, Kind.MISSING_BROWSER, "there is no browser here"),
        (
            {"runtimeExecutable": "/no/chrome"},
            Kind.MISSING_BROWSER,
            "its browser cannot be started: /no/chr",
        ),
        ({"runtimeExecutable": "/bin/false"}, Kind.ENDED, "/bin/false does not come"),
    ],
)
def test_a_browser_that_is_not_there_is_told(
    root: Path, entry: dict[str, Any], kind: Kind, text: str
) -> None:
    """With what to install."""
    found = run(root, {"url": "http://127.0.0.1:1/", **entry}, PATH="/nowhere")
    assert [one.kind for one in found.findings] == [kind]
    assert found.detail.startswith(text)


def test_a_browser_that_speaks_something_else_is_told(root: Path) -> None:
    """It may be too old, or none."""
    files: dict[str, str] = {}
    with serving(files) as port:
        address = f"ws://127.0.0.1:{port}/devtools"
        files["/json/version"] = json.dumps({"webSocketDebuggerUrl": address})
        found = run(root, attach(port))
    assert [one.kind for one in found.findings] == [Kind.SILENT]
    assert "speaks no WebSocket at /devtools" in found.detail


def test_the_address_of_a_page_may_be_a_file(tmp_path: Path) -> None:
    """Which is opened as it is."""
    file = {"file": "a b.html"}
    assert find_url(file, tmp_path) == (tmp_path / "a b.html").as_uri()
    assert find_url({**file, "url": "http://x/"}, tmp_path) == "http://x/"


def test_in_a_linked_worktree_a_port_may_be_anothers(tmp_path: Path) -> None:
    """Files of editors name those of the main checkout."""
    assert explain("start it", tmp_path) == "start it"
    main, other = tmp_path / "main", tmp_path / "other"
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C")
    main.mkdir()
    for words in (
        ("init", "-q"),
        ("commit", "-q", "--allow-empty", "-m", "x"),
        ("worktree", "add", "-q", str(other)),
    ):
        subprocess.run([*git, str(main), *words], check=True)
    assert "linked worktree" in explain("start it", other)


@pytest.mark.parametrize(
    ("pattern", "url", "is_its"),
    [
        ("*:5173/*", "http://127.0.0.1:5173/", True),
        ("*:5173/*", "http://localhost:5173/a/b?c#d", True),
        ("*:5173/*", "http://localhost:5174/", False),
        ("http://x/", "http://x", True),
        ("http://x/*", "http://x/#/home", True),
        ("http://x", "http://x/a", False),
        ("*", "about:blank", True),
    ],
)
def test_a_filter_is_read_as_js_debug_reads_it(
    pattern: str,
    url: str,
    is_its: bool,  # noqa: FBT001 - a column
) -> None:
    """Its `*` is anything, and a last `/*` also nothing."""
    assert matches(pattern, url) is is_its


@pytest.mark.needs("chromium")
def test_what_a_browser_does_not_do_is_told(browser: int) -> None:
    """It refuses, is slow, or is gone."""
    with connect(browser) as tools:
        with pytest.raises(DevToolsError, match=r"`No.such` was refused: "):
            tools.ask("No.such")
        with pytest.raises(DevToolsError, match=r"no answer to `.*` within 0 s"):
            tools.ask("Target.getTargets", limit_s=0)
        assert tools.take("Target.targetCreated", limit_s=0.01) is None
    with pytest.raises(DevToolsError, match="the browser has ended"):
        tools.ask("Target.getTargets")
    tools.close()


def test_what_says_something_else_is_left() -> None:
    """As if it had ended: nothing of what follows could be understood."""
    ours, theirs = socket.socketpair()
    with theirs, DevTools(WebSocket(ours)) as tools:
        theirs.sendall(encode_frame(Opcode.TEXT, b"{}", b"1234"))
        with pytest.raises(DevToolsError, match="the browser has ended"):
            tools.ask("Browser.close")
