"""Klines as Binance lists them: every interval down to a second, and days of any time zone."""

from __future__ import annotations

from exchanges.paper.market import INTERVALS, Kline, Market
from exchanges.paper.market.klines import index_at, open_ms

SECOND_MS = 1_000
ALL_INTERVALS = ("1s", *INTERVALS)


def listed(
    market: Market,
    interval: str,
    *,
    start_ms: int | None,
    end_ms: int | None,
    limit: int,
    now_ms: int,
    offset_ms: int = 0,
) -> list[Kline]:
    """Return the bars that are listed at `now_ms`, oldest first, chosen by their open times (inclusive).

    `offset_ms`: of the time zone whose days, weeks and hours the bars follow; times stay UTC.
    """
    if interval in INTERVALS and not offset_ms:
        return market.klines(interval, start_ms=start_ms, end_ms=end_ms, limit=limit, now_ms=now_ms)
    calendar = _Calendar(interval, offset_ms)
    first, last = calendar.index_at(market.start_ms), calendar.index_at(now_ms)
    if end_ms is not None:
        last = min(last, calendar.index_at(end_ms))
    if start_ms is None:
        first = max(first, last - limit + 1)
    else:
        first = max(first, calendar.first_from(start_ms))
        last = min(last, first + limit - 1)
    bars = [
        _bar(market, calendar.open_ms(i), calendar.open_ms(i + 1), now_ms) for i in range(first, last + 1)
    ]
    return [bar for bar in bars if bar is not None]


class _Calendar:
    """Where the bars of an interval begin in a time zone."""

    def __init__(self, interval: str, offset_ms: int) -> None:
        self._interval = interval
        self._offset_ms = offset_ms

    def index_at(self, time_ms: int) -> int:
        local_ms = time_ms + self._offset_ms
        return local_ms // SECOND_MS if self._interval == "1s" else index_at(self._interval, local_ms)

    def open_ms(self, index: int) -> int:
        local_ms = index * SECOND_MS if self._interval == "1s" else open_ms(self._interval, index)
        return local_ms - self._offset_ms

    def first_from(self, time_ms: int) -> int:
        """Return the first bar that opens at or after a time."""
        index = self.index_at(time_ms)
        return index if self.open_ms(index) == time_ms else index + 1


def _bar(market: Market, opens_ms: int, ends_ms: int, now_ms: int) -> Kline | None:
    """Return one bar; without a trade it stays at the price before it, None where the market has ended."""
    bar = market.bar(max(opens_ms, market.start_ms) - 1, min(ends_ms - 1, now_ms))
    if bar is not None:
        return Kline(
            opens_ms,
            ends_ms - 1,
            bar.open,
            bar.high,
            bar.low,
            bar.close,
            bar.volume,
            bar.quote_volume,
            bar.trades,
            bar.taker_buy_volume,
            bar.taker_buy_quote,
        )
    if not market.is_open(opens_ms):
        return None
    price = market.price(opens_ms)
    return Kline(opens_ms, ends_ms - 1, price, price, price, price, 0, 0, 0, 0, 0)
