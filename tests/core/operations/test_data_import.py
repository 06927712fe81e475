"""Importing recorded bars: every format, every check, nothing half done."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data import files
from core.data.numbers import units_of_floats, units_of_texts
from core.data.series import NOT_RECORDED, Row, Series
from core.data.store import read_bars, read_series
from core.errors import ConfigError, Refused, TraderError
from core.operations.data_import import Imported, import_data, list_data
from core.run_lock import only_run
from tests.core.data.recordings import (
    MINUTE_MS,
    START_MS,
    kline,
    klines,
    write,
    write_checksum,
    write_feather,
)


def one(home: Path, *paths: Path, **options: object) -> Imported:
    (done,) = import_data(home, paths, **options)  # type: ignore[arg-type]  # forwarded as given
    return done


def series(home: Path, symbol: str = "BTCUSDT", interval: str = "1m") -> Series:
    found = read_series(home, symbol, interval)
    assert found is not None
    return found


def kinds(done: Imported) -> dict[str, int]:
    return {finding.kind: finding.count for finding in done.findings}


@pytest.mark.parametrize("unit", [1, 1000])
@pytest.mark.parametrize("name", ["BTCUSDT-1m-2024-01.zip", "BTCUSDT-1m-2024-01.csv", "BTC_USDT-1m.csv.gz"])
def test_klines_come_in_exactly(tmp_path: Path, name: str, unit: int) -> None:
    done = one(tmp_path / "home", write(tmp_path / name, klines(10, unit=unit)))
    assert (done.symbol, done.interval, done.added, done.findings) == ("BTCUSDT", "1m", 10, ())
    bars = series(tmp_path / "home")
    texts = ["40000.1", "40002", "39999", "40001", "1.5", "60000.15"]
    assert [bars.decimal(Row(row), 3) for row in range(1, 7)] == [Decimal(text) for text in texts]
    assert bars.table[Row.TRADES, 3] == 12
    assert bars.open_time_ms.tolist() == [START_MS + index * MINUTE_MS for index in range(10)]
    assert read_bars(tmp_path / "home", "BTCUSDT", "5m").close.tolist() == [40_001.0, 40_001.0]


def test_a_header_and_columns_that_were_not_recorded(tmp_path: Path) -> None:
    lines = ["open_time,o,h,l,c,v,close_time,q,n,tb,tq,i"]
    lines += [",".join([*line.split(",")[:7], "0", "0", "0", "0", "0"]) for line in klines(3)]
    one(tmp_path, write(tmp_path / "BTCUSDT-1m.csv", lines))
    assert (series(tmp_path).table[Row.QUOTE_VOLUME :] == NOT_RECORDED).all()
    assert read_bars(tmp_path, "BTCUSDT", "1m").volume.tolist() == [1.5] * 3


@pytest.mark.parametrize("compression", ["lz4", "zstd", "uncompressed"])
def test_freqtrade_feather(tmp_path: Path, compression: str) -> None:
    done = one(tmp_path, write_feather(tmp_path / "ETH_BTC-5m.feather", 6, compression=compression))
    assert (done.symbol, done.interval, done.added) == ("ETHBTC", "5m", 6)
    assert series(tmp_path, "ETHBTC", "5m").decimal(Row.OPEN, 0) == Decimal("0.09946999")


def test_feather_without_the_extra_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError) as missing:
        one(tmp_path, write_feather_later(tmp_path))
    assert missing.value.code == "EXTRA_MISSING"
    assert "trader[data]" in str(missing.value.hint)


def write_feather_later(folder: Path) -> Path:
    path = folder / "ETH_BTC-5m.feather"
    path.write_bytes(b"ARROW1")
    return path


def test_the_checksum_beside_a_zip_is_verified(tmp_path: Path) -> None:
    path = write(tmp_path / "BTCUSDT-1m-2024-01.zip", klines(5))
    assert one(tmp_path / "a", path).unproven == 1
    write_checksum(path)
    assert one(tmp_path / "b", path).unproven == 0
    write_checksum(path, "0" * 64)
    with pytest.raises(ConfigError) as wrong:
        one(tmp_path / "c", path)
    assert wrong.value.code == "DATA_CHECKSUM"
    assert list_data(tmp_path / "c") == []


def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "BTCUSDT-1m-2024-01.zip", klines(5))
    one(tmp_path, path)
    file = tmp_path / "data" / "BTCUSDT" / "1m.npy"
    before, touched = file.read_bytes(), file.stat().st_mtime_ns
    again = one(tmp_path, path, path)
    assert (again.added, again.same, again.changed) == (0, 10, 0)
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (before, touched)


@pytest.mark.parametrize(
    ("lines", "expected", "left"),
    [
        ([kline(0), kline(2), kline(1)], {"OUT_OF_ORDER": 1}, 3),
        ([kline(0), kline(1), kline(1)], {"DUPLICATE": 1}, 2),
        ([kline(0), kline(1).replace("40002.0", "40000.0"), kline(2)], {"INCONSISTENT": 1}, 2),
        ([kline(0), kline(1, price=-5), kline(2)], {"INCONSISTENT": 1}, 2),
        ([kline(0), kline(1, volume="-1"), kline(2)], {"INCONSISTENT": 1}, 2),
        (
            [kline(0), kline(1).replace(str(START_MS + MINUTE_MS), str(START_MS + MINUTE_MS + 7))],
            {"MISALIGNED": 1},
            1,
        ),
    ],
    ids=["disorder", "twice", "high too low", "below zero", "volume", "between"],
)
def test_what_is_wrong_is_counted_and_named(
    tmp_path: Path, lines: list[str], expected: dict[str, int], left: int
) -> None:
    done = one(tmp_path, write(tmp_path / "BTCUSDT-1m.csv", lines))
    assert kinds(done) == expected
    assert done.now.bars == left
    times = series(tmp_path).open_time_ms.tolist()
    assert times == sorted(set(times))


def test_gaps_are_counted_in_the_series_as_it_is(tmp_path: Path) -> None:
    lines = klines(10)
    done = one(tmp_path, write(tmp_path / "BTCUSDT-1m.csv", lines[:3] + lines[5:6] + lines[9:]))
    assert (done.now.gaps, done.now.gap_bars, done.now.first_gap_ms) == (2, 5, START_MS + 3 * MINUTE_MS)
    assert one(tmp_path, write(tmp_path / "BTCUSDT-1m.csv", lines)).now.gaps == 0


def test_a_bar_that_differs_is_refused_unless_replaced(tmp_path: Path) -> None:
    one(tmp_path, write(tmp_path / "BTCUSDT-1m-1.csv", klines(5)))
    other = write(tmp_path / "BTCUSDT-1m-2.csv", [kline(3), kline(4, price=41_000), kline(5)])
    with pytest.raises(Refused) as conflict:
        one(tmp_path, other)
    assert conflict.value.code == "DATA_CONFLICT"
    assert "2024-01-01 00:04" in conflict.value.message
    assert "there: 40000.1/40002/39999/40001/1.5" in conflict.value.message
    assert len(series(tmp_path)) == 5
    done = one(tmp_path, other, replace=True)
    assert (done.added, done.same, done.changed) == (1, 1, 1)
    assert series(tmp_path).decimal(Row.HIGH, 4) == 41_002


def test_two_versions_in_one_file_are_a_conflict_too(tmp_path: Path) -> None:
    path = write(tmp_path / "BTCUSDT-1m.csv", [kline(0), kline(0, price=41_000), kline(1)])
    with pytest.raises(Refused, match="differ"):
        one(tmp_path, path)
    one(tmp_path, path, replace=True)
    assert series(tmp_path).decimal(Row.HIGH, 0) == 41_002


def test_what_only_one_source_recorded_is_kept(tmp_path: Path) -> None:
    bare = [",".join([*line.split(",")[:7], "0", "0", "0", "0", "0"]) for line in klines(3)]
    one(tmp_path, write(tmp_path / "BTCUSDT-1m-bare.csv", bare))
    done = one(tmp_path, write(tmp_path / "BTCUSDT-1m-full.csv", klines(3)))
    assert (done.same, done.changed) == (0, 3)
    assert one(tmp_path, write(tmp_path / "BTCUSDT-1m-bare.csv", bare)).same == 3
    assert (series(tmp_path).table[Row.QUOTE_VOLUME] == 6_000_015_000_000).all()


def test_one_bad_file_among_several_leaves_everything_as_it_was(tmp_path: Path) -> None:
    good = write(tmp_path / "BTCUSDT-1m.csv", klines(5))
    bad = write(tmp_path / "ETHUSDT-1m.csv", [*klines(2), "x"])
    with pytest.raises(ConfigError, match=r"ETHUSDT-1m\.csv, line 3: has 1 columns"):
        import_data(tmp_path, [good, bad])
    assert list_data(tmp_path) == []


TRADES = [
    (1, 500, "100.5", "2", True),
    (2, 60_000, "101", "0.5", False),
    (3, 60_500, "99", "0.5", True),
    (4, 119_999, "100", "1", True),
    (5, 300_000, "105", "3", False),
    (6, 360_001, "106", "1", True),
]


def vision(trade: tuple[int, int, str, str, bool], unit: int = 1) -> str:
    number, at, price, quantity, buys = trade
    return f"{number},{price},{quantity},0,{(START_MS + at) * unit},{'False' if buys else 'True'},True"


def freqtrade(trade: tuple[int, int, str, str, bool]) -> str:
    number, at, price, quantity, buys = trade
    return f"{number},{START_MS + at},{'buy' if buys else 'sell'},{price},{quantity}"


def aggregated(trade: tuple[int, int, str, str, bool]) -> str:
    number, at, price, quantity, buys = trade
    first = 10 * number
    return (
        f"{number},{price},{quantity},{first},{first + 9},{START_MS + at},{'False' if buys else 'True'},True"
    )


@pytest.mark.parametrize(
    ("name", "lines", "trades"),
    [
        ("BTCUSDT-trades.csv", [vision(each) for each in TRADES], 3),
        ("BTCUSDT-trades.csv.gz", [vision(each, 1000) for each in TRADES], 3),
        ("BTCUSDT-trades-2024-01-01.csv", ["id,timestamp,side,price,amount", *map(freqtrade, TRADES)], 3),
        ("BTCUSDT-aggTrades.csv", [aggregated(each) for each in TRADES], 30),
    ],
)
def test_trades_become_whole_bars(tmp_path: Path, name: str, lines: list[str], trades: int) -> None:
    done = one(tmp_path, write(tmp_path / name, lines))
    assert kinds(done) == {"PARTIAL": 2}
    bars = series(tmp_path)
    assert bars.open_time_ms.tolist() == [START_MS + minute * MINUTE_MS for minute in range(1, 6)]
    assert [str(bars.decimal(Row(row), 0)) for row in range(1, 5)] == [
        "101.00000000",
        "101.00000000",
        "99.00000000",
        "100.00000000",
    ]
    assert bars.table[Row.VOLUME :, 0].tolist() == [
        2 * 10**8,
        200 * 10**8,
        trades,
        150_000_000,
        14_950_000_000,
    ]
    # Nothing traded in the third minute: it stands where the second ended.
    assert bars.table[Row.OPEN :, 1].tolist() == [100 * 10**8] * 4 + [0] * 5
    assert bars.decimal(Row.OPEN, 4) == 105


def test_the_zip_of_a_day_is_whole_at_both_ends(tmp_path: Path) -> None:
    path = write(tmp_path / "BTCUSDT-trades-2024-01-01.zip", [vision(each) for each in TRADES])
    done = one(tmp_path, path)
    assert done.findings == ()
    assert (done.now.bars, done.now.first_ms) == (1440, START_MS)


def test_trades_out_of_order_twice_and_missing(tmp_path: Path) -> None:
    lines = [vision(TRADES[index]) for index in (0, 2, 1, 1, 4, 5)]
    done = one(tmp_path, write(tmp_path / "BTCUSDT-trades.csv", lines), interval="1m")
    assert kinds(done) == {"OUT_OF_ORDER": 1, "DUPLICATE": 1, "TRADES_MISSING": 1, "PARTIAL": 2}


def rewritten(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "spoil", "code", "said"),
    [
        ("BTCUSDT-1m.csv", lambda path: path.unlink(), "DATA_UNREADABLE", "No such file"),
        ("BTCUSDT-1m.csv", rewritten(b""), "DATA_UNREADABLE", "holds no rows"),
        ("BTCUSDT-1m.csv", rewritten("é".encode()), "DATA_UNREADABLE", "is not a text"),
        ("BTCUSDT-1m.zip", rewritten(b"PK\x03\x04 cut off"), "DATA_UNREADABLE", "damaged archive"),
        ("BTCUSDT-1m.csv.gz", rewritten(b"\x1f\x8b cut off"), "DATA_UNREADABLE", "damaged archive"),
        ("BTCUSDT-5m.csv", lambda path: None, "DATA_UNREADABLE", "bars of 1m, its name says 5m"),
        ("bars.csv", lambda path: None, "DATA_UNREADABLE", "--symbol"),
        ("BTC_USDT-5m.feather", rewritten(b"rubbish"), "DATA_UNREADABLE", "is no feather file"),
        ("BTC_USDT-5m.parquet", rewritten(b"rubbish"), "DATA_UNREADABLE", "is no parquet file"),
        ("BTC_USDT-5m.json", rewritten(b"[[1, 2"), "DATA_UNREADABLE", "is not a list of rows of date"),
        ("BTC_USDT-5m.json.gz", rewritten(b"[[1,2],[3,4]]"), "DATA_UNREADABLE", "have 2 numbers, not 6"),
        ("BTC_USDT-5m.json", rewritten(b"{}"), "DATA_UNREADABLE", "is not a list of rows of date"),
        ("B-1m.csv", lambda path: None, "SETTINGS_INVALID", "'B' at '1m'"),
        (
            "BTCUSDT-1m.csv",
            lambda path: write(path, [kline(0, volume="much")]),
            "DATA_UNREADABLE",
            "line 1: column 6",
        ),
        (
            "BTCUSDT-1m.csv",
            lambda path: write(path, [kline(0, volume="nan")]),
            "DATA_UNREADABLE",
            "column 6 is 'nan'",
        ),
        (
            "BTCUSDT-1m.csv",
            lambda path: write(path, [kline(0, volume="1e11")]),
            "DATA_UNREADABLE",
            "column 6",
        ),
        (
            "BTCUSDT-trades.csv",
            lambda path: write(path, ["1,2,3"]),
            "DATA_UNREADABLE",
            "neither bars nor trades",
        ),
        (
            "BTCUSDT-trades.csv",
            lambda path: write(path, [vision(TRADES[0])]),
            "DATA_UNREADABLE",
            "no whole bar",
        ),
    ],
)
def test_what_cannot_be_imported_is_named(
    tmp_path: Path, name: str, spoil: Callable[[Path], object], code: str, said: str
) -> None:
    path = write(tmp_path / name, klines(3))
    spoil(path)
    with pytest.raises(TraderError) as refused:
        one(tmp_path / "home", path)
    assert refused.value.code == code
    assert said in refused.value.message
    assert list_data(tmp_path / "home") == []


def test_a_zip_that_unpacks_to_too_much_is_left_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_LARGEST", 100)
    with pytest.raises(ConfigError, match="take the files of single days"):
        one(tmp_path, write(tmp_path / "BTCUSDT-1m-2024-01.zip", klines(5)))


def test_an_interval_that_is_not_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds bars of 1m, --interval says 5m"):
        one(tmp_path, write(tmp_path / "BTCUSDT-1m.csv", klines(5)), interval="5m")
    with pytest.raises(ConfigError, match="at most 1d"):
        one(tmp_path, write(tmp_path / "BTCUSDT-trades.csv", [vision(TRADES[0])]), interval="1w")


def test_one_import_at_a_time(tmp_path: Path) -> None:
    path = write(tmp_path / "BTCUSDT-1m.csv", klines(5))
    with only_run(tmp_path, "data", "DATA_IMPORT_RUNNING"), pytest.raises(Refused) as running:
        one(tmp_path, path)
    assert running.value.code == "DATA_IMPORT_RUNNING"


def test_killed_while_writing_the_old_bars_are_there(tmp_path: Path) -> None:
    one(tmp_path, write(tmp_path / "BTCUSDT-1m.csv", klines(5)))
    more = write(tmp_path / "BTCUSDT-1m-2024-02.csv", klines(500))
    script = (
        "import os, numpy, pathlib, sys\n"
        "numpy.save = lambda file, *_, **__: (file.write(b'half'), file.flush(), os._exit(9))\n"
        "from core.operations.data_import import import_data\n"
        "import_data(pathlib.Path(sys.argv[1]), [pathlib.Path(sys.argv[2])])\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, tmp_path, more], check=False)
    assert killed.returncode == 9
    assert len(series(tmp_path)) == 5
    assert [each.bars for each in list_data(tmp_path)] == [5]
    assert one(tmp_path, more).now.bars == 500


@given(st.decimals(-(10**9), 10**9, places=8))
def test_numbers_are_kept_to_the_last_decimal(value: Decimal) -> None:
    assert units_of_texts([f"{value:f}"])[0] == int(value.scaleb(8))


@given(st.integers(-(2**62) + 1, 2**62 - 1))
def test_large_numbers_too(units: int) -> None:
    text = f"{Decimal(units).scaleb(-8):f}"
    if abs(units) < 2**61:
        assert units_of_texts([text])[0] == units


@given(st.integers(-(2**50), 2**50))
@settings(max_examples=50)
def test_floats_stand_for_their_shortest_decimal(units: int) -> None:
    import numpy as np

    assert units_of_floats(np.array([float(Decimal(units).scaleb(-8))]))[0] == units
