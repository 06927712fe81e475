"""Figures on a run small enough to be worked by hand."""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from core.account import CommissionRates
from core.backtest.costs import Costs
from core.backtest.engine import run
from core.backtest.figures import DEFINITIONS, Figures, figures
from core.backtest.findings import findings
from core.backtest.market import market
from core.backtest.outcome import Counts, Outcome
from core.backtest.plain import run_plain
from core.backtest.setup import Course
from core.report.equity import sharpe
from tests.core.backtest.scripted import (
    FREE,
    MINUTE_MS,
    RULES,
    START_MS,
    Prices,
    Script,
    plain_market,
    recorded,
    run_on,
    setup,
    signals,
)

FLAT = (100, 100, 100, 100)


def measured(
    prices: Prices, enter: list[int], leave: list[int], costs: Costs = FREE
) -> tuple[Figures, Outcome, Course]:
    how = setup(costs, fraction="1", max_order="101")
    way = run_on([plain_market(prices)], 1, how)
    script = Script({"BTCUSDT": signals(len(prices), enter, leave, stop_loss_rate=np.full(len(prices), 0.5))})
    result, _ = run(way, script, how)
    return figures(result, way, Decimal(1000)), result, way


def test_two_trades_by_hand() -> None:
    prices = [FLAT, FLAT, (110, 110, 110, 110), FLAT, FLAT, (95, 95, 95, 95), (95, 95, 95, 95)]
    found, _, _ = measured(prices, enter=[0, 3], leave=[1, 4])
    # One coin bought at 100 and sold at 110, then bought at 100 and sold at 95.
    assert (found.profit, found.trades, found.won, found.lost) == (Decimal(5), 2, 1, 1)
    assert (found.best, found.worst, found.expectancy) == (Decimal(10), Decimal(-5), Decimal("2.5"))
    assert (found.win_rate, found.profit_factor, found.return_rate) == (0.5, 2.0, 0.005)
    assert found.hold_rate == pytest.approx(-0.05)
    assert (found.losses_in_a_row, found.by_signal, found.open_trades) == (1, 2, 0)
    assert found.average_hold_ms == MINUTE_MS
    assert found.exposure == pytest.approx(2 / 7)
    fall = found.max_drawdown
    assert fall is not None
    assert (fall.amount, fall.rate) == (Decimal(5), pytest.approx(5 / 1010))
    assert (fall.peak_ms, fall.trough_ms) == (START_MS + 3 * MINUTE_MS, START_MS + 6 * MINUTE_MS)


def test_the_first_peak_is_the_balance() -> None:
    found, _, _ = measured([FLAT, FLAT, (90, 90, 90, 90)], enter=[0], leave=[])
    assert found.max_drawdown is not None
    assert found.max_drawdown.rate == pytest.approx(0.01)
    assert (found.trades, found.open_trades, found.win_rate) == (0, 1, None)


def test_fees_in_base_are_valued_at_their_fill() -> None:
    costs = Costs(CommissionRates(Decimal("0.001"), Decimal("0.001")), Decimal(0), Decimal(0), 0)
    found, _, _ = measured([FLAT] * 4, enter=[0], leave=[1], costs=costs)
    assert found.fees == Decimal("0.1") + Decimal("0.0999")
    assert found.profit == -found.fees


def test_daily_returns_are_those_of_the_live_report() -> None:
    """One close a day: the Sharpe ratio is that of the equity at ends of days."""
    day = 1440
    prices: list[tuple[float, float, float, float]] = []
    for number in range(40):
        prices += [(100 + number % 7,) * 4] * day
    found, result, way = measured(prices, enter=[0], leave=[])
    first = (-way.start_ms % 86_400_000) // MINUTE_MS
    ends = [*range(first - 1, len(prices), day), len(prices) - 1]
    worth = [1000 * 10**8, *result.equity[ends].tolist()]
    expected = [after / before - 1 for before, after in pairwise(worth)]
    assert found.sharpe == sharpe(expected)
    assert found.yearly_rate is not None
    assert found.calmar is not None


def test_a_month_by_hand() -> None:
    """30 days that earn 10 % and lose 5 % in turn."""
    midnight = START_MS // 86_400_000 * 86_400_000
    flat = market(recorded([FLAT] * 30 * 1440, start_ms=midnight), RULES)
    worth = 1000 * 10**8 * np.cumprod([1.1, 0.95] * 15)
    outcome = Outcome(
        np.zeros((0, 13), dtype=np.int64), np.repeat(np.rint(worth).astype(np.int64), 1440), Counts(), "plain"
    )
    found = figures(outcome, run_on([flat], 1, setup()), Decimal(1000))
    # All days lie 7.5 % from their mean of 2.5 %; the sample deviation counts 29 of them.
    assert found.sharpe == pytest.approx(0.025 / 0.075 * math.sqrt(29 / 30) * math.sqrt(365))
    # Half of the days fell by 5 %.
    assert found.sortino == pytest.approx(0.025 / (0.05 * math.sqrt(1 / 2)) * math.sqrt(365))
    assert found.yearly_rate == pytest.approx(1.045 ** (15 * 365 / 30) - 1)
    assert found.max_drawdown is not None
    assert found.max_drawdown.rate == pytest.approx(0.05)
    assert found.calmar == pytest.approx(found.yearly_rate / 0.05)


def test_every_definition_is_of_a_figure() -> None:
    assert {each.name for each in DEFINITIONS} <= set(Figures.__dataclass_fields__)


def test_what_is_doubtful_is_said() -> None:
    prices = [FLAT] * 12
    never, always = np.zeros(12, dtype=np.bool_), np.ones(12, dtype=np.bool_)
    given = signals(
        12, [0], [2], gates={"SHUT": never, "IDLE": always}, classes={"STRONG": never, "WEAK": always}
    )
    how = setup()
    way = run_on([plain_market(prices)], 1, how)
    script = Script({"BTCUSDT": given})
    result = run_plain(way, script, how)
    found = findings(result, figures(result, way, Decimal(1000)), way, script)
    assert "gate SHUT was never open: nothing could enter" in found
    assert "gate IDLE never stood in the way: it might as well not be there" in found
    assert "class STRONG never occurred" in found
    assert not any("WEAK" in each for each in found)
    assert any("1 closed trade(s) say little" in each for each in found)
    assert any("0.0 days of bars are too few" in each for each in found)


def test_orders_that_did_not_fill_are_said() -> None:
    found, result, way = measured([FLAT] * 4, enter=[0], leave=[1])
    troubled = Outcome(result.trades, result.equity, Counts(5, 3, 0, 7), "plain")
    said = findings(troubled, found, way, Script({"BTCUSDT": signals(4)}))
    assert any(each.startswith("3 of 9 entries were denied") for each in said)
    assert any(each.startswith("5 of 9 entries filled nothing") for each in said)
    assert any(each.startswith("7 signals to go short") for each in said)
