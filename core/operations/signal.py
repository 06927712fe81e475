"""What a strategy says now, as if nothing were held: bars, book and news, and the decision made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from core.errors import VenueUnavailable
from core.operations.market_view import recent_view, with_observed
from core.strategies.market import Headline, LiveMarket, Series

if TYPE_CHECKING:
    from core.ports import Venue
    from core.strategies import Decision, Strategy


@dataclass(frozen=True, slots=True)
class Signal:
    """A decision and what it was made of.

    `close`: of the newest closed bar, at `closed_ms`. `bars`: closed bars of each series. `live`: book and
    tape that went into it, None for a strategy that looks at neither. `headlines`: how many are recent
    enough to count.
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
    venue: Venue,
    strategy: Strategy,
    traded: Series,
    headlines: Sequence[Headline] = (),
    clock_speed: float = 1.0,
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
    view = await with_observed(view, strategy, venue.market_data, headlines, venue.clock, clock_speed)
    needs = strategy.needs(traded)
    return Signal(
        strategy=strategy,
        traded=traded,
        decision=strategy.decide(view),
        close=Decimal(repr(float(view.bars.close[-1]))),
        closed_ms=view.now_ms,
        bars={series: min(len(view.series[series]), count) for series, count in needs.items()},
        live=view.live,
        headlines=len(view.headlines),
    )
