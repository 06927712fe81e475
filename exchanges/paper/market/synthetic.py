"""A synthetic price: Brownian motion run in the uneven time of a multiplicative cascade.

Time is cut into blocks of 2**18 minutes (half a year). Where a block begins, the log price is a random
number around zero, so the price stays near its base for ever. Inside, a block is halved 18 times: its
trading time is shared between the halves by a random weight, and the log price at the middle is a
Brownian bridge over that trading time. Returns come out uncorrelated with fat tails, and their size
clusters over all scales from minutes to months, as in Mandelbrot, Fisher, Calvet (1997), A multifractal
model of asset returns. Any minute is reached in 18 halvings, in whatever year it lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from exchanges.paper.market import hashing
from exchanges.paper.market.bar_market import BarMarket
from exchanges.paper.market.model import TRADES_PER_MINUTE, Floats, Ints, Market, SymbolSpec
from exchanges.paper.market.trades import Outline

_LEVELS = 18
_BLOCK_MINUTES = 1 << _LEVELS
_YEAR_MINUTES = 365 * 1440
_UNEVENNESS = 0.245
"""A half gets 0.5 ± this of the trading time; kurtosis of minute returns: 3 (1 + 4/3 · 0.245²)**18 ≈ 12."""
_POWER = 64
_QUIETEST = 0.5


START_MS = 1_514_764_800_000
"""2018-01-01 00:00 UTC: the first minute of every kline interval at once."""


def synthetic(spec: SymbolSpec, seed: int) -> Market:
    """Return the market of a symbol that follows from the seed; it begins in 2018 and never ends."""
    return BarMarket(spec, SyntheticBars.of(spec, seed), seed=seed, start_ms=START_MS)


@dataclass(frozen=True)
class SyntheticBars:
    """The outlines of minute bars, for ever."""

    streams: tuple[np.uint64, ...]
    high_stream: np.uint64
    low_stream: np.uint64
    volume_stream: np.uint64
    base_ticks: int
    typical_steps: int
    variance: float
    """Of the log return of a minute of average trading time."""

    @classmethod
    def of(cls, spec: SymbolSpec, seed: int) -> SyntheticBars:
        """Return the bars of a symbol."""
        if spec.base_ticks * spec.typical_steps > 1 << 43:
            raise ValueError(f"{spec.symbol}: a month's quote volume in ticks × steps does not fit 64 bits")
        return cls(
            streams=tuple(
                hashing.key(seed, spec.symbol, "price", str(level)) for level in range(_LEVELS + 1)
            ),
            high_stream=hashing.key(seed, spec.symbol, "high"),
            low_stream=hashing.key(seed, spec.symbol, "low"),
            volume_stream=hashing.key(seed, spec.symbol, "volume"),
            base_ticks=spec.base_ticks,
            typical_steps=spec.typical_steps,
            variance=spec.volatility * spec.volatility / _YEAR_MINUTES,
        )

    def __call__(self, first: int, count: int) -> Outline:
        """Return the outlines of `count` minutes; `first` counts minutes since 1970."""
        minutes = first + np.arange(count)
        log_price, trading_time = self._cascade(first, count)
        edges = _price(self.base_ticks, log_price)
        opened, closed = edges[:-1], edges[1:]
        move = np.abs(np.diff(log_price))
        spread = 2 * self.variance * trading_time
        top, bottom = np.maximum(opened, closed), np.minimum(opened, closed)
        rise = hashing.exponential(hashing.hashes(self.high_stream, minutes))
        fall = hashing.exponential(hashing.hashes(self.low_stream, minutes))
        above = top * _overshoot(move, spread * rise)
        below = bottom * _overshoot(move, spread * fall)
        chance = hashing.word(hashing.hashes(self.volume_stream, minutes), 0) / 65536
        volume = self.typical_steps * np.sqrt(trading_time) * (_QUIETEST + chance)
        return Outline(
            open=opened,
            high=top + np.rint(above).astype(np.int64),
            low=np.maximum(bottom - np.rint(below).astype(np.int64), 1),
            close=closed,
            volume=np.maximum(volume.astype(np.int64), TRADES_PER_MINUTE),
        )

    def _cascade(self, first: int, count: int) -> tuple[Floats, Floats]:
        """Return log price / base at the edges of the minutes (count + 1) and their trading time (count)."""
        end = first + count
        begin_node, end_node = first >> _LEVELS, ((end - 1) >> _LEVELS) + 1
        blocks = np.arange(begin_node, end_node + 1)
        at_blocks = sqrt(self.variance * _BLOCK_MINUTES / 2)
        log_price = at_blocks * hashing.normal(hashing.hashes(self.streams[0], blocks))
        trading_time = np.full(end_node - begin_node, float(_BLOCK_MINUTES))
        for level in range(1, _LEVELS + 1):
            log_price, trading_time = self._halve(level, begin_node, log_price, trading_time)
            shift = _LEVELS - level
            skipped = (first >> shift) - 2 * begin_node
            begin_node, end_node = first >> shift, ((end - 1) >> shift) + 1
            kept = end_node - begin_node
            log_price = log_price[skipped : skipped + kept + 1]
            trading_time = trading_time[skipped : skipped + kept]
        return log_price, trading_time

    def _halve(
        self, level: int, begin_node: int, log_price: Floats, trading_time: Floats
    ) -> tuple[Floats, Floats]:
        """Return edges and trading time of the halves of consecutive nodes."""
        bits = hashing.hashes(self.streams[level], begin_node + np.arange(len(trading_time)))
        weight = 0.5 + _UNEVENNESS * (hashing.word(bits, 3) / 32767.5 - 1)
        early = trading_time * weight
        left, right = log_price[:-1], log_price[1:]
        deviation = np.sqrt(self.variance * early * (1 - weight))
        edges = np.empty(2 * len(trading_time) + 1)
        edges[0::2] = log_price
        edges[1::2] = left + weight * (right - left) + deviation * hashing.normal(bits)
        halves = np.empty(2 * len(trading_time))
        halves[0::2] = early
        halves[1::2] = trading_time - early
        return edges, halves


def _price(base_ticks: int, log_price: Floats) -> Ints:
    """Return base · (1 + x/64)**64 in ticks, at least 1: e**x by multiplications only."""
    price = 1 + log_price / _POWER
    for _ in range(_POWER.bit_length() - 1):
        price *= price
    return np.maximum(np.rint(base_ticks * price).astype(np.int64), 1)


def _overshoot(move: Floats, scaled: Floats) -> Floats:
    """Return how far a Brownian bridge goes beyond the further of its ends, as a fraction of the price.

    `scaled` is 2 · variance · exponential. Source: the law of a bridge's maximum, e.g. Karatzas and Shreve
    (1991), Brownian Motion and Stochastic Calculus, 4.3.
    """
    return (np.sqrt(move * move + scaled) - move) / 2
