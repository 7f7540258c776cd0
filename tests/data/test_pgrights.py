from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resetting import ServerShop
from sceneshift.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from postgresql import Server


@pytest.mark.needs("postgresql")
def test_a_name_that_a_server_would_cut_off_is_refused(
    server: Server, tmp_path: Path
) -> None:
    """It would be that of another project's, which begins with the same."""
    url = server.url("ö" * 32, "psycopg")
    shop = ServerShop(tmp_path, "a", server=server, name="x", url=url)
    with pytest.raises(UsageError) as caught:
        shop.reset()
    assert caught.value.message.endswith("can be no database's name: it has 64 bytes")
    assert caught.value.hint == "give DATABASE_URL one of 1 to 63"
