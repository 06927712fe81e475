"""Brownian motion run in the uneven time of a multiplicative cascade: what synthetic prices are made of.

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
from exchanges.paper.market.model import Floats

_LEVELS = 18
_BLOCK_MINUTES = 1 << _LEVELS
YEAR_MINUTES = 365 * 1440
_VARIANCE = 1 / YEAR_MINUTES
_UNEVENNESS = 0.245
"""A half gets 0.5 ± this of the trading time; kurtosis of minute returns: 3 (1 + 4/3 · 0.245²)**18 ≈ 12."""


@dataclass(frozen=True)
class Cascade:
    """A path whose log return has a standard deviation of 1 a year."""

    streams: tuple[np.uint64, ...]

    @classmethod
    def of(cls, seed: int, name: str) -> Cascade:
        """Return the path of that name; another seed or name is an independent one."""
        return cls(tuple(hashing.key(seed, name, "price", str(level)) for level in range(_LEVELS + 1)))

    def __call__(self, first: int, count: int) -> tuple[Floats, Floats]:
        """Return the path at the edges of minutes (count + 1) and their trading time (count), mean 1.

        `first` counts minutes since 1970.
        """
        end = first + count
        begin_node, end_node = first >> _LEVELS, ((end - 1) >> _LEVELS) + 1
        blocks = np.arange(begin_node, end_node + 1)
        at_blocks = sqrt(_VARIANCE * _BLOCK_MINUTES / 2)
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
        deviation = np.sqrt(_VARIANCE * early * (1 - weight))
        edges = np.empty(2 * len(trading_time) + 1)
        edges[0::2] = log_price
        edges[1::2] = left + weight * (right - left) + deviation * hashing.normal(bits)
        halves = np.empty(2 * len(trading_time))
        halves[0::2] = early
        halves[1::2] = trading_time - early
        return edges, halves
