"""Fill bars with trades: a path from open to close that touches exactly high and low.

Recorded and synthetic bars go through here alike; everything above is an aggregate of these trades.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from exchanges.paper.market import hashing
from exchanges.paper.market.model import TRADES_PER_MINUTE, Bars, Floats, Hashes, Ints

_BRIDGE_RANGE = 1.2533
"""The mean range of a Brownian bridge of variance 1: √(π/2)."""
_WORD_DEVIATION = 65536 / sqrt(12)


@dataclass(frozen=True)
class Outline:
    """What is settled of bars before their trades are: ticks and steps, every array of shape (n_bars,).

    `volume` is at least one step for each trade of a bar.
    """

    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints

    def cut(self, first: int, end: int) -> Outline:
        """Return the outlines from `first` up to `end`."""
        columns = (self.open, self.high, self.low, self.close, self.volume)
        return Outline(*(column[first:end] for column in columns))


@dataclass(frozen=True)
class Trades:
    """The trades of bars; every array has shape (trades_per_bar, n_bars), time runs down the columns."""

    price: Ints
    quantity: Ints
    taker_buys: NDArray[np.bool_]


def fill(outline: Outline, stream: np.uint64, first_step: int, trades_per_bar: int) -> Trades:
    """Return the trades of consecutive bars; `first_step` is the step of the first bar's first trade.

    A trade depends on nothing but the stream, its step and its own bar.
    """
    count = len(outline.open)
    steps = first_step + np.arange(trades_per_bar)[:, None] + trades_per_bar * np.arange(count)
    bits = hashing.hashes(stream, steps)
    price = _path(outline, hashing.word(bits, 0))
    return Trades(price, split(outline.volume, bits), taker_sides(price, bits))


def taker_sides(price: Ints | Floats, bits: Hashes) -> NDArray[np.bool_]:
    """Return whether the taker bought: he did where the price rose, by chance where it stood."""
    taker_buys = (bits >> np.uint64(63)).astype(np.bool_)
    rises, stays = price[1:] > price[:-1], price[1:] == price[:-1]
    taker_buys[1:] = rises | (stays & taker_buys[1:])
    return taker_buys


def _path(outline: Outline, noise: NDArray[np.float64]) -> Ints:
    """Return a random walk from open to close, folded into [low, high] and stretched to touch both."""
    last = len(noise) - 1
    opened, closed = outline.open.astype(np.float64), outline.close.astype(np.float64)
    low, high = outline.low.astype(np.float64), outline.high.astype(np.float64)
    span = high - low
    walk = noise - 32767.5
    walk[0] = 0
    np.cumsum(walk, axis=0, out=walk)
    walk *= span / (_BRIDGE_RANGE * _WORD_DEVIATION * sqrt(last))
    drift = (closed - opened - walk[-1]) / last
    walk += np.arange(last + 1)[:, None] * drift
    walk += opened - low
    np.abs(walk, out=walk)
    folded = span - np.abs(span - walk)
    np.maximum(folded, 0, out=folded)
    inside = folded[1:-1]  # its random values are never all alike, unless the bar is flat
    at_top, at_bottom = inside == inside.max(axis=0), inside == inside.min(axis=0)
    path: Ints = np.rint(folded + low).astype(np.int64)
    np.copyto(path[1:-1], outline.low, where=at_bottom)
    np.copyto(path[1:-1], outline.high, where=at_top)
    path[0] = outline.open
    path[-1] = outline.close
    return path


def split(volume: Ints, bits: Hashes) -> Ints:
    """Return quantities of at least one step that sum to the volume, a random share for each trade."""
    weights = hashing.word(bits, 1) + 1
    spare = (volume - len(weights)).astype(np.float64)
    shares = np.cumsum(weights, axis=0)
    shares *= spare / shares[-1]
    ends = shares.astype(np.int64)
    ends[-1] = volume - len(weights)
    quantity = np.diff(ends, axis=0, prepend=0)
    quantity += 1
    return quantity


def to_minutes(trades: Trades) -> Bars:
    """Return the minute bars that these trades make up, each of `TRADES_PER_MINUTE` consecutive trades."""
    trades_per_bar, count = trades.price.shape
    shape = (trades_per_bar // TRADES_PER_MINUTE, TRADES_PER_MINUTE, count)
    price = trades.price.reshape(shape)
    quantity = trades.quantity.reshape(shape)
    bought = np.where(trades.taker_buys.reshape(shape), quantity, 0)

    def in_time_order(values: Ints) -> Ints:
        return np.ascontiguousarray(values.T).reshape(-1)

    return Bars(
        open=in_time_order(price[:, 0]),
        high=in_time_order(price.max(axis=1)),
        low=in_time_order(price.min(axis=1)),
        close=in_time_order(price[:, -1]),
        volume=in_time_order(quantity.sum(axis=1)),
        quote_volume=in_time_order((price * quantity).sum(axis=1)),
        trades=np.full(shape[0] * count, TRADES_PER_MINUTE),
        taker_buy_volume=in_time_order(bought.sum(axis=1)),
        taker_buy_quote=in_time_order((price * bought).sum(axis=1)),
    )


def to_single(trades: Trades) -> Bars:
    """Return the trades in time order, each as a bar of its own."""
    price = np.ascontiguousarray(trades.price.T).reshape(-1)
    quantity = np.ascontiguousarray(trades.quantity.T).reshape(-1)
    bought = np.where(trades.taker_buys.T.reshape(-1), quantity, 0)
    return Bars(
        open=price,
        high=price,
        low=price,
        close=price,
        volume=quantity,
        quote_volume=price * quantity,
        trades=np.ones_like(price),
        taker_buy_volume=bought,
        taker_buy_quote=price * bought,
    )
