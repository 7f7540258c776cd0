"""Database sessions as arguments of routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from demo.database import reading, writing


def reading_session(request: Request) -> Iterator[Session]:
    """Open a session for a route that changes nothing."""
    with reading(request.app.state.engine) as session:
        yield session


def writing_session(request: Request) -> Iterator[Session]:
    """Open a session for a route that changes something."""
    with writing(request.app.state.engine) as session:
        yield session


Reading = Annotated[Session, Depends(reading_session)]
# In the function's scope it commits before the answer is sent, so that
# who has the answer finds the change.
Writing = Annotated[Session, Depends(writing_session, scope="function")]
