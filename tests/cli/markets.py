"""Recorded markets made for a purpose: minute bars of BTCUSDT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.bars import Bars

START_MS = 1_640_995_200_000
MINUTE_MS = 60_000
BARS = 9_000
_AGE = np.arange(BARS)


def write_waves(path: Path) -> None:
    """Write waves of 60 bars up and 20 steeper ones down.

    In half of all minutes the strategy would enter, 41 minutes apart at most; a position entered at the
    beginning of a wave is held for some 40 minutes.
    """
    up = _AGE % 80 < 60
    _write(path, np.where(up, 0.0002, -0.0006), np.where(up, 4.0, 2.0))


def write_rise(path: Path) -> None:
    """Write a market that only rises: whenever it is looked at, the strategy would enter."""
    _write(path, np.full(BARS, 0.0002), np.full(BARS, 4.0))


def write_zigzag(path: Path) -> None:
    """Write a market in which the strategy never enters."""
    _write(path, np.where(_AGE % 4 < 2, 0.0005, -0.0005), np.full(BARS, 3.0))


def write_gaps(path: Path) -> None:
    """Write a rising market that every 50 bars opens 2 % lower than it closed: no stop is passed slowly."""
    age = _AGE % 50
    gap = np.where(age == 25, -0.02, 0.0)
    drift = np.where(age < 25, 0.0003, 0.0005)
    _write(path, drift, np.where(age < 25, 4.0, 2.0), gap)


def write_leaps(path: Path) -> None:
    """Write waves whose rise leaps by 1.9 % every 10 bars: past the target, within an entry's band."""
    age = _AGE % 80
    up = age < 60
    leap = np.where(up & (age % 10 == 9), 0.0193, 0.0)
    _write(path, np.where(up, 0.0002, -0.0064), np.where(up, 4.0, 2.0), leap)


def _write(
    path: Path,
    drift: npt.NDArray[np.float64],
    volume: npt.NDArray[np.float64],
    gap: npt.NDArray[np.float64] | float = 0.0,
) -> None:
    """Write bars. `drift`: log return within a bar; `gap`: from the close before to its open."""
    random = np.random.default_rng(1)
    close = 46_000 * np.exp(np.cumsum(drift + gap + random.normal(0, 0.00005, BARS)))
    first = np.concatenate([[46_000], close[:-1]]) * np.exp(gap)
    high = np.maximum(first, close) * (1 + abs(random.normal(0, 0.000025, BARS)))
    low = np.minimum(first, close) * (1 - abs(random.normal(0, 0.000025, BARS)))
    volume = volume * np.exp(random.normal(0, 0.3, BARS))
    opened = START_MS + _AGE * MINUTE_MS
    rows = zip(opened, first, high, low, close, volume, strict=True)
    lines = [
        f"{t},{o:.2f},{h:.2f},{lo:.2f},{c:.2f},{v:.5f},{t + MINUTE_MS - 1},{v * c:.2f},100,1,1,0"
        for t, o, h, lo, c, v in rows
    ]
    path.write_text("\n".join(lines))


def bars_of(path: Path) -> Bars:
    """Read a file of klines with no code of the paper exchange or of a venue client."""
    table = np.loadtxt(path, delimiter=",")
    times = table[:, 0].astype(np.int64)
    length_ms = int(times[1] - times[0])
    first, high, low, close, turnover = (table[:, column] for column in (1, 2, 3, 4, 7))
    return Bars(times, first, high, low, close, turnover, length_ms)
