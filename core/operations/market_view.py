"""The market as a strategy is to see it: its bars, and what it looks at beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from core.errors import ConfigError, Refused
from core.strategies.market import LiveMarket, MarketView, Series
from core.strategies.protocol import observed_by

if TYPE_CHECKING:
    from core.clock import Clock
    from core.ports import MarketData
    from core.strategies import Headline, Strategy

BARS_EXTRA = 50


async def recent_view(market_data: MarketData, strategy: Strategy, traded: Series) -> MarketView:
    """Return the newest closed bars: what the strategy needs, and some more for its self-test.

    Series are asked for one after another, what is traded first: of the others, what closed after its last
    bar is left out. Raises ConfigError STRATEGY_UNFIT for a strategy that cannot trade this.
    """
    try:
        needs = strategy.needs(traded)
    except ValueError as error:
        raise ConfigError(str(error), code="STRATEGY_UNFIT") from None
    series = {traded: await market_data.bars(*traded, needs[traded] + BARS_EXTRA)}
    for other, count in needs.items():
        if other != traded:
            series[other] = await market_data.bars(*other, count + BARS_EXTRA)
    view = MarketView(traded, series)
    return view.until(len(view.bars) - 1) if len(view.bars) else view


async def with_observed(
    view: MarketView,
    strategy: Strategy,
    market_data: MarketData,
    headlines: Sequence[Headline],
    clock: Clock,
    clock_speed: float,
) -> MarketView:
    """Return a view of closed bars with what the strategy looks at beside them. Raises what reads raise.

    On a clock that runs fast, ages are as much shorter: what counts is how late it is for us.
    """
    asked = observed_by(strategy)
    if asked.news_ms:
        view = view.told(headlines, asked.news_ms)
    live = LiveMarket(0)
    if asked.book_levels:
        live = await _with_book(live, market_data, view.traded.symbol, asked.book_levels)
    if asked.flow_ms:
        live = await _with_flow(live, market_data, view.traded.symbol, asked.flow_ms)
    if not (asked.book_levels or asked.flow_ms):
        return view
    now_ms = clock.now_ms()

    def measured_ms(received_ms: int | None) -> int | None:
        return None if received_ms is None else now_ms - round((now_ms - received_ms) / clock_speed)

    return replace(
        view,
        live=replace(
            live,
            ts_ms=now_ms,
            book_ts_ms=measured_ms(live.book_ts_ms),
            tape_ts_ms=measured_ms(live.tape_ts_ms),
        ),
    )


async def _with_book(live: LiveMarket, market_data: MarketData, symbol: str, levels: int) -> LiveMarket:
    try:
        book = await market_data.book(symbol, levels)
    except Refused:  # a side is empty: there is no book to speak of
        return live
    return replace(
        live,
        book_ts_ms=book.ts_recv_ms,
        bid=float(book.bids[0][0]),
        ask=float(book.asks[0][0]),
        bid_quantities=tuple(float(quantity) for _, quantity in book.bids),
        ask_quantities=tuple(float(quantity) for _, quantity in book.asks),
    )


async def _with_flow(live: LiveMarket, market_data: MarketData, symbol: str, span_ms: int) -> LiveMarket:
    flow = await market_data.taker_flow(symbol, span_ms)
    return replace(
        live,
        tape_ts_ms=flow.ts_recv_ms,
        taker_buys=float(flow.bought),
        taker_sells=float(flow.sold),
        trades=flow.trades,
    )
