"""What the name of a recorded file tells: symbol, kind of content, and the span it is whole for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.intervals import INTERVALS_MS

TRADES = ("trades", "aggTrades")
_ENDINGS = (".zip", ".gz", ".csv", ".feather", ".parquet", ".json")
_NO_PRICES = re.compile(r"-(mark|index|premiumIndex|funding_rate)\Z")
_KINDS = "|".join(sorted((*INTERVALS_MS, "1M", "1mo", *TRADES), key=len, reverse=True))
_NAME = re.compile(rf"(?P<symbol>.+?)-(?P<kind>{_KINDS})(-(?P<date>\d{{4}}-\d\d(-\d\d)?))?(-.*)?\Z")


@dataclass(frozen=True, slots=True)
class Named:
    """`kind`: an interval, `trades`, `aggTrades`, what bars are of if not of trades (`mark`), or None.
    `span_ms`: the day or month, end excluded.
    """

    symbol: str | None = None
    kind: str | None = None
    span_ms: tuple[int, int] | None = None


def named(file_name: str) -> Named:
    """Read names of Binance Vision (BTCUSDT-1m-2024-01.zip) and freqtrade (BTC_USDT-5m.feather)."""
    stem = file_name
    while ending := next((each for each in _ENDINGS if stem.lower().endswith(each)), None):
        stem = stem[: -len(ending)]
    if not (found := _NAME.match(stem)):
        return Named()
    symbol = re.sub(r"[^A-Z0-9]", "", found["symbol"].upper())
    # freqtrade keeps funding rates beside the prices of futures, as bars of the same interval.
    other = _NO_PRICES.search(stem)
    return Named(symbol or None, other[1] if other else found["kind"], _span_ms(found["date"]))


def _span_ms(date: str | None) -> tuple[int, int] | None:
    if date is None:
        return None
    try:
        first = datetime.strptime(date, "%Y-%m-%d" if date.count("-") == 2 else "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        return None
    is_month = date.count("-") == 1
    after = (first + timedelta(days=32)).replace(day=1) if is_month else first + timedelta(days=1)
    return int(first.timestamp()) * 1000, int(after.timestamp()) * 1000
