"""The ambient order book: what other people have resting around the price.

Levels stand on a fixed grid and keep their quantity for a minute, so the book does not flicker while the
price moves through it. The last trade was at the best ask if its taker bought, at the best bid if its
taker sold.
"""

from __future__ import annotations

import numpy as np

from exchanges.paper.market import hashing
from exchanges.paper.market.model import Book, Ints, Level, MarketTrade

_GRID_FRACTION = 500_000
_SHARE_BITS = 19
"""A level holds up to 2**(16 - 19), an eighth, of a usual minute's quantity."""


def around(
    trade: MarketTrade, minute: int, levels: int, *, stream: np.uint64, base_ticks: int, typical_steps: int
) -> Book:
    """Return up to `levels` levels a side after that trade; fewer bids where the price nears zero."""
    grid = _grid(base_ticks)
    best_bid, best_ask = _best(trade, grid, stream)
    below = (best_bid - 1) // grid - np.arange(levels - 1)
    above = best_ask // grid + 1 + np.arange(levels - 1)
    bids = np.concatenate(([best_bid], below[below > 0] * grid))
    asks = np.concatenate(([best_ask], above * grid))
    prices = np.concatenate((bids, asks))
    quantities = _quantities(stream, prices, minute, typical_steps)
    pairs = [Level(*pair) for pair in zip(prices.tolist(), quantities.tolist(), strict=True)]
    return Book(bids=tuple(pairs[: len(bids)]), asks=tuple(pairs[len(bids) :]))


def quantity_at(
    trade: MarketTrade,
    minute: int,
    price: int,
    *,
    is_bid: bool,
    stream: np.uint64,
    base_ticks: int,
    typical_steps: int,
) -> int:
    """Return what rests at one price of a side after that trade, however deep; 0 where nobody does."""
    grid = _grid(base_ticks)
    best_bid, best_ask = _best(trade, grid, stream)
    is_deep = price % grid == 0 and (0 < price < best_bid if is_bid else price > best_ask)
    if not is_deep and price != (best_bid if is_bid else best_ask):
        return 0
    return int(_quantities(stream, np.array([price]), minute, typical_steps)[0])


def _grid(base_ticks: int) -> int:
    return max(1, base_ticks // _GRID_FRACTION)


def _best(trade: MarketTrade, grid: int, stream: np.uint64) -> tuple[int, int]:
    """Return best bid and best ask after that trade."""
    (spread,) = (hashing.hashes(stream, np.array([trade.ordinal])) % np.uint64(2 * grid)).tolist()
    best_bid = trade.price if trade.buyer_is_maker else max(1, trade.price - 1 - spread)
    best_ask = best_bid + 1 + spread if trade.buyer_is_maker else max(trade.price, best_bid + 1)
    return best_bid, best_ask


def _quantities(stream: np.uint64, prices: Ints, minute: int, typical_steps: int) -> Ints:
    bits = hashing.hashes(stream ^ np.uint64(minute), prices)
    share: Ints = (bits >> np.uint64(48)).astype(np.int64)
    return 1 + (share * typical_steps >> _SHARE_BITS)
