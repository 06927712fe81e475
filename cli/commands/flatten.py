"""`trader flatten`: halt, cancel, sell, verify (runbooks/flatten.md)."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cli.commands.cancel_all import YesOption
from cli.invocation import Invocation


def flatten(
    context: typer.Context,
    account: Annotated[
        bool, typer.Option("--account", help="Sell what was there before us, too; asks for a phrase.")
    ] = False,
    yes: YesOption = False,
    confirm: Annotated[str | None, typer.Option(help="The phrase that --account asks for.")] = None,
) -> None:
    """Halt, cancel our orders, sell our position, and say whether it is flat."""
    from cli.reducing import ReducingWiring
    from cli.reducing_views import flatten_result
    from core.operations.flatten import flatten as run_flatten
    from core.operations.flatten_result import FlattenResult
    from core.operations.halt import HaltResult

    invocation: Invocation = context.obj
    wiring = ReducingWiring(invocation, phrase=confirm)
    wiring.locate(wiring.settings.environment)
    if not account:
        question = f"Halt, cancel our orders and sell our position at {wiring.where}?"
        invocation.console.confirm(question, yes=yes)
    result = FlattenResult(everybody=account, halted=HaltResult(wiring.settings.home))

    async def run() -> None:
        with wiring.stoppable():
            await run_flatten(wiring, result)

    try:
        asyncio.run(run())
    finally:
        flatten_result(invocation.console, result)
    result.raise_if_unsafe()
