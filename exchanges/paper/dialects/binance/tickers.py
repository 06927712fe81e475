"""Binance's tickers: prices, the best of the book, and figures over a day or a window."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from exchanges.paper import tape
from exchanges.paper.dialects.binance.call import Call
from exchanges.paper.dialects.binance.errors import BAD_COMBINATION, ApiError, missing_either, not_valid
from exchanges.paper.dialects.binance.market import check_status, selected, side
from exchanges.paper.dialects.binance.params import DAY_MS, Params
from exchanges.paper.dialects.binance.wire import Json, amount, quantity
from exchanges.paper.engine import Engine
from exchanges.paper.market import MINUTE_MS
from exchanges.paper.symbols import Symbol

_HOUR_MS = 60 * MINUTE_MS
_UNITS_MS = {"m": MINUTE_MS, "h": _HOUR_MS, "d": DAY_MS}
_WINDOW = re.compile(r"([1-9]|[1-5][0-9])m|([1-9]|1[0-9]|2[0-3])h|[1-7]d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Figures:
    """What traded since a moment: prices and quote amounts in units, quantities in steps."""

    open_ms: int
    close_ms: int
    opened: int
    high: int
    low: int
    last: int
    volume: int
    quote_volume: int
    average: int
    first_id: int
    last_id: int

    @property
    def change(self) -> int:
        return self.last - self.opened

    @property
    def percent(self) -> str:
        """The change in percent with 3 decimals, cut toward zero."""
        thousandths = abs(self.change) * 100_000 // self.opened
        return f"{'-' if self.change < 0 else ''}{thousandths // 1000}.{thousandths % 1000:03d}"


def figures(engine: Engine, symbol: Symbol, since_ms: int) -> Figures:
    """Return what traded since the minute that holds a time; the ids count our own trades as well."""
    name, now_ms = symbol.name, engine.now_ms
    market = engine.ambient.markets[name]
    open_ms = max(since_ms, market.start_ms)
    last = last_price(engine, symbol)
    bar = market.bar(max(open_ms // MINUTE_MS * MINUTE_MS, market.start_ms) - 1, now_ms)
    return Figures(
        open_ms=open_ms,
        close_ms=now_ms,
        opened=last if bar is None else bar.open * symbol.tick,
        high=last if bar is None else bar.high * symbol.tick,
        low=last if bar is None else bar.low * symbol.tick,
        last=last,
        volume=0 if bar is None else bar.volume,
        quote_volume=0 if bar is None else symbol.scale.quote(bar.quote_volume, 1),
        average=last if bar is None else bar.quote_volume * symbol.tick // bar.volume,
        first_id=tape.first_at(engine, name, open_ms),
        last_id=tape.end(engine, name) - 1,
    )


def day(engine: Engine, symbol: Symbol) -> Figures:
    """Return the figures of the last 24 hours."""
    return figures(engine, symbol, engine.now_ms - DAY_MS)


def last_price(engine: Engine, symbol: Symbol) -> int:
    """Return the last price in units."""
    return engine.ambient.price(symbol.name, engine.now_ms)


def best(engine: Engine, symbol: Symbol) -> tuple[list[str], list[str]]:
    """Return price and quantity of the best bid and the best ask, zeros where there is none."""
    (bid,) = side(engine, symbol, is_bid=True, limit=1) or [[amount(0), amount(0)]]
    (ask,) = side(engine, symbol, is_bid=False, limit=1) or [[amount(0), amount(0)]]
    return bid, ask


def ticker_24hr(call: Call) -> Json | list[Json]:
    mini = _is_mini(call.params)
    return _each(call, lambda symbol: _day(call.engine, symbol, mini=mini))


def ticker(call: Call) -> Json | list[Json]:
    """Figures of a rolling window; it opens on a minute."""
    window = call.params.text("windowSize") or "1d"
    if not _WINDOW.fullmatch(window):
        raise not_valid("windowSize")
    mini, since_ms = _is_mini(call.params), call.engine.now_ms - window_ms(window)
    return _some(call, lambda symbol: _window(call.engine, symbol, since_ms // MINUTE_MS * MINUTE_MS, mini))


def trading_day(call: Call) -> Json | list[Json]:
    mini, offset_ms = _is_mini(call.params), call.params.time_zone_ms()
    since_ms = (call.engine.now_ms + offset_ms) // DAY_MS * DAY_MS - offset_ms
    return _some(call, lambda symbol: _window(call.engine, symbol, since_ms, mini))


def ticker_price(call: Call) -> Json | list[Json]:
    def line(symbol: Symbol) -> Json:
        return {"symbol": symbol.name, "price": amount(last_price(call.engine, symbol))}

    return _each(call, line)


def book_ticker(call: Call) -> Json | list[Json]:
    return _each(call, lambda symbol: {"symbol": symbol.name, **_best(call.engine, symbol)})


def window_ms(window: str) -> int:
    """Return the length of a window such as `1h`."""
    return int(window[:-1]) * _UNITS_MS[window[-1]]


def _is_mini(params: Params) -> bool:
    return params.choice("type", ("FULL", "MINI"), (-1139, "Invalid ticker type.")) == "MINI"


def _each(call: Call, line: Callable[[Symbol], Json]) -> Json | list[Json]:
    """Answer with an object for `symbol`, with an array for `symbols` or neither."""
    if "symbol" in call.params:
        if "symbols" in call.params:
            raise ApiError(*BAD_COMBINATION)
        symbol = call.params.symbol()
        check_status(call, symbol)
        return line(symbol)
    status = call.params.status()
    chosen = selected(call)
    return [line(symbol) for symbol in chosen if status in (None, call.engine.status_of(symbol.name))]


def _some(call: Call, line: Callable[[Symbol], Json]) -> Json | list[Json]:
    """Answer as `_each`, but not for all symbols at once."""
    if "symbol" not in call.params and "symbols" not in call.params:
        raise missing_either("symbol", "symbols")
    return _each(call, line)


def _best(engine: Engine, symbol: Symbol) -> Json:
    bid, ask = best(engine, symbol)
    return {"bidPrice": bid[0], "bidQty": bid[1], "askPrice": ask[0], "askQty": ask[1]}


def _day(engine: Engine, symbol: Symbol, *, mini: bool) -> Json:
    found = day(engine, symbol)
    if mini:
        return _mini(symbol, found)
    (trade,) = tape.recent(engine, symbol.name, 1)
    return {
        **_changes(symbol, found),
        "prevClosePrice": amount(found.opened),
        "lastPrice": amount(found.last),
        "lastQty": quantity(symbol.name, trade.quantity),
        **_best(engine, symbol),
        **_prices(found),
        **_volumes(symbol, found),
    }


def _window(engine: Engine, symbol: Symbol, since_ms: int, mini: bool) -> Json:
    found = figures(engine, symbol, since_ms)
    if mini:
        return _mini(symbol, found)
    last = {"lastPrice": amount(found.last)}
    return {**_changes(symbol, found), **_prices(found), **last, **_volumes(symbol, found)}


def _mini(symbol: Symbol, found: Figures) -> Json:
    last = {"lastPrice": amount(found.last)}
    return {"symbol": symbol.name, **_prices(found), **last, **_volumes(symbol, found)}


def _changes(symbol: Symbol, found: Figures) -> Json:
    return {
        "symbol": symbol.name,
        "priceChange": amount(found.change),
        "priceChangePercent": found.percent,
        "weightedAvgPrice": amount(found.average),
    }


def _prices(found: Figures) -> Json:
    return {
        "openPrice": amount(found.opened),
        "highPrice": amount(found.high),
        "lowPrice": amount(found.low),
    }


def _volumes(symbol: Symbol, found: Figures) -> Json:
    return {
        "volume": quantity(symbol.name, found.volume),
        "quoteVolume": amount(found.quote_volume),
        "openTime": found.open_ms,
        "closeTime": found.close_ms,
        "firstId": found.first_id,
        "lastId": found.last_id,
        "count": found.last_id - found.first_id + 1,
    }
