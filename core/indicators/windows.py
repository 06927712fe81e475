"""Rolling statistics over bars.

Every function takes and returns float64 arrays of shape (n,), oldest first. The value at `t` uses the window
that ends with `t` and nothing after it; where the window is not full, or holds a NaN, the result is NaN.

A window is summed afresh at every bar, always newest to oldest: running sums drift, and this way a value does
not depend, to the last bit, on how many bars came before its window.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from core.bars import FloatArray

NEAR_ZERO = 1e-12
_CHUNK = 4_096  # windows at a time: their deviations stay in the processor's cache


def lagged(values: FloatArray, lag: int) -> FloatArray:
    """Return the value of `lag` bars ago; NaN for the first `lag` bars."""
    result = np.full(len(values), np.nan)
    result[lag:] = values[: max(0, len(values) - lag)]
    return result


def log_returns(close: FloatArray) -> FloatArray:
    """Return ln(C_t / C_{t-1}); the first value is NaN. Prices must be positive."""
    return np.log(close / lagged(close, 1))


def rolling_sum(values: FloatArray, window: int) -> FloatArray:
    """Return the sum of the last `window` values."""
    return _fold(values, window, np.add)


def rolling_mean(values: FloatArray, window: int) -> FloatArray:
    """Return the simple mean of the last `window` values."""
    return rolling_sum(values, window) / window


def rolling_max(values: FloatArray, window: int) -> FloatArray:
    """Return the largest of the last `window` values."""
    return _fold(values, window, np.maximum)


def rolling_min(values: FloatArray, window: int) -> FloatArray:
    """Return the smallest of the last `window` values."""
    return _fold(values, window, np.minimum)


def rolling_std(values: FloatArray, window: int) -> FloatArray:
    """Return the population standard deviation (ddof 0) of the last `window` values, in two passes.

    A deviation below 1e-12 · max(1, |mean|) is rounding noise and counts as 0.
    """
    mean = rolling_mean(values, window)
    squares = np.zeros(len(values))
    for lag in range(window):
        squares += (lagged(values, lag) - mean) ** 2
    deviation = np.sqrt(squares / window)
    deviation[deviation < NEAR_ZERO * np.maximum(1.0, np.abs(mean))] = 0.0
    return deviation


def mean_and_deviation(values: FloatArray, window: int) -> tuple[FloatArray, FloatArray]:
    """Return the mean and the population deviation of the last `window` values, in two passes.

    As `rolling_mean` and `rolling_std`, window by window instead of step by step: faster on few bars.
    """
    if window < 1:
        raise ValueError(f"window must be at least 1, was {window}")
    mean, deviation = np.full(len(values), np.nan), np.full(len(values), np.nan)
    values = np.ascontiguousarray(values)
    step = values.itemsize
    for start in range(0, len(values) - window + 1, _CHUNK):
        count = min(_CHUNK, len(values) - window + 1 - start)
        # Row i holds the i-th value of every window: whole rows are added, and nothing is copied before.
        rows = np.ndarray((window, count), np.float64, values, start * step, (step, step))
        at = slice(start + window - 1, start + window - 1 + count)
        mean[at] = _sum_rows(rows) / window
        off = rows - mean[at]
        deviation[at] = np.sqrt(_sum_rows(np.square(off, out=off)) / window)
    deviation[deviation < NEAR_ZERO * np.maximum(1.0, np.abs(mean))] = 0.0
    return mean, deviation


def path_length(close: FloatArray, window: int) -> FloatArray:
    """Return how far the price traveled, up and down, in the last `window` steps: Σ |C_t - C_{t-1}|."""
    return rolling_sum(np.abs(close - lagged(close, 1)), window)


def divide(numerator: FloatArray, denominator: FloatArray, *, otherwise: FloatArray | float) -> FloatArray:
    """Return the quotient, and `otherwise` where the denominator is 0. NaN in either operand stays NaN."""
    if denominator.all():  # NaN counts as true
        return numerator / denominator
    result = np.full(len(denominator), otherwise, dtype=np.float64)
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result


def _sum_rows(rows: FloatArray) -> FloatArray:
    """Return the sum of the rows, added one after another.

    NumPy adds a single column in pairs instead: a window's digits would depend on whether it is alone.
    """
    total: FloatArray = (
        np.add.reduce(rows, axis=0) if rows.shape[1] > 1 else np.add.accumulate(rows, axis=0)[-1]
    )
    return total


def _fold(values: FloatArray, window: int, combine: Callable[..., Any]) -> FloatArray:
    if window < 1:
        raise ValueError(f"window must be at least 1, was {window}")
    result = np.full(len(values), np.nan)
    if len(values) >= window:
        folded = result[window - 1 :]
        folded[:] = values[window - 1 :]
        for lag in range(1, window):
            combine(folded, values[window - 1 - lag : len(values) - lag], out=folded)
    return result
