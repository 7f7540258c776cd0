"""JSON as people write it, with comments and commas, changed where it must be alone."""

from sceneshift.ide.jsonc.document import Document, parse
from sceneshift.ide.jsonc.edits import Edits
from sceneshift.ide.jsonc.faults import JsoncError
from sceneshift.ide.jsonc.spans import KeyPath

__all__ = ["Document", "Edits", "JsoncError", "KeyPath", "parse"]
