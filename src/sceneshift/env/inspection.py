"""Running checks side by side, and showing what they found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sceneshift.core.check import Check, CheckState, Verdict, fail
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import DriftError, SceneshiftError
from sceneshift.core.wording import describe_seconds
from sceneshift.env.sidebyside import Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A check that has been run.

    Attributes:
        name: The check's.
        verdict: What it found.
        time_s: Seconds that it took.
    """

    name: str
    verdict: Verdict
    time_s: float

    @property
    def has_failed(self) -> bool:
        """Whether something does not work."""
        return self.verdict.state is CheckState.FAILED

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "name": self.name,
            "state": self.verdict.state.value,
            "time_s": round(self.time_s, 3),
            "detail": self.verdict.detail,
            "remedy": self.verdict.remedy,
        }


def run_checks(checks: Iterable[Check]) -> list[Result]:
    """Run all at once; return what each found, in their order."""
    begun = [(check, Job(check.look)) for check in checks]
    return [_finish(check, job) for check, job in begun]


def _finish(check: Check, job: Job[Verdict]) -> Result:
    has_ended = job.wait(check.limit_s)
    time_s = job.took_s if has_ended and job.took_s is not None else check.limit_s
    return Result(name=check.name, verdict=_judge(check, job), time_s=time_s)


def _judge(check: Check, job: Job[Verdict]) -> Verdict:
    error = job.error
    if isinstance(error, SceneshiftError):
        return fail(error.message, error.hint or "see: inv --list")
    if error is not None:  # one mistake of ours is not to hide what the others found
        detail = f"the check itself is broken: {type(error).__name__}: {error}"
        return fail(detail, "report it, with this line")
    if job.result is None:
        return Verdict(
            state=check.if_late,
            detail=f"no answer within {describe_seconds(check.limit_s)}",
            remedy=check.slow_remedy or "see what keeps the machine busy: top",
        )
    return job.result


def print_results(
    results: Sequence[Result], head: dict[str, Any], *, as_json: bool
) -> None:
    """Print what was found.

    Args:
        results: In the order in which they are shown.
        head: What JSON has besides the checks.
        as_json: Whether JSON is printed.

    Raises:
        DriftError: A check has failed.
    """
    failed = [result.name for result in results if result.has_failed]
    console = StreamConsole()
    if as_json:
        checks = [result.as_json() for result in results]
        console.json({**head, "is_ok": not failed, "checks": checks})
    else:
        print_table(results)
    if failed:
        what = "a check has" if len(failed) == 1 else f"{len(failed)} checks have"
        raise DriftError(
            f"{what} failed: {', '.join(failed)}",
            hint="the line of each above says what mends it"
            if not as_json
            else "the key `remedy` of each says what mends it",
        )


def print_table(results: Sequence[Result]) -> None:
    """Print what was found as a table, and below it what mends it."""
    console = StreamConsole()
    console.table([("check", "state", "time", "found"), *map(_row, results)])
    for result in results:
        if result.verdict.remedy is not None:
            console.note(f"{result.name}: {result.verdict.remedy}")


def _row(result: Result) -> tuple[str, str, str, str]:
    verdict = result.verdict
    time = describe_seconds(result.time_s)
    return (result.name, verdict.state.value, time, verdict.detail)
