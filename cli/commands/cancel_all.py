"""`trader cancel-all`: cancel our open orders at the venue (runbooks/cancel-all.md)."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cli.invocation import Invocation

YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask; needed without a terminal.")]


def cancel_all(
    context: typer.Context,
    symbol: Annotated[str | None, typer.Option(help="Only on this symbol.")] = None,
    account: Annotated[
        bool, typer.Option("--account", help="Everybody's orders on the account, not only ours.")
    ] = False,
    keep_stops: Annotated[
        bool, typer.Option("--keep-stops", help="Leave the stops that protect positions.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Cancel our open orders at the venue."""
    from cli.reducing import ReducingWiring, named_symbol
    from cli.reducing_views import cancel_all_result
    from core.operations.cancel_all import CancelAllResult
    from core.operations.cancel_all import cancel_all as run_cancel_all
    from core.operations.canceling import Scope

    invocation: Invocation = context.obj
    wiring = ReducingWiring(invocation)
    scope = Scope(named_symbol(symbol), everybody=account, keep_stops=keep_stops)
    wiring.locate(wiring.settings.environment)
    invocation.console.confirm(_question(scope.symbol, account, keep_stops, wiring.where), yes=yes)
    result = CancelAllResult(scope)

    async def run() -> None:
        with wiring.stoppable():
            await run_cancel_all(wiring, scope, result)

    try:
        asyncio.run(run())
    finally:
        cancel_all_result(invocation.console, result)
    result.raise_if_unsafe()


def _question(symbol: str | None, everybody: bool, keep_stops: bool, where: str) -> str:
    whose = "EVERYBODY's open orders, not only ours," if everybody else "our open orders"
    on = f" on {symbol}" if symbol else ""
    stops = "; stops stay" if keep_stops else ""
    return f"Cancel {whose}{on} at {where}{stops}?"
