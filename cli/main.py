"""The program `trader`: the way into its commands."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TextIO, cast

import typer

from cli import VERSION
from cli.catalog import CHAPTERS
from cli.console import Console
from cli.invocation import Invocation
from cli.options import Options, shared_parameters
from cli.registry import Group
from core.errors import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from core.settings import Settings

PROGRAM = "trader"
GARBAGE_AFTER = 50_000
COMPLETE = "_TRADER_COMPLETE"
"""Set by the shells that ask what may come next."""

app = typer.Typer(
    cls=Group,
    help="Take automated trading from a dry run to live money, and keep it safe there.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,  # `trader completion` knows names as well, and writes into nobody's startup files
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(context: typer.Context, asked: bool) -> None:
    if asked:
        console: Console = context.obj.console
        console.result(version=VERSION)
        console.line(f"{PROGRAM} {VERSION}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def program(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Show the help when no command was named; every command comes through here."""
    if context.invoked_subcommand is None:
        if context.obj.options.as_json:
            context.fail("no command was named")
        typer.echo(context.get_help())


def command_line() -> Group:
    """Return the whole command line, each command declared and none of them loaded."""
    group = typer.main.get_command(app)
    assert isinstance(group, Group)  # noqa: S101 - Typer makes what `cls` says
    group.params += shared_parameters()
    for chapter in CHAPTERS:
        group.declare_chapter(chapter)
    return group


def main(arguments: Sequence[str], invocation: Invocation) -> int:
    """Run one command line and return its exit code."""
    # A usage error may be found before the parser has come to --json.
    before_end = arguments[: arguments.index("--")] if "--" in arguments else arguments
    invocation.options.as_json = "--json" in before_end

    def command() -> None:
        returned = command_line().main(
            args=list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=invocation
        )
        # Typer makes a mere return value of Ctrl-C, which would look like a command that was done.
        if returned == EXIT_INTERRUPTED:
            raise KeyboardInterrupt

    return invocation.console.run(command)


def run() -> NoReturn:
    """Be the program: the only place that reads the process environment, folder and streams."""
    # A command begins by importing what stays: the collector would only look through it again and again.
    gc.set_threshold(GARBAGE_AFTER)
    options = Options()
    environ = dict(os.environ)
    console = Console(options, environ, _open(sys.stdin, "r"), _open(sys.stdout, "w"), _open(sys.stderr, "w"))
    invocation = Invocation(console, options, environ, _working_folder(), beside=_start_alerts)
    if COMPLETE in environ:
        _complete(environ[COMPLETE], sys.argv[1:], invocation)
    sys.exit(main(sys.argv[1:], invocation))


def _complete(shell: str, words: Sequence[str], invocation: Invocation) -> NoReturn:
    """Answer a shell that asks what may come next; whatever goes wrong, it is not disturbed."""
    from contextlib import suppress

    from cli.completion import answer

    with suppress(Exception):
        lines = answer(shell, words, command_line(), invocation.environ, invocation.cwd)
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    sys.exit(0)


def _start_alerts(settings: Settings) -> None:
    if settings.alert_urls is not None or settings.heartbeat_url is not None:
        from cli.alerting import start_beside

        start_beside(settings)


def _open(stream: TextIO | None, mode: str) -> TextIO:
    if stream is None:
        # Closed by the caller (`2>&-`); whatever is said there is meant for nobody.
        return cast("TextIO", open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123
    if isinstance(stream, io.TextIOWrapper):
        # A terminal or locale that cannot show Γ must not stop a command.
        stream.reconfigure(errors="backslashreplace")
    return stream


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        # Deleted under us: there is no ./.env to find, and nothing else needs the folder.
        return Path("/")


if __name__ == "__main__":
    run()
