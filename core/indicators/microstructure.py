"""What the order book, the tape and the futures market say beside the bars. Single numbers, not arrays.

None where there is nothing to measure: an empty book or tape is not a balanced one.
"""

from __future__ import annotations

from collections.abc import Sequence

FUNDING_BASELINE = 0.0001
"""The usual funding rate of perpetual futures per 8 hours: 0.01 %."""


def depth_imbalance(bid_quantities: Sequence[float], ask_quantities: Sequence[float]) -> float | None:
    """Return (B − A)/(B + A) of what is bid and asked in the levels given, −1 … 1."""
    bids, asks = sum(bid_quantities), sum(ask_quantities)
    return (bids - asks) / (bids + asks) if bids + asks > 0 else None


def taker_share(buys: float, sells: float) -> float | None:
    """Return the share of takers' buys in what was taken, by value, 0 … 1."""
    return buys / (buys + sells) if buys + sells > 0 else None


def basis_rate(mark: float, index: float) -> float | None:
    """Return how far a future's mark lies above its index, as a fraction of the index."""
    return (mark - index) / index if index > 0 else None


def funding_excess(rate: float) -> float:
    """Return a funding rate per 8 hours less its usual value, as a fraction."""
    return rate - FUNDING_BASELINE


def spread_rate(bid: float, ask: float) -> float | None:
    """Return (ask − bid)/mid; None when there is no price on a side, or the book is crossed."""
    return 2 * (ask - bid) / (ask + bid) if 0 < bid <= ask else None


def microprice(bid: float, ask: float, bid_quantity: float, ask_quantity: float) -> float | None:
    """Return the middle weighted by the quantity on the other side.

    Source: Stoikov (2018), The Micro-Price, first-order form.
    """
    total = bid_quantity + ask_quantity
    return (bid * ask_quantity + ask * bid_quantity) / total if total > 0 else None
