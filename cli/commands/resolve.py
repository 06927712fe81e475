"""`trader resolve`: find out what became of orders of unknown fate (runbooks/resolve.md)."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cli.commands.cancel_all import YesOption
from cli.invocation import Invocation


def resolve(
    context: typer.Context,
    order: Annotated[
        str | None, typer.Argument(metavar="ORDER", help="Its client_order_id; default: all of the account.")
    ] = None,
    wait: Annotated[str, typer.Option(help="Ask at most this long.")] = "60s",
    import_trades: Annotated[
        list[str] | None,
        typer.Option(metavar="ID,ID…", help="Book these trades of the venue on the order."),
    ] = None,
    write_off: Annotated[bool, typer.Option("--write-off", help="Give the order up; books no fill.")] = False,
    reason: Annotated[
        str | None, typer.Option(help="What you found out; releases the quarantine of what is settled.")
    ] = None,
    yes: YesOption = False,
) -> None:
    """Find out what became of orders whose fate is unknown."""
    from cli.requests import resolve_wanted
    from cli.resolve_view import question, resolve_result
    from cli.wiring import Wiring
    from core.gates import DEFAULT_STRATEGY
    from core.operations.resolve import ResolveResult, known_order
    from core.operations.resolve import resolve as run_resolve
    from core.strategies import strategy

    invocation: Invocation = context.obj
    console, wiring = invocation.console, Wiring(invocation)
    wanted = resolve_wanted(order, wait, import_trades or [], write_off, reason)
    environment, symbol = wiring.settings.environment, wiring.settings.symbol
    wiring.locate(environment)
    if wanted.order is not None:
        with wiring.read_journal() as journal:
            symbol = known_order(journal, wanted.order).symbol
    if wanted.reason is not None:
        console.confirm(question(wanted), yes=yes)
    result = ResolveResult()

    async def run() -> None:
        with wiring.stoppable():
            async with (
                wiring.venue(environment) as venue,
                wiring.desk(venue, symbol=symbol, strategy=strategy(DEFAULT_STRATEGY), dry_run=False) as desk,
            ):
                await run_resolve(desk, wanted, result, tell=console.progress)

    try:
        asyncio.run(run())
    finally:
        resolve_result(console, result)
    result.raise_if_unsettled()
