"""Volume by the direction of the price."""

from __future__ import annotations

from core.bars import FloatArray
from core.indicators.windows import divide, mean_and_deviation


def on_balance_volume(close: FloatArray, volume: FloatArray) -> FloatArray:
    """Return the sum of volume on rising bars less that on falling ones; only differences of it matter.

    It begins with the volume of the first bar. Source: Granville (1963), New Key to Stock Market Profits.
    """
    import talib

    return talib.OBV(close, volume)


def on_balance_volume_z(close: FloatArray, volume: FloatArray, window: int = 20) -> FloatArray:
    """Return how many deviations the on-balance volume is from its mean; 0 where it stands still."""
    obv = on_balance_volume(close, volume)
    mean, deviation = mean_and_deviation(obv, window)
    return divide(obv - mean, deviation, otherwise=0.0)
