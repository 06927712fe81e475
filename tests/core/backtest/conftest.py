"""The recorded data as markets to trade."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.backtest.loading import suggested_rules
from core.backtest.market import Market, market
from core.data.series import Series
from core.data.sources import read_source


@pytest.fixture(scope="session")
def recorded_markets(data_dir: Path) -> list[Market]:
    found = []
    for name, symbol in (("BTCUSD-PERP-1m-2022-01", "BTCUSDPERP"), ("ETHBTC-5m-2018-01", "ETHBTC")):
        source = read_source(data_dir / f"{name}.csv.gz", symbol)
        series = Series(symbol, source.interval, source.table)
        found.append(market(series, suggested_rules(series)))
    return found
