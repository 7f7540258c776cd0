"""A page under a debugger: its code, the files that it was made from, and its stops."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from sceneshift.core.devtools import DevToolsError
from sceneshift.ide.doctor.sourcemaps import Segment, decode_data, parse_source_map

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sceneshift.core.devtools import DevTools
    from sceneshift.ide.doctor.sourcemaps import Locator, SourceMap

_LOAD_S = 15.0
_QUIET_S = 0.3  # without new code: a page may load more of it by and by
_MAP_S = 5.0
_LONGEST_MAP = 1 << 27
_FOREIGN = "node_modules"
_SCHEMES = frozenset({"file", "http", "https", "webpack-internal"})


class Script(Struct, frozen=True, kw_only=True):
    """Some code of a page.

    Attributes:
        id: What the browser calls it.
        url: Where it comes from.
        map: Its source map; None where it has none that can be read.
    """

    id: str
    url: str
    map: SourceMap | None


class Spot(Struct, frozen=True, kw_only=True):
    """A place at which a page can stop.

    Attributes:
        url: Of the code.
        line: There, counted from 0.
        column: The same.
        file: What the code was made from.
        source_line: There, counted from 1.
    """

    url: str
    line: int
    column: int
    file: Path
    source_line: int


class Page:
    """A tab of a browser that nobody else looks at.

    Args:
        tools: The browser.
        root: The project's folder.
        locator: Finds files.
        limit_s: Seconds that a load may take.
    """

    def __init__(
        self, tools: DevTools, *, root: Path, locator: Locator, limit_s: float
    ) -> None:
        self._tools = tools
        self._root = root.resolve()
        self._locator = locator
        self._limit_s = min(limit_s, _LOAD_S)
        self._files: dict[str, list[Path | None]] = {}
        made = self._ask_browser(
            "Target.createTarget", url="about:blank", background=True
        )
        self._target = made["targetId"]
        attached = self._ask_browser(
            "Target.attachToTarget", targetId=self._target, flatten=True
        )
        self._session = attached["sessionId"]
        for domain in ("Page", "Debugger"):
            self._ask(f"{domain}.enable")

    def close(self) -> None:
        """Leave the browser as it was."""
        with contextlib.suppress(DevToolsError):
            self._ask("Debugger.disable")
            self._ask_browser("Target.closeTarget", targetId=self._target)

    def _ask_browser(self, method: str, **params: Any) -> dict[str, Any]:
        return self._tools.ask(method, **params)

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        return self._tools.ask(method, session=self._session, **params)

    # -- its code

    def open(self, url: str) -> str:
        """Go to an address; return why it cannot be shown, or nothing.

        Raises:
            DevToolsError: It does not answer in time.
        """
        answer = self._tools.ask(
            "Page.navigate", session=self._session, limit_s=self._limit_s, url=url
        )
        if reason := answer.get("errorText"):
            return str(reason)
        self._tools.take("Page.loadEventFired", limit_s=self._limit_s)
        self._wait_quiet()
        status = self._evaluate(
            "performance.getEntriesByType('navigation')[0]?.responseStatus"
        )
        is_refused = isinstance(status, int) and status >= 400
        return f"it answers {status}" if is_refused else ""

    def _evaluate(self, script: str) -> Any:
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    def _wait_quiet(self) -> None:
        """Wait until no more code comes."""
        deadline = time.monotonic() + self._limit_s
        seen = -1
        while seen != len(self._tools.events) and time.monotonic() < deadline:
            seen = len(self._tools.events)
            self._tools.wait(lambda: False, limit_s=_QUIET_S)

    def take_scripts(self) -> list[Script]:
        """Return the code that has come, with its source maps."""
        found: dict[str, Script] = {}
        while (said := self._tools.take("Debugger.scriptParsed")) is not None:
            url = str(said.get("url", ""))
            place = urlsplit(url)
            if place.scheme in _SCHEMES and _FOREIGN not in place.path:
                source_map = _load_map(url, str(said.get("sourceMapURL", "")))
                found[url] = Script(id=said["scriptId"], url=url, map=source_map)
        return list(found.values())

    # -- its stops

    def find_spots(
        self, scripts: list[Script], *, is_top_level: bool
    ) -> Iterator[Spot]:
        """Yield where code of the project can stop, the first place of each line.

        Args:
            scripts: The code.
            is_top_level: Whether only what runs when the code is loaded is meant.
        """
        for script in filter(self.list_files, scripts):
            seen: set[tuple[Path, int]] = set()
            for line, column in self._list_places(script, is_top_level=is_top_level):
                spot = self._map(script, line, column)
                if spot is not None and (spot.file, spot.source_line) not in seen:
                    seen.add((spot.file, spot.source_line))
                    yield spot

    def _list_places(
        self, script: Script, *, is_top_level: bool
    ) -> Iterator[tuple[int, int]]:
        """Yield where some code can stop; nowhere where it has gone meanwhile."""
        start = {"scriptId": script.id, "lineNumber": 0, "columnNumber": 0}
        with contextlib.suppress(DevToolsError):
            answer = self._ask(
                "Debugger.getPossibleBreakpoints",
                start=start,
                restrictToFunction=is_top_level,
            )
            for place in answer["locations"]:
                yield place["lineNumber"], place["columnNumber"]

    def list_files(self, script: Script) -> list[Path]:
        """Return the files of the project that some code was made from."""
        return [file for file in self._find_files(script) if file is not None]

    def is_led_by(self, locator: Locator, script: Script) -> bool:
        """Tell whether another way to find files finds one for some code."""
        return any(file is not None for file in self._locate(script, locator))

    def _find_files(self, script: Script) -> list[Path | None]:
        """Return the file of each source; None where that is not the project's."""
        if script.id not in self._files:
            self._files[script.id] = self._locate(script, self._locator)
        return self._files[script.id]

    def _locate(self, script: Script, locator: Locator) -> list[Path | None]:
        if script.map is None:
            found = [locator.find_script(script.url)]
        else:
            sources = script.map.sources
            found = [locator.find_source(script.url, each) for each in sources]
        return [
            file if file is not None and self._is_own(file) else None for file in found
        ]

    def _is_own(self, file: Path) -> bool:
        """Tell whether it is a file of the project, and of no package."""
        if not file.is_file():
            return False
        real = file.resolve()
        return real.is_relative_to(self._root) and _FOREIGN not in real.parts

    def _map(self, script: Script, line: int, column: int) -> Spot | None:
        source = Segment(line, column, 0, line)
        if script.map is not None:
            found = script.map.find(line, column)
            if found is None:
                return None
            source = found
        file = self._find_files(script)[source.source]
        if file is None:
            return None
        return Spot(
            url=script.url,
            line=line,
            column=column,
            file=file,
            source_line=source.source_line + 1,
        )

    def stop_at(self, spots: list[Spot]) -> Spot | None:
        """Load the page anew, to stop at some places; return where it does."""
        known: dict[str, Spot] = {}
        for spot in spots:
            with contextlib.suppress(DevToolsError):  # there is one at that place
                answer = self._ask(
                    "Debugger.setBreakpointByUrl",
                    url=spot.url,
                    lineNumber=spot.line,
                    columnNumber=spot.column,
                )
                known[answer["breakpointId"]] = spot
        self._ask("Page.reload")
        stopped = self._wait_paused()
        if stopped is None:
            return None
        self._ask("Debugger.setSkipAllPauses", skip=True)
        self._ask("Debugger.resume")
        hit = (known.get(each) for each in stopped.get("hitBreakpoints", ()))
        return next(filter(None, hit), None)

    def _wait_paused(self) -> dict[str, Any] | None:
        """Return what is said of a stop; None where the page is loaded without."""
        stop, load = "Debugger.paused", "Page.loadEventFired"
        self._tools.wait(
            lambda: self._tools.has(stop) or self._tools.has(load),
            limit_s=self._limit_s,
        )
        if not self._tools.has(stop):
            self._wait_quiet()
        self._tools.take(load)
        return self._tools.take(stop)


def _load_map(script: str, address: str) -> SourceMap | None:
    """Return the source map of some code, from within it or from beside it."""
    if not address:
        return None
    data = decode_data(address)
    if data is None:
        data = _fetch(urljoin(script, address))
    return None if data is None else parse_source_map(data)


def _fetch(url: str) -> bytes | None:
    """Return what an address has; None where it does not answer with it."""
    from http.client import HTTPException  # noqa: PLC0415 - 20 ms with the next
    from urllib.request import ProxyHandler, build_opener  # noqa: PLC0415

    if urlsplit(url).scheme not in {"http", "https", "file"}:
        return None
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=_MAP_S) as answer:
            data: bytes = answer.read(_LONGEST_MAP)
    except (OSError, ValueError, HTTPException):
        return None
    return data
