"""Whether the lead moved first, which way it moves now, and where that should take the target.

    lag        of lag_min … lag_max with the largest |correlation| of lead[: −ℓ] and target[ℓ:]
    required   max(correlation_min, Φ⁻¹(1 − α/(2L))/√(window − 1)), L lags tried
    impulse    z = Σ last ℓ lead returns / (deviation of the lead's returns · √ℓ)
    predicted  sign(correlation) · sign(z)

Picking the best of several lags without asking more of it confirms independent noise one time in three.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np

from core.bars import BoolArray, FloatArray, IntArray
from core.indicators import divide, lagged, mean_and_deviation
from core.strategies.lead_lag.parameters import LeadLagParameters


@dataclass(frozen=True, slots=True, eq=False)
class Trigger:
    """The lead at each bar, shape (n,); NaN, lag 0 and no side where a price of the window is missing.

    `predicted`: 1 up, −1 down, 0 neither.
    """

    correlation: FloatArray
    lag: IntArray
    impulse: FloatArray
    predicted: IntArray
    significant: BoolArray


def required_correlation(rule: LeadLagParameters) -> float:
    """Return the |correlation| that chance alone exceeds with probability `alpha`, over all lags tried."""
    lags = rule.lag_max - rule.lag_min + 1
    return max(
        rule.correlation_min, NormalDist().inv_cdf(1 - rule.alpha / (2 * lags)) / sqrt(rule.window - 1)
    )


def trigger(lead: FloatArray, target: FloatArray, rule: LeadLagParameters) -> Trigger:
    """Compare closes of lead and target at the same times, each shape (n,), NaN where there is none."""
    returns, own = lead / lagged(lead, 1) - 1, target / lagged(target, 1) - 1
    return trigger_of_returns(returns, own, rule)


def trigger_of_returns(lead: FloatArray, target: FloatArray, rule: LeadLagParameters) -> Trigger:
    """Compare simple returns at the same times, each shape (n,); `window` prices have one return less."""
    count = rule.window - 1
    _, deviation = mean_and_deviation(lead, count)
    best = np.zeros(len(lead))
    lag = np.zeros(len(lead), dtype=np.int64)
    impulse = np.full(len(lead), np.nan)
    moved = lead.copy()
    for steps in range(1, rule.lag_max + 1):
        if steps > 1:
            moved = moved + lagged(lead, steps - 1)
        if steps < rule.lag_min:
            continue
        found = _rolling_correlation(lagged(lead, steps), target, count - steps)
        better = (np.abs(found) > np.abs(best)) | (lag == 0)
        best, lag = np.where(better, found, best), np.where(better, steps, lag)
        here = divide(moved, deviation * sqrt(steps), otherwise=0.0)
        impulse = np.where(better, here, impulse)
    undefined = np.isnan(best) | np.isnan(impulse)
    best[undefined] = impulse[undefined] = np.nan
    lag[undefined] = 0
    side = np.where(undefined, 0, np.sign(best) * np.sign(impulse))
    return Trigger(
        correlation=best,
        lag=lag,
        impulse=impulse,
        predicted=side.astype(np.int64),
        significant=(np.abs(best) >= required_correlation(rule)) & (np.abs(impulse) >= rule.impulse_min),
    )


def _rolling_correlation(one: FloatArray, other: FloatArray, window: int) -> FloatArray:
    """Return Pearson's correlation over the last `window` pairs; 0 where one of both does not vary.

    Returns lie around 0, so nothing is lost in taking the product of the means off the mean product.
    """
    mean, deviation = mean_and_deviation(one, window)
    other_mean, other_deviation = mean_and_deviation(other, window)
    product, _ = mean_and_deviation(one * other, window)
    covariance = product - mean * other_mean
    return np.clip(divide(covariance, deviation * other_deviation, otherwise=0.0), -1, 1)
