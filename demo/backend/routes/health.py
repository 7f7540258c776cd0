"""Whether the backend can do its work."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from demo.backend.schemas import Health
from demo.database import reading

router = APIRouter(tags=["health"])

_UPGRADE = "alembic -c demo/alembic.ini upgrade head"


@router.get("/health", responses={503: {"model": Health}})
def get_health(request: Request, response: Response) -> Health:
    """Ask the database for its schema's revision; 503 where that fails."""
    try:
        with reading(request.app.state.engine) as session:
            session.execute(text("SELECT 1"))
            revision = session.scalar(text("SELECT version_num FROM alembic_version"))
    except DBAPIError as error:
        response.status_code = 503
        return Health(
            status="unavailable", database=str(error.orig), hint=f"run {_UPGRADE}"
        )
    return Health(status="ok", database="ok", revision=revision)
