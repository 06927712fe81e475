"""A market between the bases of two others, at the quotient of their prices: ETHBTC from ETHUSDT and BTCUSDT.

Each step's trade has the quotient of the two last prices of that step, in exact integers, rounded to the
tick outward: down where the taker sold, which makes it the best bid, up where he bought, which makes it the
best ask. So the quotient always lies within this market's spread, as the two prices lie within theirs, and
no round of three trades against the three books gains anything, even without fees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from exchanges.paper.market import hashing
from exchanges.paper.market.filled_bars import FilledBars
from exchanges.paper.market.model import TRADES_PER_MINUTE, Ints, SymbolSpec
from exchanges.paper.market.trades import Trades, split, taker_sides

_QUIETEST = 0.5


@dataclass(frozen=True)
class CrossTrades:
    """The trades of the cross market. Its price in ticks is base price · up / (quote price · down)."""

    base: FilledBars
    quote: FilledBars
    up: int
    down: int
    volume_ratio: float
    """Steps of a usual minute here, for one of the base's."""
    trade_stream: np.uint64
    volume_stream: np.uint64
    bar_steps: int = TRADES_PER_MINUTE

    @classmethod
    def of(
        cls,
        spec: SymbolSpec,
        base: SymbolSpec,
        quote: SymbolSpec,
        base_trades: FilledBars,
        quote_trades: FilledBars,
        seed: int,
    ) -> CrossTrades:
        spec.check_size()
        tick = Fraction(base.tick) / (Fraction(quote.tick) * Fraction(spec.tick))
        return cls(
            base_trades,
            quote_trades,
            up=tick.numerator,
            down=tick.denominator,
            volume_ratio=spec.typical_steps / base.typical_steps,
            trade_stream=hashing.key(seed, spec.symbol, "trades"),
            volume_stream=hashing.key(seed, spec.symbol, "volume"),
        )

    def __call__(self, first: int, end: int) -> Iterator[Trades]:
        """Yield the trades of whole minutes from step `first` to step `end`, piece by piece."""
        for base, quote in zip(self.base(first, end), self.quote(first, end), strict=True):
            yield self._quotient(base, quote, first)
            first += base.price.size

    def _quotient(self, base: Trades, quote: Trades, first: int) -> Trades:
        size, count = base.price.shape
        steps = first + np.arange(size)[:, None] + size * np.arange(count)
        bits = hashing.hashes(self.trade_stream, steps)
        dividend, divisor = base.price * self.up, quote.price * self.down
        taker_buys = taker_sides(dividend / divisor, bits)
        rounded_down = dividend // divisor
        price = rounded_down + (taker_buys & (rounded_down * divisor < dividend))
        quantity = split(self._volume(base.quantity.sum(axis=0), first // size), bits)
        return Trades(np.maximum(price, 1), quantity, taker_buys)

    def _volume(self, base_volume: Ints, first_minute: int) -> Ints:
        """Return the volume of minutes: as lively as the base's, and some chance."""
        minutes = first_minute + np.arange(len(base_volume))
        chance = hashing.word(hashing.hashes(self.volume_stream, minutes), 0) / 65536
        volume = base_volume * self.volume_ratio * (_QUIETEST + chance)
        return np.maximum(volume.astype(np.int64), TRADES_PER_MINUTE)
