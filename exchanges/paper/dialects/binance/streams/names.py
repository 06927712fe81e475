"""The names of market streams, and the feed behind each."""

from __future__ import annotations

from collections.abc import Callable

from exchanges.paper.dialects.binance.bars import ALL_INTERVALS
from exchanges.paper.dialects.binance.params import zone_offset_ms
from exchanges.paper.dialects.binance.streams.book_feeds import BestPrices, Changes, TopOfBook
from exchanges.paper.dialects.binance.streams.market_feeds import (
    ALL_SYMBOLS,
    Klines,
    TickerMaker,
    Tickers,
    Trades,
    average_price,
    full_ticker,
    mini_ticker,
    window_ticker,
)
from exchanges.paper.sockets.hub import Feed
from exchanges.paper.symbols import SYMBOLS, Symbol

MakeFeed = Callable[[], Feed]

_WINDOWS = ("1h", "4h", "1d")
_DEPTHS = {"depth": 0, "depth5": 5, "depth10": 10, "depth20": 20}
_SPEEDS_S = {"": 1.0, "1000ms": 1.0, "100ms": 0.1}
_TICKERS: dict[str, TickerMaker] = {
    "miniTicker": mini_ticker,
    "ticker": full_ticker,
    "avgPrice": average_price,
    **{f"ticker_{window}": window_ticker(window) for window in _WINDOWS},
}
_OF_ALL = {"!miniTicker@arr": "miniTicker", **{f"!ticker_{each}@arr": f"ticker_{each}" for each in _WINDOWS}}


def feed_of(name: str) -> MakeFeed | None:
    """Return how to make the feed of a stream, None for a name nobody tells anything under.

    The venue takes such names and stays silent, also for the retired `!ticker@arr`.
    """
    if name in _OF_ALL:
        make = _TICKERS[_OF_ALL[name]]
        return lambda: Tickers(ALL_SYMBOLS, make, as_list=True)
    symbol_name, _, kind = name.partition("@")
    symbol = SYMBOLS.get(symbol_name.upper()) if symbol_name == symbol_name.lower() else None
    return None if symbol is None else _feed_of_symbol(symbol, kind)


def _feed_of_symbol(symbol: Symbol, kind: str) -> MakeFeed | None:
    if kind in ("trade", "aggTrade"):
        return lambda: Trades(symbol, aggregated=kind == "aggTrade")
    if kind == "bookTicker":
        return lambda: BestPrices(symbol)
    if kind in _TICKERS:
        return lambda: Tickers((symbol,), _TICKERS[kind])
    depth, _, speed = kind.partition("@")
    if kind.startswith("kline_"):
        interval, zone = depth.removeprefix("kline_"), zone_offset_ms(speed or "0")
        if interval not in ALL_INTERVALS or zone is None:
            return None
        return lambda: Klines(symbol, interval, zone)
    if depth in _DEPTHS and speed in _SPEEDS_S:
        levels, period_s = _DEPTHS[depth], _SPEEDS_S[speed]
        return lambda: TopOfBook(symbol, levels, period_s) if levels else Changes(symbol, period_s)
    return None
