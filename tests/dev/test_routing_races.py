"""Which processes a changed file concerns, where two things happen at once."""

from __future__ import annotations

from pathlib import Path

from sceneshift.dev.routing import Router


class Disk:
    """Digests of files, as a test says."""

    def __init__(self) -> None:
        self.digests: dict[Path, str] = {}

    def digest(self, path: Path) -> str | None:
        """Return what the file is said to have."""
        return self.digests.get(path)


FILE = Path("/project/module.py")


def make() -> tuple[Router, Disk]:
    """Return a router that knows one process."""
    disk = Disk()
    router = Router(Path("/project"), disk.digest)
    router.add("web")
    return router, disk


def test_what_a_generation_read_first_counts() -> None:
    """A second worker of it may have read newer code already."""
    router, disk = make()
    assert not router.report("web", str(FILE), "one")
    disk.digests[FILE] = "two"
    assert not router.report("web", str(FILE), "two")
    assert router.affected([FILE]) == {"web": (FILE,)}


def test_a_change_before_the_report_is_not_missed() -> None:
    """It concerned nobody when it came, and concerns the reader now."""
    router, disk = make()
    disk.digests[FILE] = "two"
    assert router.affected([FILE]) == {}
    assert router.report("web", str(FILE), "one")


def test_a_report_that_is_newer_than_the_last_change_misses_nothing() -> None:
    """The change itself is still to come."""
    router, disk = make()
    disk.digests[FILE] = "two"
    router.affected([FILE])
    disk.digests[FILE] = "three"
    assert not router.report("web", str(FILE), "three")
