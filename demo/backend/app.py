"""The web application: `uvicorn demo.backend.app:app`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import IntegrityError, OperationalError

from demo.backend.logs import quiet_polling
from demo.backend.routes import agents, health, overview, projects, tasks, users
from demo.database import make_engine
from demo.settings import Settings, load_settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application; without settings they come from the environment."""
    quiet_polling()
    app = FastAPI(
        title="Orchestrator",
        summary="People hand tasks of their projects to agents that run them.",
        version="0.1.0",
        docs_url="/api/docs",
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=_dispose_engine,
    )
    app.state.settings = settings or load_settings()
    app.state.engine = make_engine(app.state.settings.database_url)
    api = APIRouter(prefix="/api")
    for module in (overview, users, projects, tasks, agents):
        api.include_router(module.router)
    app.include_router(api)
    app.include_router(health.router)
    app.add_exception_handler(IntegrityError, _answer_conflict)
    app.add_exception_handler(OperationalError, _answer_unavailable)
    return app


@asynccontextmanager
async def _dispose_engine(app: FastAPI) -> AsyncIterator[None]:
    """Close the database's connections at the end."""
    yield
    app.state.engine.dispose()


def _answer_conflict(request: Request, error: Exception) -> JSONResponse:
    """Answer what only the database's own rules found out."""
    del request, error
    return JSONResponse({"detail": "the change contradicts another row"}, 409)


def _answer_unavailable(request: Request, error: Exception) -> JSONResponse:
    """Answer while the database is away, or has no schema yet."""
    del request
    reason = error.orig if isinstance(error, OperationalError) else error
    return JSONResponse({"detail": f"the database does not answer: {reason}"}, 503)


app = create_app()
