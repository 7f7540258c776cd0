"""Entries of browsers: the page is opened, and stops in a file of the project."""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING, Any

from sceneshift.core.browsers import (
    CHROME,
    EDGE,
    find_browser,
    list_flags,
    read_version,
)
from sceneshift.core.devtools import DevTools, DevToolsError
from sceneshift.core.holders import find_holder
from sceneshift.core.websocket import WebSocketError
from sceneshift.core.wording import name_few, quote
from sceneshift.ide.dap.framing import DebugError
from sceneshift.ide.doctor.browser import (
    describe_folder,
    explain,
    find_address,
    find_url,
    get_web_root,
    list_folders,
)
from sceneshift.ide.doctor.findings import Finding, Kind, Outcome
from sceneshift.ide.doctor.page import Page
from sceneshift.ide.doctor.resolution import find_program
from sceneshift.ide.doctor.sourcemaps import Locator
from sceneshift.ide.doctor.terminal import find_last_line
from sceneshift.ide.doctor.trial import Verdict, fail

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.ide.dap.client import Client
    from sceneshift.ide.doctor.page import Script, Spot

_LISTENS = re.compile(r"DevTools listening on (ws://\S+)")
_START_S = 30.0
_END_S = 3.0
_SHOWN_S = 2.0  # from a browser that has been opened to its page
_LOOK_S = 0.1
_MOST_AT_TOP, _MOST = 60, 600
_OURS = ("--headless", "--remote-debugging-", "--user-data-dir")
# What js-debug takes for a word of its own, and no path.
_CHANNELS = frozenset({"*", "beta", "canary", "dev", "insider", "stable"})
_NAMES = {CHROME: "Chrome", EDGE: "Edge"}


class Browsing:
    """An entry of a browser that is run.

    Args:
        client: The loop, and what starts programs.
        resolved: The entry, its variables replaced.
        root: The project's folder.
        environ: The process environment.
        profile: An empty folder for a browser.
        limit_s: Seconds that each step has.
    """

    def __init__(  # noqa: PLR0913 - what an entry is run with
        self,
        client: Client,
        resolved: Mapping[str, Any],
        *,
        root: Path,
        environ: Mapping[str, str],
        profile: Path,
        limit_s: float,
    ) -> None:
        self._client = client
        self._resolved = resolved
        self._root = root
        self._environ = environ
        self._profile = profile
        self._limit_s = limit_s
        self._warnings: tuple[Finding, ...] = ()

    def run(self) -> Verdict:
        """Start the browser or attach to it; return whether its page stops."""
        is_attached = self._resolved.get("request") == "attach"
        try:
            return self._attach() if is_attached else self._launch()
        except (DevToolsError, WebSocketError) as error:
            return fail(Kind.SILENT, error.message, "try again, or restart the browser")

    # -- the browser

    def _launch(self) -> Verdict:
        program = self._find_program()
        if isinstance(program, Verdict):
            return program
        given = self._resolved.get("runtimeArgs") or ()
        words = [str(word) for word in given if not str(word).startswith(_OURS)]
        flags = list_flags(port=0, profile=self._profile, is_headless=True)
        printed: list[str] = []
        try:
            process = self._client.programs.spawn(
                [program, *flags, *words, "about:blank"],
                cwd=self._resolved.get("cwd") or self._root,
                env=self._resolved.get("env"),
            )
        except DebugError as error:
            hint = "name another one in `runtimeExecutable`, or take that out"
            return fail(Kind.MISSING_BROWSER, f"its browser {error.message}", hint)
        self._client.watch_output(process, printed.append)
        address = self._wait_up(process, printed)
        if address is None:
            last = find_last_line("".join(printed))
            hint = f"see what it says in a terminal: {program} --headless=new"
            return fail(Kind.ENDED, f"{program} does not come up{last}", hint)
        with DevTools.connect(address, self._client) as tools:
            verdict = self._try(tools, str(find_url(self._resolved, self._root)))
            with contextlib.suppress(DevToolsError):
                tools.ask("Browser.close")
        self._client.wait(lambda: process.poll() is not None, limit_s=_END_S)
        return verdict

    def _wait_up(
        self, process: subprocess.Popen[bytes], printed: list[str]
    ) -> str | None:
        """Return where a browser takes debuggers, as it says; None where it ends."""

        def find() -> re.Match[str] | None:
            return _LISTENS.search("".join(printed))

        self._client.wait(
            lambda: find() is not None or process.poll() is not None,
            limit_s=min(_START_S, self._limit_s),
        )
        found = find()
        return None if found is None else found[1]

    def _find_program(self) -> str | Verdict:
        """Return the browser that is started; another one where that is not here."""
        named = str(self._resolved.get("runtimeExecutable") or "*")
        if named not in _CHANNELS:
            return find_program(named, self._root, self._environ)
        kind = EDGE if "edge" in str(self._resolved.get("type")) else CHROME
        found = find_browser(self._root, self._environ, kind)
        if found is not None:
            return found[0]
        other = find_browser(self._root, self._environ)
        hint = f"install {_NAMES[kind]}, or take the entry of another browser"
        if other is None:
            text = "there is no browser here that can be debugged"
            return fail(Kind.MISSING_BROWSER, text, hint)
        text = f"{_NAMES[kind]} is not installed here: it was tried with {other[0]}"
        self._warnings = (
            Finding(kind=Kind.MISSING_BROWSER, text=text, hint=hint, is_warning=True),
        )
        return other[0]

    def _attach(self) -> Verdict:
        address = find_address(self._resolved)
        assert address is not None
        host, port = address
        version = read_version(port, host=host)
        if version is None:
            holder = find_holder(port, root=self._root)
            there = "" if holder is None else f", but {holder} is there"
            return fail(
                Kind.PORT_CLOSED,
                f"no browser takes debuggers at {host}:{port}{there}",
                "have one opened that does: inv debug.frontend",
            )
        with DevTools.connect(version["webSocketDebuggerUrl"], self._client) as tools:
            wanted = self._resolved.get("urlFilter") or self._resolved.get("url") or "*"
            shown = _wait_page(tools, str(wanted))
            if shown is not None:
                # In a tab of its own: a page that somebody looks at is left alone.
                return self._try(tools, shown)
            pages = name_few(_list_pages(tools), 3) or "none is open"
            text = f"no page of the browser is that of its filter {quote(str(wanted))}"
            hint = "open it there, or mend `urlFilter`"
            return fail(Kind.NO_PAGE, f"{text}: {pages}", hint)

    # -- the page

    def _try(self, tools: DevTools, url: str) -> Verdict:
        locator = Locator(
            get_web_root(self._resolved, self._root),
            root=self._root,
            overrides=self._find_table("sourceMapPathOverrides"),
            mapping=self._find_table("pathMapping"),
        )
        page = Page(tools, root=self._root, locator=locator, limit_s=self._limit_s)
        try:
            if reason := page.open(url):
                text = f"{url} cannot be shown: {reason}"
                hint = "start its server, or name a task that does: `preLaunchTask`"
                return fail(Kind.SILENT, text, explain(hint, self._root))
            scripts = page.take_scripts()
            if not any(map(page.list_files, scripts)):
                return self._judge_foreign(page, scripts, url)
            return self._stop(page, scripts)
        finally:
            page.close()

    def _find_table(self, key: str) -> dict[str, str] | None:
        """Return what an entry maps; None where it says nothing of it."""
        found = self._resolved.get(key)
        if not isinstance(found, dict):
            return None
        return {name: str(value) for name, value in found.items()}

    def _stop(self, page: Page, scripts: list[Script]) -> Verdict:
        tried = [*page.find_spots(scripts, is_top_level=True)][:_MOST_AT_TOP]
        spot = page.stop_at(tried) if tried else None
        if spot is None:
            scripts = page.take_scripts() or scripts  # it was loaded anew
            tried = [*page.find_spots(scripts, is_top_level=False)][:_MOST]
            spot = page.stop_at(tried) if tried else None
        if spot is not None:
            detail = self._describe(spot)
            return Verdict(outcome=Outcome.HIT, detail=detail, findings=self._warnings)
        files = list(dict.fromkeys(str(each.file) for each in tried))
        return fail(
            Kind.NEVER_HIT,
            f"the page is loaded, and stops in none of {len(tried)} lines of "
            f"{name_few(files, 3) or 'its code'}",
            "are its source maps those of this code?",
        )

    def _describe(self, spot: Spot) -> str:
        file = spot.file.resolve()
        root = self._root.resolve()
        return f"{file.relative_to(root)}:{spot.source_line}"

    def _judge_foreign(self, page: Page, scripts: list[Script], url: str) -> Verdict:
        """Judge a page none of whose code leads to a file of the project."""
        if not scripts:
            text = f"the page at {url} has no code"
            return fail(Kind.NO_PLACE, text, "is that the page of this project?")
        web_root = get_web_root(self._resolved, self._root)
        for folder in list_folders(self._root):
            locator = Locator(folder, root=self._root)
            if not any(page.is_led_by(locator, script) for script in scripts):
                continue
            if folder.samefile(web_root):
                return fail(
                    Kind.NO_MAPPING,
                    "by its `pathMapping` and `sourceMapPathOverrides`, no code of the "
                    "page is a file here, and by its `webRoot` alone it would be",
                    "take them out",
                )
            return fail(
                Kind.WRONG_WEB_ROOT,
                f"by `webRoot`, {web_root}, no code of the page is a file here",
                f'write "webRoot": "{describe_folder(folder, self._root)}"',
            )
        return fail(
            Kind.NO_PLACE,
            f"no code of the page at {url} is made from a file of this project: "
            f"{name_few([script.url for script in scripts], 3)}",
            "has its server source maps, and is it this project's?",
        )


def _wait_page(tools: DevTools, pattern: str) -> str | None:
    """Return the address of a page that a filter fits; None where none comes."""
    deadline = time.monotonic() + _SHOWN_S
    while True:
        pages = filter(_is_served, _list_pages(tools))
        shown = (url for url in pages if matches(pattern, url))
        if (found := next(shown, None)) is not None or time.monotonic() > deadline:
            return found
        tools.wait(lambda: False, limit_s=_LOOK_S)


def _list_pages(tools: DevTools) -> list[str]:
    targets = tools.ask("Target.getTargets")["targetInfos"]
    return [target["url"] for target in targets if target["type"] == "page"]


def _is_served(url: str) -> bool:
    """Tell whether a page is one of a server's, or a file: no empty tab."""
    return url.partition(":")[0] in {"file", "http", "https"}


def matches(pattern: str, url: str) -> bool:
    """Tell whether js-debug takes a page for that of a filter, with `*` in it."""
    parts = map(re.escape, _simplify(pattern).split("*"))
    text = re.sub(r"/\.\*$", ".*", ".*".join(parts))
    return re.fullmatch(text, _simplify(url)) is not None


def _simplify(url: str) -> str:
    """Return an address without its scheme, a last slash and what is behind `#`."""
    text = url.lower().partition("://")[2] or url.lower()
    return text.removesuffix("/").partition("#")[0].removesuffix("/")
