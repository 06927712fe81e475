"""`trader signal`: what a strategy says now (runbooks/signal.md)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import UsageError
from cli.invocation import Invocation
from core.gates import DEFAULT_STRATEGY

if TYPE_CHECKING:
    from core.strategies import Headline


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
        Path | None, typer.Option(metavar="FILE", help="Headlines, a line of JSON each, for lead-lag.")
    ] = None,
) -> None:
    """Show a strategy's decision now, with everything it was made of."""
    from cli.backtest_options import changes_of
    from cli.requests import made_strategy, symbol_of
    from cli.strategy_view import show_signal
    from cli.wiring import Wiring
    from core.operations.signal import Signal, read_signal
    from core.strategies import Series

    invocation: Invocation = context.obj
    settings = invocation.settings
    traded = Series(symbol_of(settings, symbol), settings.bar)
    asked = made_strategy(strategy, changes_of(changes or []))
    headlines = () if news is None else _headlines(invocation.cwd / news)
    wiring = Wiring(invocation)

    async def run() -> Signal:
        async with wiring.venue(settings.environment) as venue:
            await venue.market_data.ping()
            return await read_signal(venue, asked, traded, headlines)

    show_signal(invocation.console, asyncio.run(run()))


def _headlines(path: Path) -> tuple[Headline, ...]:
    from core.errors import ConfigError
    from core.strategies.news import headlines_of

    try:
        with path.open(encoding="utf-8") as lines:
            return headlines_of(lines)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", code="FILE_UNREADABLE") from None
    except ValueError as error:
        raise UsageError(
            f"--news {path}: {error}",
            hint='a line is {"published_ms": 1700000000000, "title": "…"}; source, url and score may follow',
        ) from None
