"""Binance's market data endpoints (reference: Spot API documents, section "Market data")."""

from __future__ import annotations

from typing import Any

from exchanges.paper import tape
from exchanges.paper.ambient import DEPTH_MAX
from exchanges.paper.dialects.binance import bars, rules
from exchanges.paper.dialects.binance.call import Call
from exchanges.paper.dialects.binance.errors import BAD_COMBINATION, ApiError, missing
from exchanges.paper.dialects.binance.wire import Json, amount, price, quantity
from exchanges.paper.engine import Engine
from exchanges.paper.market import STEP_MS, Kline
from exchanges.paper.symbols import SYMBOLS, Symbol
from exchanges.paper.tape import PublicTrade

MONTH = "1M"


def ping(_: Call) -> Json:
    return {}


def time(call: Call) -> Json:
    return {"serverTime": call.engine.now_ms + call.tampering.clock_ms}


def exchange_info(call: Call) -> Json:
    params, engine = call.params, call.engine
    selectors = [name for name in ("symbol", "symbols", "permissions") if name in params]
    status = params.status()
    if len(selectors) > 1 or (status and "permissions" not in selectors and selectors):
        raise ApiError(*BAD_COMBINATION)
    chosen = selected(call)
    if "permissions" in params:
        text = params.text("permissions") or ""
        wanted = params.names("permissions") or [] if text.startswith("[") else [text]
        chosen = [rules_of for rules_of in chosen if set(wanted) & set(rules.PERMISSIONS)]
    show_sets = params.flag("showPermissionSets", default=True)
    symbols = [(symbol, engine.status_of(symbol.name)) for symbol in chosen]
    return {
        "timezone": "UTC",
        "serverTime": engine.now_ms,
        "rateLimits": rules.rate_limits(engine.world.account.limits, over_socket=call.over_socket),
        "exchangeFilters": [],
        "symbols": [
            rules.symbol_info(symbol, now, show_sets) for symbol, now in symbols if status in (None, now)
        ],
    }


def depth(call: Call) -> Json:
    symbol = call.params.symbol()
    limit = call.params.limit(100, DEPTH_MAX)
    check_status(call, symbol)
    return {
        "lastUpdateId": update_id(call.engine, symbol.name),
        "bids": side(call.engine, symbol, is_bid=True, limit=limit),
        "asks": side(call.engine, symbol, is_bid=False, limit=limit),
    }


def update_id(engine: Engine, symbol: str) -> int:
    """Return the number of the book as it stands: it grows with every step and every change of our own."""
    return engine.now_ms // STEP_MS + engine.books.symbols[symbol].updates


def trades(call: Call) -> list[Json]:
    symbol = call.params.symbol()
    limit = call.params.limit(500, 1000)
    return [_trade(symbol.name, trade) for trade in tape.recent(call.engine, symbol.name, limit)]


def historical_trades(call: Call) -> list[Json]:
    symbol = call.params.symbol()
    limit, first = call.params.limit(500, 1000), call.params.integer("fromId")
    if first is None:
        found = tape.recent(call.engine, symbol.name, limit)
    else:
        found = tape.trades(call.engine, symbol.name, first, limit)
    return [_trade(symbol.name, trade) for trade in found]


def block_trades(call: Call) -> list[Json]:
    """Nobody trades outside the book here."""
    call.params.symbol()
    call.params.integer("fromId")
    call.params.limit(500, 1000)
    return []


def agg_trades(call: Call) -> list[Json]:
    """Each trade is an aggregate of its own: market trades are one a step, and own fills are not merged."""
    params, engine, name = call.params, call.engine, call.params.symbol().name
    limit, first = params.limit(500, 1000), params.integer("fromId")
    start_ms, end_ms = (params.time_ms(bound, engine.now_ms) for bound in ("startTime", "endTime"))
    if first is not None and (start_ms is not None or end_ms is not None):
        raise ApiError(*BAD_COMBINATION)
    end = tape.end(engine, name) if end_ms is None else tape.first_at(engine, name, end_ms + 1)
    if start_ms is not None:
        first = tape.first_at(engine, name, start_ms)
    if first is None:
        first = max(0, end - limit)
    return [
        {
            "a": trade.trade_id,
            "p": price(name, trade.price),
            "q": quantity(name, trade.quantity),
            "f": trade.trade_id,
            "l": trade.trade_id,
            "T": trade.time_ms,
            "m": trade.buyer_is_maker,
            "M": True,
        }
        for trade in tape.trades(engine, name, first, min(limit, end - first))
    ]


def klines(call: Call) -> list[list[Any]]:
    params, engine = call.params, call.engine
    symbol = params.symbol()
    interval = params.choice("interval", bars.ALL_INTERVALS, (-1120, "Invalid interval."))
    if interval is None:
        raise missing("interval")
    offset_ms = params.time_zone_ms()
    start_ms, end_ms = (params.time_ms(bound, engine.now_ms) for bound in ("startTime", "endTime"))
    found = bars.listed(
        engine.ambient.markets[symbol.name],
        interval,
        start_ms=start_ms,
        end_ms=end_ms,
        limit=params.limit(500, 1000),
        now_ms=engine.now_ms,
        offset_ms=offset_ms,
    )
    return [_kline(symbol, bar) for bar in found]


def avg_price(call: Call) -> Json:
    symbol = call.params.symbol()
    return {
        "mins": symbol.average_minutes,
        "price": amount(call.engine.ambient.average_price(symbol.name, call.engine.now_ms)),
        "closeTime": call.engine.now_ms // STEP_MS * STEP_MS,
    }


def selected(call: Call) -> list[Symbol]:
    one = call.params.optional_symbol()
    if one is not None:
        return [one]
    return call.params.symbols() or list(SYMBOLS.values())


def check_status(call: Call, symbol: Symbol) -> None:
    status = call.params.status()
    if status not in (None, call.engine.status_of(symbol.name)):
        raise ApiError(-1220, "The symbol's status does not match the requested symbolStatus.")


def side(engine: Engine, symbol: Symbol, *, is_bid: bool, limit: int) -> list[list[str]]:
    """Return price levels as they are printed, best first."""
    found = levels(engine, symbol, is_bid=is_bid, limit=limit)
    return [[price(symbol.name, ticks), quantity(symbol.name, steps)] for ticks, steps in found.items()]


def levels(engine: Engine, symbol: Symbol, *, is_bid: bool, limit: int = DEPTH_MAX) -> dict[int, int]:
    """Return quantity by price: what is left of the ambient book and our own orders, added up."""
    quantities: dict[int, int] = {}
    for offer in engine.book_side(symbol.name, is_bid=is_bid):
        if offer.price not in quantities and len(quantities) == limit:
            break
        quantities[offer.price] = quantities.get(offer.price, 0) + offer.quantity
    return quantities


def _trade(name: str, trade: PublicTrade) -> Json:
    return {
        "id": trade.trade_id,
        "price": price(name, trade.price),
        "qty": quantity(name, trade.quantity),
        "quoteQty": amount(trade.quote),
        "time": trade.time_ms,
        "isBuyerMaker": trade.buyer_is_maker,
        "isBestMatch": True,
    }


def _kline(symbol: Symbol, bar: Kline) -> list[Any]:
    name = symbol.name
    return [
        bar.open_ms,
        price(name, bar.open),
        price(name, bar.high),
        price(name, bar.low),
        price(name, bar.close),
        quantity(name, bar.volume),
        bar.close_ms,
        amount(symbol.scale.quote(bar.quote_volume, 1)),
        bar.trades,
        quantity(name, bar.taker_buy_volume),
        amount(symbol.scale.quote(bar.taker_buy_quote, 1)),
        "0",
    ]
