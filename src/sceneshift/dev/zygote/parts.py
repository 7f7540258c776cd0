"""Running a module in two parts: its imports ahead of time, the rest later.

A parked child may have run the module that is edited most as far as its last import.
When the file has changed behind that point only, the rest of the new file goes on in
the same namespace: what has run is what would have run.
"""

from __future__ import annotations
import __future__

import _ast as ast  # the classes without the functions: 2 ms less at each start
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

_FEATURES = 0
for _name in __future__.all_feature_names:
    _FEATURES |= getattr(__future__, _name).compiler_flag
# After blank lines and comments, an indented line or the next clause of a statement.
_CONTINUATION = re.compile(
    rb"(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))*"
    rb"(?:[ \t\f]+[^ \t\f\r\n#]|(?:elif|else|except|finally)\b)"
)


class Head:
    """The part of a module that is run ahead.

    Attributes:
        source: Its bytes: whole lines.
        statements: How many statements it has.
        code: Its code object.
    """

    __slots__ = ("code", "source", "statements")

    def __init__(self, source: bytes, statements: int, code: CodeType) -> None:
        self.source = source
        self.statements = statements
        self.code = code


def split(source: bytes, path: str) -> Head | None:
    """Return the part as far as the last import; None where there is none.

    None also where it cannot be told from the rest.

    Raises:
        SyntaxError: The source does not parse.
    """
    body = _parse(source, path).body
    count = max((n for n, each in enumerate(body, 1) if _imports(each)), default=0)
    while 0 < count < len(body) and body[count].lineno == body[count - 1].end_lineno:
        count += 1  # `import a; b = 1` on one line
    if not count:
        return None
    lines = source.splitlines(keepends=True)[: body[count - 1].end_lineno]
    head = b"".join(lines)
    if not head.endswith(b"\n"):
        return None  # what follows might still belong to its last line
    code = compile(head, path, "exec", dont_inherit=True)
    # Since Python 3.14 one function has all of a module's annotations (PEP 649): that
    # of the rest would take the place of the head's.
    is_separate = "__annotate__" not in code.co_names
    return Head(head, count, code) if is_separate else None


def compile_rest(source: bytes, path: str, head: Head) -> CodeType:
    """Compile what follows the head in a source that begins with it.

    Raises:
        SyntaxError: The source does not parse.
    """
    # Not by `_parse`: its frame would be the last of a SyntaxError's traceback.
    tree = compile(source, path, "exec", flags=ast.PyCF_ONLY_AST, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    del tree.body[: head.statements]
    if any(map(_is_future, tree.body)):
        compile(source, path, "exec", dont_inherit=True)  # raises: it is too late
    while tree.body and _is_text(tree.body[0]):
        del tree.body[0]  # would be taken for the module's docstring
    features = head.code.co_flags & _FEATURES
    code: CodeType = compile(tree, path, "exec", flags=features, dont_inherit=True)
    return code


def run_first_imports(source: bytes, path: str) -> None:
    """Run the imports with which a program begins, and nothing else of it.

    Raises:
        SyntaxError: The source does not parse.
        Exception: Whatever an import raises, in that line of the file.
    """
    body = _parse(source, path).body
    count = next((n for n, each in enumerate(body) if not _begins(each)), len(body))
    del body[count:]
    first = ast.Module(body, type_ignores=[])
    exec(compile(first, path, "exec", dont_inherit=True), {"__name__": "__main__"})  # noqa: S102 - what importing is


def goes_on(source: bytes, length: int) -> bool:
    """Say whether what follows the head's bytes still belongs to its last statement.

    An `else` may have been written behind it, or another line in its block.
    """
    return _CONTINUATION.match(source, length) is not None


def _parse(source: bytes, path: str) -> ast.Module:
    """Return the statements, as `ast.parse` does."""
    tree = compile(source, path, "exec", flags=ast.PyCF_ONLY_AST, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _imports(statement: ast.stmt) -> bool:
    """Say whether a statement imports when it runs, itself or in a block of it."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    if isinstance(statement, ast.If | ast.Try | ast.With):
        return any(map(_imports, _blocks(statement)))
    return False


def _blocks(statement: ast.If | ast.Try | ast.With) -> list[ast.stmt]:
    found = list(statement.body)
    if isinstance(statement, ast.If | ast.Try):
        found += statement.orelse
    if isinstance(statement, ast.Try):
        found += [each for handler in statement.handlers for each in handler.body]
    return found


def _begins(statement: ast.stmt) -> bool:
    """Say whether a statement is an absolute import, or a docstring before them."""
    if isinstance(statement, ast.ImportFrom):
        return not statement.level
    return isinstance(statement, ast.Import) or _is_text(statement)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
