"""Bars for the strategies: the analytic fixture F1, and a recorded month."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from core.bars import Bars
from tests.core.markets import MINUTE_MS, fixture_f1


@pytest.fixture(scope="session")
def f1() -> Bars:
    """The analytic fixture that the worked numbers were computed from."""
    return fixture_f1()


@pytest.fixture(scope="session")
def recorded(data_dir: Path) -> Bars:
    """45,031 one-minute bars of a BTC perpetual, 2021-12-31 23:01 to 2022-02-01 05:31 UTC; volume in USD."""
    with gzip.open(data_dir / "BTCUSD-PERP-1m-2022-01.csv.gz", "rt") as file:
        columns = np.loadtxt(file, delimiter=",", usecols=(0, 1, 2, 3, 4, 7), unpack=True)
    times, opens, highs, lows, closes, turnover = columns
    return Bars(times.astype(np.int64), opens, highs, lows, closes, turnover, MINUTE_MS)
