"""The worked numbers of the reference, and what holds for any portfolio."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.bars import FloatArray
from core.risk.var import NotEnoughReturns, TailLoss, closed_form, historical, simulated

RETURNS = np.array(
    [
        (0.012, 0.020),
        (-0.018, -0.025),
        (0.005, 0.001),
        (0.030, 0.041),
        (-0.022, -0.030),
        (0.001, 0.008),
        (-0.009, -0.004),
        (0.015, 0.010),
        (-0.004, -0.012),
        (0.008, 0.015),
    ]
)
VALUES = np.array([6000.0, 4000.0])
TEN = 10


def random(seed: int = 42) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


@pytest.mark.parametrize(
    ("horizon_days", "confidence", "value_at_risk", "shortfall"),
    [
        (1, 0.95, 272.454988, 346.851970),
        (1, 0.99, 393.790398, 454.123244),
        (10, 0.95, 722.088786, 957.352700),
        (10, 0.99, 1105.785044, 1296.574253),
    ],
)
def test_the_closed_form_and_the_simulation_give_the_worked_numbers(
    horizon_days: float, confidence: float, value_at_risk: float, shortfall: float
) -> None:
    exact = closed_form(VALUES, RETURNS, confidence=confidence, horizon_days=horizon_days, days_min=TEN)
    assert exact.value_at_risk == pytest.approx(value_at_risk, abs=1e-6)
    assert exact.shortfall == pytest.approx(shortfall, abs=1e-6)
    drawn = simulated(
        VALUES, RETURNS, random(), confidence=confidence, horizon_days=horizon_days, days_min=TEN
    )
    assert drawn.value_at_risk == pytest.approx(value_at_risk, rel=0.05)
    assert drawn.shortfall == pytest.approx(shortfall, rel=0.05)
    assert drawn.correlated


@pytest.mark.parametrize(("confidence", "expected"), [(0.95, 270.889483), (0.99, 382.750635)])
def test_seed_42_gives_the_simulation_of_the_reference(confidence: float, expected: float) -> None:
    drawn = simulated(VALUES, RETURNS, random(), confidence=confidence, days_min=TEN)
    assert drawn.value_at_risk == pytest.approx(expected, abs=1e-6)
    assert drawn == simulated(VALUES, RETURNS, random(), confidence=confidence, days_min=TEN)
    assert drawn != simulated(VALUES, RETURNS, random(43), confidence=confidence, days_min=TEN)


def test_history_counts_the_days_in_the_tail() -> None:
    """100 days that lose 1, 2, … 100: at 95 % the sixth worst, and the mean of the six."""
    returns = -np.arange(1.0, 101.0).reshape(-1, 1) / 100
    tail = historical(np.array([100.0]), returns)
    assert (tail.value_at_risk, tail.shortfall) == pytest.approx((95, 97.5))


@pytest.mark.parametrize("days", [29, 30])
def test_it_refuses_too_few_returns(days: int) -> None:
    returns = np.resize(RETURNS, (days, 2))
    if days == 30:
        assert simulated(VALUES, returns, random()).value_at_risk > 0
        assert historical(VALUES, returns).value_at_risk > 0
        return
    with pytest.raises(NotEnoughReturns, match="29 daily returns, 30 are needed"):
        simulated(VALUES, returns, random())
    with pytest.raises(NotEnoughReturns, match="29 daily returns, 30 are needed"):
        historical(VALUES, returns)


def test_one_day_in_the_tail_is_needed_of_history() -> None:
    returns = np.resize(RETURNS, (100, 2))
    assert historical(VALUES, returns, confidence=0.99).value_at_risk > 0
    with pytest.raises(NotEnoughReturns, match="99 daily returns, 100 are needed"):
        historical(VALUES, returns[1:], confidence=0.99)


def test_as_many_days_as_assets_are_too_few() -> None:
    square = np.full((40, 40), 0.01)
    with pytest.raises(NotEnoughReturns, match="40 daily returns, 41 are needed"):
        simulated(np.ones(40), square, random())


def test_a_row_with_a_gap_counts_for_no_asset() -> None:
    gapped = np.vstack([RETURNS, (np.nan, 0.5), (-0.5, np.inf)])
    whole = closed_form(VALUES, RETURNS, days_min=TEN)
    assert closed_form(VALUES, gapped, days_min=TEN) == whole


def test_edge_cases() -> None:
    nothing = np.empty(0)
    assert simulated(nothing, np.empty((0, 0)), random()) == TailLoss(0.0, 0.0)
    calm = np.full((30, 2), 0.001)
    assert simulated(VALUES, calm, random()).value_at_risk == 0
    same = np.repeat(np.resize(RETURNS[:, :1], (30, 1)), 2, axis=1)
    alone = closed_form(np.array([10_000.0]), same[:, :1])
    twins = simulated(VALUES, same, random(), paths=50_000)
    assert twins.correlated
    assert twins.value_at_risk == pytest.approx(alone.value_at_risk, rel=0.02)


@pytest.mark.parametrize("confidence", [0.5, 1.0, float("nan")])
def test_a_confidence_out_of_range_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence was"):
        historical(VALUES, RETURNS, confidence=confidence)


def test_a_value_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        historical(np.array([np.nan, 1.0]), RETURNS, days_min=TEN)
    with pytest.raises(ValueError, match="do not fit"):
        historical(np.ones(3), RETURNS, days_min=TEN)


portfolios = st.lists(st.floats(0, 1e6), min_size=2, max_size=2).map(np.array)


@given(portfolios, st.floats(0.01, 100), st.integers(0, 2**32))
def test_it_scales_with_the_portfolio_and_the_shortfall_is_no_smaller(
    values: FloatArray, factor: float, seed: int
) -> None:
    once = simulated(values, RETURNS, random(seed), paths=200, days_min=TEN)
    scaled = simulated(values * factor, RETURNS, random(seed), paths=200, days_min=TEN)
    assert scaled.value_at_risk == pytest.approx(once.value_at_risk * factor, rel=1e-9, abs=1e-6)
    assert once.shortfall >= once.value_at_risk - 1e-9 or once.value_at_risk == 0


def kupiec(exceeded: int, days: int, expected: float) -> float:
    """Return Kupiec's likelihood ratio of so many days beyond a Value at Risk; above 3.84 it is wrong at 5 %.

    Source: Kupiec (1995), Techniques for Verifying the Accuracy of Risk Measurement Models.
    """
    seen = exceeded / days
    return 2 * (
        exceeded * math.log(seen / expected) + (days - exceeded) * math.log((1 - seen) / (1 - expected))
    )


def test_days_beyond_the_value_at_risk_are_as_many_as_it_says() -> None:
    """On 1,000 days of a market that is what the simulation assumes, each judged by the 90 days before it."""
    random = np.random.default_rng(7)
    returns = random.multivariate_normal([0.0003, 0.0003], [[9e-4, 6e-4], [6e-4, 16e-4]], 1_090)
    values = np.array([6_000.0, 4_000.0])
    beyond = 0
    for day in range(90, len(returns)):
        drawn = np.random.Generator(np.random.PCG64(42))
        at_risk = simulated(values, returns[day - 90 : day], drawn, paths=2_000).value_at_risk
        beyond += -float(returns[day] @ values) > at_risk
    assert kupiec(beyond, 1_000, 0.05) < 3.84
    assert kupiec(65, 1_000, 0.05) > 3.84 > kupiec(63, 1_000, 0.05)
