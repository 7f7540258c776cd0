"""Modules: those that are loaded, and adapting a server's right after its import."""

from __future__ import annotations

import importlib
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from sceneshift.dev.zygote.code import Territory


def adapt_on_import(adapters: dict[str, Callable[[ModuleType], None]]) -> None:
    """Have each adapter called once with its module, after that was imported."""
    loaded = [name for name in adapters if name in sys.modules]  # by a `.pth` file, say
    for name in loaded:
        adapters[name](sys.modules[name])
    others = {name: adapters[name] for name in adapters if name not in loaded}
    sys.meta_path.insert(0, _Finder(others))


class _Finder:
    """Finds these modules only, as others do, to wrap their loaders."""

    def __init__(self, adapters: dict[str, Callable[[ModuleType], None]]) -> None:
        self._adapters = adapters

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        adapt = self._adapters.pop(fullname, None)
        if adapt is None:
            return None
        for finder in sys.meta_path:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                # A Loader but for its base, whose module loads 20 others.
                spec.loader = _Wrapped(spec.loader, adapt)  # type: ignore[assignment]
                return spec
        return None


class _Wrapped:
    """A loader that has the module adapted after it ran."""

    def __init__(self, loader: Loader, adapt: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._adapt = adapt

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._adapt(module)


def import_if_there(name: str) -> None:
    """Import a module; one that is no more may not be needed any more either."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise


class Modules:
    """Those that are loaded, others' and the project's own.

    Attributes:
        left_out: Folders of what is no part of the program, each with a `/` at its end.
    """

    def __init__(self, territory: Territory) -> None:
        self.left_out: tuple[str, ...] = ()
        self._territory = territory
        self._known: set[str] = set()

    def note(self) -> None:
        """Look at others' modules once, for this process and all its forks."""
        self._known.update(self.find()[0])

    def find(self) -> tuple[list[str], list[str]]:
        """Return the names of others' that are not noted, and all of the project's."""
        foreign: list[str] = []
        own: list[str] = []
        for name, module in list(sys.modules.items()):
            if name in self._known:
                continue
            origin = getattr(getattr(module, "__spec__", None), "origin", None)
            is_program = name == "__main__" or name.split(".")[0] == "sceneshift"
            if origin is None or is_program or origin.startswith(self.left_out):
                continue
            is_own = self._territory.owns_module(origin)
            (own if is_own else foreign).append(name)
        return foreign, own
