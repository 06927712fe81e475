"""`trader check`: every condition, without acting (runbooks/check.md)."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cli.invocation import Invocation


def check(
    context: typer.Context,
    only: Annotated[
        list[str] | None, typer.Option(help="Ask only this check; may be given several times.")
    ] = None,
    symbol: Annotated[str | None, typer.Option(help="What to look at; default: BINANCE_SYMBOL.")] = None,
    strategy: Annotated[str, typer.Option(help="Whose self-test to run.")] = "coherence",
) -> None:
    """Show every gate's condition without acting."""
    from cli.presenting import check_result
    from cli.requests import check_names, check_plan
    from cli.wiring import Wiring
    from core.operations.check import CheckResult, run_check
    from core.strategies import strategy as named

    invocation: Invocation = context.obj
    names = check_names(only)
    plan = check_plan(invocation.settings, symbol, strategy)
    result = CheckResult()
    wiring = Wiring(invocation)

    async def run() -> None:
        async with (
            wiring.venue(plan.stage.environment) as venue,
            wiring.desk(venue, symbol=plan.symbol, strategy=named(strategy), dry_run=False) as desk,
        ):
            await run_check(desk, plan, result, names)

    try:
        asyncio.run(run())
    finally:
        check_result(invocation.console, result)
    result.raise_if_failed()
