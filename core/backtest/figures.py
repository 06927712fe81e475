"""What a back-test earned, and how: figures with their definitions and sources."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from operator import mul
from typing import NamedTuple

import numpy as np

from core.backtest.market import decimal_of, units
from core.backtest.outcome import STILL_OPEN, Column, Exit, Outcome
from core.backtest.setup import Course
from core.bars import BoolArray, FloatArray, IntArray
from core.report.equity import DAYS_PER_YEAR, SHARPE_DAYS_MIN, sharpe

_DAY_MS = 86_400_000


class Fall(NamedTuple):
    """The deepest fall of the equity: a fraction of the peak, the amount, and when, in ms UTC."""

    rate: float
    amount: Decimal
    peak_ms: int
    trough_ms: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Amounts in quote, rates as fractions, None where there is nothing to measure; see `DEFINITIONS`."""

    start_ms: int
    end_ms: int
    balance: Decimal
    equity: Decimal
    profit: Decimal
    return_rate: float
    yearly_rate: float | None
    hold_rate: float
    max_drawdown: Fall | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    trades: int
    won: int
    lost: int
    win_rate: float | None
    profit_factor: float | None
    expectancy: Decimal | None
    average_win: Decimal | None
    average_loss: Decimal | None
    best: Decimal | None
    worst: Decimal | None
    losses_in_a_row: int
    average_hold_ms: int | None
    exposure: float
    fees: Decimal
    by_signal: int
    by_stop: int
    by_target: int
    by_dust: int
    by_time: int
    open_trades: int


class Definition(NamedTuple):
    """`name`: of the field of `Figures`."""

    name: str
    title: str
    text: str
    source: str = ""


DEFINITIONS = (
    Definition("profit", "profit", "equity at the end − balance at the start, fees and all other costs paid"),
    Definition("return_rate", "return", "profit ÷ balance at the start"),
    Definition("yearly_rate", "return a year", "(1 + return)^(365 days ÷ length) − 1; none below 30 days"),
    Definition(
        "hold_rate", "buy and hold", "last close ÷ first open − 1, the mean over the symbols; no costs"
    ),
    Definition(
        "max_drawdown",
        "max drawdown",
        "deepest fall of equity below an earlier peak ÷ that peak, at closes of bars",
        "Magdon-Ismail, Atiya (2004), Maximum Drawdown, Risk 17(10)",
    ),
    Definition(
        "sharpe",
        "Sharpe",
        f"mean ÷ sample deviation of daily returns × √365; none below {SHARPE_DAYS_MIN} of them",
        "Sharpe (1994), The Sharpe Ratio, Journal of Portfolio Management 21(1)",
    ),
    Definition(
        "sortino",
        "Sortino",
        "mean of daily returns ÷ root of the mean square of those below 0 (all days count) × √365",
        "Sortino, Price (1994), Performance Measurement in a Downside Risk Framework, J. of Investing 3(3)",
    ),
    Definition(
        "calmar",
        "Calmar",
        "return a year ÷ max drawdown",
        "Young (1991), Calmar Ratio, Futures Magazine 20(1)",
    ),
    Definition("trades", "trades", "positions that were closed; a still open one is in the equity only"),
    Definition("win_rate", "win rate", "trades that earned more than 0 ÷ all trades"),
    Definition("profit_factor", "profit factor", "sum of what winners earned ÷ sum of what losers lost"),
    Definition(
        "expectancy", "expectancy", "what a trade earned on average: realized by average cost, after fees"
    ),
    Definition("average_win", "average win", "what winners earned ÷ winners"),
    Definition("average_loss", "average loss", "what losers lost ÷ losers"),
    Definition("best", "best trade", "the most that one trade earned"),
    Definition("worst", "worst trade", "the most that one trade lost"),
    Definition(
        "losses_in_a_row", "losses in a row", "the longest run of trades that did not earn more than 0"
    ),
    Definition("average_hold_ms", "average hold", "from the open of the bar of entry to that of the exit"),
    Definition(
        "exposure", "exposure", "bars at whose close a position was held ÷ all bars, mean over the symbols"
    ),
    Definition("fees", "fees", "in quote; those paid in base at the price of their fill"),
)


def figures(outcome: Outcome, course: Course, balance: Decimal) -> Figures:
    """Measure an outcome. Deterministic: the same outcome gives the same figures, to the last bit."""
    equity, closed, in_units = outcome.equity, outcome.closed, units(balance)
    end_ms = course.start_ms + course.length * course.interval_ms
    profit = decimal_of(int(equity[-1])) - balance
    return_rate = float(profit / balance)
    days = (end_ms - course.start_ms) / _DAY_MS
    yearly = (1 + return_rate) ** (DAYS_PER_YEAR / days) - 1 if days >= SHARPE_DAYS_MIN else None
    fall = _deepest_fall(equity, in_units, course)
    returns = _daily_returns(outcome, course, in_units)
    realized = closed[:, Column.REALIZED]
    wins, losses = realized[realized > 0], realized[realized < 0]
    exits = np.bincount(outcome.column(Column.EXIT), minlength=len(Exit))
    held = closed[:, Column.EXIT_BAR] - closed[:, Column.ENTRY_BAR]
    count = len(closed)
    return Figures(
        start_ms=course.start_ms,
        end_ms=end_ms,
        balance=balance,
        equity=decimal_of(int(equity[-1])),
        profit=profit,
        return_rate=return_rate,
        yearly_rate=yearly,
        hold_rate=_hold_rate(course),
        max_drawdown=fall,
        sharpe=sharpe(returns.tolist()),
        sortino=_sortino(returns),
        calmar=yearly / fall.rate if yearly is not None and fall is not None and fall.rate > 0 else None,
        trades=count,
        won=len(wins),
        lost=len(losses),
        win_rate=len(wins) / count if count else None,
        profit_factor=_sum(wins) / -_sum(losses) if len(losses) else None,
        expectancy=_mean(realized),
        average_win=_mean(wins),
        average_loss=_mean(losses),
        best=decimal_of(int(realized.max())) if count else None,
        worst=decimal_of(int(realized.min())) if count else None,
        losses_in_a_row=_longest_run(realized <= 0),
        average_hold_ms=int(_sum(held)) * course.interval_ms // count if count else None,
        exposure=_exposure(outcome, course),
        fees=_fees(outcome, course),
        by_signal=int(exits[Exit.SIGNAL]),
        by_stop=int(exits[Exit.STOP]),
        by_target=int(exits[Exit.TARGET]),
        by_dust=int(exits[Exit.DUST]),
        by_time=int(exits[Exit.TIME]),
        open_trades=len(outcome.trades) - count,
    )


def _deepest_fall(equity: IntArray, balance: int, course: Course) -> Fall | None:
    peaks = np.maximum.accumulate(equity)
    np.maximum(peaks, balance, out=peaks)  # the first peak is where it all began
    trough = int((equity / peaks).argmin())
    peak, amount = int(peaks[trough]), int(peaks[trough] - equity[trough])
    if not amount:
        return None

    def close_ms(bar: int) -> int:
        return course.start_ms + (bar + 1) * course.interval_ms

    peak_ms = course.start_ms if peak == balance else close_ms(int((equity == peak).argmax()))
    return Fall(amount / peak, decimal_of(amount), peak_ms, close_ms(trough))


def _daily_returns(outcome: Outcome, course: Course, balance: int) -> FloatArray:
    """Return equity at the end of each UTC day over the day before, less 1; the last as far as it came."""
    to_midnight = -course.start_ms % _DAY_MS or _DAY_MS
    first, step = to_midnight // course.interval_ms - 1, max(1, _DAY_MS // course.interval_ms)
    ends = np.arange(max(first, 0), course.length, step)
    if not len(ends) or ends[-1] != course.length - 1:
        ends = np.append(ends, course.length - 1)
    worth = np.concatenate(([balance], outcome.equity[ends])).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        returns: FloatArray = worth[1:] / worth[:-1] - 1
    return returns


def _sortino(returns: FloatArray) -> float | None:
    if len(returns) < SHARPE_DAYS_MIN or not np.isfinite(returns).all():
        return None
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    return float(returns.mean()) / downside * math.sqrt(DAYS_PER_YEAR) if downside > 0 else None


def _hold_rate(course: Course) -> float:
    rates = [
        int(each.market.close[each.end - 1]) / int(each.market.open[each.first]) - 1 for each in course.lanes
    ]
    return sum(rates) / len(rates)


def _exposure(outcome: Outcome, course: Course) -> float:
    entered, left = outcome.column(Column.ENTRY_BAR), outcome.column(Column.EXIT_BAR)
    until = np.where(left == STILL_OPEN, course.length, left)
    bars = sum(each.end - each.first for each in course.lanes)
    return int((until - entered).sum()) / bars


def _fees(outcome: Outcome, course: Course) -> Decimal:
    total = Decimal(0)
    for number, each in enumerate(course.lanes):
        rows = outcome.trades[outcome.column(Column.SYMBOL) == number]
        # Python's integers: a fee times a price may not fit 64 bits.
        in_base = sum(map(mul, rows[:, Column.ENTRY_FEE].tolist(), rows[:, Column.ENTRY_PRICE].tolist()))
        total += Decimal(in_base * each.market.scale.tick).scaleb(-16)
        total += decimal_of(_sum(rows[:, Column.EXIT_FEE]))
    return total


def _sum(amounts: IntArray) -> int:
    return int(amounts.sum())


def _mean(amounts: IntArray) -> Decimal | None:
    return decimal_of(_sum(amounts) // len(amounts)) if len(amounts) else None


def _longest_run(flags: BoolArray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max(initial=0))
