from __future__ import annotations

import pytest

from sceneshift.core.mounts import find_file_system

MOUNTS = "a / ext4 rw 0 0\nb /home nfs4 rw 0 0\nc /home/my\\040work 9p rw 0 0\n"


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/srv", "ext4"),
        ("/homes", "ext4"),
        ("/home/me", "nfs4"),
        ("/home/my work", "9p"),
    ],
)
def test_the_longest_mount_point_counts(folder: str, kind: str) -> None:
    """A folder of a similar name is another one."""
    assert find_file_system(folder, MOUNTS) == kind


def test_without_mounts_nothing_is_known() -> None:
    """As on a system that does not tell."""
    assert find_file_system("/srv", "") == ""
