"""Whom a build has asked over the network: what they say next time nobody knows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sceneshift.core.console import StreamConsole
from sceneshift.core.wording import name_few

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.data.snapshots.traced import Trace
    from sceneshift.data.target import Target

_PORT = re.compile(r":(\d+)(?=,|$)")
_ADDRESS = re.compile(r"\('([^']*)', (\d+)")
_USUAL = frozenset({3306, 5432})
_FEW = 3


def tell_of_others(trace: Trace, target: Target) -> None:
    """Say whom a build has asked but the database's own server, if anybody.

    Its snapshot is kept all the same: most of these only listen, as what collects
    traces and metrics does, and would have each reset be a build.
    """
    found = sorted({*_list_others(trace, target)})
    if found:
        StreamConsole().note(
            f"{target.title} was made with what {name_few(found, _FEW)} said, which is "
            "not asked again before --rebuild"
        )


def _list_others(trace: Trace, target: Target) -> Iterator[str]:
    place = target.database.url.partition("://")[2].partition("/")[0]
    own = {int(each) for each in _PORT.findall(place.rpartition("@")[2])} or _USUAL
    for text in trace.addresses:
        found = _ADDRESS.match(text)  # else it is a socket of this machine
        if found is not None and int(found[2]) not in own:
            yield f"{found[1]}:{found[2]}"
