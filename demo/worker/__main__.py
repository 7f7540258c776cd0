"""Run queued tasks until told to stop: `python -m demo.worker`."""

from __future__ import annotations

import logging
import sys

from demo.database import make_engine
from demo.settings import load_settings
from demo.worker.loop import Worker


def main() -> None:
    """Run one worker."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    settings = load_settings()
    engine = make_engine(settings.database_url)
    try:
        Worker(engine=engine, settings=settings).run()
    finally:
        engine.dispose()


if __name__ == "__main__":
    main()
