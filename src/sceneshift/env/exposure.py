"""`inv env.check-secrets`: secrets in files that git keeps, or would take in."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from sceneshift.core.config import PYPROJECT, TABLE, load_config
from sceneshift.core.console import StreamConsole
from sceneshift.core.envfile import load_env_file
from sceneshift.core.errors import ConfigError, DriftError
from sceneshift.core.example import EXAMPLE
from sceneshift.core.git import ask_git, find_ignored, find_tracked
from sceneshift.core.schema import join_keys
from sceneshift.core.secrets import (
    is_placeholder,
    is_secret_name,
    mask_secrets,
)
from sceneshift.core.selection import list_environments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sceneshift.core.config import Config
    from sceneshift.core.envfile import EnvLine

_EXAMPLES = frozenset({".defaults", ".dist", ".example", ".sample", ".template"})
_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret in a file.

    Attributes:
        name: The variable.
        file: The file, relative to the project.
        line: Its line; None where the file's parser does not tell.
        key: The key path in pyproject.toml; None elsewhere.
    """

    name: str
    file: Path
    line: int | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A secret that git has, or would take in."""

    secret: Secret
    problem: Literal["tracked", "not ignored"]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        secret = self.secret
        return {
            "name": secret.name,
            "file": str(secret.file),
            "line": secret.line,
            "key": secret.key,
            "problem": self.problem,
        }


def find_exposed(root: Path, config: Config) -> list[Finding] | None:
    """Return the secrets that git has or would take in; None where there is no git.

    Raises:
        ConfigError: An env file cannot be read.
    """
    secrets = [*_find_in_files(root, config), *_find_in_config(config)]
    if ask_git(root, "rev-parse", "--git-dir") is None:
        return None
    files = sorted({str(secret.file) for secret in secrets})
    if not files:
        return []
    tracked, ignored = find_tracked(root, files), find_ignored(root, files)
    findings = []
    for secret in secrets:
        file = str(secret.file)
        if file in tracked:
            findings.append(Finding(secret=secret, problem="tracked"))
        elif file not in ignored:
            findings.append(Finding(secret=secret, problem="not ignored"))
    return findings


def is_exposing(name: str, text: str) -> bool:
    """Tell whether a variable of an env file holds what nobody else may have.

    A placeholder is no secret, nor is the password of a server on this machine or
    in a network of containers.
    """
    if is_placeholder(text):
        return False
    return is_secret_name(name) or _holds_secret(text)


def _holds_secret(text: str) -> bool:
    """Tell by the value alone."""
    if mask_secrets(text) == text:
        return False
    return not ("://" in text and _is_local(text))


def _is_local(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host in _LOCAL or "." not in host


def _find_in_files(root: Path, config: Config) -> Iterator[Secret]:
    """Yield the secrets of all env files; those of an example by their values alone.

    An example is to be committed, and full of values that only look secret.
    """
    used = _list_used(root, config)
    beside = {Path(file.name) for file in root.glob(".env.*")} - used
    for file in sorted(each for each in used | beside if _is_inside(root, each)):
        is_found = _is_exposing_value if file.suffix in _EXAMPLES else is_exposing
        for line in _load(root, file, is_used=file in used):
            if is_found(line.key, line.text):
                yield Secret(name=line.key, file=file, line=line.number)


def _is_exposing_value(_name: str, text: str) -> bool:
    return _holds_secret(text)


def _load(root: Path, file: Path, *, is_used: bool) -> list[EnvLine]:
    """Read an env file; what nothing reads need not be one."""
    try:
        return load_env_file(root, file)
    except ConfigError:
        if is_used:
            raise
        return []


def _list_used(root: Path, config: Config) -> set[Path]:
    """Return the files that environments read."""
    found = {Path(".env"), EXAMPLE}
    for name, section in list_environments(root, config).items():
        listed = section.env_files
        names = [f".env.{name}"] if listed is None else listed
        found |= {Path(each) for each in names}
    return found


def _is_inside(root: Path, file: Path) -> bool:
    """Tell whether it is a file that the project's repository could hold."""
    path = root / file
    return path.is_file() and path.resolve().is_relative_to(root.resolve())


def _find_in_config(config: Config) -> Iterator[Secret]:
    """Yield what pyproject.toml says and should not."""
    for keys, values in _list_tables(config):
        for name, text in values.items():
            if _holds_secret(str(text)):
                key = join_keys([*TABLE, *keys, name])
                yield Secret(name=name, file=PYPROJECT, key=key)


def _list_tables(
    config: Config,
) -> Iterator[tuple[Sequence[str], Mapping[str, str | int]]]:
    for name, section in config.environments.items():
        yield ("environments", name, "env"), section.env
        yield ("environments", name, "databases"), section.databases
    for name, process in config.processes.items():
        yield ("processes", name, "env"), process.env


def check_secrets(root: Path, *, as_json: bool) -> None:
    """Print the secrets that git has or would take in.

    Raises:
        DriftError: There are some.
        UsageError: A file says what cannot be.
    """
    findings = find_exposed(root, load_config(root))
    console = StreamConsole()
    if findings is None:
        console.note("nothing is checked: this is no git repository, or git is missing")
    if as_json:
        listed = [one.as_json() for one in findings or ()]
        console.json({"is_checked": findings is not None, "findings": listed})
    elif findings:
        console.table([("variable", "stands in", "which is"), *map(_row, findings)])
    if findings:
        raise DriftError(summarize(findings), hint=advise(findings))


def summarize(findings: Sequence[Finding]) -> str:
    """Return the sentence about some findings."""
    files = dict.fromkeys(str(one.secret.file) for one in findings)
    return f"secrets in files that git has or would take in: {', '.join(files)}"


def advise(findings: Sequence[Finding]) -> str:
    """Return the commands that mend them."""
    hints = []
    for problem in ("tracked", "not ignored"):
        found = [one.secret.file for one in findings if one.problem == problem]
        names = sorted(
            {str(file) for file in found if file not in (PYPROJECT, EXAMPLE)}
        )
        if not names:
            continue
        ignore = " ".join(shlex.quote(f"/{name}") for name in names)
        if problem == "tracked":
            hints.append(f"git rm --cached {shlex.join(names)}")
        hints.append(f"printf '%s\\n' {ignore} >> .gitignore")
    if any(one.problem == "tracked" for one in findings):
        hints.append("change these secrets: the history keeps them")
    return "; ".join(hints) or "move them to an env file that git ignores"


def _row(finding: Finding) -> tuple[str, str, str]:
    secret = finding.secret
    place = f"{secret.file}:{secret.line}" if secret.line else f"{secret.file}"
    problem = finding.problem if finding.problem != "tracked" else "tracked by git"
    return (secret.name, " ".join(filter(None, [place, secret.key])), problem)
