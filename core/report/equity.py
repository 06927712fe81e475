"""The equity of one quote asset over time: its curve, its worst fall, its Sharpe ratio.

Equity is what the account held of the quote asset at the opening, plus profit realized since, plus what the
position would bring at the price of the symbol's last fill. Deposits and withdrawals are not in it.
"""

from __future__ import annotations

import decimal
import math
import statistics
from dataclasses import dataclass
from decimal import Decimal

from core.clock import utc_day
from core.values import EXACT

SHARPE_DAYS_MIN = 30
"""Below this many daily returns a Sharpe ratio says nothing, and none is given."""
DAYS_PER_YEAR = 365
"""Crypto trades every day of the year."""
ZERO = Decimal(0)
_POINTS_MAX = 2_000
_RATIO = decimal.Context(prec=16)


@dataclass(frozen=True, slots=True)
class Point:
    time_ms: int
    equity: Decimal


@dataclass(frozen=True, slots=True)
class Drawdown:
    """A fall from a peak of the equity."""

    amount: Decimal
    peak: Point
    trough: Point

    @property
    def rate(self) -> Decimal | None:
        """The fall as a fraction of the peak; None when the peak is not above 0."""
        return _RATIO.divide(self.amount, self.peak.equity) if self.peak.equity > 0 else None

    @property
    def depth(self) -> tuple[Decimal, Decimal]:
        """What the largest fall is the largest in: the fraction, and the amount where there is none."""
        return self.rate or ZERO, self.amount


class Equity:
    """Follows the equity through the fills of a period; `points` is thinned, all else is exact."""

    def __init__(self, start: Point) -> None:
        self.start = self.last = start
        self.points: list[Point] = [start]
        self.drawdown: Drawdown | None = None
        self._peak = start
        self._keep_each = 1
        self._seen = 0
        self._day = utc_day(start.time_ms)
        self._day_before = start.equity
        self._returns: list[float] = []

    def add(self, time_ms: int, equity: Decimal) -> None:
        """Note the equity after a fill; times do not fall."""
        self._close_days(utc_day(time_ms))
        self.last = Point(time_ms, equity)
        if equity > self._peak.equity:
            self._peak = self.last
        fall = Drawdown(EXACT.subtract(self._peak.equity, equity), self._peak, self.last)
        if fall.amount > 0 and (self.drawdown is None or fall.depth > self.drawdown.depth):
            self.drawdown = fall
        self._keep(self.last)

    def _keep(self, point: Point) -> None:
        self._seen += 1
        if self._seen % self._keep_each == 0:
            self.points.append(point)
        if len(self.points) > _POINTS_MAX:
            self.points = self.points[::2]
            self._keep_each *= 2

    def _close_days(self, day: int) -> None:
        for _ in range(day - self._day):
            self._returns.append(_return(self._day_before, self.last.equity))
            self._day_before = self.last.equity
        self._day = max(day, self._day)

    def curve(self) -> tuple[Point, ...]:
        """Return at most some thousand points, the last one always."""
        return tuple(self.points) if self.points[-1] == self.last else (*self.points, self.last)

    def daily_returns(self) -> list[float]:
        """Return equity at the end of each day over the day before, less 1; the last as far as it came."""
        return [*self._returns, _return(self._day_before, self.last.equity)]


def _return(before: Decimal, after: Decimal) -> float:
    return float(after / before) - 1 if before > 0 else math.nan


def sharpe(returns: list[float]) -> float | None:
    """Return the yearly Sharpe ratio of daily returns, riskless rate 0; None for too few or equal ones.

    Source: Sharpe (1994), The Sharpe Ratio, Journal of Portfolio Management 21(1): mean over standard
    deviation (sample), times the square root of 365.
    """
    if len(returns) < SHARPE_DAYS_MIN or not all(map(math.isfinite, returns)):
        return None
    deviation = statistics.stdev(returns)
    return None if deviation == 0 else statistics.fmean(returns) / deviation * math.sqrt(DAYS_PER_YEAR)
