"""Which market each symbol gets: synthetic, from a file, from the home's data folder."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from core.operations.data_import import import_data
from exchanges.paper.market import MINUTE_MS, MarketFileError
from exchanges.paper.markets import market_plan
from tests.core.data.recordings import START_MS, kline, klines, write
from tests.exchanges.paper.conftest import OpenVenue
from tests.exchanges.paper.venue import START_MS as NOW_MS

HOURS_10 = 600


def test_several_files_are_shifted_alike_and_the_rest_stays_synthetic(tmp_path: Path) -> None:
    bitcoin = write(tmp_path / "a.csv", [kline(index, price=40_000 + index) for index in range(HOURS_10)])
    ether = write(tmp_path / "b.csv", [kline(index + 120, price=2_000 + index) for index in range(HOURS_10)])
    plan = market_plan(f"file:BTCUSDT={bitcoin},ETHUSDT={ether}", 1, "BTCUSDT", None)
    markets = plan.markets(NOW_MS)
    assert markets["ETHUSDT"].start_ms - markets["BTCUSDT"].start_ms == 120 * MINUTE_MS
    assert markets["BTCUSDT"].is_open(NOW_MS)
    assert markets["ETHUSDT"].is_open(NOW_MS)
    synthetic = market_plan(None, 1, "BTCUSDT", None).markets(NOW_MS)
    assert markets["SOLUSDT"].price(NOW_MS) == synthetic["SOLUSDT"].price(NOW_MS)
    assert markets["BTCUSDT"].price(NOW_MS) != synthetic["BTCUSDT"].price(NOW_MS)


def test_files_of_different_years_are_shifted_each_by_itself(tmp_path: Path) -> None:
    old = write(tmp_path / "a.csv", klines(HOURS_10))
    new = write(tmp_path / "b.csv", [kline(index + 10_000, price=2_000) for index in range(HOURS_10)])
    markets = market_plan(f"file:BTCUSDT={old},ETHUSDT={new}", 1, "BTCUSDT", None).markets(NOW_MS)
    assert markets["BTCUSDT"].is_open(NOW_MS)
    assert markets["ETHUSDT"].is_open(NOW_MS)


def test_the_same_content_is_the_same_market_wherever_it_lies(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "bars.csv", klines(HOURS_10))
    keys = {market_plan(f"file:{tmp_path / each}/bars.csv", 1, "BTCUSDT", None).key for each in "ab"}
    assert len(keys) == 1
    assert market_plan(f"file:{tmp_path}/a/bars.csv", 1, "ETHUSDT", None).key not in keys


def test_imported_data_is_replayed_from_its_longest_stretch(venues: OpenVenue, tmp_path: Path) -> None:
    lines = [kline(index, price=50_000 + index) for index in range(HOURS_10 + 400)]
    import_data(tmp_path, [write(tmp_path / "BTCUSDT-1m.csv", [*lines[:300], *lines[400:]])])
    import_data(tmp_path, [write(tmp_path / "BTCUSDT-5m.csv", klines(400, minutes=5))])
    market = market_plan("data:", 1, "BTCUSDT", tmp_path).markets(NOW_MS)["BTCUSDT"]
    bars = market.minutes(market.start_ms // MINUTE_MS, HOURS_10)
    assert [int(bars.open[0]), int(bars.close[-1])] == [50_400_10, 51_000_00]
    venue = venues(market="data:", home=tmp_path)
    (first,) = venue.public("/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=1).body
    assert 50_000 < Decimal(first[1]) < 51_001


def test_trades_are_replayed_as_minutes(data_dir: Path) -> None:
    path = data_dir / "ETHUSDT-trades-2023-02-02.csv"
    market = market_plan(f"file:ETHUSDT={path}", 1, "BTCUSDT", None).markets(NOW_MS)["ETHUSDT"]
    assert market.is_open(NOW_MS)
    bars = market.minutes(market.start_ms // MINUTE_MS, 4)
    lines = [line.split(",") for line in path.read_text().splitlines()[1:]]
    of_minute = [
        [Decimal(price) for _, time_ms, _, price, _ in lines if int(time_ms) // MINUTE_MS == minute]
        for minute in range(int(lines[0][1]) // MINUTE_MS, int(lines[-1][1]) // MINUTE_MS + 1)
    ]
    assert [Decimal(int(high)) / 100 for high in bars.high] == [max(prices) for prices in of_minute]
    assert [Decimal(int(close)) / 100 for close in bars.close] == [prices[-1] for prices in of_minute]


def test_a_zip_of_trades_too(tmp_path: Path) -> None:
    lines = [
        f"{number},{100 + number % 7},1,0,{START_MS + number * 30_000},True,True" for number in range(2_000)
    ]
    path = write(tmp_path / "BTCUSDT-trades.zip", lines)
    assert market_plan(f"file:{path}", 1, "BTCUSDT", None).markets(NOW_MS)["BTCUSDT"].is_open(NOW_MS)


@pytest.mark.parametrize(
    ("market", "said"),
    [
        ("file:BTCEUR=bars.csv", "the recorded symbol was 'BTCEUR', known: BTCUSDT"),
        ("data:", "there is no home"),
        ("csv:x", "the market was 'csv:x': it takes synthetic"),
    ],
)
def test_what_cannot_be_played_is_named(market: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        market_plan(market, 1, "BTCUSDT", None)


def test_data_that_cannot_be_played_is_named(tmp_path: Path) -> None:
    with pytest.raises(MarketFileError, match="trader data import"):
        market_plan("data:", 1, "BTCUSDT", tmp_path)
    import_data(tmp_path, [write(tmp_path / "BTCUSDT-1m.csv", klines(30))])
    with pytest.raises(MarketFileError, match="too few bars: 30 minutes"):
        market_plan("data:", 1, "BTCUSDT", tmp_path).markets(NOW_MS)
    (tmp_path / "data/BTCUSDT/1m.npy").write_bytes(b"rubbish")
    with pytest.raises(MarketFileError, match="is not a file of bars"):
        market_plan("data:", 1, "BTCUSDT", tmp_path)


def test_trades_that_are_none_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "BTCUSDT-trades.csv", ["1,2,3,4,x,True,True"])
    with pytest.raises(MarketFileError, match=r"line 1: column 5 is 'x'"):
        market_plan(f"file:{path}", 1, "BTCUSDT", None)
