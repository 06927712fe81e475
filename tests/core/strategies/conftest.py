"""Bars for the strategies: the analytic fixture F1, and a recorded month."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from core.bars import Bars

MINUTE_MS = 60_000


@pytest.fixture(scope="session")
def f1() -> Bars:
    """240 bars of drift and two sine waves; the worked numbers in these tests were computed from them."""
    t = np.arange(240.0)
    close = 100 + 0.02 * t + 3 * np.sin(t / 9) + 0.5 * np.sin(t / 2)
    opens = np.append(100.0, close[:-1])
    return Bars(
        open_time_ms=np.arange(240) * MINUTE_MS,
        open=opens,
        high=np.maximum(opens, close) + 0.2 + 0.1 * np.sin(t) ** 2,
        low=np.minimum(opens, close) - 0.2 - 0.1 * np.cos(t) ** 2,
        close=close,
        volume=1000 + 400 * np.sin(t / 5) + 50 * (t % 7),
        interval_ms=MINUTE_MS,
    )


@pytest.fixture(scope="session")
def recorded(data_dir: Path) -> Bars:
    """45,031 one-minute bars of a BTC perpetual, 2021-12-31 23:01 to 2022-02-01 05:31 UTC; volume in USD."""
    with gzip.open(data_dir / "BTCUSD-PERP-1m-2022-01.csv.gz", "rt") as file:
        columns = np.loadtxt(file, delimiter=",", usecols=(0, 1, 2, 3, 4, 7), unpack=True)
    times, opens, highs, lows, closes, turnover = columns
    return Bars(times.astype(np.int64), opens, highs, lows, closes, turnover, MINUTE_MS)
