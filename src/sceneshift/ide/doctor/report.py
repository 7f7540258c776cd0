"""What `inv ide.doctor` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import name_few

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sceneshift.ide.doctor.findings import Examined


def report(examined: Iterable[Examined], *, as_json: bool) -> None:
    """Print a line for each entry as soon as it was examined, or all as JSON.

    What is to be done about each follows for people.

    Raises:
        SceneshiftError: One does not work.
    """
    console = StreamConsole()
    seen = []
    for each in examined:
        seen.append(each)
        if not as_json:
            print_one(console, each)
    if as_json:
        console.json({"configurations": [each.as_json() for each in seen]})
    failed = [each.name for each in seen if each.has_failed]
    if failed:
        what = "an entry does" if len(failed) == 1 else f"{len(failed)} entries do"
        raise SceneshiftError(
            f"{what} not work: {name_few(failed, 5)}",
            hint="the hints of each say what mends it",
        )


def print_one(console: StreamConsole, examined: Examined) -> None:
    """Print the line of an entry, and below it what is to be known of it."""
    word = examined.outcome.value.replace("-", " ")
    begins_so = examined.detail.startswith(f"{word},")
    what = examined.detail if begins_so else f"{word}: {examined.detail}"
    console.data(f"{examined.name}: {what}")
    for finding in examined.findings:
        if finding.text != examined.detail:
            console.note(f"  {finding.text}")
        console.note(f"  hint: {finding.hint}")
