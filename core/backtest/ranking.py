"""Which of many back-tests is best, and how much of that is luck."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist, pvariance
from types import MappingProxyType

from core.backtest.figures import Figures
from core.report.equity import DAYS_PER_YEAR

_EULER = 0.5772156649015329


@dataclass(frozen=True, slots=True)
class Score:
    """What is kept of one back-test of many; amounts in quote, rates as fractions."""

    profit: Decimal
    return_rate: float
    max_drawdown_rate: float
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    profit_factor: float | None
    win_rate: float | None
    trades: int


RANKINGS: Mapping[str, Callable[[Score], float | None]] = MappingProxyType(
    {
        "profit": lambda score: float(score.profit),
        "drawdown": lambda score: -score.max_drawdown_rate,
        "sharpe": lambda score: score.sharpe,
        "sortino": lambda score: score.sortino,
        "calmar": lambda score: score.calmar,
        "profit_factor": lambda score: score.profit_factor,
        "win_rate": lambda score: score.win_rate,
    }
)
"""By name: what is to be as large as possible; None is worse than everything."""


def score(figures: Figures) -> Score:
    fall = figures.max_drawdown
    return Score(
        profit=figures.profit,
        return_rate=figures.return_rate,
        max_drawdown_rate=0.0 if fall is None else fall.rate,
        sharpe=figures.sharpe,
        sortino=figures.sortino,
        calmar=figures.calmar,
        profit_factor=figures.profit_factor,
        win_rate=figures.win_rate,
        trades=figures.trades,
    )


def ranked(scores: Mapping[int, Score], by: str) -> list[int]:
    """Return the keys, best first; equals in the order of their keys. Raises ValueError for another `by`."""
    if by not in RANKINGS:
        raise ValueError(f"--by was {by!r}; it takes one of {', '.join(RANKINGS)}")
    value = RANKINGS[by]

    def worse(key: int) -> tuple[float, int]:
        found = value(scores[key])
        return (math.inf if found is None or math.isnan(found) else -found), key

    return sorted(scores, key=worse)


def luck(sharpes: Sequence[float]) -> float | None:
    """Return the yearly Sharpe ratio expected of the best of so many strategies without any skill.

    Source: Bailey, López de Prado (2014), The Deflated Sharpe Ratio, Journal of Portfolio Management 40(5),
    with the variance of the tried ones. None for fewer than two.
    """
    count = len(sharpes)
    if count < 2:
        return None
    daily = [value / math.sqrt(DAYS_PER_YEAR) for value in sharpes]
    normal = NormalDist()
    expected = (1 - _EULER) * normal.inv_cdf(1 - 1 / count) + _EULER * normal.inv_cdf(
        1 - 1 / (count * math.e)
    )
    return math.sqrt(pvariance(daily)) * expected * math.sqrt(DAYS_PER_YEAR)
