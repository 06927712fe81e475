"""Synthetic prices that move together: each follows common factors and a path of its own.

A symbol's log price is the weighted sum of cascades: those of its factors, which it shares with other
symbols, and its own. The squares of the weights add up to 1, so the volatility is the symbol's, and two
symbols correlate by the products of their weights on the factors they share.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from exchanges.paper.market import hashing
from exchanges.paper.market.bar_market import BarMarket
from exchanges.paper.market.cascade import YEAR_MINUTES, Cascade
from exchanges.paper.market.cross import CrossTrades
from exchanges.paper.market.filled_bars import FilledBars
from exchanges.paper.market.model import TRADES_PER_MINUTE, Floats, Ints, Market, SymbolSpec
from exchanges.paper.market.trades import Outline

_POWER = 64
_QUIETEST = 0.5

START_MS = 1_514_764_800_000
"""2018-01-01 00:00 UTC: the first minute of every kline interval at once."""


def synthetic(spec: SymbolSpec, seed: int) -> Market:
    """Return the market of a symbol that follows from the seed; it begins in 2018 and never ends."""
    return BarMarket(spec, _filled(spec, seed), seed=seed, start_ms=START_MS)


def crossed(spec: SymbolSpec, base: SymbolSpec, quote: SymbolSpec, seed: int) -> Market:
    """Return the synthetic market between the bases of two others: at the quotient of their prices."""
    trades = CrossTrades.of(spec, base, quote, _filled(base, seed), _filled(quote, seed), seed)
    return BarMarket(spec, trades, seed=seed, start_ms=START_MS)


def _filled(spec: SymbolSpec, seed: int) -> FilledBars:
    stream = hashing.key(seed, spec.symbol, "trades")
    return FilledBars(SyntheticBars.of(spec, seed), stream, TRADES_PER_MINUTE)


@dataclass(frozen=True)
class SyntheticBars:
    """The outlines of minute bars, for ever."""

    factors: tuple[tuple[Cascade, float], ...]
    """Each with its share of the volatility."""
    high_stream: np.uint64
    low_stream: np.uint64
    volume_stream: np.uint64
    base_ticks: int
    typical_steps: int
    volatility: float

    @classmethod
    def of(cls, spec: SymbolSpec, seed: int) -> SyntheticBars:
        """Return the bars of a symbol."""
        spec.check_size()
        own = sqrt(1 - sum(weight * weight for _, weight in spec.loadings))
        weights = (*spec.loadings, (spec.symbol, own))
        return cls(
            factors=tuple((Cascade.of(seed, name), weight) for name, weight in weights),
            high_stream=hashing.key(seed, spec.symbol, "high"),
            low_stream=hashing.key(seed, spec.symbol, "low"),
            volume_stream=hashing.key(seed, spec.symbol, "volume"),
            base_ticks=spec.base_ticks,
            typical_steps=spec.typical_steps,
            volatility=spec.volatility,
        )

    def __call__(self, first: int, count: int) -> Outline:
        """Return the outlines of `count` minutes; `first` counts minutes since 1970."""
        minutes = first + np.arange(count)
        log_price, trading_time = self._path(first, count)
        edges = _price(self.base_ticks, log_price)
        opened, closed = edges[:-1], edges[1:]
        move = np.abs(np.diff(log_price))
        spread = 2 * self.volatility * self.volatility / YEAR_MINUTES * trading_time
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

    def _path(self, first: int, count: int) -> tuple[Floats, Floats]:
        """Return log price / base at the edges of the minutes (count + 1) and their trading time (count)."""
        log_price, trading_time = np.zeros(count + 1), np.zeros(count)
        for factor, weight in self.factors:
            path, time = factor(first, count)
            log_price += self.volatility * weight * path
            trading_time += weight * weight * time
        return log_price, trading_time


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
