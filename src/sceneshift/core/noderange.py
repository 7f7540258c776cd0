"""npm's version ranges, as `engines` in a package.json uses them.

The grammar is that of the package `semver`, with prereleases included, which is how npm
itself compares its engine. The packages on PyPI that do it are ports
of an old version or ask for a grammar of their own; the part that `engines` needs is
small, and the tests compare it with npm's own implementation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

_PART = r"(?:\d+|[xX*])"
_PARTIAL = (
    rf"[v=\s]*(?P<major>{_PART})(?:\.(?P<minor>{_PART})(?:\.(?P<patch>{_PART})"
    r"(?:-?(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?)?)?"
)
_ATOM = re.compile(rf"(?P<sign>\^|~>?|>=?|<=?|=)?\s*{_PARTIAL}(?=\s|$)")
_HYPHEN = re.compile(r"^\s*(\S+)\s+-\s+(\S+)\s*$")

Operator = Literal[">=", ">", "<=", "<", "="]
# A prerelease as it sorts: its fields, numbers before words; a release comes after all.
_Prerelease = tuple[int, tuple[tuple[int, int, str], ...]]
_RELEASE: _Prerelease = (1, ())
_LOWEST: _Prerelease = (0, ())


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version as it sorts."""

    major: int
    minor: int
    patch: int
    prerelease: _Prerelease = _RELEASE


@dataclass(frozen=True, slots=True)
class Comparator:
    """One bound."""

    operator: Operator
    version: Version

    def admits(self, version: Version) -> bool:
        """Whether `version` is within the bound."""
        match self.operator:
            case ">=":
                return version >= self.version
            case ">":
                return version > self.version
            case "<=":
                return version <= self.version
            case "<":
                return version < self.version
            case "=":
                return version == self.version


@dataclass(frozen=True, slots=True)
class _Partial:
    """A version of which parts may be missing: None is `x` or not there."""

    major: int | None
    minor: int | None
    patch: int | None
    prerelease: _Prerelease | None

    @property
    def floor(self) -> Version:
        """The lowest version that it can mean; a prerelease where it is open."""
        is_open = self.patch is None
        default = _LOWEST if is_open else _RELEASE
        return Version(
            self.major or 0,
            self.minor or 0,
            self.patch or 0,
            default if is_open else self.prerelease or default,
        )

    @property
    def after(self) -> Version | None:
        """The first version after all that it can mean; None where there is none."""
        if self.major is None:
            return None
        if self.minor is None:
            return Version(self.major + 1, 0, 0, _LOWEST)
        return Version(self.major, self.minor + 1, 0, _LOWEST)


def parse_version(text: str) -> Version:
    """Read a full version, `v20.11.1`; raise ValueError for anything else."""
    match = _ATOM.fullmatch(text.strip())
    if match is None or match["sign"] not in {None, "="}:
        raise ValueError(f"no version: {text!r}")
    partial = _read_partial(match)
    if partial.patch is None:
        raise ValueError(f"no full version: {text!r}")
    return partial.floor


def satisfies(version: str, wanted: str) -> bool:
    """Whether a version is in an npm range, prereleases included.

    Raises:
        ValueError: One of them cannot be read.
    """
    number = parse_version(version)
    alternatives = [_parse_all(part) for part in wanted.split("||")]
    return any(
        all(comparator.admits(number) for comparator in comparators)
        for comparators in alternatives
    )


def _parse_all(text: str) -> tuple[Comparator, ...]:
    """Read what has to hold together: a hyphen range or a row of comparators."""
    hyphen = _HYPHEN.match(text)
    if hyphen is not None:
        return tuple(_expand_hyphen(_parse_bare(hyphen[1]), _parse_bare(hyphen[2])))
    comparators: list[Comparator] = []
    rest = text.strip()
    while rest:
        match = _ATOM.match(rest)
        if match is None:
            raise ValueError(f"no range of versions: {text!r}")
        comparators.extend(_expand(match["sign"] or "=", _read_partial(match)))
        rest = rest[match.end() :].lstrip()
    return tuple(comparators)


def _parse_bare(text: str) -> _Partial:
    """Read one end of a hyphen range."""
    match = _ATOM.fullmatch(text)
    if match is None or match["sign"] not in {None, "="}:
        raise ValueError(f"no version: {text!r}")
    return _read_partial(match)


def _read_partial(match: re.Match[str]) -> _Partial:
    """Return the parts of a version; after an open one all are open."""
    numbers: list[int | None] = []
    for name in ("major", "minor", "patch"):
        part = match[name]
        is_open = part is None or part in "xX*" or None in numbers
        numbers.append(None if is_open else int(part))
    major, minor, patch = numbers
    return _Partial(major, minor, patch, _read_prerelease(match["pre"]))


def _read_prerelease(text: str | None) -> _Prerelease | None:
    """Return a prerelease as it sorts."""
    if text is None:
        return None
    fields = (
        (0, int(field), "") if field.isdecimal() else (1, 0, field)
        for field in text.split(".")
    )
    return (0, tuple(fields))


def _expand(sign: str, partial: _Partial) -> Iterator[Comparator]:
    """Yield what a sign before a version means."""
    if partial.major is None:
        if sign in {"<", ">"}:  # nothing is less or more than anything
            yield Comparator("<", Version(0, 0, 0, _LOWEST))
        return
    match sign:
        case "^":
            yield Comparator(">=", partial.floor)
            yield Comparator("<", _find_next_breaking(partial))
        case "~" | "~>":
            yield from _expand_open(partial)
        case "=":
            yield from _expand_equal(partial)
        case _:
            yield _expand_bound(sign, partial)


def _widen(partial: _Partial) -> Version:
    """Return the lower end of a hyphen range, to which its prereleases belong."""
    floor = partial.floor
    if partial.prerelease is not None:
        return floor
    return Version(floor.major, floor.minor, floor.patch, _LOWEST)


def _find_next_breaking(partial: _Partial) -> Version:
    """Return where `^` ends: the leftmost part that is not 0 counts up."""
    major = partial.major or 0
    if major or partial.minor is None:
        return Version(major + 1, 0, 0, _LOWEST)
    if partial.minor or partial.patch is None:
        return Version(0, partial.minor + 1, 0, _LOWEST)
    return Version(0, 0, partial.patch + 1, _LOWEST)


def _expand_open(partial: _Partial) -> Iterator[Comparator]:
    """Yield the range from a version to the next minor, or major, one."""
    yield Comparator(">=", partial.floor)
    if partial.after is not None:
        yield Comparator("<", partial.after)


def _expand_equal(partial: _Partial) -> Iterator[Comparator]:
    """Yield a version itself, or all that an open one can mean."""
    if partial.patch is None:
        yield from _expand_open(partial)
    else:
        yield Comparator("=", partial.floor)


def _expand_bound(sign: str, partial: _Partial) -> Comparator:
    """Return a bound; above an open version is after all that it can mean."""
    after = partial.after if partial.patch is None else None
    match sign:
        case ">":
            return Comparator(">=", after) if after else Comparator(">", partial.floor)
        case "<=":
            return Comparator("<", after) if after else Comparator("<=", partial.floor)
        case "<":
            return Comparator("<", partial.floor)
        case _:
            return Comparator(">=", partial.floor)


def _expand_hyphen(low: _Partial, high: _Partial) -> Iterator[Comparator]:
    """Yield `low - high`, both included."""
    if low.major is not None:
        yield Comparator(">=", _widen(low))
    if high.major is None:
        return
    if high.patch is None:
        yield from (bound for bound in _expand_open(high) if bound.operator == "<")
    elif high.prerelease is not None:
        yield Comparator("<=", high.floor)
    else:
        top = Version(high.major, high.minor or 0, high.patch + 1, _LOWEST)
        yield Comparator("<", top)
