"""Bars from the home's folder, from files, and from freqtrade's folder as it is."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from core.backtest.loading import Asked, Loaded, Source, lanes, load
from core.backtest.market import Rules, assets
from core.backtest.setup import NO_DECISION
from core.data.series import Series as Recorded
from core.data.store import write_series
from core.errors import ConfigError, Refused
from core.strategies import Series, strategy
from tests.core.backtest.scripted import MINUTE_MS, START_MS, Script, recorded, signals

SCRIPT = Script({"BTCUSDT": signals(0)})


def ramp(count: int, symbol: str = "BTCUSDT") -> Recorded:
    return recorded(
        [(100 + n / 100, 100.5 + n / 100, 99.5 + n / 100, 100 + n / 100) for n in range(count)], symbol
    )


def from_home(home: Path, asked: Asked, **how: object) -> Loaded:
    return load(Source(home, **how), asked, SCRIPT)  # type: ignore[arg-type]  # what a test names


def test_the_home_s_bars_are_aggregated_for_decisions(tmp_path: Path) -> None:
    write_series(tmp_path, ramp(60))
    asked = Asked(("BTCUSDT",), "15m")
    (lane,) = lanes(from_home(tmp_path, asked), asked, SCRIPT)
    assert lane.market.interval_ms == MINUTE_MS
    assert len(lane.view.bars) == 4
    decided = np.flatnonzero(lane.decide_at != NO_DECISION)
    assert (decided.tolist(), lane.decide_at[decided].tolist()) == ([15, 30, 45], [0, 1, 2])


def test_trading_starts_at_since_with_a_warm_strategy(tmp_path: Path) -> None:
    write_series(tmp_path, ramp(2_000))
    start = START_MS + 1_500 * MINUTE_MS
    chosen = strategy("ema-cross")
    asked = Asked(("BTCUSDT",), "1m", start_ms=start)
    (lane,) = lanes(load(Source(tmp_path), asked, chosen), asked, chosen)
    assert lane.start_ms == start
    before = lane.first
    assert before == chosen.needs(Series("BTCUSDT", "1m"))[Series("BTCUSDT", "1m")]
    assert lane.decide_at[0] == before - 1


def test_rules_are_suggested_by_the_prices_unless_given(tmp_path: Path) -> None:
    write_series(tmp_path, ramp(20))
    loaded = from_home(tmp_path, Asked(("BTCUSDT",), "1m"))
    assert loaded.rules["BTCUSDT"] == Rules(Decimal("0.01"), Decimal("0.01"), Decimal(5))
    known = Rules(Decimal("0.1"), Decimal("0.001"), Decimal(10))
    given = from_home(tmp_path, Asked(("BTCUSDT",), "1m", rules={"BTCUSDT": known}))
    assert given.rules["BTCUSDT"] == known
    # A coarser tick rounds the prices, and the strategy sees what is traded.
    market = given.markets[0]
    assert market.open[7] == 1_001
    assert market.bars.open[7] == 100.1


@pytest.mark.parametrize(
    ("symbol", "base", "quote"),
    [("BTCUSDT", "BTC", "USDT"), ("ETHBTC", "ETH", "BTC"), ("BTCUSDPERP", "BTC", "USD")],
)
def test_assets_of_a_symbol(symbol: str, base: str, quote: str) -> None:
    assert assets(symbol) == (base, quote)


def test_a_gap_is_refused_or_filled_with_flat_bars(tmp_path: Path) -> None:
    whole = ramp(30)
    write_series(tmp_path, Recorded("BTCUSDT", "1m", np.delete(whole.table, [10, 11], axis=1)))
    asked = Asked(("BTCUSDT",), "1m")
    with pytest.raises(
        ConfigError, match=r"have 1 gap\(s\), the first from 2023-11-14T22:10:00.000Z"
    ) as refused:
        from_home(tmp_path, asked)
    assert "--fill-gaps" in (refused.value.hint or "")
    loaded = from_home(tmp_path, asked, fill_gaps=True)
    assert loaded.filled_bars == {"BTCUSDT": 2}
    market = loaded.markets[0]
    assert len(market) == 30
    assert {int(each[10]) for each in (market.open, market.high, market.low, market.close)} == {
        int(market.close[9])
    }


def test_nothing_to_read_names_what_there_is(tmp_path: Path) -> None:
    write_series(tmp_path, ramp(20))
    with pytest.raises(ConfigError, match="there are 1m") as missing:
        from_home(tmp_path, Asked(("BTCUSDT",), "1s"))
    assert missing.value.code == "DATA_MISSING"
    with pytest.raises(ConfigError, match="no bars of ETHUSDT"):
        from_home(tmp_path, Asked(("ETHUSDT",), "1m"))
    with pytest.raises(ConfigError, match="no bars of BTCUSDT in that span"):
        from_home(tmp_path, Asked(("BTCUSDT",), "1m", start_ms=START_MS * 2))
    with pytest.raises(ConfigError, match="does not exist"):
        from_home(tmp_path, Asked(("BTCUSDT",), "1m"), paths=(tmp_path / "nowhere",))


def test_freqtrade_s_folder_is_read_as_it_is(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    folder = tmp_path / "user_data" / "data" / "binance"
    (folder / "futures").mkdir(parents=True)
    for name, minutes, price in (
        ("BTC_USDT-5m", 5, 100),
        ("BTC_USDT-1h", 60, 100),
        ("ETH_USDT-5m", 5, 100),
        ("futures/BTC_USDT_USDT-5m-funding_rate", 5, 1),
        ("futures/BTC_USDT_USDT-5m-futures", 5, 200),
        ("futures/BTC_USDT_USDT-5m-mark", 5, 300),
    ):
        count = 24 * 60 // minutes
        prices = np.linspace(price, price + 10, count)
        table = {
            "date": pyarrow.array(
                (START_MS // 3_600_000 * 3_600_000 + np.arange(count) * minutes * MINUTE_MS),
                pyarrow.timestamp("ms", "UTC"),
            ),
            **dict.fromkeys(("open", "high", "low", "close"), prices),
            "volume": np.ones(count),
        }
        feather.write_feather(pyarrow.table(table), folder / f"{name}.feather")
    parquet.write_table(pyarrow.table(table), folder / "SOL_USDT-5m.parquet")
    asked = Asked(("BTCUSDT", "ETHUSDT"), "15m")
    loaded = from_home(tmp_path, asked, paths=(folder,))
    assert [each.symbol for each in loaded.markets] == ["BTCUSDT", "ETHUSDT"]
    assert {each.interval_ms for each in loaded.markets} == {5 * MINUTE_MS}
    assert len(loaded.markets[0]) == 288
    coarse = from_home(tmp_path, Asked(("BTCUSDT",), "4h"), paths=(folder,), interval="1h")
    assert coarse.markets[0].interval_ms == 60 * MINUTE_MS
    asked = Asked(("BTCUSDTUSDT", "SOLUSDT"), "5m")
    futures, packed = from_home(tmp_path, asked, paths=(folder,)).markets
    assert (futures.bars.open[0], packed.bars.open[0]) == (200, 300)
    with pytest.raises(ConfigError, match=r"there are BTCUSDT 1h, BTCUSDT 5m, BTCUSDTUSDT 5m, .*SOLUSDT 5m"):
        from_home(tmp_path, Asked(("ADAUSDT",), "15m"), paths=(folder,))


def test_files_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    for name, price in (("one", 10), ("two", 10), ("three", 11)):
        (tmp_path / name).mkdir()
        rows = [[START_MS + index * MINUTE_MS, 10.0, 12.0, 9.0, price, 1.5] for index in range(3)]
        (tmp_path / name / "ADA_USDT-1m.json").write_text(json.dumps(rows))
    asked = Asked(("ADAUSDT",), "1m")
    agreeing = from_home(tmp_path, asked, paths=(tmp_path / "one", tmp_path / "two"))
    assert agreeing.markets[0].bars.close.tolist() == [10.0, 10.0, 10.0]
    with pytest.raises(Refused, match=r"two.*3 bar\(s\) of ADAUSDT 1m are there twice with different"):
        from_home(tmp_path, asked, paths=(tmp_path / "three", tmp_path / "two"))
