"""Show, on the bars about to be traded, that a strategy can be trusted with them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from core.strategies.decision import Decision, SelfTest
from core.strategies.market import MarketView
from core.strategies.protocol import SelfTesting, Strategy, Vectorized

if TYPE_CHECKING:
    from core.strategies.protocol import Evaluation

# Recursive averages remember how many bars came before, and vector units round differently over arrays of
# another length; look-ahead differs by far more.
_TOLERANCE = 1e-6
WITHHELD_BARS = 8


class SelfTestReason(StrEnum):
    """Outcome of a self-test, in the order the checks are made."""

    NOT_ENOUGH_BARS = "NOT_ENOUGH_BARS"
    UNDEFINED = "UNDEFINED"
    OUT_OF_BOUNDS = "OUT_OF_BOUNDS"
    NOT_REPEATABLE = "NOT_REPEATABLE"
    LOOKS_AHEAD = "LOOKS_AHEAD"
    PASSED = "PASSED"


def self_test(strategy: Strategy, view: MarketView) -> SelfTest:
    """Run the strategy's own self-test, or for one that has none: is it defined, repeatable, and blind?

    It is blind to the future when withholding the last bars leaves the readings before them as they were.
    Never raises for the content of the bars.
    """
    if isinstance(strategy, SelfTesting):
        return strategy.self_test(view)
    n, needed = len(view.bars), strategy.needs(view.traded)
    for series, count in needed.items():
        held = len(view.series[series]) if series in view.series else 0
        if held < count:
            detail = f"{held} closed bars of {series.symbol} {series.interval}, {count} are needed"
            return SelfTest(False, SelfTestReason.NOT_ENOUGH_BARS, detail, n)
    decision = strategy.decide(view)
    readings = decision.readings
    if not readings or any(value is None for value in readings.values()):
        undefined = ", ".join(name for name, value in readings.items() if value is None) or "everything"
        return SelfTest(False, SelfTestReason.UNDEFINED, f"{undefined} is undefined at the last bar", n)
    if strategy.decide(view) != decision:
        detail = "the same bars gave another decision the second time"
        return SelfTest(False, SelfTestReason.NOT_REPEATABLE, detail, n, readings)
    if isinstance(strategy, Vectorized) and _looks_ahead(strategy, view):
        detail = f"the last {WITHHELD_BARS} bars change values before them"
        return SelfTest(False, SelfTestReason.LOOKS_AHEAD, detail, n, readings)
    return SelfTest(
        True, SelfTestReason.PASSED, f"defined, repeatable and blind to the future on {n} bars", n, readings
    )


def _looks_ahead(strategy: Vectorized, view: MarketView) -> bool:
    last = len(view.bars) - 1 - WITHHELD_BARS
    if last < 0:
        return False
    return not _alike(strategy.evaluate(view), strategy.evaluate(view.until(last)), last)


def _alike(whole: Evaluation, part: Evaluation, last: int) -> bool:
    return all(
        _same(whole.decide(index), part.decide(index))
        for index in range(max(0, last - WITHHELD_BARS + 1), last + 1)
    )


def _same(one: Decision, other: Decision) -> bool:
    def close(a: float | None, b: float | None) -> bool:
        return a is b or (a is not None and b is not None and abs(a - b) <= _TOLERANCE * max(1, abs(a)))

    return one.readings.keys() == other.readings.keys() and all(
        close(value, other.readings[name]) for name, value in one.readings.items()
    )
