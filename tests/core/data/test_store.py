"""The data folder: what is written comes back, exactly, and what is not there is said."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from core.bars import IntArray
from core.data.series import NOT_RECORDED, Gap, Row, Series
from core.data.store import path_of, read_bars, read_series, stored, write_series
from core.errors import ConfigError

START_MS = 1_640_995_200_000
MINUTE_MS = 60_000


def table(minutes: list[int], length: int = 1) -> IntArray:
    """Return bars that open at these minutes; the price tells the minute."""
    rows = np.zeros((10, len(minutes)), dtype=np.int64)
    rows[Row.OPEN_TIME] = [START_MS + minute * length * MINUTE_MS for minute in minutes]
    for row, more in ((Row.OPEN, 0), (Row.HIGH, 2), (Row.LOW, -1), (Row.CLOSE, 1)):
        rows[row] = [(40_000 + minute + more) * 10**8 + 1 for minute in minutes]
    rows[Row.VOLUME] = 123_456_789
    rows[Row.QUOTE_VOLUME] = 5 * 10**12
    return rows


def test_bars_come_back_as_the_nearest_floats_and_exactly(tmp_path: Path) -> None:
    write_series(tmp_path, Series("BTCUSDT", "1m", table(list(range(5)))))
    bars = read_bars(tmp_path, "BTCUSDT", "1m")
    assert bars.open.tolist() == [float(f"{40_000 + minute}.00000001") for minute in range(5)]
    assert bars.volume.tolist() == [50_000.0] * 5
    series = read_series(tmp_path, "BTCUSDT", "1m")
    assert series is not None
    assert series.decimal(Row.OPEN, 2) == Decimal("40002.00000001")
    assert series.end_ms == START_MS + 5 * MINUTE_MS


def test_volume_is_base_where_one_bar_has_no_turnover(tmp_path: Path) -> None:
    rows = table([0, 1])
    rows[Row.QUOTE_VOLUME, 1] = NOT_RECORDED
    write_series(tmp_path, Series("BTCUSDT", "1m", rows))
    assert read_bars(tmp_path, "BTCUSDT", "1m").volume.tolist() == [1.23456789] * 2


def test_a_span_is_by_open_time_end_excluded(tmp_path: Path) -> None:
    write_series(tmp_path, Series("BTCUSDT", "1m", table(list(range(10)))))
    bars = read_bars(tmp_path, "BTCUSDT", "1m", START_MS + MINUTE_MS, START_MS + 3 * MINUTE_MS)
    assert bars.open_time_ms.tolist() == [START_MS + MINUTE_MS, START_MS + 2 * MINUTE_MS]


def test_gaps_split_a_series_and_stop_a_reader(tmp_path: Path) -> None:
    series = Series("BTCUSDT", "1m", table([0, 1, 4, 5, 6]))
    assert series.gaps() == [Gap(START_MS + 2 * MINUTE_MS, START_MS + 4 * MINUTE_MS)]
    assert [len(run) for run in series.runs()] == [2, 3]
    write_series(tmp_path, series)
    with pytest.raises(ConfigError, match=r"1 gap\(s\), the first from 2022-01-01T00:02:00.000Z to"):
        read_bars(tmp_path, "BTCUSDT", "1m")
    assert len(read_bars(tmp_path, "BTCUSDT", "1m", START_MS + 4 * MINUTE_MS)) == 3


def test_a_longer_interval_is_made_of_the_longest_that_divides_it(tmp_path: Path) -> None:
    write_series(tmp_path, Series("BTCUSDT", "1m", table(list(range(30)))))
    write_series(tmp_path, Series("BTCUSDT", "5m", table(list(range(12)), 5)))
    assert len(read_bars(tmp_path, "BTCUSDT", "15m")) == 4
    bars = read_bars(tmp_path, "BTCUSDT", "3m")
    assert len(bars) == 10
    assert bars.high[0] == pytest.approx(40_004)
    assert stored(tmp_path) == [("BTCUSDT", "1m"), ("BTCUSDT", "5m")]


def test_the_interval_that_covers_more_of_the_span_is_taken(tmp_path: Path) -> None:
    write_series(tmp_path, Series("BTCUSDT", "1m", table(list(range(60)))))
    write_series(tmp_path, Series("BTCUSDT", "5m", table([0, 1, 2], 5)))
    assert len(read_bars(tmp_path, "BTCUSDT", "5m")) == 12
    first = read_bars(tmp_path, "BTCUSDT", "5m", end_ms=START_MS + 15 * MINUTE_MS)
    assert first.high.tolist() == [40_002.00000001, 40_003.00000001, 40_004.00000001]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as missing:
        read_bars(tmp_path, "BTCUSDT", "1m")
    assert missing.value.code == "DATA_MISSING"
    write_series(tmp_path, Series("BTCUSDT", "5m", table([0, 1], 5)))
    with pytest.raises(ConfigError) as finer:
        read_bars(tmp_path, "BTCUSDT", "1m")
    assert finer.value.code == "DATA_MISSING"
    with pytest.raises(ConfigError, match="in that span"):
        read_bars(tmp_path, "BTCUSDT", "5m", START_MS + 3_600_000)
    with pytest.raises(ConfigError, match="no symbol and interval"):
        read_bars(tmp_path, "../BTC", "5m")


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\x93NUMPY\x01\x00"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = write_series(tmp_path, Series("BTCUSDT", "1m", table([0])))
    path.write_bytes(content)
    with pytest.raises(ConfigError) as damaged:
        read_bars(tmp_path, "BTCUSDT", "1m")
    assert damaged.value.code == "DATA_DAMAGED"
    assert str(path) in damaged.value.message


def test_a_file_cut_short_or_out_of_order_is_damaged(tmp_path: Path) -> None:
    path = write_series(tmp_path, Series("BTCUSDT", "1m", table(list(range(9)))))
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ConfigError, match="is not a file of bars"):
        read_series(tmp_path, "BTCUSDT", "1m")
    np.save(path_of(tmp_path, "BTCUSDT", "1m"), table([1, 0]))
    with pytest.raises(ConfigError, match="not in order"):
        read_series(tmp_path, "BTCUSDT", "1m")
