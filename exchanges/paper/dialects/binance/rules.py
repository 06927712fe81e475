"""Trading rules in Binance's words: filters in the order of a live sample of 2026, symbols, rate limits."""

from __future__ import annotations

from exchanges.paper.dialects.binance.wire import Json, amount, short
from exchanges.paper.limits import Limits
from exchanges.paper.sockets.connection import STANDARD_RULES
from exchanges.paper.symbols import Symbol

PERMISSIONS = ("SPOT", "MARGIN", "TRD_GRP_004")
ORDER_TYPES = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
SELF_TRADE_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")
DEFAULT_SELF_TRADE_MODE = "EXPIRE_MAKER"


def filters(symbol: Symbol) -> list[Json]:
    position = {"filterType": "MAX_POSITION", "maxPosition": amount(symbol.max_position)}
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": amount(symbol.min_price),
            "maxPrice": amount(symbol.max_price),
            "tickSize": amount(symbol.tick),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": amount(symbol.min_quantity),
            "maxQty": amount(symbol.max_quantity),
            "stepSize": amount(symbol.step),
        },
        {"filterType": "ICEBERG_PARTS", "limit": symbol.max_iceberg_parts},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": amount(0),
            "maxQty": amount(symbol.market_max_quantity),
            "stepSize": amount(0),
        },
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": symbol.trailing_min_bips,
            "maxTrailingAboveDelta": symbol.trailing_max_bips,
            "minTrailingBelowDelta": symbol.trailing_min_bips,
            "maxTrailingBelowDelta": symbol.trailing_max_bips,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": short(symbol.multiplier_up),
            "bidMultiplierDown": short(symbol.multiplier_down),
            "askMultiplierUp": short(symbol.multiplier_up),
            "askMultiplierDown": short(symbol.multiplier_down),
            "avgPriceMins": symbol.average_minutes,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": amount(symbol.min_notional),
            "applyMinToMarket": True,
            "maxNotional": amount(symbol.max_notional),
            "applyMaxToMarket": False,
            "avgPriceMins": symbol.average_minutes,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": symbol.max_orders},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": symbol.max_order_lists},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": symbol.max_algo_orders},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": symbol.max_amends},
        *([position] if symbol.max_position else []),
    ]


def symbol_info(symbol: Symbol, status: str, show_permission_sets: bool) -> Json:
    """Return an element of `exchangeInfo.symbols`. What is not served is declared as not allowed."""
    return {
        "symbol": symbol.name,
        "status": status,
        "baseAsset": symbol.base,
        "baseAssetPrecision": 8,
        "quoteAsset": symbol.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": list(ORDER_TYPES),
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": filters(symbol),
        "permissions": [],
        "permissionSets": [list(PERMISSIONS)] if show_permission_sets else [],
        "defaultSelfTradePreventionMode": DEFAULT_SELF_TRADE_MODE,
        "allowedSelfTradePreventionModes": list(SELF_TRADE_MODES),
    }


def rate_limits(limits: Limits, *, over_socket: bool) -> list[Json]:
    """Return the limits; over a socket connections are counted, where REST counts requests."""
    weight = _limit("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_per_minute)
    if over_socket:
        last = _limit("CONNECTIONS", "MINUTE", 5, STANDARD_RULES.connections_per_five_minutes)
    else:
        last = _limit("RAW_REQUESTS", "MINUTE", 5, limits.requests_per_five_minutes)
    return [weight, *order_limits(limits), last]


def order_limits(limits: Limits) -> list[Json]:
    return [
        _limit("ORDERS", "SECOND", 10, limits.orders_per_ten_seconds),
        _limit("ORDERS", "DAY", 1, limits.orders_per_day),
    ]


def _limit(kind: str, interval: str, count: int, limit: int) -> Json:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": count, "limit": limit}
