"""`trader halt`: nothing is sent any more but cancels and flatten (runbooks/halt.md)."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.invocation import Invocation


def halt(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why, for the journal.")] = "halted by the operator",
) -> None:
    """Let nothing be sent any more but cancels and flatten."""
    from cli.reducing_views import halt_result
    from core.clock import SystemClock
    from core.config import home_folder
    from core.errors import ConfigError
    from core.ids import system_random
    from core.operations.books import open_books
    from core.operations.halt import HaltResult
    from core.operations.halt import halt as run_halt

    invocation: Invocation = context.obj
    unusable: ConfigError | None = None
    try:
        home = invocation.settings.home
    except ConfigError as error:
        # A typo in a limit must not keep anybody from halting; which home the file named is not known.
        unusable, home = error, home_folder(invocation.environ, invocation.cwd, invocation.options.home)
    result, clock = HaltResult(home), SystemClock()
    with open_books(home, clock, system_random) as books:
        run_halt(books, clock, reason, result)
    halt_result(invocation.console, result)
    result.raise_if_running()
    if unusable is not None:
        raise unusable
