from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import sceneshift
from sceneshift.core import errors

PACKAGE = Path(sceneshift.__file__).parent
ROOT_MODULES = {"composition", "discovery", "task", "usage"}
MODULES = {
    ".".join(["sceneshift", *path.relative_to(PACKAGE).with_suffix("").parts]): path
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py"
}


def imports_of(tree: ast.AST) -> set[str]:
    """Every module that a file imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    return found


class WithoutTypes(ast.NodeTransformer):
    """Leaves out what is imported for the type checker alone."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        """Drop the body of `if TYPE_CHECKING`."""
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return node.orelse
        return self.generic_visit(node)


TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}
IMPORTS = {name: imports_of(tree) for name, tree in TREES.items()}


ERRORS = {name for name in vars(errors) if name.endswith("Error")}


def room_of(module: str) -> str:
    """Return the first part below the package."""
    return module.split(".")[1]


def is_shell(module: str) -> bool:
    """Say whether it is of a room's tasks, be they one module or several."""
    return module.split(".")[2:3] == ["tasks"]


def test_rooms_stand_on_the_ground_and_not_on_each_other() -> None:
    """Composition -> a room -> core; a room's tasks may use `@task`."""
    for name, imports in IMPORTS.items():
        room = room_of(name)
        if room in ROOT_MODULES:
            continue
        others = {room_of(other) for other in imports & MODULES.keys()}
        allowed = {room, "core"} | ({"task"} if is_shell(name) else set())
        assert others <= allowed, name


def test_a_rooms_tasks_are_its_outermost_module() -> None:
    """No engine knows the command line."""
    for name, imports in IMPORTS.items():
        if room_of(name) not in ROOT_MODULES and not is_shell(name):
            assert not set(filter(is_shell, imports)), name


def test_invoke_appears_at_the_edge_only() -> None:
    """Everything below the tasks is an ordinary library."""
    for name, imports in IMPORTS.items():
        if "invoke" in {one.partition(".")[0] for one in imports}:
            is_edge = name.removeprefix("sceneshift.") in ROOT_MODULES
            assert is_edge or is_shell(name), name


def test_no_module_imports_itself_by_detours() -> None:
    """There is an order in which everything can be read."""
    graph = {
        name: imports_of(WithoutTypes().visit(tree)) & MODULES.keys()
        for name, tree in TREES.items()
    }
    assert set(TopologicalSorter(graph).static_order()) == MODULES.keys()


def test_what_runs_in_the_users_interpreter_needs_nothing_else() -> None:
    """A zygote has no packages of ours, and must not bring the user's in early."""
    own = {name for name in MODULES if name.startswith("sceneshift.dev.zygote.")}
    own |= {f"sceneshift.core.{name}" for name in ("blake2", "channel", "pydevd")}
    for name in own:
        body = WithoutTypes().visit(ast.parse(MODULES[name].read_text())).body
        top = ast.Module([each for each in body if not is_definition(each)], [])
        roots = {each.partition(".")[0] for each in imports_of(top)}
        assert roots <= {*sys.stdlib_module_names, "sceneshift"}, name
        assert imports_of(top) & MODULES.keys() <= own, name


def test_what_fills_a_database_needs_sqlalchemy_alone() -> None:
    """The project's interpreter may have nothing of ours."""
    own = {
        name for name in MODULES if name.startswith("sceneshift.data.seeding.child.")
    }
    assert own
    for name in own:
        imports = IMPORTS[name]
        roots = {each.partition(".")[0] for each in imports}
        allowed = {*sys.stdlib_module_names, "sceneshift", "sqlalchemy"}
        assert roots <= allowed, name
        assert imports & MODULES.keys() <= own, name


# Nor the site: a coverage measurement brings them in.
LOADED = """
import sys
sys.path.append(sys.argv[1])
import sceneshift.dev.zygote.server
print(*sys.modules)
"""


def test_a_zygote_loads_nothing_that_a_small_program_does_without() -> None:
    """It would be paid for at each start: `typing` and its like are 15 ms."""
    words = [sys.executable, "-I", "-S", "-c", LOADED, str(PACKAGE.parent)]
    loaded = subprocess.check_output(words, text=True).split()
    assert "sceneshift.dev.zygote.agent" in loaded
    assert not {"dataclasses", "pathlib", "typing"} & set(loaded)


START = """
import sys
import sceneshift.dev.start, sceneshift.dev.stack
print(*sys.modules)
"""


def test_a_start_pays_for_no_dataclass() -> None:
    """Each is 0.45 ms of every start, a struct or a named tuple a tenth of that."""
    words = [sys.executable, "-c", START]
    loaded = set(subprocess.check_output(words, text=True).split())
    assert "sceneshift.dev.supervisor" in loaded
    paid = {name for name in loaded & IMPORTS.keys() if "dataclasses" in IMPORTS[name]}
    assert not paid


def is_definition(node: ast.stmt) -> bool:
    """Say whether a statement imports nothing when its module is imported."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


# Of a child alone, or of the guard, which leaves every folder.
CHANGES = {
    "sceneshift.data.rehearsal.watching": {"environ"},  # of the program that it is in
    "sceneshift.data.seeding.child.main": {"environ"},  # told when all is known
    "sceneshift.data.snapshots.tracing": {"environ"},  # of the program that it begins
    "sceneshift.dev.guard.launch": {"chdir"},
    "sceneshift.dev.guard.main": {"chdir"},
    "sceneshift.dev.zygote.hooks": {"environ"},
    "sceneshift.ide.launch": {"chdir", "environ"},  # of the program that it becomes
}


def test_no_process_changes_its_own_environment_or_folder() -> None:
    """What children get is passed to them; there are many of them at once."""
    for name, tree in TREES.items():
        assert changes_of(tree) <= CHANGES.get(name, set()), name


def changes_of(tree: ast.AST) -> set[str]:
    """Return which of `environ` and `chdir` a module writes or calls."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            found |= {"environ"} & set(attributes_of(node.value))
        elif isinstance(node, ast.Call):
            names = attributes_of(node.func)
            found |= {"chdir", "fchdir", "putenv", "unsetenv"} & set(names)
            if names[:1] and names[0] in {"clear", "pop", "setdefault", "update"}:
                found |= {"environ"} & set(names[1:])
    return found


def attributes_of(node: ast.AST) -> list[str]:
    """Return the attributes of `a.b.c`, the last one first."""
    if not isinstance(node, ast.Attribute):
        return []
    return [node.attr, *attributes_of(node.value)]


def test_every_error_says_what_to_do_next() -> None:
    """A message without a hint leaves a person alone with it."""
    without = [
        f"{name}:{node.lineno}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ERRORS
        and "hint" not in {keyword.arg for keyword in node.keywords}
    ]
    assert without == []
