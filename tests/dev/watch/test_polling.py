from __future__ import annotations

import pytest

from sceneshift.dev.watch.polling import delay_s, is_polling_forced, is_silent

MOUNTS = r"""/dev/vda / ext4 rw 0 0
drvfs /mnt/c 9p rw 0 0
/dev/vdb /mnt/c/inner ext4 rw 0 0
host /my\040share vboxsf rw 0 0
server:/home /home nfs4 rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/srv/app", False),
        ("/mnt/c/app", True),
        ("/mnt/cd", False),
        ("/mnt/c/inner/app", False),
        ("/my share/app", True),
        ("/home/me/app", False),
    ],
)
def test_shares_of_another_machine_tell_nothing(folder: str, expected: bool) -> None:  # noqa: FBT001
    """The innermost mount decides."""
    assert is_silent(folder, MOUNTS) is expected


def test_no_table_of_mounts_means_no_share() -> None:
    """Systems without it have their own ways."""
    assert not is_silent("/srv", "")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("", None), ("1", True), ("true", True), ("false", False), ("Disabled", False)],
)
def test_polling_is_forced_as_with_watchfiles(
    value: str,
    expected: bool | None,  # noqa: FBT001
) -> None:
    """One setting serves all reloaders."""
    assert is_polling_forced({"WATCHFILES_FORCE_POLLING": value}) is expected
    assert is_polling_forced({}) is None


def test_the_delay_is_watchfiles_own_setting() -> None:
    """Milliseconds; what is no number is as good as none."""
    assert delay_s({"WATCHFILES_POLL_DELAY_MS": "50"}) == 0.05
    assert delay_s({"WATCHFILES_POLL_DELAY_MS": "soon"}) == 0.3
    assert delay_s({}) == 0.3
