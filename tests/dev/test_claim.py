"""Being the only stack of a checkout."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import BusyError
from sceneshift.core.paths import StateFolder
from sceneshift.dev.claim import Claim, claim_checkout

if TYPE_CHECKING:
    from pathlib import Path


def test_a_claim_whose_folder_was_removed_is_made_anew(tmp_path: Path) -> None:
    """A lock on a file that is no more would let a second stack start."""
    state = StateFolder(tmp_path)
    with claim_checkout(state) as claim:
        shutil.rmtree(state.path)
        claim.restore()
        claim.restore()
        with pytest.raises(BusyError, match="a stack runs in this checkout already"):
            Claim(state)
        assert (state.path / "dev.stack").read_text() == claim.stack_id
    Claim(state).close()


def test_who_claims_it_in_between_keeps_it(tmp_path: Path) -> None:
    """The first stack learns that there are two; the end of it takes nothing away."""
    state = StateFolder(tmp_path)
    with claim_checkout(state) as first:
        shutil.rmtree(state.path)
        with claim_checkout(state) as second:
            with pytest.raises(BusyError):
                first.restore()
            name = (state.path / "dev.stack").read_text()
            assert name == second.stack_id != first.stack_id
