"""Averages, bands and ranges of the price."""

from __future__ import annotations

from core.bars import FloatArray
from core.indicators.windows import mean_and_deviation


def simple_average(values: FloatArray, window: int) -> FloatArray:
    """Return the mean of the last `window` values; `values` may begin with NaN."""
    import talib

    return talib.SMA(values, window)


def exponential_average(values: FloatArray, window: int) -> FloatArray:
    """Return the exponential average with weight 2/(window + 1), begun with the mean of the first `window`.

    It forgets where it began: after 10 windows less than one part in 10⁸ of it is left.
    """
    import talib

    return talib.EMA(values, window)


def average_true_range(high: FloatArray, low: FloatArray, close: FloatArray, window: int = 14) -> FloatArray:
    """Return Wilder's average of max(H − L, |H − C₋₁|, |L − C₋₁|), in quote.

    Source: Wilder (1978), New Concepts in Technical Trading Systems.
    """
    import talib

    return talib.ATR(high, low, close, window)


def bollinger(
    close: FloatArray, window: int = 20, width: float = 2.0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (lower, middle, upper): the mean, `width` population deviations below and above it.

    Source: Bollinger (2001), Bollinger on Bollinger Bands.
    """
    middle, deviation = mean_and_deviation(close, window)
    return middle - width * deviation, middle, middle + width * deviation
