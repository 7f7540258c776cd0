"""The applications that are reloaded: a light one, and a heavy one.

Each answers `/` with the values of its modules. LIGHT is FastAPI and three modules of a
constant each. HEAVY imports pandas, SQLAlchemy and httpx and has twenty modules of its
own, each with tables, schemas, routes, and a constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LIGHT = """\
from fastapi import FastAPI

import first, second, third

app = FastAPI()


@app.get("/")
async def values() -> list[int]:
    return [first.VALUE, second.VALUE, third.VALUE]
"""
_HEAVY = """\
from fastapi import FastAPI

{imports}

PARTS = [{parts}]
app = FastAPI()
for part in PARTS:
    app.include_router(part.router)


@app.get("/")
async def values() -> list[int]:
    return [part.VALUE for part in PARTS]
"""
_PART = """\
import httpx
import pandas
from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from parts.base import Base

VALUE = {value}
router = APIRouter(prefix="/{name}")
client = httpx.AsyncClient


class {title}(Base):
    __tablename__ = "{name}"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), index=True)
    state: Mapped[str] = mapped_column(String(20), default="new")
    weight: Mapped[float | None]
    rows: Mapped[list["{title}Row"]] = relationship(back_populates="owner")


class {title}Row(Base):
    __tablename__ = "{name}_row"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("{name}.id"))
    amount: Mapped[float]
    owner: Mapped[{title}] = relationship(back_populates="rows")


class {title}In(BaseModel):
    name: str = Field(max_length=80)
    state: str = "new"
    weight: float | None = None


class {title}Out({title}In):
    id: int


@router.get("/")
async def find(state: str = "", limit: int = 100) -> list[{title}Out]:
    return []


@router.post("/")
async def add(new: {title}In) -> {title}Out:
    return {title}Out(id=1, **new.model_dump())


@router.get("/sum")
async def sum_up() -> dict[str, float]:
    frame = pandas.DataFrame({{"amount": [1.0, 2.0], "kind": ["a", "b"]}})
    return frame.groupby("kind")["amount"].sum().to_dict()
"""
_BASE = """\
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass
"""
PARTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application in a folder.

    Attributes:
        folder: Where it lies; the server is to import `app:app` there.
        files: Those with a value, in the order in which they are imported.
    """

    folder: Path
    files: tuple[Path, ...]

    def save(self, index: int, value: int) -> None:
        """Give a module another value, as an editor that saves atomically does."""
        path = self.files[index]
        lines = path.read_text().splitlines(keepends=True)
        new = [f"VALUE = {value}\n" if x.startswith("VALUE = ") else x for x in lines]
        # Not *.py: a watcher of Python files must see one change and not two.
        draft = path.with_suffix(".draft")
        draft.write_text("".join(new))
        draft.replace(path)


def write_light(folder: Path) -> Application:
    """Write LIGHT."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "app.py").write_text(_LIGHT)
    files = tuple(folder / f"{name}.py" for name in ("first", "second", "third"))
    for path in files:
        path.write_text("VALUE = 0\n")
    return Application(folder=folder, files=files)


def write_heavy(folder: Path) -> Application:
    """Write HEAVY."""
    package = folder / "parts"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    (package / "base.py").write_text(_BASE)
    names = [f"part{number:02}" for number in range(PARTS)]
    for name in names:
        text = _PART.format(name=name, title=name.title(), value=0)
        (package / f"{name}.py").write_text(text)
    imports = "\n".join(f"from parts import {name}" for name in names)
    app = _HEAVY.format(imports=imports, parts=", ".join(names))
    (folder / "app.py").write_text(app)
    return Application(
        folder=folder, files=tuple(package / f"{name}.py" for name in names)
    )


APPLICATIONS = {"light": write_light, "heavy": write_heavy}
