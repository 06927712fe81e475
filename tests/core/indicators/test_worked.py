"""Worked values on the fixture F1, computed independently of this code."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from core.bars import Bars, FloatArray
from core.indicators import (
    average_true_range,
    awesome_oscillator,
    basis_rate,
    best_lag,
    bollinger,
    commodity_channel_index,
    correlations_by_lag,
    depth_imbalance,
    exponential_average,
    funding_excess,
    kdj,
    macd,
    microprice,
    on_balance_volume_z,
    percentile_rank,
    relative_strength,
    spread_rate,
    stochastic,
    stochastic_rsi,
    taker_share,
    williams_r,
    z_score,
)
from tests.core.markets import fixture_f1

F1 = fixture_f1()
AT = (161, 184, 200, 239)
Of = Callable[[Bars], FloatArray]


def band_place(bars: Bars) -> FloatArray:
    lower, _, upper = bollinger(bars.close)
    return (bars.close - lower) / (upper - lower)


@pytest.mark.parametrize(
    ("indicator", "values"),
    [
        (lambda b: relative_strength(b.close), (28.1925449, 77.6313177, 25.8694620, 89.4697650)),
        (lambda b: stochastic_rsi(b.close)[0], (0.64084626, 0.50573212, 0, 1)),
        (lambda b: stochastic_rsi(b.close)[1], (0.46034236, 0.72658930, 0, 1)),
        (
            lambda b: williams_r(b.high, b.low, b.close),
            (-50.9177467, -20.3764577, -94.2887775, -4.58223180),
        ),
        (lambda b: macd(b.close)[0], (-0.795205103, 1.23845837, -0.27429455, 1.18638501)),
        (lambda b: macd(b.close)[1], (-0.821165029, 1.11023662, 0.21793425, 0.98227043)),
        (lambda b: macd(b.close)[2], (0.0259599251, 0.128221748, -0.49222881, 0.20411459)),
        (
            lambda b: average_true_range(b.high, b.low, b.close),
            (0.681096386, 0.753080669, 0.76705949, 0.74946315),
        ),
        (
            lambda b: awesome_oscillator(b.high, b.low),
            (-2.33452952, 3.68555553, -1.40853750, 3.35500510),
        ),
        (lambda b: exponential_average(b.close, 10), (100.37726, 105.98925, 104.29799, 106.71868)),
        (lambda b: exponential_average(b.close, 25), (101.237667, 104.595928, 104.75731, 105.35949)),
        (lambda b: exponential_average(b.close, 50), (101.854599, 103.627945, 104.29368, 104.50855)),
        (
            lambda b: stochastic(b.high, b.low, b.close)[0],
            (27.2038575, 84.59413, 6.6190269, 94.614222),
        ),
        (
            lambda b: stochastic(b.high, b.low, b.close)[1],
            (16.9686037, 88.5953858, 7.1769028, 94.666583),
        ),
        (band_place, (0.35050783, 0.738382459, 0.00084533, 0.84645021)),
        (lambda b: kdj(b.high, b.low, b.close)[0], (34.4638569, 80.087702, 8.810526, 89.223374)),
        (lambda b: kdj(b.high, b.low, b.close)[1], (28.6861688, 86.6186232, 13.98387, 90.26261)),
        (lambda b: kdj(b.high, b.low, b.close)[2], (46.0192331, 67.0258596, -1.5361611, 87.144903)),
        (
            lambda b: on_balance_volume_z(b.close, b.volume),
            (-0.391511418, 0.645391658, -2.2188822, 1.4847251),
        ),
        (
            lambda b: commodity_channel_index(b.high, b.low, b.close),
            (-60.3142134, 75.5174322, -160.43494, 100.19435),
        ),
    ],
)
def test_indicator_on_f1(indicator: Of, values: tuple[float, ...]) -> None:
    # printed to 8 digits, or to 8 places below 1
    assert indicator(F1)[list(AT)] == pytest.approx(values, rel=5e-7, abs=6e-9)


def test_z_score() -> None:
    closes = [100, 101, 99, 100, 102, 98, 100, 101, 99, 100, 100, 101, 99, 100, 102, 98, 100, 101, 99, 95]
    assert z_score(np.array(closes, float))[-1] == pytest.approx(-3.07412781, rel=1e-6)
    assert z_score(F1.close)[[239, 200]] == pytest.approx([1.38580083, -1.99661867], rel=1e-6)


def test_lead_lag_finds_the_lag_it_was_made_with() -> None:
    i = np.arange(12)
    lead = 0.01 * (np.sin(1.3 * i) + 0.3 * np.cos(2.1 * i))
    target = np.concatenate(([0.001, -0.002], lead[:10]))
    lags = correlations_by_lag(lead, target, 0, 3)
    assert [each.correlation for each in lags] == pytest.approx(
        [-0.76256708, 0.22783938, 1.0, 0.27710247], rel=1e-6
    )
    assert best_lag(lags).lag == 2


def test_correlation_needs_five_pairs_and_variance() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 6.0])
    assert [each.correlation for each in correlations_by_lag(values, values, 0, 1)] == [pytest.approx(1), 0]
    assert correlations_by_lag(np.full(9, 0.1), np.arange(9.0), 0, 0)[0].correlation == 0
    assert np.isnan(correlations_by_lag(np.append(values, np.nan), np.arange(6.0), 0, 0)[0].correlation)


def test_lead_and_target_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="must have one length, were 3 and 4"):
        correlations_by_lag(np.ones(3), np.ones(4), 0, 1)
    with pytest.raises(ValueError, match="lags must be 0 <= min <= max, were 2 and 1"):
        correlations_by_lag(np.ones(9), np.ones(9), 2, 1)


def test_of_equal_correlations_the_shortest_lag_is_best() -> None:
    wave = np.tile([1.0, -1.0], 10)
    assert best_lag(correlations_by_lag(wave, wave, 1, 3)).lag == 1


def test_percentile_rank_counts_values_up_to_the_newest() -> None:
    values = np.array([np.nan, 1.0, 2.0, 2.0, 1.5])
    assert percentile_rank(values, 3) == pytest.approx([np.nan] * 3 + [1, 1 / 3], nan_ok=True)


def test_microstructure() -> None:
    assert depth_imbalance((5, 4, 6, 3, 7), (4, 3, 5, 2, 4)) == pytest.approx(0.16279070, rel=1e-6)
    assert taker_share(720_000, 480_000) == pytest.approx(0.6)
    assert basis_rate(40_024, 40_000) == pytest.approx(0.0006)
    assert funding_excess(0.0003) == pytest.approx(0.0002)
    assert spread_rate(40_010, 40_014) == pytest.approx(0.0000999700, rel=1e-5)
    assert microprice(100, 100.1, 5, 4) == pytest.approx(100.05555556)


def test_nothing_to_measure_is_not_balance() -> None:
    assert depth_imbalance((), ()) is None
    assert taker_share(0, 0) is None
    assert basis_rate(1, 0) is None
    assert spread_rate(0, 1) is None
    assert spread_rate(2, 1) is None
    assert microprice(1, 2, 0, 0) is None
