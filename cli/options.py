"""The options that every command takes, before and after its name.

Annotations are evaluated here, not kept as text: Typer would evaluate them at every start, again and again.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

QUIET_HELP = "Say only what is wrong."
VERBOSE_HELP = "Say more."
JSON_HELP = "Answer with one JSON document on stdout."
ENV_FILE_HELP = "Read this settings file."
HOME_HELP = "Use this home folder."


@dataclass(slots=True)
class Options:
    """What the command line said, on whichever side of the command; filled while it is parsed."""

    quiet: bool = False
    verbose: bool = False
    as_json: bool = False
    env_file: Path | None = None
    home: Path | None = None


def _note(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> Any:
    # An option that was not given here must not undo the same option given before the command.
    if value and context.obj is not None:
        setattr(context.obj.options, parameter.name, value)
    return value


def _named(text: str) -> Path:
    # An empty variable in a script must not mean the folder that the script happens to be in.
    if not text:
        raise typer.BadParameter("it names nothing")
    return Path(text)


def _shared(
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help=QUIET_HELP, callback=_note, expose_value=False, is_eager=True),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help=VERBOSE_HELP, callback=_note, expose_value=False, is_eager=True),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help=JSON_HELP, callback=_note, expose_value=False, is_eager=True)
    ] = False,
    env_file: Annotated[
        Path | None,
        typer.Option(
            "--env-file",
            help=ENV_FILE_HELP,
            parser=_named,
            metavar="<path>",
            callback=_note,
            expose_value=False,
            is_eager=True,
        ),
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(
            "--home",
            help=HOME_HELP,
            parser=_named,
            metavar="<path>",
            callback=_note,
            expose_value=False,
            is_eager=True,
        ),
    ] = None,
) -> None:
    """Carry the declarations; Typer reads options from a signature."""


@cache
def shared_parameters() -> list[Any]:
    """Return Typer's parameters for the shared options, to be added to every command."""
    app = typer.Typer(add_completion=False)
    app.command()(_shared)
    return [parameter for parameter in typer.main.get_command(app).params if parameter.name != "help"]
