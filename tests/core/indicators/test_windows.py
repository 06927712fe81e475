from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from core.bars import FloatArray
from core.indicators import (
    divide,
    lagged,
    log_returns,
    path_length,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_std,
    rolling_sum,
)

Rolling = Callable[[FloatArray, int], FloatArray]
NAN = np.nan

series = npst.arrays(np.float64, st.integers(0, 40), elements=st.floats(-1e6, 1e6))


@settings(deadline=None)
@given(series, st.integers(1, 12))
@pytest.mark.parametrize(
    ("rolling", "of_window"),
    [
        (rolling_sum, np.sum),
        (rolling_mean, np.mean),
        (rolling_max, np.max),
        (rolling_min, np.min),
        (rolling_std, np.std),
    ],
)
def test_each_value_is_that_of_its_window(
    rolling: Rolling, of_window: Callable[[FloatArray], float], values: FloatArray, window: int
) -> None:
    result = rolling(values, window)
    assert len(result) == len(values)
    assert np.isnan(result[: window - 1]).all()
    for t in range(window - 1, len(values)):
        assert result[t] == pytest.approx(of_window(values[t - window + 1 : t + 1]), rel=1e-9, abs=1e-5)


@settings(deadline=None)
@given(series, st.integers(1, 12), st.integers(0, 39))
@pytest.mark.parametrize("rolling", [rolling_sum, rolling_mean, rolling_max, rolling_min, rolling_std])
def test_value_does_not_depend_on_bars_outside_its_window(
    rolling: Rolling, values: FloatArray, window: int, cut: int
) -> None:
    whole = rolling(values, window)
    assert np.array_equal(rolling(values[:cut], window), whole[:cut], equal_nan=True)
    later = rolling(values[cut:], window)[window - 1 :]
    assert np.array_equal(later, whole[cut + window - 1 :], equal_nan=True)


@pytest.mark.parametrize("rolling", [rolling_sum, rolling_mean, rolling_max, rolling_min, rolling_std])
def test_nan_makes_every_window_that_holds_it_undefined(rolling: Rolling) -> None:
    result = rolling(np.array([1.0, 2.0, NAN, 4.0, 5.0, 6.0]), 2)
    assert np.isnan(result).tolist() == [True, False, True, True, False, False]


@pytest.mark.parametrize("window", [0, -1])
def test_window_without_bars_is_refused(window: int) -> None:
    with pytest.raises(ValueError, match="window must be at least 1"):
        rolling_sum(np.ones(3), window)


def test_rounding_noise_is_no_deviation() -> None:
    noise = 1e6 + np.array([0.0, 1e-10, 0.0, 2e-10])
    assert rolling_std(noise, 4)[-1] == 0.0
    assert rolling_std(np.array([0.0, 1e-11, 0.0, 1e-11]), 4)[-1] == pytest.approx(5e-12)


def test_deviation_far_from_zero_keeps_its_digits() -> None:
    values = 1e9 + np.array([4.0, 7.0, 13.0, 16.0])
    assert rolling_std(values, 4)[-1] == pytest.approx(np.sqrt(22.5), rel=1e-12)


def test_lagged() -> None:
    values = np.array([1.0, 2.0, 3.0])
    assert lagged(values, 0).tolist() == [1, 2, 3]
    assert lagged(values, 2) == pytest.approx([NAN, NAN, 1], nan_ok=True)
    assert np.isnan(lagged(values, 5)).all()


def test_log_returns() -> None:
    assert log_returns(np.array([1.0, np.e, 1.0])) == pytest.approx([NAN, 1, -1], nan_ok=True)


def test_path_length_counts_both_ways() -> None:
    assert path_length(np.array([1.0, 3.0, 2.0, 2.5]), 2) == pytest.approx([NAN, NAN, 3, 1.5], nan_ok=True)


def test_division_by_zero_gives_the_value_asked_for() -> None:
    result = divide(np.array([1.0, 1.0, NAN, 1.0]), np.array([2.0, 0.0, 1.0, NAN]), otherwise=7.0)
    assert result == pytest.approx([0.5, 7, NAN, NAN], nan_ok=True)
    assert divide(np.ones(2), np.zeros(2), otherwise=np.array([3.0, 4.0])).tolist() == [3, 4]
