"""Oscillators: where the price stands in its recent range, and how fast it moves."""

from __future__ import annotations

from math import frexp

import numpy as np

from core.bars import FloatArray
from core.indicators.windows import NEAR_ZERO, divide

_RSI_NOISE = NEAR_ZERO * 100  # of a number in 0 … 100
_KDJ_START = 50.0
_KDJ_WINDOW = 5  # an exponential average over 5 has the weight 1/3


def relative_strength(close: FloatArray, window: int = 14) -> FloatArray:
    """Return Wilder's RSI, 0 … 100; 0 as long as the price never moved.

    Source: Wilder (1978), New Concepts in Technical Trading Systems.
    """
    import talib

    return talib.RSI(_in_units(close), window)


def stochastic_rsi(
    close: FloatArray, rsi_window: int = 14, window: int = 14, k: int = 3, d: int = 3
) -> tuple[FloatArray, FloatArray]:
    """Return (%K, %D) of the place of the RSI in its own range, each 0 … 1; 0.5 where the RSI stands still.

    Source: Chande and Kroll (1994), The New Technical Trader.
    """
    return stochastic_of(relative_strength(close, rsi_window), window, k, d)


def stochastic_of(rsi: FloatArray, window: int = 14, k: int = 3, d: int = 3) -> tuple[FloatArray, FloatArray]:
    """Return (%K, %D) of an RSI: the mean of `k` of its places in its own range, and the mean of `d` %K."""
    import talib

    low = talib.MIN(rsi, window)
    height = talib.MAX(rsi, window) - low
    height[height < _RSI_NOISE] = 0.0
    smooth = talib.SMA(divide(rsi - low, height, otherwise=0.5), k)
    return smooth, talib.SMA(smooth, d)


def fast_stochastic(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> FloatArray:
    """Return the place of the close in the range of the last `window` bars, 0 … 100; 50 where it is empty.

    Source: Lane (1984), Lane's Stochastics.
    """
    import talib

    floor = talib.MIN(low, window)
    return divide(100 * (close - floor), talib.MAX(high, window) - floor, otherwise=50.0)


def stochastic(
    high: FloatArray, low: FloatArray, close: FloatArray, window: int = 14, k: int = 3, d: int = 3
) -> tuple[FloatArray, FloatArray]:
    """Return the slow (%K, %D), each 0 … 100: means of `k` fast values and of `d` %K."""
    import talib

    smooth = talib.SMA(fast_stochastic(high, low, close, window), k)
    return smooth, talib.SMA(smooth, d)


def williams_r(high: FloatArray, low: FloatArray, close: FloatArray, window: int = 14) -> FloatArray:
    """Return %R = −100 (HH − C)/(HH − LL), −100 … 0; −50 where the range is empty.

    Source: Williams (1973), How I Made One Million Dollars.
    """
    return fast_stochastic(high, low, close, window) - 100


def kdj(
    high: FloatArray, low: FloatArray, close: FloatArray, window: int = 9
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (K, D, J): K and D, 0 … 100, each take a third of what is new; J = 3K − 2D is unbounded.

    K and D begin at 50 before the first full range.
    """
    place = fast_stochastic(high, low, close, window)
    k = _a_third_of_the_new(place, window - 1)
    d = _a_third_of_the_new(k, window - 1)
    return k, d, 3 * k - 2 * d


def macd(
    close: FloatArray, fast: int = 12, slow: int = 26, signal: int = 9
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (line, signal, histogram) in quote: EMA fast − EMA slow, its own average, their difference.

    Both averages of the price begin at the same bar, `slow` − 1. Source: Appel (2005), Technical Analysis.
    """
    import talib

    return talib.MACD(close, fast, slow, signal)


def awesome_oscillator(high: FloatArray, low: FloatArray, fast: int = 5, slow: int = 34) -> FloatArray:
    """Return the difference of two simple means of the middle (H + L)/2, in quote.

    Source: Williams (1998), New Trading Dimensions.
    """
    import talib

    middle = (high + low) / 2
    return talib.SMA(middle, fast) - talib.SMA(middle, slow)


def commodity_channel_index(
    high: FloatArray, low: FloatArray, close: FloatArray, window: int = 20
) -> FloatArray:
    """Return (TP − mean)/(0.015 · mean absolute deviation) of TP = (H + L + C)/3; 0 where nothing deviates.

    Source: Lambert (1980), Commodity Channel Index, Commodities magazine.
    """
    import talib

    return talib.CCI(high, low, close, window)


def _in_units(close: FloatArray) -> FloatArray:
    """Return the prices times a power of two that brings the first near 1, which changes no digit.

    TA-Lib calls moves that add up to less than 1e-14 none at all.
    """
    return close * 2.0 ** -frexp(close[0])[1] if len(close) else close


def _a_third_of_the_new(values: FloatArray, first: int) -> FloatArray:
    """Return y_t = 2/3 y_{t−1} + 1/3 x_t, begun at 50 before bar `first`."""
    import talib

    # The average of a row of 50s is the 50 that it is to begin with.
    led = np.concatenate((np.full(_KDJ_WINDOW, _KDJ_START), values[first:]))
    result = np.full(len(values), np.nan)
    result[first:] = talib.EMA(led, _KDJ_WINDOW)[_KDJ_WINDOW:]
    return result
