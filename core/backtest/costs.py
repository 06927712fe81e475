"""What trading costs in a back-test: fee, spread, slippage and latency, each stated, none of them guessed.

Prices are in ticks. The functions take and return integers or arrays of them, always rounded against us.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import isqrt
from typing import TypeVar

from core.account import CommissionRates
from core.bars import IntArray
from core.matching import UNIT

_BPS = Decimal(10_000)
_MOVE_UNIT = 10**6

BINANCE_SPOT = CommissionRates(maker_rate=Decimal("0.001"), taker_rate=Decimal("0.001"))
"""What an account without discounts pays."""

Ticks = TypeVar("Ticks", int, IntArray)


@dataclass(frozen=True, slots=True)
class Costs:
    """Rates are fractions of the received amount, as the venue states them; bps of the price.

    `spread_bps`: from bid to ask, half of it on each side of the recorded price. `slippage_bps`: how much
    worse than the book an order fills. `latency_ms`: from the close of the bar to the fill. Raises ValueError
    naming every value that cannot be used.
    """

    fees: CommissionRates = BINANCE_SPOT
    spread_bps: Decimal = Decimal(1)
    slippage_bps: Decimal = Decimal(1)
    latency_ms: int = 500

    def __post_init__(self) -> None:
        wrong = [
            f"{name} was {rate}, not a fraction from 0 to below 1 with at most 8 decimals"
            for name, rate in (("maker fee", self.fees.maker_rate), ("taker fee", self.fees.taker_rate))
            if not (rate.is_finite() and 0 <= rate < 1 and rate * UNIT % 1 == 0)
        ]
        wrong += [
            f"{name} was {bps}, not from 0 to below 5000 bps with at most 3 decimals"
            for name, bps in (("spread", self.spread_bps), ("slippage", self.slippage_bps))
            if not (bps.is_finite() and 0 <= bps < 5_000 and bps * 1_000 % 1 == 0)
        ]
        if self.latency_ms < 0:
            wrong.append(f"latency was {self.latency_ms} ms, below 0")
        if wrong:
            raise ValueError("; ".join(wrong))

    @property
    def maker_units(self) -> int:
        return int(self.fees.maker_rate * UNIT)

    @property
    def taker_units(self) -> int:
        return int(self.fees.taker_rate * UNIT)

    @property
    def half_spread_units(self) -> int:
        return int(self.spread_bps / _BPS * UNIT / 2)

    @property
    def slippage_units(self) -> int:
        return int(self.slippage_bps / _BPS * UNIT)

    def bars_late(self, interval_ms: int) -> int:
        """Return how many whole bars pass between a decision and its fill."""
        return self.latency_ms // interval_ms

    def move_units(self, interval_ms: int) -> int:
        """Return how far the price has moved against us when the fill comes, in millionths of the way.

        The way is from the open to the bar's worse end. A random walk spreads with the square root of time,
        so what is left of the latency within a bar counts by the root of its share of the bar.
        """
        rest_ms = self.latency_ms % interval_ms
        return isqrt(rest_ms * _MOVE_UNIT**2 // interval_ms)

    def ask(self, price: Ticks) -> Ticks:
        """Return what the book asks where a bar recorded `price`."""
        return price + _part(price, self.half_spread_units, UNIT)

    def bid(self, price: Ticks) -> Ticks:
        """Return what the book bids where a bar recorded `price`; may be 0 or less: no bid."""
        return price - _part(price, self.half_spread_units, UNIT)

    def bought_at(self, opened: Ticks, high: Ticks, interval_ms: int) -> Ticks:
        """Return what a purchase at the open of a bar pays, `latency_ms` after it was decided."""
        late = _part(high - opened, self.move_units(interval_ms), _MOVE_UNIT)
        return self.ask(opened) + _part(opened, self.slippage_units, UNIT) + late

    def sold_at(self, opened: Ticks, low: Ticks, interval_ms: int) -> Ticks:
        """Return what a sale at the open of a bar gets, `latency_ms` after it was decided."""
        late = _part(opened - low, self.move_units(interval_ms), _MOVE_UNIT)
        return self.bid(opened) - _part(opened, self.slippage_units, UNIT) - late

    def stopped_at(self, reached: Ticks) -> Ticks:
        """Return what a stop gets that woke at the price `reached`; it rests at the venue: no latency."""
        return self.bid(reached) - _part(reached, self.slippage_units, UNIT)


def _part(price: Ticks, units: int, whole: int) -> Ticks | int:
    """Return price · units / whole, rounded up; nothing is worked out for a cost of 0."""
    return -(-price * units // whole) if units else 0
