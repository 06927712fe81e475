"""Daily returns, the Sharpe ratio and the thinned curve."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from core.report.equity import SHARPE_DAYS_MIN, Equity, Point, sharpe
from tests.core.report.fills import DAY_MS, NOON_MS

D = Decimal


def test_days_without_fills_return_nothing() -> None:
    equity = Equity(Point(NOON_MS, D(100)))
    equity.add(NOON_MS, D(110))
    equity.add(NOON_MS + 1, D(120))
    equity.add(NOON_MS + 3 * DAY_MS, D(60))
    assert equity.daily_returns() == pytest.approx([0.2, 0, 0, -0.5])


def test_sharpe_worked_by_hand() -> None:
    returns = [0.01, -0.01, 0.02] * 10
    mean, deviation = 0.02 / 3, math.sqrt(10 * (0.01**2 + 0.01**2 + 0.02**2 - 3 * (0.02 / 3) ** 2) / 29)
    assert sharpe(returns) == pytest.approx(mean / deviation * math.sqrt(365))


@pytest.mark.parametrize("returns", [[0.1, -0.1] * 14, [0.01] * 40, [0.1, -0.1] * 20 + [math.nan]])
def test_sharpe_says_nothing_on_too_little(returns: list[float]) -> None:
    assert len(returns) < SHARPE_DAYS_MIN or len(set(returns)) == 1 or math.isnan(returns[-1])
    assert sharpe(returns) is None


def test_the_curve_stays_small_and_keeps_its_ends() -> None:
    equity = Equity(Point(NOON_MS, D(0)))
    for number in range(1, 30_001):
        equity.add(NOON_MS + number, D(number))
    curve = equity.curve()
    assert len(curve) <= 2_001
    assert curve[0].equity == 0
    assert curve[-1] == Point(NOON_MS + 30_000, D(30_000))
    assert list(curve) == sorted(curve, key=lambda point: point.time_ms)
    assert equity.drawdown is None
