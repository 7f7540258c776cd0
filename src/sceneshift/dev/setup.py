"""Steps that run once before a process, and again when their files change."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.blake2 import blake2b
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import write_whole
from sceneshift.dev.filelock import hold_lock
from sceneshift.dev.globs import fits, is_pattern
from sceneshift.dev.oneshot import kill_session, run_to_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sceneshift.core.paths import StateFolder
    from sceneshift.dev.model import SetupStep
    from sceneshift.dev.oneshot import Spawn, Stop

# What a step itself fills, or what no step reads: `**` does not walk into them.
_PRUNED = {".git", ".venv", ".sceneshift", "__pycache__", "node_modules"}
_TAIL_LINES = 20
_ABSENT = "absent"
_DATABASE = re.compile(r"DATABASE_URL(_\w+)?")
_NODE_LOCKS = {"package-lock.json", "pnpm-lock.yaml", "yarn.lock"}
_LOCKS = {*_NODE_LOCKS, "pdm.lock", "poetry.lock", "uv.lock"}


class SetupError(SceneshiftError):
    """A set-up step failed; it is run again next time.

    Attributes:
        status: Its exit code; the negative number of the signal that killed it.
        tail: The last lines of its output.
    """

    def __init__(self, message: str, *, status: int, tail: tuple[str, ...]) -> None:
        super().__init__(message, hint="mend what its output names, and save")
        self.status = status
        self.tail = tail


class SetupAction(Struct, frozen=True, kw_only=True):
    """A step that has to run.

    Attributes:
        name: The process that it is for.
        step: What runs, and for which files.
        cwd: Where it runs.
        files: The content's digest of each file when this was planned.
        state: The checkout's state folder.
        reason: Why it runs, for people: `package-lock.json changed`.
        databases: Tells the databases that it may fill from others.
    """

    name: str
    step: SetupStep
    cwd: Path
    files: Mapping[str, str]
    state: StateFolder
    reason: str
    databases: str = ""


def plan_setup(
    step: SetupStep,
    *,
    name: str,
    cwd: Path,
    state: StateFolder,
    env: Mapping[str, str] | None = None,
) -> SetupAction | None:
    """Return what has to run; None where it ran for this command and these files.

    And for these databases: what has filled those of one environment has not filled
    those of another.

    A step that another process shares, with the same command in the same folder, counts
    for both. A listed file that is missing counts as one with a content of its own.

    Args:
        step: The command and its files, names or globs (`**` too) relative to `cwd`.
        name: The process that it is for.
        cwd: Where it runs.
        state: The checkout's state folder; need not exist yet.
        env: The process's environment.
    """
    files = dict(sorted(_digest_files(step, cwd)))
    action = SetupAction(
        name=name,
        step=step,
        cwd=cwd,
        files=files,
        state=state,
        reason="",
        databases=_tell_databases(step, env or {}),
    )
    reason = _find_reason(action)
    return None if reason is None else replace(action, reason=reason)


def _tell_databases(step: SetupStep, env: Mapping[str, str]) -> str:
    """Return a digest of the databases' addresses.

    It is empty where there are none, and for packages, which are the same for all.
    """
    urls = {key: env[key] for key in sorted(env) if _DATABASE.fullmatch(key)}
    if not urls or not fills_databases(step):
        return ""
    return blake2b(json.dumps(urls).encode(), digest_size=8).hexdigest()


def fills_databases(step: SetupStep) -> bool:
    """Say whether a step may make or fill databases: one for packages does not."""
    return not any(Path(name).name in _LOCKS for name in step.when)


def names_file(step: SetupStep, cwd: Path, path: Path) -> bool:
    """Say whether a step runs again where a file has another content.

    Args:
        step: The command and its files.
        cwd: Where it runs.
        path: The file, absolute.
    """
    places = (_split(cwd, pattern) for pattern in step.when)
    return any(
        path.is_relative_to(base) and fits(path.relative_to(base).parts, globs)
        for base, globs in places
    )


async def run_setup(
    action: SetupAction,
    *,
    spawn: Spawn,
    env: Mapping[str, str],
    output: Callable[[bytes], None],
    stop: Stop = kill_session,
) -> None:
    """Run the step, unless another has done so meanwhile, and remember its success.

    Args:
        action: What `plan_setup` returned.
        spawn: What starts it.
        env: The process's environment.
        output: Takes what it writes, as it comes.
        stop: What ends it where the call is cancelled.

    Raises:
        SetupError: It failed.
    """
    folder = action.state.make("setup")
    async with hold_lock(folder / "lock"):
        again = plan_setup(
            action.step,
            name=action.name,
            cwd=action.cwd,
            state=action.state,
            env=env,
        )
        if again is None:
            return
        # Forgotten first: a step that is killed half way leaves what fits no content.
        forget(again)
        tail = _Tail(output)
        argv = ("/bin/sh", "-c", action.step.run)
        status = await run_to_end(
            argv, spawn=spawn, env=env, cwd=action.cwd, output=tail, stop=stop
        )
        if status:
            raise _describe_failure(action, status, tail.get_lines())
        _remember(again)


class _Tail:
    """Passes output on and keeps its end."""

    def __init__(self, output: Callable[[bytes], None]) -> None:
        self._output = output
        self._chunks: deque[bytes] = deque(maxlen=64)

    def __call__(self, chunk: bytes) -> None:
        self._chunks.append(chunk[-8192:])
        self._output(chunk)

    def get_lines(self) -> tuple[str, ...]:
        """Return the last lines that hold anything."""
        text = b"".join(self._chunks).decode(errors="replace")
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        return tuple(lines[-_TAIL_LINES:])


def _describe_failure(
    action: SetupAction, status: int, tail: tuple[str, ...]
) -> SetupError:
    """Say which step failed, how, and with which last words."""
    how = f"exit code {status}" if status > 0 else f"signal {-status}"
    words = f": {tail[-1]}" if tail else ""
    return SetupError(
        f"the set-up of `{action.name}` ended with {how}: `{action.step.run}`{words}",
        status=status,
        tail=tail,
    )


def _find_reason(action: SetupAction) -> str | None:
    """Return why the step has to run; None where it has not."""
    cwd, files = action.cwd, action.files
    for record in _read_shared(action):
        if record["files"] == files:
            gone = [path for path in record["made"] if not (cwd / path).exists()]
            return f"{gone[0]} is missing" if gone else None
    own = _read_marker(_get_marker(action))
    if own is None or own["cwd"] != str(cwd):
        return "it never ran" + (" for this database" if action.databases else "")
    if own["run"] != action.step.run:
        return "its command changed"
    old = own["files"]
    changed = [file for file in {*old, *files} if old.get(file) != files.get(file)]
    return f"{min(changed)} changed"


def _get_marker(action: SetupAction) -> Path:
    """Return where the success of a process's step is remembered."""
    parts = filter(None, [action.name, action.databases, "json"])
    return action.state.path / "setup" / ".".join(parts)


def _read_marker(path: Path) -> dict[str, Any] | None:
    """Read a success; None where there is none that can be read."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    kinds = {"run": str, "cwd": str, "files": dict, "made": list, "databases": str}
    if not isinstance(record, dict):
        return None
    if any(not isinstance(record.get(key), kind) for key, kind in kinds.items()):
        return None
    return record


def _read_shared(action: SetupAction) -> list[dict[str, Any]]:
    """Read the successes of the same command in the same folder."""
    paths = sorted((action.state.path / "setup").glob("*.json"))
    records = (_read_marker(path) for path in paths)
    return [each for each in records if each is not None and _is_of(action, each)]


def _is_of(action: SetupAction, record: dict[str, Any]) -> bool:
    same = {
        "run": action.step.run,
        "cwd": str(action.cwd),
        "databases": action.databases,
    }
    return all(record[key] == value for key, value in same.items())


def forget(action: SetupAction) -> None:
    """Remove every success of this command in this folder."""
    for path in (action.state.path / "setup").glob("*.json"):
        record = _read_marker(path)
        if record is None or _is_of(action, record):
            path.unlink(missing_ok=True)


def _remember(action: SetupAction) -> None:
    """Write the success down, whole or not at all."""
    record = {
        "run": action.step.run,
        "cwd": str(action.cwd),
        "databases": action.databases,
        "files": dict(action.files),
        "made": [path for path in _products(action) if (action.cwd / path).exists()],
    }
    path = _get_marker(action)
    write_whole(path, json.dumps(record, indent=2))


def forget_filled(state: StateFolder) -> None:
    """Have the steps run again that fill databases: one of those is another by now."""
    for path in (state.path / "setup").glob("*.json"):
        record = _read_marker(path)
        if record is not None and record["databases"]:
            path.unlink(missing_ok=True)


def _products(action: SetupAction) -> Iterator[str]:
    """Name what the step makes, as far as that is known: folders of Node's packages."""
    for name in action.files:
        if Path(name).name in _NODE_LOCKS:
            yield str(Path(name).with_name("node_modules"))


def _digest_files(step: SetupStep, cwd: Path) -> Iterator[tuple[str, str]]:
    """Yield each file's name, relative to `cwd`, and the digest of its content."""
    for pattern in step.when:
        base, globs = _split(cwd, pattern)
        for path in _walk(base, globs) if globs else [base]:
            yield os.path.relpath(path, cwd), _digest(path)


def _digest(path: Path) -> str:
    """Return the digest of a file's content."""
    import hashlib  # noqa: PLC0415 - OpenSSL, where there are steps

    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return _ABSENT
    except OSError as error:
        raise SceneshiftError(
            f"a file of a set-up step cannot be read: {path}: {error.strerror}",
            hint="list files, or globs for the files of a folder: `folder/**`",
        ) from error


def _split(cwd: Path, pattern: str) -> tuple[Path, tuple[str, ...]]:
    """Return the path that a pattern begins with, and the globs that follow."""
    parts = Path(os.path.normpath(pattern)).parts
    globs = tuple(itertools.dropwhile(lambda part: not is_pattern(part), parts))
    fixed = parts[: len(parts) - len(globs)]
    return Path(os.path.normpath(cwd.joinpath(*fixed))), globs


def _walk(base: Path, globs: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files below a folder that globs name."""
    for folder, folders, names in os.walk(base):
        above = Path(folder).relative_to(base).parts
        is_deep = "**" in globs or len(above) + 1 < len(globs)
        folders[:] = [name for name in folders if is_deep and name not in _PRUNED]
        for name in names:
            if fits((*above, name), globs):
                yield Path(folder, name)
