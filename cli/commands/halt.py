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
    from core.config import told_home
    from core.ids import system_random
    from core.operations.books import open_books
    from core.operations.halt import HaltResult
    from core.operations.halt import halt as run_halt

    invocation: Invocation = context.obj
    options = invocation.options
    told = told_home(invocation.environ, invocation.cwd, options.env_file, options.home)
    invocation.console.locate(env_file=told.env_file)
    result, clock = HaltResult(told.path), SystemClock()
    with open_books(told.path, clock, system_random) as books:
        run_halt(books, clock, reason, result)
    halt_result(invocation.console, result)
    result.raise_if_running()
    if told.doubt is not None:
        raise told.doubt
