"""`trader signal`: what a strategy says now (runbooks/signal.md)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.invocation import Invocation
from core.gates import DEFAULT_STRATEGY


def signal(
    context: typer.Context,
    strategy: Annotated[str, typer.Option(help="Whose decision; `trader strategies` lists them.")] = (
        DEFAULT_STRATEGY
    ),
    symbol: Annotated[str | None, typer.Option(help="What to look at; default: BINANCE_SYMBOL.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter; may be given several times."),
    ] = None,
    news: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Headlines, a line of JSON each, for lead-lag; default: TRADER_NEWS."
        ),
    ] = None,
) -> None:
    """Show a strategy's decision now, with everything it was made of."""
    from cli.backtest_options import changes_of
    from cli.news_file import headlines_at, news_of
    from cli.requests import made_strategy, symbol_of
    from cli.strategy_view import show_signal
    from cli.wiring import Wiring
    from core.clock import speed_of
    from core.operations.signal import Signal, read_signal
    from core.strategies import Series

    invocation: Invocation = context.obj
    settings = invocation.settings
    traded = Series(symbol_of(settings, symbol), settings.bar)
    asked = made_strategy(strategy, changes_of(changes or []))
    if news is None:
        heard = news_of(settings.news, asked)()
        headlines = heard.headlines
        if heard.problem:
            invocation.console.warn(heard.problem)
    else:
        headlines = headlines_at(invocation.cwd / news)
    wiring = Wiring(invocation)

    async def run() -> Signal:
        async with wiring.venue(settings.environment) as venue:
            await venue.market_data.ping()
            return await read_signal(venue, asked, traded, headlines, speed_of(venue.clock))

    show_signal(invocation.console, asyncio.run(run()))
