from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import sceneshift

PACKAGE = Path(sceneshift.__file__).parent
ROOT_MODULES = {"composition", "discovery", "task"}
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


def room_of(module: str) -> str:
    """Return the first part below the package."""
    return module.split(".")[1]


def test_rooms_stand_on_the_ground_and_not_on_each_other() -> None:
    """Composition -> a room -> core; a room's tasks may use `@task`."""
    for name, imports in IMPORTS.items():
        room = room_of(name)
        if room in ROOT_MODULES:
            continue
        others = {room_of(other) for other in imports & MODULES.keys()}
        allowed = {room, "core"} | ({"task"} if name.endswith(".tasks") else set())
        assert others <= allowed, name


def test_a_rooms_tasks_are_its_outermost_module() -> None:
    """No engine knows the command line."""
    for name, imports in IMPORTS.items():
        if room_of(name) not in ROOT_MODULES:
            assert not {one for one in imports if one.endswith(".tasks")}, name


def test_invoke_appears_at_the_edge_only() -> None:
    """Everything below the tasks is an ordinary library."""
    for name, imports in IMPORTS.items():
        if "invoke" in {one.partition(".")[0] for one in imports}:
            is_edge = name in {"sceneshift.composition", "sceneshift.task"}
            assert is_edge or name.endswith(".tasks"), name


def test_no_module_imports_itself_by_detours() -> None:
    """There is an order in which everything can be read."""
    graph = {
        name: imports_of(WithoutTypes().visit(tree)) & MODULES.keys()
        for name, tree in TREES.items()
    }
    assert set(TopologicalSorter(graph).static_order()) == MODULES.keys()
