"""Each way a strategy can fail its self-test, shown by a field that has that fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from core.bars import Bars, aggregate, interval_ms
from core.strategies.coherence import Coherence, CoherenceParameters, Field, coherence_field
from core.strategies.coherence.self_test import self_test
from core.strategies.market import MarketView
from core.strategies.self_test import SelfTestReason

STRATEGY = Coherence()


def honest(bars: Bars) -> Field:
    return coherence_field(bars, CoherenceParameters())


def out_of_bounds(bars: Bars) -> Field:
    field = honest(bars)
    return replace(field, gamma=field.gamma + 1)


def lambda_above_magnitude(bars: Bars) -> Field:
    field = honest(bars)
    return replace(field, magnitude=field.magnitude / 2)


def undefined_lately(bars: Bars) -> Field:
    field = honest(bars)
    return replace(field, gamma=np.where(np.arange(len(bars)) == len(bars) - 3, np.nan, field.gamma))


def normalized_by_the_whole_history(bars: Bars) -> Field:
    field = honest(bars)
    return replace(field, gamma=field.gamma * 0.9 * np.nanmin(bars.close / bars.close[-1]))


def different_each_time() -> Callable[[Bars], Field]:
    calls: Iterator[int] = count(1)

    def compute(bars: Bars) -> Field:
        field = honest(bars)
        return replace(field, gamma=field.gamma / next(calls))

    return compute


@pytest.mark.parametrize(
    ("compute", "reason"),
    [
        (honest, SelfTestReason.PASSED),
        (undefined_lately, SelfTestReason.UNDEFINED),
        (out_of_bounds, SelfTestReason.OUT_OF_BOUNDS),
        (lambda_above_magnitude, SelfTestReason.OUT_OF_BOUNDS),
        (different_each_time(), SelfTestReason.NOT_REPEATABLE),
        (normalized_by_the_whole_history, SelfTestReason.LOOKS_AHEAD),
    ],
)
def test_fault_is_found(f1: Bars, compute: Callable[[Bars], Field], reason: SelfTestReason) -> None:
    result = self_test(f1, compute, bars_required=STRATEGY.bars_required)
    assert result.reason == reason
    assert result.ok is (reason is SelfTestReason.PASSED)
    assert result.n_bars == 240


def test_too_few_bars(f1: Bars) -> None:
    enough = STRATEGY.bars_required
    assert STRATEGY.self_test(MarketView.of(f1[-enough:])).ok
    result = STRATEGY.self_test(MarketView.of(f1[-enough + 1 :]))
    assert (result.ok, result.reason) == (False, SelfTestReason.NOT_ENOUGH_BARS)
    assert result.detail == f"{enough - 1} closed bars, {enough} are needed"
    assert result.readings == {}


def test_no_bars(f1: Bars) -> None:
    assert STRATEGY.self_test(MarketView.of(f1[:0])).reason == SelfTestReason.NOT_ENOUGH_BARS


def test_recorded_bars_pass(recorded: Bars) -> None:
    bars = aggregate(recorded, interval_ms("15m"))
    result = STRATEGY.self_test(MarketView.of(bars[-500:]))
    assert result.ok, result.detail
    assert result.readings == pytest.approx(STRATEGY.decide(MarketView.of(bars)).readings, rel=1e-7)
