"""Which paths nobody wants to hear of: git's rules and well-known names.

gitignore(5) is the source of the order: the last matching line of the deepest
file decides, and nothing below an ignored folder is looked at.
"""

from __future__ import annotations

import os
import re

from msgspec import Struct

from sceneshift.dev.watch.git import (
    Repository,
    find_repository,
    read_repository,
)

PRUNED_NAMES = frozenset(
    {
        ".git",
        ".hg",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".sceneshift",
        ".svn",
        ".tox",
        ".venv",
        "__pycache__",
        "node_modules",
        "venv",
    }
)
_PRUNED_ENDINGS = (".dist-info", ".egg-info")

# What editors write beside a file: vim's probe, swap and backup files, the locks and
# saves of emacs, the temporaries of JetBrains and of those that write and rename.
_TEMPORARY = re.compile(
    r"4913|.*~|\..*\.sw[a-z]|\.#.*|#.*#|.*\.tmp|.*___jb_(?:tmp|old)___", re.DOTALL
)
_MOST_REMEMBERED = 4096


def is_temporary(name: str) -> bool:
    """Whether a file of that name is only an editor's way to another."""
    return _TEMPORARY.fullmatch(name) is not None


class _Rule(Struct, frozen=True):
    """One line of a file with rules.

    Attributes:
        regex: What it matches, as pathspec translates it; its group `ps_d` is the
            slash behind a matched folder.
        is_ignoring: False for a line that begins with `!`.
        is_anchored: Whether it speaks of a path below its file's folder, not of a
            name at any depth.
    """

    regex: re.Pattern[str]
    is_ignoring: bool
    is_anchored: bool

    def matches(self, inner: str, name: str) -> bool:
        """Whether it matches the path itself, not only a folder above it.

        pathspec's own verdict mixes the two, and so enters no folder below `*`
        followed by `!*/`; folders above have been judged before.
        """
        path = inner if self.is_anchored else name
        match = self.regex.search(path)
        if match is None:
            return False
        return match.groupdict().get("ps_d") is None or match.end("ps_d") == len(path)


class _Level(Struct, frozen=True):
    """The rules of one file, and of those above it.

    Attributes:
        base: The folder that its rules are relative to.
        rules: Its lines, the last one first.
        parent: The next level that is asked.
    """

    base: str
    rules: tuple[_Rule, ...]
    parent: _Level | None

    def decide(self, path: str, *, is_folder: bool) -> bool:
        """Whether this level, or one above it, ignores the path."""
        ending = "/" if is_folder else ""
        inner = path[len(self.base.rstrip("/")) + 1 :] + ending
        name = path.rpartition("/")[2] + ending
        for rule in self.rules:
            if rule.matches(inner, name):
                return rule.is_ignoring
        return self.parent is not None and self.parent.decide(path, is_folder=is_folder)


class IgnoreRules:
    """The rules for everything below one folder.

    Files are read when first needed and remembered until `forget`.

    Args:
        root: The folder, absolute; its own name and those above it never count.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._levels: dict[str, _Level | None] = {}
        self._verdicts: dict[str, bool] = {}
        self._repository = find_repository(root)

    @property
    def outside_files(self) -> tuple[str, ...]:
        """Files with rules above the root or in git's folder; they may be absent."""
        if self._repository is None:
            return ()
        exclude = os.path.join(self._repository.common, "info", "exclude")
        above = _folders_above(self.root, self._repository.top)
        return (exclude, *(os.path.join(folder, ".gitignore") for folder in above))

    def forget(self) -> None:
        """Read the files again: one has changed."""
        self._levels.clear()
        self._verdicts.clear()
        self._repository = find_repository(self.root)

    def is_ignored(self, path: str, *, is_folder: bool = False) -> bool:
        """Whether a path below the root is ignored, its parent not being so."""
        folder, _, name = path.rpartition("/")
        if name in PRUNED_NAMES or (is_folder and name.endswith(_PRUNED_ENDINGS)):
            return True
        if not is_folder and is_temporary(name):
            return True
        level = self._level(folder)
        if level is None:
            return False
        key = f"{path}/" if is_folder else path
        verdict = self._verdicts.get(key)
        if verdict is None:
            verdict = level.decide(path, is_folder=is_folder)
            self._remember(key, verdict=verdict)
        return verdict

    def _remember(self, key: str, *, verdict: bool) -> None:
        """Keep a verdict: a file that is written is asked about at every write."""
        if len(self._verdicts) >= _MOST_REMEMBERED:
            self._verdicts.clear()
        self._verdicts[key] = verdict

    def _level(self, folder: str) -> _Level | None:
        """Return the deepest rules that concern a folder's entries."""
        if folder not in self._levels:
            self._levels[folder] = self._read_level(folder)
        return self._levels[folder]

    def _read_level(self, folder: str) -> _Level | None:
        """Read a folder's own rules and put them below those of its parent."""
        if folder == self.root:
            level = self._rules_above()
        elif (repository := read_repository(folder)) is not None:
            level = _read_exclude(repository)
        else:
            level = self._level(os.path.dirname(folder))
        return _read_rules(os.path.join(folder, ".gitignore"), folder, level)

    def _rules_above(self) -> _Level | None:
        """Return the rules that the root inherits; none where they ignore the root.

        Who starts a project in an ignored folder wants to see it nonetheless.
        """
        if self._repository is None:
            return None
        top = self._repository.top
        level = _read_exclude(self._repository)
        above = _folders_above(self.root, top)
        for folder, below in zip(above, [*above[1:], self.root], strict=False):
            level = _read_rules(os.path.join(folder, ".gitignore"), folder, level)
            if level and level.decide(below, is_folder=True):
                return None
        return level


def _read_exclude(repository: Repository) -> _Level | None:
    """Return the rules that a checkout keeps outside of its tree."""
    file = os.path.join(repository.common, "info", "exclude")
    return _read_rules(file, repository.top, None)


def _folders_above(folder: str, top: str) -> list[str]:
    """Return the folders from `top` down to the parent of `folder`."""
    folders: list[str] = []
    while folder != top:
        folder = os.path.dirname(folder)
        folders.insert(0, folder)
    return folders


def _read_rules(file: str, base: str, parent: _Level | None) -> _Level | None:
    """Return the rules of a file on top of `parent`; `parent` where it has none."""
    try:
        with open(file, "rb") as stream:
            text = stream.read().decode("utf-8-sig", "surrogateescape")
    except OSError:
        return parent
    rules = _parse_rules(text)
    return _Level(base, rules, parent) if rules else parent


def _parse_rules(text: str) -> tuple[_Rule, ...]:
    """Return a file's rules, the last one first."""
    lines = [line for line in re.split(r"\r?\n", text) if line and line[0] != "#"]
    if not lines:
        return ()
    from pathspec.patterns.gitignore.spec import (  # noqa: PLC0415 - 24 ms
        GitIgnoreSpecPattern,
    )

    rules = []
    for line in reversed(lines):
        try:
            pattern = GitIgnoreSpecPattern(line)
        except ValueError:  # git takes no notice of such a line either
            continue
        if pattern.regex is not None and pattern.include is not None:
            is_anchored = "/" in line.strip().removeprefix("!").rstrip("/")
            rules.append(_Rule(pattern.regex, pattern.include, is_anchored))
    return tuple(rules)
