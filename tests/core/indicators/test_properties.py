"""What holds of every indicator on any market: bounds, units, warm-up, and blindness to the future."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.bars import Bars, FloatArray
from core.indicators import (
    average_true_range,
    awesome_oscillator,
    bollinger,
    commodity_channel_index,
    exponential_average,
    fast_stochastic,
    kdj,
    lagged,
    log_returns,
    macd,
    mean_and_deviation,
    on_balance_volume,
    on_balance_volume_z,
    path_length,
    percentile_rank,
    relative_strength,
    rolling_mean,
    rolling_std,
    simple_average,
    stochastic,
    stochastic_rsi,
    williams_r,
    z_score,
)
from tests.core.markets import markets, scaled

PRICE, VOLUME, FREE = (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)
SLACK = 1e-9
Z_MAX = sqrt(19) + 1e-3  # a deviation near its rounding noise knows few digits


@dataclass(frozen=True)
class Case:
    """An indicator as a function of bars. `warm_up`: NaN values at its head. `unit`: its powers of the units
    of price and volume."""

    of: Callable[[Bars], FloatArray]
    warm_up: int
    low: float = -inf
    high: float = inf
    unit: tuple[float, float] = FREE


CASES = {
    "ema": Case(lambda b: exponential_average(b.close, 10), 9, low=0, unit=PRICE),
    "sma": Case(lambda b: simple_average(b.close, 10), 9, low=0, unit=PRICE),
    "atr": Case(lambda b: average_true_range(b.high, b.low, b.close), 14, low=0, unit=PRICE),
    "bollinger lower": Case(lambda b: bollinger(b.close)[0], 19, unit=PRICE),
    "bollinger upper": Case(lambda b: bollinger(b.close)[2], 19, low=0, unit=PRICE),
    "rsi": Case(lambda b: relative_strength(b.close), 14, 0, 100),
    "stochastic rsi k": Case(lambda b: stochastic_rsi(b.close)[0], 29, 0, 1),
    "stochastic rsi d": Case(lambda b: stochastic_rsi(b.close)[1], 31, 0, 1),
    "fast stochastic": Case(lambda b: fast_stochastic(b.high, b.low, b.close, 14), 13, 0, 100),
    "stochastic k": Case(lambda b: stochastic(b.high, b.low, b.close)[0], 15, 0, 100),
    "stochastic d": Case(lambda b: stochastic(b.high, b.low, b.close)[1], 17, 0, 100),
    "williams": Case(lambda b: williams_r(b.high, b.low, b.close), 13, -100, 0),
    "kdj k": Case(lambda b: kdj(b.high, b.low, b.close)[0], 8, 0, 100),
    "kdj d": Case(lambda b: kdj(b.high, b.low, b.close)[1], 8, 0, 100),
    "kdj j": Case(lambda b: kdj(b.high, b.low, b.close)[2], 8, -200, 300),
    "macd line": Case(lambda b: macd(b.close)[0], 33, unit=PRICE),
    "macd histogram": Case(lambda b: macd(b.close)[2], 33, unit=PRICE),
    "awesome": Case(lambda b: awesome_oscillator(b.high, b.low), 33, unit=PRICE),
    "cci": Case(lambda b: commodity_channel_index(b.high, b.low, b.close), 19, -20 / 0.015, 20 / 0.015),
    "obv": Case(lambda b: on_balance_volume(b.close, b.volume), 0, unit=VOLUME),
    "obv z": Case(lambda b: on_balance_volume_z(b.close, b.volume), 19, -Z_MAX, Z_MAX),
    "z score": Case(lambda b: z_score(b.close), 19, -Z_MAX, Z_MAX),
    "deviation": Case(lambda b: mean_and_deviation(b.close, 20)[1], 19, low=0, unit=PRICE),
    "percentile": Case(lambda b: percentile_rank(b.close, 20), 19, 0, 1),
    "log returns": Case(lambda b: log_returns(b.close), 1),
    "lagged": Case(lambda b: lagged(b.close, 3), 3, low=0, unit=PRICE),
    "path": Case(lambda b: path_length(b.close, 5), 5, low=0, unit=PRICE),
}
# A deviation of rounding noise is nothing in one unit and something in another, and an indicator in units of
# its own deviation then jumps: what is compared there are the bars that really move.
IN_DEVIATIONS = {"obv z": lambda b: mean_and_deviation(on_balance_volume(b.close, b.volume), 20)[1]}
unhurried = settings(deadline=None, max_examples=40)


@given(bars=markets(min_bars=60))
@unhurried
def test_bounds_hold_and_nothing_is_undefined_after_the_warm_up(bars: Bars) -> None:
    for name, case in CASES.items():
        values = case.of(bars)
        assert values.dtype == np.float64, name
        assert len(values) == len(bars), name
        assert np.isnan(values[: case.warm_up]).all(), name
        known = values[case.warm_up :]
        assert np.isfinite(known).all(), name
        assert (known >= case.low - SLACK).all(), name
        assert (known <= case.high + SLACK).all(), name


@given(bars=markets(min_bars=60), data=st.data())
@unhurried
def test_later_bars_change_nothing(bars: Bars, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(bars)))
    for name, case in CASES.items():
        assert np.array_equal(case.of(bars[:cut]), case.of(bars)[:cut], equal_nan=True), name


@given(bars=markets(min_bars=60), price=st.integers(-20, 20), volume=st.integers(-20, 20))
@unhurried
def test_units_of_price_and_volume_carry_through(bars: Bars, price: int, volume: int) -> None:
    units = 2.0**price, 2.0**volume  # powers of two lose no digit, so not one comparison turns over
    in_units = scaled(bars, *units)
    for name, case in CASES.items():
        factor = units[0] ** case.unit[0] * units[1] ** case.unit[1]
        values, other = case.of(bars), case.of(in_units)
        moving = IN_DEVIATIONS[name](bars) > 1e-3 if name in IN_DEVIATIONS else slice(None)
        values, other = values[moving] * factor, other[moving]
        assert np.allclose(other, values, rtol=1e-9, atol=1e-9 * factor, equal_nan=True), name


@given(values=markets(min_bars=30), window=st.integers(1, 25))
@unhurried
def test_mean_and_deviation_are_those_of_the_rolling_functions(values: Bars, window: int) -> None:
    mean, deviation = mean_and_deviation(values.close, window)
    assert np.allclose(mean, rolling_mean(values.close, window), rtol=1e-12, equal_nan=True)
    assert np.allclose(deviation, rolling_std(values.close, window), rtol=1e-6, atol=1e-9, equal_nan=True)


def test_many_windows_are_as_few() -> None:
    values = np.random.default_rng(1).normal(size=20_000)
    mean, deviation = mean_and_deviation(values, 20)
    for count in (50, 21, 20):
        tail = mean_and_deviation(values[-count:], 20)
        known = slice(19 - count, None)
        assert np.array_equal(mean[known], tail[0][19:])
        assert np.array_equal(deviation[known], tail[1][19:])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("count", [0, 1, 2, 8])
def test_few_bars_are_no_error(name: str, count: int) -> None:
    price = np.full(count, 7.0)
    bars = Bars(np.arange(count), price, price, price, price, np.zeros(count), 1)
    values = CASES[name].of(bars)
    assert np.isnan(values[: CASES[name].warm_up]).all()
    assert len(values) == count


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stochastic rsi k", 0.5),
        ("williams", -50),
        ("stochastic k", 50),
        ("kdj j", 50),
        ("obv z", 0),
        ("cci", 0),
        ("z score", 0),
        ("macd histogram", 0),
        ("awesome", 0),
        ("atr", 0),
    ],
)
def test_market_that_stands_still_is_neutral(name: str, value: float) -> None:
    price = np.full(80, 7.0)
    bars = Bars(np.arange(80), price, price, price, price, np.zeros(80), 1)
    assert CASES[name].of(bars)[-1] == pytest.approx(value, abs=1e-12)


def test_cheap_coin_moves_as_a_dear_one() -> None:
    """At a millionth of a quote unit the sums of TA-Lib's moves are below what it calls zero."""
    close = 100 + np.cumsum(np.random.default_rng(2).normal(size=80)) / 100
    assert relative_strength(close * 1e-14) == pytest.approx(relative_strength(close), nan_ok=True, rel=1e-9)
    assert z_score(close)[-1] != 0
