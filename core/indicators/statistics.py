"""Deviations from a mean, ranks, and which of two markets moves first."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from core.bars import FloatArray
from core.indicators.windows import NEAR_ZERO, divide, rolling_mean, rolling_std

_PAIRS_MIN = 5


def z_score(values: FloatArray, window: int = 20) -> FloatArray:
    """Return (x − mean)/deviation over the last `window` values, the newest included; 0 without deviation.

    |z| is at most √(window − 1).
    """
    return divide(values - rolling_mean(values, window), rolling_std(values, window), otherwise=0.0)


def percentile_rank(values: FloatArray, window: int) -> FloatArray:
    """Return the share of the last `window` values that are at most the newest, in (0, 1]."""
    result = np.full(len(values), np.nan)
    if len(values) >= window:
        windows = np.lib.stride_tricks.sliding_window_view(values, window)
        newest = windows[:, -1]
        share = np.zeros(len(windows))
        for age in range(window):
            share += windows[:, age] <= newest
        known = np.isfinite(windows[:, 0]) & np.isfinite(newest)
        result[window - 1 :] = np.where(known, share / window, np.nan)
    return result


@dataclass(frozen=True, slots=True)
class Lag:
    """How well one series follows another `lag` steps later: Pearson's correlation, −1 … 1."""

    lag: int
    correlation: float


def correlations_by_lag(lead: FloatArray, target: FloatArray, min_lag: int, max_lag: int) -> tuple[Lag, ...]:
    """Return the correlation of lead[: −ℓ] with target[ℓ:] for each lag, shortest first.

    `lead`, `target`: returns at the same times, shape (n,). 0 for fewer than 5 pairs, or where one of both
    does not vary; NaN in either gives NaN.
    """
    if len(lead) != len(target):
        raise ValueError(f"lead and target must have one length, were {len(lead)} and {len(target)}")
    if not 0 <= min_lag <= max_lag:
        raise ValueError(f"lags must be 0 <= min <= max, were {min_lag} and {max_lag}")
    count = len(lead)
    return tuple(
        Lag(lag, correlation(lead[: max(0, count - lag)], target[lag:]))
        for lag in range(min_lag, max_lag + 1)
    )


def best_lag(lags: tuple[Lag, ...]) -> Lag:
    """Return the lag of the largest |correlation|; of equals the shortest."""
    return max(lags, key=lambda each: (abs(each.correlation), -each.lag))


def correlation(one: FloatArray, other: FloatArray) -> float:
    """Return Pearson's correlation; 0 for fewer than 5 pairs or without variance, NaN where there is NaN."""
    if len(one) < _PAIRS_MIN:
        return 0.0
    a, b = one - one.mean(), other - other.mean()
    spread = sqrt(float(a @ a)), sqrt(float(b @ b))
    for values, size in zip((one, other), spread, strict=True):
        if size < NEAR_ZERO * sqrt(len(values)) * max(NEAR_ZERO, float(np.abs(values).max())):
            return 0.0
    return float(np.clip(a @ b / (spread[0] * spread[1]), -1, 1))
