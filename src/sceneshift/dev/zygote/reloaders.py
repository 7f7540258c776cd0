"""Reloaders that programs start from their own code: `app.run(debug=True)`.

What their command lines ask for is left out before they start. Here is what cannot be
seen there. Each of them would start a second interpreter, of which nothing is known.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


def adapt_bottle(module: ModuleType) -> None:
    """Take `reloader` out of the arguments of `bottle.run`."""
    run: Callable[..., None] = module.run

    def wrapped(*args: Any, **options: Any) -> None:
        run(*args, **{**options, "reloader": False})

    module.run = wrapped  # type: ignore[attr-defined]


def adapt_django(module: ModuleType) -> None:
    """Replace `run_with_reloader`, which `runserver` and people's commands call."""
    module.run_with_reloader = lambda main, *args, **options: main(*args, **options)  # type: ignore[attr-defined]


def adapt_sanic(module: ModuleType) -> None:
    """Have `Sanic.serve` serve by itself: its workers are what its reloader ends."""
    mixin: Any = module.StartupMixin
    mixin.serve = classmethod(
        lambda cls, primary=None, **_options: cls.serve_single(primary)
    )


def adapt_tornado(module: ModuleType) -> None:
    """Replace `start`, which an application with `debug=True` calls."""
    module.start = lambda *_args, **_options: None  # type: ignore[attr-defined]


def adapt_uvicorn(module: ModuleType) -> None:
    """Replace `Config.should_reload`, which `uvicorn.run(reload=True)` reads."""
    config: Any = module.Config
    config.should_reload = False


def adapt_werkzeug(module: ModuleType) -> None:
    """Replace `run_with_reloader`; its options are the reloader's."""
    module.run_with_reloader = lambda main, *_args, **_options: main()  # type: ignore[attr-defined]


ADAPTERS: dict[str, Callable[[ModuleType], None]] = {
    "bottle": adapt_bottle,
    "django.utils.autoreload": adapt_django,
    "sanic.mixins.startup": adapt_sanic,
    "tornado.autoreload": adapt_tornado,
    "uvicorn.config": adapt_uvicorn,
    "werkzeug._reloader": adapt_werkzeug,
}
