"""What the templates make, put among what people have written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.ide.found import find_entries, list_unwanted, recall_section
from sceneshift.ide.jsonc import parse
from sceneshift.ide.jsonc.comparing import is_same
from sceneshift.ide.outcomes import Change, Outcome
from sceneshift.ide.settling import MISSING, Settling, Versions
from sceneshift.ide.texts import Text, settle_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sceneshift.ide.files import File, Section
    from sceneshift.ide.jsonc import Document, KeyPath

Base: TypeAlias = Mapping[str, Mapping[str, Any]]


class Merged(Struct, frozen=True, kw_only=True):
    """A file as it should be.

    Attributes:
        content: All of it; what was found, to the byte, where nothing is to change.
        base: What is ours in it now: sections by their path, joined by `/`, and in
            each the entries by what tells them apart.
        changes: What has been done, and what was left to those who wrote it.
    """

    content: bytes
    base: Base
    changes: tuple[Change, ...]


def merge(
    file: File,
    found: bytes | None,
    base: Base,
    *,
    force: Collection[str] = (),
    adopt: Collection[str] = (),
) -> Merged:
    """Bring entries of ours in a file up to date, and leave all else as it is.

    Where there is no file, or one without a value, everything is made anew.

    Args:
        file: What the templates make now.
        found: What the file has; None where there is none.
        base: What the last merge has returned; empty where that is not known.
        force: Entries that become as they are made, whoever has changed them.
        adopt: Entries made by hand that are ours from now on.

    Raises:
        JsoncError: The file is not what it should be.
    """
    if file.is_text:
        return _merge_text(file, found, base, (force, adopt))
    data = found or b""
    document = parse(data, name=file.path, is_strict=file.is_strict)
    merging = _Merging(file, document, base, (force, adopt))
    try:
        settled = merging.settle()
        content = merging.edits.finish() if merging.edits.has_changes else data
    except RecursionError:
        document.refuse(0, "nested too deeply", hint="make it flatter")
    if content != data:
        # What would not be read back is a fault of ours, and is not to be written.
        parse(content, name=file.path, is_strict=file.is_strict)
    return Merged(content=content, base=settled, changes=tuple(merging.changes))


def _merge_text(file: File, found: bytes | None, base: Base, asked: _Asked) -> Merged:
    ((identity, ours),) = file.sections[0].entries.items()
    text = Text(identity, base.get("", {}).get(identity), found, ours)
    is_forced, is_adopted = (identity in names for names in asked)
    settled = settle_text(text, is_forced=is_forced, is_adopted=is_adopted)
    return Merged(
        content=settled.content,
        base={} if settled.base is None else {"": {identity: settled.base}},
        changes=() if settled.change is None else (settled.change,),
    )


class _Merging:
    """One file on the way.

    Attributes:
        edits: What is to be written.
        changes: What has been done, and what was left.
    """

    def __init__(
        self, file: File, document: Document, base: Base, asked: _Asked
    ) -> None:
        self._file = file
        self._value = document.value
        self._base = {} if document.is_empty else base
        self._asked = asked
        self._is_begun = not document.is_empty and document.value != {}
        self.edits = document.edit()
        self.changes: list[Change] = []

    def settle(self) -> Base:
        """Settle all sections, and return what is ours now."""
        settled = {}
        for section in self._list_sections():
            name = "/".join(section.path)
            ours = self._settle_section(section, name)
            if ours:
                settled[name] = ours
        return settled

    def _list_sections(self) -> Iterator[Section]:
        """Yield what is made now, then what was and is no longer."""
        now: dict[str, Section] = {}
        for section in self._file.sections:
            # Several may be of one place, as those of environments are.
            name = "/".join(section.path)
            entries = now[name].entries if name in now else {}
            now[name] = replace(section, entries={**entries, **section.entries})
        yield from now.values()
        for name, old in self._base.items():
            if name not in now:
                yield recall_section(name, old, self._value)

    def _settle_section(self, section: Section, name: str) -> dict[str, Any]:
        """Settle each entry, and return those that are ours now."""
        base, ours = self._base.get(name, {}), section.entries
        found = find_entries(section, base, self._value, self.edits)
        settled = {}
        for identity in {**ours, **base}:
            place, yours = found.get(identity, (None, MISSING))
            versions = Versions(
                base.get(identity, MISSING), yours, ours.get(identity, MISSING)
            )
            made = versions.ours
            if versions.yours is MISSING and made is MISSING:
                # Deleted by hand: it does not come back with its environment either.
                made = versions.base
            elif not is_same(versions.yours, versions.ours):
                settling = Settling(self.edits, name, identity)
                made = self._settle_entry(settling, section, place, versions)
                self.changes += settling.changes
            if made is not MISSING:
                settled[identity] = made
        return settled

    def _settle_entry(
        self,
        settling: Settling,
        section: Section,
        place: str | int | None,
        versions: Versions,
    ) -> Any:
        """Return what is ours of an entry now; MISSING where nothing is."""
        if place is not None:
            return self._settle_found(settling, (*section.path, place), versions)
        unwanted = list_unwanted(section, self._value)
        if any(is_same(versions.ours, each) for each in unwanted):
            settling.report(Outcome.KEPT_DELETED)
            return MISSING
        is_forced = settling.identity in self._asked[0]
        if versions.base is not MISSING and not is_forced:
            settling.report(Outcome.KEPT_DELETED)
        else:
            self._add(section, settling.identity, versions.ours)
            settling.report(Outcome.ADDED)
        return versions.ours

    def _settle_found(
        self, settling: Settling, path: KeyPath, versions: Versions
    ) -> Any:
        """Do that for one that the file has."""
        base, yours, ours = versions
        is_forced, is_adopted = (settling.identity in names for names in self._asked)
        if ours is MISSING:
            is_gone = settling.remove(path, versions, (), is_forced=is_forced)
            return MISSING if is_gone else base
        if is_forced:
            settling.force(path, yours, ours)
            settling.report(Outcome.FORCED)
        elif base is not MISSING:
            return settling.settle(path, versions, ())
        elif is_adopted:
            settling.report(Outcome.ADOPTED)
            return settling.settle(path, versions.adopted(), ())
        else:
            settling.report(Outcome.KEPT_FOREIGN)
            return MISSING
        return ours

    def _add(self, section: Section, identity: str, value: Any) -> None:
        if not self._is_begun:
            self._is_begun = True
            for key, each in self._file.head.items():
                self.edits.set((key,), each)
        if section.key is None:
            self.edits.set((*section.path, identity), value)
        else:
            self.edits.append(section.path, value)


_Asked: TypeAlias = "tuple[Collection[str], Collection[str]]"
