from __future__ import annotations

import io
import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import RefusedError, UsageError
from sceneshift.env.export import ExportRequest, export_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Export = Callable[..., dict[str, str]]

FILES = {
    "Procfile": "web: sleep 1\n",
    "pyproject.toml": "[tool.sceneshift.environments.production]\nprotected = true",
    ".env": "API_KEY=abc\nLEVEL=debug\n",
    ".env.production": "API_KEY=prod",
    ".env.staging": "ONLY_HERE=1",
}


@pytest.fixture(name="export")
def make_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Export:
    """Return what exports, and gives back standard output as names and texts."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)

    def export(environ: Mapping[str, str] | None = None, **options: Any) -> Any:
        request = ExportRequest(**{"name": None, "form": "sh", **options})
        export_variables(tmp_path, environ or {}, request)
        said = capsys.readouterr().out
        words = [shlex.split(line) for line in said.splitlines()]
        exports = [word[1].partition("=") for word in words if word[0] == "export"]
        found = {name: text for name, _, text in exports}
        found |= {word[1]: "(unset)" for word in words if word[0] == "unset"}
        return found

    return export


def test_secrets_come_out_and_the_shells_own_do_not(export: Export) -> None:
    """What the project defines, with the values that processes get."""
    found = export({"HOME": "/", "LEVEL": "error"})
    found.pop("SCENESHIFT_EXPORTED")
    assert found == {
        "API_KEY": "abc",
        "ENVIRONMENT": "development",
        "LEVEL": "error",
        "WEB_PORT": "5000",
        "WEB_URL": "http://127.0.0.1:5000",
    }


def test_only_an_environment_that_is_named_stays_the_active_one(
    export: Export,
) -> None:
    """Else a switch would not be seen in that shell."""
    assert export(name="dev")["SCENESHIFT_ENV"] == "development"
    assert "SCENESHIFT_ENV" not in export()


def test_a_shell_can_go_from_one_environment_to_another(export: Export) -> None:
    """Nothing of the first one is left, but for what the person has set."""
    shell = {"LEVEL": "error"}
    shell |= export(shell, name="staging")
    assert shell["ONLY_HERE"] == "1"
    shell |= {"API_KEY": "mine"}
    shell |= export(shell, name="production")
    assert shell["ONLY_HERE"] == "(unset)"
    assert (shell["API_KEY"], shell["LEVEL"]) == ("mine", "error")
    assert shell["ENVIRONMENT"] == "production"


def test_fish_forgets_too(
    export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In its own words; a file's reader has nothing to forget."""
    shell = export(name="staging")
    for form, expected in (("fish", True), ("dotenv", False), ("github", False)):
        export_variables(tmp_path, shell, ExportRequest(name="prod", form=form))
        said = capsys.readouterr().out
        assert ("set -e ONLY_HERE\n" in said) is expected
        assert ("SCENESHIFT_EXPORTED" in said) is (form != "dotenv")


def test_a_protected_environment_is_not_shown_by_accident(
    export: Export,
) -> None:
    """To a terminal only when that is confirmed; a pipe is for a program."""
    with pytest.raises(RefusedError) as caught:
        export(name="production", is_terminal=True)
    assert caught.value.message.startswith("`production` is protected, and this would")
    assert (caught.value.hint or "").endswith("--yes")
    assert export(name="production")["API_KEY"] == "prod"
    confirmed = export(name="production", is_terminal=True, is_confirmed=True)
    assert confirmed["API_KEY"] == "prod"


def test_a_terminal_is_told_which_secrets_it_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It keeps what it shows."""
    (tmp_path / ".env").write_text("API_KEY=abc")
    request = ExportRequest(name=None, form="json", is_terminal=True)
    export_variables(tmp_path, {}, request)
    said = capsys.readouterr()
    assert said.err == "this shows secrets: API_KEY; masked: inv env.show\n"
    assert json.loads(said.out)["API_KEY"] == "abc"
    (tmp_path / ".env").unlink()
    export_variables(tmp_path, {}, request)
    assert capsys.readouterr().err == ""


def test_what_a_format_cannot_say_is_left_out_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No shell can be given such a name."""
    (tmp_path / ".env").write_text("A-B=1\nC=2")
    export_variables(tmp_path, {}, ExportRequest(name=None, form="sh"))
    said = capsys.readouterr()
    assert said.err == "left out, for the format cannot say it: `A-B`\n"
    assert "A-B" not in said.out


def test_an_unknown_format_is_refused_with_the_nearest(export: Export) -> None:
    """Bad usage."""
    with pytest.raises(UsageError) as caught:
        export(form="dotnev")
    assert caught.value.message == "there is no format `dotnev`"
    assert caught.value.hint == (
        "did you mean `dotenv`? one of dotenv, sh, fish, github, json"
    )
    with pytest.raises(UsageError) as caught:
        export(form="9")
    assert caught.value.hint == "one of dotenv, sh, fish, github, json"


def test_a_stream_of_text_gets_text() -> None:
    """A program that catches output need not have bytes."""
    out = io.StringIO()
    StreamConsole(out).secret_data("postgresql://u:pw@h\n")
    assert out.getvalue() == "postgresql://u:pw@h\n"
