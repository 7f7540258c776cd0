"""The development workflow of Python and JavaScript teams, as inv tasks."""

__all__ = ["__version__", "namespace"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load `namespace` when it is asked for: it brings invoke with it."""
    if name == "namespace":
        from sceneshift.composition import namespace  # noqa: PLC0415

        return namespace
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
