"""What holds of the book's and the tape's measures on any numbers: bounds, units, symmetry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.indicators import (
    basis_rate,
    correlations_by_lag,
    depth_imbalance,
    microprice,
    spread_rate,
    taker_share,
)
from core.indicators.statistics import correlation
from tests.core.markets import random_market

sizes = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=20)
amount = st.floats(0.001, 1e9)
scale = st.sampled_from([2.0**power for power in (-20, -3, 5, 20)])


@given(sizes, sizes, scale)
def test_imbalance_is_bounded_turns_with_the_sides_and_has_no_unit(
    bids: list[float], asks: list[float], unit: float
) -> None:
    value = depth_imbalance(bids, asks)
    assert value is not None
    assert -1 <= value <= 1
    assert depth_imbalance(asks, bids) == -value
    assert depth_imbalance([unit * each for each in bids], [unit * each for each in asks]) == value


@given(amount, amount, scale)
def test_taker_share_is_bounded_and_has_no_unit(buys: float, sells: float, unit: float) -> None:
    value = taker_share(buys, sells)
    assert value is not None
    assert 0 <= value <= 1
    assert taker_share(buys * unit, sells * unit) == value
    assert taker_share(sells, buys) == pytest.approx(1 - value)


@given(amount, amount, scale)
def test_rates_of_prices_have_no_unit(one: float, other: float, unit: float) -> None:
    assert basis_rate(one * unit, other * unit) == basis_rate(one, other)
    low, high = sorted((one, other))
    value = spread_rate(low, high)
    assert value is not None
    assert 0 <= value <= 2
    assert spread_rate(low * unit, high * unit) == value


@given(amount, amount, amount, amount)
def test_microprice_lies_between_the_prices(one: float, other: float, bids: float, asks: float) -> None:
    low, high = sorted((one, other))
    value = microprice(low, high, bids, asks)
    assert value is not None
    assert low * (1 - 1e-9) <= value <= high * (1 + 1e-9)


@given(st.integers(0, 2**32 - 1), scale)
def test_correlation_is_bounded_symmetric_and_has_no_unit(seed: int, unit: float) -> None:
    lead = random_market(seed, [(40, 0.01, 0.0, 1.0)], 1).close
    target = random_market(seed + 1, [(40, 0.01, 0.0, 1.0)], 1).close
    value = correlation(lead, target)
    assert -1 <= value <= 1
    assert correlation(target, lead) == pytest.approx(value)
    assert correlation(lead * unit, target) == pytest.approx(value)
    assert correlation(-lead, target) == pytest.approx(-value)
    assert correlations_by_lag(lead, target, 0, 0)[0].correlation == value
