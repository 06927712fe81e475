"""What only a live venue tells, as readings from −1 (selling) to +1 (buying). 0 while it is not known.

Book and tape point where they lean; a premium of the mark and a funding rate above its usual are contrarian.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from core.indicators import basis_rate, depth_imbalance, funding_excess, spread_rate, taker_share
from core.strategies.confluence.parameters import LivePoints
from core.strategies.market import LiveMarket

LEVELS = 20
FLOW_MS = 60_000
AGE_MS_MAX = 5_000
FUNDING_AGE_MS_MAX = 600_000
_IMBALANCE_SCALE, _FLOW_SCALE, _BASIS_SCALE, _FUNDING_SCALE = 0.3, 0.3, 0.0015, 0.0005


def live_points(live: LiveMarket, points: LivePoints, flow_trades_min: int) -> Mapping[str, float]:
    """Return the points of each module by its name, all of them, 0 where there is nothing fresh."""
    readings = (_depth(live), _flow(live, flow_trades_min), _basis(live), _funding(live))
    names = (field.name for field in fields(LivePoints))
    return {
        name: most * max(-1.0, min(1.0, reading or 0.0))
        for name, most, reading in zip(names, points, readings, strict=True)
    }


def spread(live: LiveMarket) -> float | None:
    """Return the spread as a fraction of the middle, None when it is not known."""
    if not live.is_fresh(live.book_ts_ms, AGE_MS_MAX) or live.bid is None or live.ask is None:
        return None
    return spread_rate(live.bid, live.ask)


def opposite_depth(live: LiveMarket, side: int) -> float | None:
    """Return the value in quote that the levels hold against a taker; `side`: 1 buys, −1 sells."""
    quantities, price = (live.ask_quantities, live.ask) if side > 0 else (live.bid_quantities, live.bid)
    if not live.is_fresh(live.book_ts_ms, AGE_MS_MAX) or price is None:
        return None
    return sum(quantities[:LEVELS]) * price


def _depth(live: LiveMarket) -> float | None:
    if not live.is_fresh(live.book_ts_ms, AGE_MS_MAX):
        return None
    imbalance = depth_imbalance(live.bid_quantities[:LEVELS], live.ask_quantities[:LEVELS])
    return None if imbalance is None else imbalance / _IMBALANCE_SCALE


def _flow(live: LiveMarket, trades_min: int) -> float | None:
    if not live.is_fresh(live.tape_ts_ms, AGE_MS_MAX) or live.trades < trades_min:
        return None
    share = taker_share(live.taker_buys, live.taker_sells)
    return None if share is None else (share - 0.5) / _FLOW_SCALE


def _basis(live: LiveMarket) -> float | None:
    if not live.is_fresh(live.mark_ts_ms, AGE_MS_MAX) or live.mark is None or live.index is None:
        return None
    basis = basis_rate(live.mark, live.index)
    return None if basis is None else -basis / _BASIS_SCALE


def _funding(live: LiveMarket) -> float | None:
    if not live.is_fresh(live.funding_ts_ms, FUNDING_AGE_MS_MAX) or live.funding_rate is None:
        return None
    return -funding_excess(live.funding_rate) / _FUNDING_SCALE
