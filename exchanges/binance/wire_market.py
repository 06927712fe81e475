"""Binance's market data payloads, read: instruments with their filters, books, bars.

Source: Binance Spot API documents, "Market Data endpoints" and "Filters".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from core.errors import Refused
from core.instrument import (
    Filters,
    Instrument,
    LotSize,
    NotionalFilter,
    PercentPrice,
    PriceFilter,
    SymbolStatus,
    TrailingDelta,
)
from core.ports import Book, Level
from exchanges.binance.wire import Payload, Unreadable, number, shaped

if TYPE_CHECKING:
    from core.bars import Bars, Row

PRECISION_MAX: Final = 20


class _TimePayload(Payload):
    server_time: int


class _AveragePricePayload(Payload):
    price: str


class _SymbolPayload(Payload):
    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    base_asset_precision: int
    quote_asset_precision: int
    order_types: list[str]
    filters: list[dict[str, Any]]
    quote_order_qty_market_allowed: bool = False
    oco_allowed: bool = False
    is_spot_trading_allowed: bool = False


class _ExchangeInfoPayload(Payload):
    symbols: list[_SymbolPayload]


class _PriceFilterPayload(Payload):
    min_price: str
    max_price: str
    tick_size: str


class _LotSizePayload(Payload):
    min_qty: str
    max_qty: str
    step_size: str


class _NotionalPayload(Payload):
    min_notional: str
    max_notional: str
    apply_min_to_market: bool
    apply_max_to_market: bool
    avg_price_mins: int


class _MinNotionalPayload(Payload):
    min_notional: str
    apply_to_market: bool
    avg_price_mins: int


class _PercentPricePayload(Payload):
    multiplier_up: str
    multiplier_down: str
    avg_price_mins: int


class _PercentPriceBySidePayload(Payload):
    bid_multiplier_up: str
    bid_multiplier_down: str
    ask_multiplier_up: str
    ask_multiplier_down: str
    avg_price_mins: int


class _TrailingDeltaPayload(Payload):
    min_trailing_above_delta: int
    max_trailing_above_delta: int
    min_trailing_below_delta: int
    max_trailing_below_delta: int


def parse_server_time(payload: object) -> int:
    return shaped(payload, _TimePayload).server_time


def parse_average_price(payload: object) -> Decimal:
    price = number(shaped(payload, _AveragePricePayload).price, "price")
    if price == 0:
        raise Unreadable("the average price was 0")
    return price


def parse_instrument(payload: object, symbol: str) -> Instrument | None:
    """Read one symbol of exchangeInfo; None when it is not listed. Raises Unreadable."""
    for found in shaped(payload, _ExchangeInfoPayload).symbols:
        if found.symbol == symbol:
            return _instrument(found)
    return None


def _instrument(found: _SymbolPayload) -> Instrument:
    known = found.status in SymbolStatus.__members__
    return Instrument(
        symbol=found.symbol,
        base_asset=found.base_asset,
        quote_asset=found.quote_asset,
        status=SymbolStatus(found.status) if known else SymbolStatus.UNKNOWN,
        order_types=frozenset(found.order_types),
        base_precision=_precision(found.base_asset_precision),
        quote_precision=_precision(found.quote_asset_precision),
        filters=parse_filters(found.filters),
        quote_order_quantity_allowed=found.quote_order_qty_market_allowed,
        spot_allowed=found.is_spot_trading_allowed,
        order_pairs_allowed=found.oco_allowed,
    )


def _precision(digits: int) -> int:
    if not 0 <= digits <= PRECISION_MAX:
        raise Unreadable(f"precision was {digits}")
    return digits


def parse_filters(payload: list[dict[str, Any]]) -> Filters:
    """Read the filters of a symbol. One that we do not know is named in `unknown`, not dropped in silence."""
    filters = Filters()
    for entry in payload:
        name = entry.get("filterType")
        if not isinstance(name, str):
            raise Unreadable("a filter has no filterType")
        reader = _READERS.get(name)
        read = {"unknown": (*filters.unknown, name[:40])} if reader is None else reader(entry)
        filters = replace(filters, **read)
    return filters


def _price_filter(entry: object) -> dict[str, Any]:
    found = shaped(entry, _PriceFilterPayload)
    return {
        "price": PriceFilter(
            min_price=number(found.min_price, "minPrice"),
            max_price=number(found.max_price, "maxPrice"),
            tick_size=number(found.tick_size, "tickSize"),
        )
    }


def _lot_size(field: str) -> Callable[[object], dict[str, Any]]:
    def read(entry: object) -> dict[str, Any]:
        found = shaped(entry, _LotSizePayload)
        return {
            field: LotSize(
                min_quantity=number(found.min_qty, "minQty"),
                max_quantity=number(found.max_qty, "maxQty"),
                step_size=number(found.step_size, "stepSize"),
            )
        }

    return read


def _notional(entry: object) -> dict[str, Any]:
    found = shaped(entry, _NotionalPayload)
    return {
        "notional": NotionalFilter(
            min_notional=number(found.min_notional, "minNotional"),
            max_notional=number(found.max_notional, "maxNotional"),
            apply_min_to_market=found.apply_min_to_market,
            apply_max_to_market=found.apply_max_to_market,
            average_price_minutes=found.avg_price_mins,
        )
    }


def _min_notional(entry: object) -> dict[str, Any]:
    found = shaped(entry, _MinNotionalPayload)
    return {
        "min_notional": NotionalFilter(
            min_notional=number(found.min_notional, "minNotional"),
            max_notional=None,
            apply_min_to_market=found.apply_to_market,
            apply_max_to_market=False,
            average_price_minutes=found.avg_price_mins,
        )
    }


def _percent_price(entry: object) -> dict[str, Any]:
    found = shaped(entry, _PercentPricePayload)
    up, down = number(found.multiplier_up, "multiplierUp"), number(found.multiplier_down, "multiplierDown")
    return {"percent_price": PercentPrice(up, down, up, down, found.avg_price_mins)}


def _percent_price_by_side(entry: object) -> dict[str, Any]:
    found = shaped(entry, _PercentPriceBySidePayload)
    return {
        "percent_price": PercentPrice(
            bid_up=number(found.bid_multiplier_up, "bidMultiplierUp"),
            bid_down=number(found.bid_multiplier_down, "bidMultiplierDown"),
            ask_up=number(found.ask_multiplier_up, "askMultiplierUp"),
            ask_down=number(found.ask_multiplier_down, "askMultiplierDown"),
            average_price_minutes=found.avg_price_mins,
        )
    }


def _trailing_delta(entry: object) -> dict[str, Any]:
    found = shaped(entry, _TrailingDeltaPayload)
    return {
        "trailing_delta": TrailingDelta(
            min_above_bps=found.min_trailing_above_delta,
            max_above_bps=found.max_trailing_above_delta,
            min_below_bps=found.min_trailing_below_delta,
            max_below_bps=found.max_trailing_below_delta,
        )
    }


def _limit(field: str, key: str) -> Callable[[object], dict[str, Any]]:
    return lambda entry: {field: shaped(shaped(entry, dict[str, Any]).get(key), int)}


_READERS: Final[Mapping[str, Callable[[object], dict[str, Any]]]] = {
    "PRICE_FILTER": _price_filter,
    "LOT_SIZE": _lot_size("lot"),
    "MARKET_LOT_SIZE": _lot_size("market_lot"),
    "NOTIONAL": _notional,
    "MIN_NOTIONAL": _min_notional,
    "PERCENT_PRICE": _percent_price,
    "PERCENT_PRICE_BY_SIDE": _percent_price_by_side,
    "ICEBERG_PARTS": _limit("iceberg_parts_max", "limit"),
    "MAX_NUM_ORDERS": _limit("orders_max", "maxNumOrders"),
    "MAX_NUM_ALGO_ORDERS": _limit("algo_orders_max", "maxNumAlgoOrders"),
    "MAX_NUM_ICEBERG_ORDERS": _limit("iceberg_orders_max", "maxNumIcebergOrders"),
    "MAX_NUM_ORDER_LISTS": _limit("order_lists_max", "maxNumOrderLists"),
    "MAX_NUM_ORDER_AMENDS": _limit("order_amends_max", "maxNumOrderAmends"),
    "MAX_POSITION": lambda entry: {
        "position_max": number(shaped(entry, dict[str, Any]).get("maxPosition"), "maxPosition")
    },
    "TRAILING_DELTA": _trailing_delta,
}


class _DepthPayload(Payload):
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


def parse_book(payload: object, symbol: str, ts_recv_ms: int) -> Book:
    """Read the answer of depth. Raises Unreadable, or Refused EMPTY_BOOK: there is no price to trade at."""
    depth = shaped(payload, _DepthPayload)
    bids, asks = _levels(depth.bids), _levels(depth.asks)
    if not bids or not asks or bids[-1][0] == 0 or asks[0][0] == 0:
        raise Refused(f"the order book of {symbol} has no price on one side", code="EMPTY_BOOK")
    falling = all(one[0] > two[0] for one, two in pairwise(bids))
    rising = all(one[0] < two[0] for one, two in pairwise(asks))
    if not falling or not rising or bids[0][0] >= asks[0][0]:
        raise Unreadable("the order book is crossed or out of order")
    return Book(symbol, bids, asks, ts_recv_ms)


def _levels(payload: list[tuple[str, str]]) -> tuple[Level, ...]:
    levels = ((number(price, "price"), number(quantity, "quantity")) for price, quantity in payload)
    return tuple(level for level in levels if level[1] > 0)


def parse_klines(payload: object) -> list[Row]:
    """Read the answer of klines; the volume of a row is its quote turnover. Raises Unreadable."""
    return [_row(kline) for kline in shaped(payload, list[list[Any]])]


def _row(kline: list[Any]) -> Row:
    if len(kline) != 12:
        raise Unreadable(f"a kline has 12 values, was {len(kline)}")
    open_time_ms = shaped(kline[0], int)
    opened, high, low, closed = (float(number(kline[place], "kline")) for place in range(1, 5))
    return open_time_ms, opened, high, low, closed, float(number(kline[7], "kline"))


def make_bars(rows: list[Row], interval_ms: int) -> Bars:
    """Return the rows as checked bars. Raises Unreadable where they cannot be: a gap, a price of zero."""
    from core.bars import Bars  # numpy loads only where bars are used

    try:
        return Bars.from_rows(rows, interval_ms)
    except (ValueError, OverflowError) as error:
        raise Unreadable(str(error)) from None
