"""Files of new revisions, written aside and given their names when they are whole.

Alembic writes them, by the project's own template and names. Their drafts have a name
before it that Alembic takes for an editor's lock, and does not read: what is killed
half-way leaves no file that all commands fail at.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import sync
from sceneshift.data.renaming import MARK
from sceneshift.data.revision import Revision, read_revision
from sceneshift.data.scripts import name_below
from sceneshift.data.upgrade import DESCRIBING, NO_MODELS, list_found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sceneshift.data.revisions import History
    from sceneshift.data.scripts import Scripts
    from sceneshift.data.upgrade import Upgrade

_VARIABLE = "SCENESHIFT_ALEMBIC_ORDER"
_MODULE = "module by sceneshift: "
_IMPORTS = re.compile(
    r"^(?:from alembic import op|import sqlalchemy\b.*)$", re.MULTILINE
)
# As `command.revision` does it, but that what is empty is not written.
_WRITING = f"""{DESCRIBING}
import json
from alembic import util
from alembic.autogenerate import RevisionContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

def list_types(ops):
    for each in ops:
        yield from list_types(getattr(each, "ops", ()))
        columns = [*getattr(each, "columns", ()), getattr(each, "column", None)]
        yield from (getattr(column, "type", None) for column in columns)
        yield getattr(each, "modify_type", None)
        yield getattr(each, "existing_type", None)

def write(config):
    order = json.loads(os.environ.pop({_VARIABLE!r}))
    is_compared, given = order.pop("is_compared"), order.pop("given")
    script = ScriptDirectory.from_config(config)
    folders, slash, name = script.file_template.rpartition("/")
    script.file_template = folders + slash + {MARK!r} + name
    revisions = RevisionContext(
        config,
        script,
        dict(order, autogenerate=is_compared, sql=False, splice=False,
             depends_on=None),
    )
    revisions.template_args.update(given or {{}})

    def look(current, context):
        if is_compared:
            revisions.run_autogenerate(current, context)
        else:
            revisions.run_no_autogenerate(current, context)
        return []

    is_run = util.asbool(config.get_alembic_option("revision_environment"))
    if is_compared or (is_run and given is None):
        with EnvironmentContext(
            config,
            script,
            fn=look,
            as_sql=False,
            template_args=revisions.template_args,
            revision_context=revisions,
        ):
            script.run_env()
    scripts = revisions.generated_revisions
    made = [ops for each in scripts for ops in each.upgrade_ops_list]
    if is_compared:
        for each in made:
            tell_of(each.as_diffs())
        if all(each.is_empty() for each in made):
            return
        for module in sorted({{type(each).__module__ for each in list_types(made)}}):
            print({_MODULE!r} + module)
    for _ in revisions.generate_scripts():
        pass

COMMANDS["heads"] = (write, [], [])
"""


class Wanted(Struct, frozen=True, kw_only=True):
    """What a revision is to be; the names are Alembic's.

    Attributes:
        message: What it does.
        head: What it comes after, as Alembic takes it; several are merged.
        rev_id: Its id; None leaves that to Alembic.
        version_path: Its folder; None is that of the one before.
        is_compared: Whether it is to do what the models have and the database has not.
        branch_label: Names of the branch that begins with it; None where it has none.
        given: What the template gets, as `upgrades`; None leaves that to Alembic.
    """

    message: str
    head: str | tuple[str, ...]
    rev_id: str | None = None
    version_path: str | None = None
    is_compared: bool = False
    branch_label: tuple[str, ...] | None = None
    given: dict[str, str] | None = None


class Written(Struct, frozen=True, kw_only=True):
    """What has been written.

    Attributes:
        revisions: The new revisions; none where there was nothing to write.
        found: What the models have and the database has not, as `Upgrade.compare`.
    """

    revisions: tuple[Revision, ...] = ()
    found: tuple[str, ...] = ()

    def as_json(self, root: Path) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "found": list(self.found),
            "revisions": [
                {
                    "id": each.id,
                    "path": name_below(root, each.file),
                    "after": list(each.down),
                }
                for each in self.revisions
            ],
        }


def write(upgrade: Upgrade, wanted: Wanted) -> Written:
    """Have Alembic write a revision.

    Args:
        upgrade: How it is run; the database is what models are compared with.
        wanted: What the revision is to be.

    Raises:
        ComponentError: The project's Python has no Alembic.
        SceneshiftError: It failed; nothing is left of it.
    """
    _sweep(upgrade.scripts)
    order = msgspec.json.encode(wanted).decode()
    program = replace(
        upgrade,
        words=("heads",),
        more=_WRITING,
        act="new revision",
        env={**upgrade.env, _VARIABLE: order},
    )
    try:
        said = program.run()
        found = list_found(said)
        drafts = list(_list_drafts(upgrade.scripts))
        for each in drafts:
            _import(each, said)
            _check(each)
        files = [give_name(each) for each in drafts]
    except SceneshiftError as error:
        if NO_MODELS not in error.message:
            raise
        name = name_below(upgrade.root, upgrade.scripts.environment)
        raise SceneshiftError(
            f"{name} names no models to write a revision by: `target_metadata`",
            hint="name them there, or write an empty one: inv data.new … --empty",
        ) from error
    finally:
        _sweep(upgrade.scripts)
    return Written(
        revisions=tuple(map(read_revision, files)), found=tuple(dict.fromkeys(found))
    )


def number_next(history: History) -> str | None:
    """Return the next id where all are numbers of one length; None elsewhere."""
    ids = history.revisions
    are_numbers = all(each.isascii() and each.isdigit() for each in ids)
    if not ids or not are_numbers or len({len(each) for each in ids}) > 1:
        return None
    width = len(next(iter(ids)))
    following = str(max(map(int, ids)) + 1).zfill(width)
    return following if len(following) == width else None


def choose_folder(scripts: Scripts, after: Sequence[str]) -> str | None:
    """Return the folder of a revision, where nothing before it has one of several."""
    if after or len(scripts.versions) == 1:
        return None
    return str(scripts.versions[0])


def _list_drafts(scripts: Scripts) -> Iterator[Path]:
    for folder in dict.fromkeys(scripts.versions):
        yield from sorted(folder.rglob(f"{MARK}*"))


def _sweep(scripts: Scripts) -> None:
    for each in _list_drafts(scripts):
        each.unlink(missing_ok=True)


def _import(draft: Path, said: str) -> None:
    """Import what the types of columns come from: Alembic names it, and no more."""
    text = written = draft.read_text(encoding="utf-8")
    for line in said.splitlines():
        module = line.removeprefix(_MODULE)
        place = _IMPORTS.search(written)
        is_named = re.search(rf"(?<![\w.]){re.escape(module)}\.\w", written)
        if module == line or place is None or not is_named:
            continue
        if f"import {module}\n" not in written:
            start = place.start()
            written = f"{written[:start]}import {module}\n{written[start:]}"
    if written != text:
        draft.write_text(written, encoding="utf-8")


def _check(draft: Path) -> None:
    """Make sure that Alembic will be able to read it.

    Raises:
        SceneshiftError: It is no program, or no revision: the template is at fault.
    """
    try:
        ast.parse(draft.read_bytes())
    except (SyntaxError, ValueError) as error:
        name = draft.name.removeprefix(MARK)
        raise SceneshiftError(
            f"{name} would be no program, and was not written: {error}",
            hint="mend script.py.mako, or what env.py makes of it",
        ) from error
    read_revision(draft)


def give_name(draft: Path) -> Path:
    """Rename a complete draft, so that a crash of the machine leaves it or none.

    Raises:
        SceneshiftError: The name is another file's.
    """
    path = draft.with_name(draft.name.removeprefix(MARK))
    if path.exists():
        raise SceneshiftError(
            f"there is a file of this name already: {path.name}",
            hint="choose another message, or rename that one",
        )
    sync(draft)
    draft.rename(path)
    sync(path.parent)
    return path
