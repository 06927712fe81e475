"""Recorded files: what they become on the exchange's clock, and how a bad one is refused."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.paper.market import (
    MINUTE_MS,
    TRADES_PER_MINUTE,
    Kline,
    Market,
    MarketFileError,
    SymbolSpec,
)
from exchanges.paper.market.kline_file import read
from exchanges.paper.market.klines import DAY_MS, WEEK_MS
from exchanges.paper.market.recorded import replayed, shifts

ANCHOR = 1_795_221_676_123
FILE_START = 1_640_995_200_000  # 2022-01-01 00:00 UTC
HOUR_MS = 60 * MINUTE_MS


def recorded(path: Path, spec: SymbolSpec, *, anchor_ms: int) -> Market:
    recording = read(path, spec)
    return replayed(recording, spec, shift_ms=shifts({spec.symbol: recording}, anchor_ms)[spec.symbol])


def row(index: int, minutes: int = 1, unit: int = 1) -> list[str]:
    """Return a bar of a price that climbs by a dollar a bar; `unit` 1000 writes microseconds."""
    opened = FILE_START + index * minutes * MINUTE_MS
    closed = (opened + minutes * MINUTE_MS) * unit - 1
    prices = [f"{40_000 + index}.0", f"{40_003 + index}.5", f"{39_999 + index}.0", f"{40_001 + index}.0"]
    return [str(opened * unit), *prices, "1.234567", str(closed), "0", "0", "0", "0", "0"]


def rows(count: int, minutes: int = 1, unit: int = 1) -> list[list[str]]:
    return [row(index, minutes, unit) for index in range(count)]


def write(path: Path, table: list[list[str]]) -> Path:
    path.write_text("".join(",".join(fields) + "\n" for fields in table), encoding="utf-8")
    return path


def klines(market: Market, interval: str, start_ms: int, limit: int, now_ms: int) -> list[Kline]:
    return market.klines(interval, start_ms=start_ms, end_ms=None, limit=limit, now_ms=now_ms)


def end_of(market: Market) -> int:
    assert market.end_ms is not None
    return market.end_ms


@pytest.mark.parametrize("minutes", [1, 3, 5, 15, 60, 1440])
def test_klines_of_the_file_come_back(tmp_path: Path, bitcoin: SymbolSpec, minutes: int) -> None:
    count = 40 if minutes == 1440 else 400
    market = recorded(write(tmp_path / "bars.csv", rows(count, minutes)), bitcoin, anchor_ms=ANCHOR)
    interval = {1: "1m", 3: "3m", 5: "5m", 15: "15m", 60: "1h", 1440: "1d"}[minutes]
    bars = klines(market, interval, market.start_ms, 500, end_of(market) + DAY_MS)
    assert [(bar.open, bar.high, bar.low, bar.close) for bar in bars] == [
        (100 * (40_000 + n), 100 * (40_003 + n) + 50, 100 * (39_999 + n), 100 * (40_001 + n))
        for n in range(count)
    ]
    least = minutes * TRADES_PER_MINUTE
    assert {bar.volume for bar in bars} == {max(123_456, least)}
    assert {bar.trades for bar in bars} == {least}


def test_bars_longer_than_a_minute_are_walked_through(tmp_path: Path, bitcoin: SymbolSpec) -> None:
    market = recorded(write(tmp_path / "bars.csv", rows(400, 5)), bitcoin, anchor_ms=ANCHOR)
    minutes = klines(market, "1m", market.start_ms, 5, ANCHOR)
    (whole,) = klines(market, "5m", market.start_ms, 1, ANCHOR)
    assert max(bar.high for bar in minutes) == whole.high
    assert min(bar.low for bar in minutes) == whole.low
    assert sum(bar.quote_volume for bar in minutes) == whole.quote_volume
    assert market.trades_from(0, 1)[0].price == whole.open


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda table: table, id="plain"),
        pytest.param(lambda table: [["open_time", "open", *["x"] * 10], *table], id="header"),
    ],
)
@pytest.mark.parametrize("unit", [1, 1000])
@pytest.mark.parametrize("packed", [False, True])
def test_the_same_bars_in_any_dress(
    tmp_path: Path,
    bitcoin: SymbolSpec,
    change: Callable[[list[list[str]]], list[list[str]]],
    unit: int,
    packed: bool,
) -> None:
    path = write(tmp_path / "bars.csv", change(rows(300, unit=unit)))
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    plain = recorded(write(tmp_path / "plain.csv", rows(300)), bitcoin, anchor_ms=ANCHOR)
    market = recorded(path, bitcoin, anchor_ms=ANCHOR)
    assert market.start_ms == plain.start_ms
    assert market.trades_from(0, 6000) == plain.trades_from(0, 6000)


@pytest.mark.parametrize(
    ("count", "minutes", "unit", "history"),
    [
        (5000, 5, WEEK_MS, 2000),
        (7000, 1, DAY_MS, 2000),
        (1440, 1, HOUR_MS, 360),
        (240, 1, HOUR_MS, 60),
        (40, 1440, WEEK_MS, 2000),
    ],
)
def test_where_the_file_stands_at_the_anchor(
    tmp_path: Path, bitcoin: SymbolSpec, count: int, minutes: int, unit: int, history: int
) -> None:
    path = write(tmp_path / "bars.csv", rows(count, minutes))
    for anchor in (ANCHOR, ANCHOR + 12_345_678, FILE_START - DAY_MS):
        market = recorded(path, bitcoin, anchor_ms=anchor)
        assert (market.start_ms - FILE_START) % unit == 0
        assert 0 <= anchor - market.start_ms - history * MINUTE_MS < unit
        assert anchor - market.start_ms <= (end_of(market) - market.start_ms) // 2
        assert market.is_open(anchor)


def test_at_the_end_of_the_file_the_market_closes(tmp_path: Path, bitcoin: SymbolSpec) -> None:
    market = recorded(write(tmp_path / "bars.csv", rows(300)), bitcoin, anchor_ms=ANCHOR)
    end_ms = end_of(market)
    count = 300 * TRADES_PER_MINUTE
    last = 100 * (40_001 + 299)
    assert market.is_open(end_ms - 1)
    assert market.book(end_ms - 1, 5).bids
    for time_ms in (end_ms, end_ms + 10 * DAY_MS):
        assert not market.is_open(time_ms)
        assert market.price(time_ms) == last
        assert market.ordinal_at(time_ms) == count
        assert (market.book(time_ms, 5).bids, market.book(time_ms, 5).asks) == ((), ())
        assert market.extremes(end_ms, time_ms) is None
    assert len(market.trades_from(count - 2, 10)) == 2
    assert market.trades_from(count, 10) == []
    assert market.klines("1m", start_ms=None, end_ms=None, limit=1, now_ms=end_ms + DAY_MS)[0].close == last
    with pytest.raises(ValueError, match="does not trade in all 2 minutes"):
        market.minutes(end_ms // MINUTE_MS - 1, 2)


def test_prices_go_to_the_nearest_tick_and_volume_down(tmp_path: Path) -> None:
    table = rows(300)
    for fields in table:
        fields[1:6] = ["0.09946999000000001", "0.099725", "0.09940", "0.099714", "1820.54447418"]
    spec = SymbolSpec("ETHBTC", Decimal("0.00001"), Decimal("0.0001"), Decimal("0.05"), Decimal(10))
    bars = read(write(tmp_path / "bars.csv", table), spec).bars
    assert [int(column[0]) for column in (bars.open, bars.high, bars.low, bars.close, bars.volume)] == [
        9947,
        9972,
        9940,
        9971,
        18_205_444,
    ]


def test_a_quiet_bar_still_has_its_trades(tmp_path: Path, bitcoin: SymbolSpec) -> None:
    table = rows(300)
    table[7][5] = "0"
    market = recorded(write(tmp_path / "bars.csv", table), bitcoin, anchor_ms=ANCHOR)
    trades = market.path(market.start_ms // MINUTE_MS + 7)
    assert {trade.quantity for trade in trades} == {1}


def put(line: int, column: int, text: str) -> Callable[[list[list[str]]], object]:
    """Return a change of one field; lines and columns count from 0."""
    return lambda table: table[line].__setitem__(column, text)


BAD_TABLES: dict[str, tuple[Callable[[list[list[str]]], object], int | None, str]] = {
    "empty": (list.clear, None, "holds no bars"),
    "only a header": (lambda t: t.__setitem__(slice(None), [["open_time"] * 12]), None, "holds no bars"),
    "too short": (
        lambda t: t.__delitem__(slice(100, None)),
        None,
        "holds too few bars: 100 minutes, at least 240 are needed",
    ),
    "blank line": (lambda t: t.insert(5, []), 6, "has 1 columns, a kline has 12"),
    "short line": (lambda t: t[5].pop(), 6, "has 11 columns, a kline has 12"),
    "cut off": (lambda t: t[-1].__delitem__(slice(3, None)), 300, "has 3 columns, a kline has 12"),
    "header inside": (lambda t: t.insert(5, ["open_time"] * 12), 6, "'open_time' is not a time"),
    "two headers": (lambda t: t.__setitem__(slice(0, 0), [["a"] * 12, ["b"] * 12]), 2, "'b' is not a time"),
    "word for a price": (put(5, 1, "forty"), 6, "price 'forty' is not a number"),
    "empty price": (put(5, 1, ""), 6, "price '' is not a number"),
    "NaN": (put(5, 4, "NaN"), 6, "price is NaN"),
    "signaling NaN": (put(5, 4, "sNaN"), 6, "price is sNaN"),
    "infinite": (put(5, 2, "Infinity"), 6, "price is Infinity"),
    "absurd": (put(5, 2, "1e400"), 6, "price is 1e400"),
    "zero price": (put(5, 3, "0.0"), 6, "price is 0.0"),
    "negative price": (put(5, 3, "-1"), 6, "price is -1"),
    "high below low": (put(5, 2, "1000.0"), 6, "are not within low 40004.0 … high 1000.0"),
    "close above high": (put(5, 4, "50000.0"), 6, "close 50000.0 are not within low 40004.0 … high 40008.5"),
    "negative volume": (put(5, 5, "-1"), 6, "volume is -1"),
    "NaN volume": (put(5, 5, "nan"), 6, "volume is nan"),
    "absurd volume": (put(5, 5, "1e300"), 6, "volume is 1e300"),
    "price of another symbol": (put(5, 3, "0.0984"), 6, "tick 0.01 is too coarse for price 0.0984"),
    "seconds": (put(5, 0, "1640995500.5"), 6, "'1640995500.5' is not a time"),
    "odd start": (put(0, 0, "1640995200001"), 1, "a bar of 59999 ms is no kline interval"),
    "odd bar": (put(0, 6, "1640995319999"), 1, "a bar of 120000 ms is no kline interval"),
    "unaligned": (
        lambda t: [r.__setitem__(c, str(int(r[c]) + 1)) for r in t for c in (0, 6)],
        1,
        "open time 1640995200001 is not a whole multiple of 60000 ms",
    ),
    "other close": (put(5, 6, "1640995559998"), 6, "close time 1640995559998 does not end the bar"),
    "gap": (lambda t: t.pop(5), 6, "there is a gap from 1640995500000 to 1640995560000"),
    "twice": (lambda t: t.insert(5, t[4]), 6, "open time 1640995440000 is there twice"),
    "unsorted": (lambda t: t.insert(5, t.pop(2)), 3, "there is a gap from 1640995320000"),
    "backward": (lambda t: t.insert(5, t[1]), 6, "open time 1640995260000 is out of order"),
    "too much": (put(5, 5, "1" + "0" * 12), None, "does not fit 64 bits"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_bad_file_is_refused(tmp_path: Path, bitcoin: SymbolSpec, name: str) -> None:
    change, line, reason = BAD_TABLES[name]
    table = rows(300)
    change(table)
    path = write(tmp_path / "bars.csv", table)
    with pytest.raises(MarketFileError) as refusal:
        recorded(path, bitcoin, anchor_ms=ANCHOR)
    assert refusal.value.path == path
    assert refusal.value.line == line
    assert reason in refusal.value.reason
    assert "\n" not in str(refusal.value)


@given(content=st.binary(max_size=60) | st.text("0123456789.,-eEnN\n\r ", max_size=200).map(str.encode))
def test_rubbish_is_never_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, bitcoin: SymbolSpec, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "rubbish.csv"
    path.write_bytes(content)
    with pytest.raises(MarketFileError):
        recorded(path, bitcoin, anchor_ms=ANCHOR)


@given(line=st.integers(0, 299), column=st.integers(0, 6), text=st.text(max_size=6) | st.decimals().map(str))
@settings(max_examples=40)
def test_one_odd_field_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, bitcoin: SymbolSpec, line: int, column: int, text: str
) -> None:
    table = rows(300)
    table[line][column] = text
    path = write(tmp_path_factory.getbasetemp() / "odd.csv", table)
    try:
        market = recorded(path, bitcoin, anchor_ms=ANCHOR)
    except MarketFileError:
        return
    assert market.minutes(market.start_ms // MINUTE_MS, 300).low.min() > 0


def test_what_cannot_be_read_is_refused(tmp_path: Path, bitcoin: SymbolSpec) -> None:
    packed = gzip.compress(b"1,2,3\n" * 1000)
    contents = {
        "damaged gzip": packed[:40] + b"\0" * 20 + packed[60:],
        "is a damaged gzip": packed[:-9],
        "not a text file": bytes(range(256)),
    }
    for reason, content in contents.items():
        (tmp_path / "bars.gz").write_bytes(content)
        with pytest.raises(MarketFileError, match=reason):
            recorded(tmp_path / "bars.gz", bitcoin, anchor_ms=ANCHOR)
    for path in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(MarketFileError, match="cannot be read: "):
            recorded(path, bitcoin, anchor_ms=ANCHOR)


@pytest.mark.parametrize(
    ("name", "symbol", "tick", "step", "interval"),
    [
        ("BTCUSD-PERP-1m-2022-01.csv.gz", "BTCUSDT", "0.01", "0.00001", "1m"),
        ("ETHBTC-5m-2018-01.csv.gz", "ETHBTC", "0.00001", "0.0001", "5m"),
        ("LTCBTC-5m-2018-01.csv.gz", "LTCBTC", "0.000001", "0.001", "5m"),
    ],
)
def test_recorded_data_comes_back(
    data_dir: Path, name: str, symbol: str, tick: str, step: str, interval: str
) -> None:
    spec = SymbolSpec(symbol, Decimal(tick), Decimal(step), Decimal(1), Decimal(10))
    market = recorded(data_dir / name, spec, anchor_ms=ANCHOR)
    assert ANCHOR - market.start_ms >= 2000 * MINUTE_MS
    lines = gzip.decompress((data_dir / name).read_bytes()).decode().splitlines()
    bars = klines(market, interval, market.start_ms, len(lines), end_of(market))
    assert len(bars) == len(lines)
    for bar, line in zip(bars, lines, strict=True):
        fields = line.split(",")
        for ticks, text in zip((bar.open, bar.high, bar.low, bar.close), fields[1:5], strict=True):
            assert abs(ticks * spec.tick - Decimal(text)) <= spec.tick / 2
        assert bar.volume == Decimal(fields[5]) // spec.step


def test_recorded_trades_are_not_klines(data_dir: Path, bitcoin: SymbolSpec) -> None:
    with pytest.raises(MarketFileError, match="line 1: has 5 columns, a kline has 12"):
        recorded(data_dir / "ETHUSDT-trades-2023-02-02.csv", bitcoin, anchor_ms=ANCHOR)
