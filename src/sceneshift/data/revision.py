"""One revision, read from its file without importing that.

A revision file is a program, which may import the whole application. What Alembic
needs of it, four variables and the docstring, stand before its functions.
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.core.blake2 import digest
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.revisionindex import Text, take_stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sceneshift.data.revisionindex import RevisionIndex
    from sceneshift.data.scripts import Scripts

_FILE = re.compile(r"(?!\.\#|__init__)(.*\.py)$")
_OLD_FILE = re.compile(r"([a-f0-9]+)\.py$")  # Alembic 0.1 had the id there
_FUNCTIONS = re.compile(r"^(?:(?:def|class|async def) |@)", re.MULTILINE)
_OWN = "replaces"  # ours, which Alembic does not look at
_VARIABLES = ("revision", "down_revision", "depends_on", "branch_labels", _OWN)
_SETTING = re.compile(rf"^(?:{'|'.join(_VARIABLES)})\s*[:=]", re.MULTILINE)


class Revision(Struct, frozen=True, kw_only=True):
    """A step from one schema to the next.

    Attributes:
        id: Its name.
        message: What it does: the first paragraph of its docstring, on one line and
            without the period.
        down: Those that it comes after.
        needs: Others that have to be applied before: ids or labels of branches.
        labels: Names of the branch that begins with it.
        digest: What stands for all that its file says.
        replaces: Former revisions that it has been made from by `inv data.squash`.
        file: The file that says so.
    """

    id: str
    message: str
    down: tuple[str, ...]
    needs: tuple[str, ...]
    labels: tuple[str, ...]
    digest: str
    file: Path
    replaces: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.id} {self.message}".rstrip()


def list_files(scripts: Scripts) -> list[Path]:
    """Return the files of revisions in Alembic's order, none of them twice."""
    found: dict[Path, None] = {}
    for folder in scripts.versions:
        for each in _list_folder(folder.resolve(), is_recursive=scripts.is_recursive):
            found[each] = None
    return list(found)


def _list_folder(folder: Path, *, is_recursive: bool) -> Iterator[Path]:
    """Yield what is in a folder; paths of hundreds of files are not resolved."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entries, key=lambda each: each.name)
    except OSError:
        return  # before the first revision there is none
    folders = [each for each in names if each.is_dir()]
    for each in names:
        if _FILE.match(each.name) and each not in folders:
            path = folder / each.name
            yield path.resolve() if each.is_symlink() else path
    for each in folders if is_recursive else ():
        # Not by a link, which may lead in a circle.
        if not each.name.endswith("__pycache__") and not each.is_symlink():
            yield from _list_folder(folder / each.name, is_recursive=True)


def read_revision(file: Path, index: RevisionIndex | None = None) -> Revision:
    """Return what a file says of its revision.

    Args:
        file: The file.
        index: What is known of files; None has it read.

    Raises:
        SceneshiftError: It cannot be read.
    """
    if index is None:
        return _read(file)
    try:
        stamp = take_stamp(file)
    except OSError as error:
        raise _unreadable(file, error) from error
    known = index.find(file, stamp)
    if known is not None:
        return Revision(
            id=known.id,
            message=known.message,
            down=known.down,
            needs=known.needs,
            labels=known.labels,
            digest=known.digest,
            replaces=known.replaces,
            file=file,
        )
    one = _read(file)
    text = Text(
        *(one.id, one.message, one.down, one.needs, one.labels, one.digest),
        replaces=one.replaces,
    )
    index.note(file, stamp, text)
    return one


def _read(file: Path) -> Revision:
    """Read what a file says of its revision."""
    try:
        content = file.read_bytes()
        tree = _parse(content)
    except (OSError, SyntaxError, ValueError) as error:
        raise _unreadable(file, error) from error
    values = _find_values(tree, file)
    if "revision" not in values:
        old = _OLD_FILE.match(file.name)
        if old is None:
            raise SceneshiftError(
                f"{file.name} has no `revision`",
                hint=f"write one into it, or move it elsewhere: {file}",
            )
        values["revision"] = old[1]
    paragraph = (ast.get_docstring(tree) or "").strip().split("\n\n")[0]
    return Revision(
        id=str(values["revision"]),
        message=" ".join(paragraph.split()).removesuffix("."),
        down=_as_tuple(values.get("down_revision")),
        needs=_as_tuple(values.get("depends_on")),
        labels=_as_tuple(values.get("branch_labels")),
        digest=digest(content),
        replaces=_as_tuple(values.get(_OWN)),
        file=file,
    )


def _parse(content: bytes) -> ast.Module:
    """Parse what stands before the functions, which is a tenth of the work.

    All of it where that is no program by itself, or not all that is to be found, or in
    another encoding.
    """
    with contextlib.suppress(SyntaxError, UnicodeError):  # the line is within a text
        text = content.decode("utf-8-sig")
        found = _FUNCTIONS.search(text)
        if found is not None and not _SETTING.search(text, found.start()):
            return ast.parse(text[: found.start()])
    return ast.parse(content)


def _find_values(tree: ast.Module, file: Path) -> dict[str, Any]:
    """Return what the variables of Alembic are set to."""
    values = {}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Name) and target.id in _VARIABLES:
                assert isinstance(node, ast.Assign | ast.AnnAssign)
                try:
                    values[target.id] = _evaluate(node, file)
                except SceneshiftError:
                    if target.id != _OWN:  # else it is somebody's by chance
                        raise
    return values


def _evaluate(node: ast.Assign | ast.AnnAssign, file: Path) -> Any:
    try:
        return None if node.value is None else ast.literal_eval(node.value)
    except ValueError as error:
        raise SceneshiftError(
            f"{file.name}:{node.lineno}: this is computed, and read by no one but "
            "Alembic",
            hint=f"write the text itself: {file}",
        ) from error


def _as_tuple(value: Any) -> tuple[str, ...]:
    """Return the ids of a variable, which may be none, one or several."""
    if value is None:
        return ()
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(str(each) for each in value)
    return (str(value),)


def _unreadable(file: Path, error: Exception) -> SceneshiftError:
    return SceneshiftError(
        f"{file.name} cannot be read: {error}", hint=f"mend it: {file}"
    )
