"""What a strategy says now, as if nothing were held: bars, book and news, and the decision made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from core.errors import Refused, VenueUnavailable
from core.operations.watch import recent_view
from core.strategies.market import Headline, LiveMarket, Series

if TYPE_CHECKING:
    from core.ports import MarketData, Venue
    from core.strategies import Decision, Strategy

BOOK_LEVELS = 20


@dataclass(frozen=True, slots=True)
class Signal:
    """A decision and what it was made of.

    `close`: of the newest closed bar, at `closed_ms`. `bars`: closed bars of each series. `live`: the order
    book that went into it, None when the venue shows none. `headlines`: how many were given.
    """

    strategy: Strategy
    traded: Series
    decision: Decision
    close: Decimal
    closed_ms: int
    bars: Mapping[Series, int]
    live: LiveMarket | None
    headlines: int


async def read_signal(
    venue: Venue, strategy: Strategy, traded: Series, headlines: Sequence[Headline] = ()
) -> Signal:
    """Ask the venue for what the strategy needs, and the strategy for its decision.

    Raises ConfigError STRATEGY_UNFIT or SYMBOL_UNKNOWN, VenueUnavailable VENUE_UNREADABLE where there is no
    closed bar yet, and what reads raise.
    """
    await venue.market_data.instrument(traded.symbol)  # names the symbol when there is none of this name
    view = await recent_view(venue.market_data, strategy, traded)
    if not len(view.bars):
        raise VenueUnavailable(
            f"{traded.symbol} has no closed {traded.interval} bar yet", code="VENUE_UNREADABLE"
        )
    live = await live_market(venue.market_data, traded.symbol, venue.clock.now_ms())
    view = replace(view, live=live, headlines=tuple(headlines))
    needs = strategy.needs(traded)
    return Signal(
        strategy=strategy,
        traded=traded,
        decision=strategy.decide(view),
        close=Decimal(repr(float(view.bars.close[-1]))),
        closed_ms=view.now_ms,
        bars={series: min(len(view.series[series]), count) for series, count in needs.items()},
        live=live,
        headlines=len(headlines),
    )


async def live_market(market_data: MarketData, symbol: str, now_ms: int) -> LiveMarket | None:
    """Return what the venue's order book tells, None where it is empty.

    Spot has no mark, no index and no funding; the tape is not read.
    """
    try:
        book = await market_data.book(symbol, BOOK_LEVELS)
    except Refused:
        return None
    return LiveMarket(
        ts_ms=max(now_ms, book.ts_recv_ms),
        book_ts_ms=book.ts_recv_ms,
        bid=float(book.bids[0][0]),
        ask=float(book.asks[0][0]),
        bid_quantities=tuple(float(quantity) for _, quantity in book.bids),
        ask_quantities=tuple(float(quantity) for _, quantity in book.asks),
    )
