"""`trader check`: every condition, without acting (runbooks/check.md)."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cli.invocation import Invocation
from core.gates import DEFAULT_STRATEGY


def check(
    context: typer.Context,
    only: Annotated[
        list[str] | None, typer.Option(help="Ask only this check; may be given several times.")
    ] = None,
    symbol: Annotated[str | None, typer.Option(help="What to look at; default: BINANCE_SYMBOL.")] = None,
    strategy: Annotated[str, typer.Option(help="Whose self-test to run.")] = DEFAULT_STRATEGY,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter, as the stage will."),
    ] = None,
) -> None:
    """Show every gate's condition without acting."""
    from cli.backtest_options import changes_of
    from cli.presenting import check_result
    from cli.requests import check_names, check_plan, made_strategy
    from cli.wiring import Wiring
    from core.operations.check import CheckResult, run_check

    invocation: Invocation = context.obj
    plan = check_plan(invocation.settings, symbol, strategy)
    names = check_names(only, plan)
    chosen = made_strategy(plan.strategy, changes_of(changes or []))
    result = CheckResult()
    wiring = Wiring(invocation)
    wiring.locate(plan.stage.environment)
    try:
        asyncio.run(run_check(wiring, plan, chosen, result, names))
    finally:
        check_result(invocation.console, result)
    result.raise_if_failed()
