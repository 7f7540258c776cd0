from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from sceneshift.dev.zygote import parts

# A busy machine is no reason to fail.
patient = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
PATH = "module.py"
STATEMENTS = [
    *("import os", "from sys import path as p", "import os; a = 1", "a = 1; import os"),
    *("b = a if 'a' in dir() else 2", "c: int = 3", '"text"', "1", "...", "pass"),
    *(
        'd = """\nimport os\n"""',
        "if 1:\n    import os\nelse:\n    e = 1",
        "# import os",
    ),
    *("try:\n\timport none_such\nexcept ImportError:\n\tf = 1", "g = 'é'", "\x0c", ""),
    *(
        "def h():\n    import os\n    return 1",
        "import os, \\\n    sys",
        "x = [\n1,\n]",
    ),
    *("@str\ndef k(): ...", "with open('/dev/null') as m:\n    import re", "'''two'''"),
    *("try:\n    import os\nexcept ImportError: pass\nelse:\n    import re",),
]
HEADS = ["", '"""Doc."""\n', "from __future__ import annotations\n", "\ufeff"]


def names(namespace: dict[str, object]) -> dict[str, str]:
    """Return what a module defines, comparable: objects of one kind are equal."""
    namespace.pop("__builtins__")
    return {
        name: repr(value).partition(" at 0x")[0] for name, value in namespace.items()
    }


def run_whole(source: bytes) -> dict[str, str]:
    """Run a module as Python does."""
    namespace: dict[str, object] = {"__name__": "module"}
    exec(compile(source, PATH, "exec", dont_inherit=True), namespace)  # noqa: S102
    return names(namespace)


def run_in_parts(head: parts.Head, source: bytes) -> dict[str, str]:
    """Run the head, then what follows it in a source."""
    namespace: dict[str, object] = {"__name__": "module"}
    exec(head.code, namespace)  # noqa: S102
    exec(parts.compile_rest(source, PATH, head), namespace)  # noqa: S102
    return names(namespace)


modules = st.builds(
    lambda head, body, newline, end: (
        (head + "\n".join(body) + end).replace("\n", newline).encode()
    ),
    st.sampled_from(HEADS),
    st.lists(st.sampled_from(STATEMENTS), max_size=7),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "\n"]),
)


@patient
@given(modules)
@example(b"import os\n1\n'text'\n")
@example(b"c: int = 3\nimport os\nd: int = 4\n")
@example(b"# -*- coding: latin-1 -*-\nimport os\nx = '\xe9'\n")
def test_two_parts_are_one_module(source: bytes) -> None:
    """Docstrings, futures, line ends, encodings and blocks included."""
    head = parts.split(source, PATH)
    assume(head is not None)
    assert head is not None
    assert source.startswith(head.source)
    assert run_in_parts(head, source) == run_whole(source)


@patient
@given(
    modules, st.lists(st.sampled_from([*STATEMENTS, "    z = 1", "else:\n    z = 2"]))
)
@example(b"if 1:\n    import os\n", ["# more", "    z = 1"])
@example(b"if 0:\n    import os\n", ["", "else:\n    z = 2"])
def test_another_rest_is_another_module(source: bytes, rest: list[str]) -> None:
    """Unless it goes on with the head's last statement, which is told before."""
    head = parts.split(source, PATH)
    assume(head is not None)
    assert head is not None
    edited = head.source + "\n".join(rest).encode()
    assume(not parts.goes_on(edited, len(head.source)))
    try:
        expected = run_whole(edited)
    except SyntaxError:
        with pytest.raises(SyntaxError):
            run_in_parts(head, edited)
        return
    assert run_in_parts(head, edited) == expected


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"x = 1\n",
        b"x = '''\nimport os\n'''\n",
        b"x = 1\nimport os",
        b"# import os\n",
    ],
)
def test_what_cannot_be_split_is_not(source: bytes) -> None:
    """Without an import, or with one that has no end of line yet."""
    assert parts.split(source, PATH) is None


@pytest.mark.parametrize("source", [b"import os\nx = (\n", b"import os\n\x00"])
def test_a_source_that_does_not_parse_is_an_error(source: bytes) -> None:
    """The same that an import raises."""
    with pytest.raises((SyntaxError, ValueError)):
        parts.split(source, PATH)


def test_a_future_that_comes_too_late_is_an_error() -> None:
    """As it is in the whole."""
    head = parts.split(b"import os\nx = 1\n", PATH)
    assert head is not None
    with pytest.raises(SyntaxError, match="beginning of the file"):
        parts.compile_rest(
            b"import os\nfrom __future__ import annotations\n", PATH, head
        )
