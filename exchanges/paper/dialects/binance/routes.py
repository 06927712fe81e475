"""Every endpoint served: its handler, who may call it, what it weighs and which parameters it reads."""

from __future__ import annotations

from exchanges.paper.dialects.binance import (
    account,
    execution_rules,
    listen_keys,
    market,
    sapi,
    tickers,
    transfers,
)
from exchanges.paper.dialects.binance.order_routes import ORDER_ROUTES
from exchanges.paper.dialects.binance.route import SIGNED, Route, Security, by, selected_weight


def _depth_weight(values: dict[str, str]) -> int:
    limit = values.get("limit", "")
    levels = int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 10 else 100
    return next((weight for largest, weight in ((100, 5), (500, 25), (1000, 50)) if levels <= largest), 250)


def _ticker_weight(values: dict[str, str]) -> int:
    if "symbol" in values:
        return 2
    listed = values.get("symbols", "").count(",") + 1 if "symbols" in values else 0
    return 2 if 0 < listed <= 20 else 40 if 0 < listed <= 100 else 80


def _window_weight(values: dict[str, str]) -> int:
    return min(200, 4 * (values.get("symbols", "").count(",") + 1))


_SELECTORS = ("symbol", "symbols", "symbolStatus")
_USER = Security.USER_DATA
_LISTING = ("startTime", "endTime", "limit")
_HISTORY = ("coin", "status", "offset", *_LISTING)

ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/api/v3/ping"): Route(market.ping, 1),
    ("GET", "/api/v3/time"): Route(market.time, 1),
    ("GET", "/api/v3/exchangeInfo"): Route(
        market.exchange_info, 20, optional=(*_SELECTORS, "permissions", "showPermissionSets")
    ),
    ("GET", "/api/v3/depth"): Route(
        market.depth, _depth_weight, mandatory=("symbol",), optional=("limit", "symbolStatus")
    ),
    ("GET", "/api/v3/trades"): Route(market.trades, 25, mandatory=("symbol",), optional=("limit",)),
    ("GET", "/api/v3/historicalTrades"): Route(
        market.historical_trades, 25, mandatory=("symbol",), optional=("limit", "fromId")
    ),
    ("GET", "/api/v3/aggTrades"): Route(
        market.agg_trades, 4, mandatory=("symbol",), optional=("fromId", *_LISTING)
    ),
    ("GET", "/api/v3/klines"): Route(
        market.klines, 2, mandatory=("symbol", "interval"), optional=(*_LISTING, "timeZone")
    ),
    ("GET", "/api/v3/uiKlines"): Route(
        market.klines, 2, mandatory=("symbol", "interval"), optional=(*_LISTING, "timeZone")
    ),
    ("GET", "/api/v3/avgPrice"): Route(market.avg_price, 2, mandatory=("symbol",)),
    ("GET", "/api/v3/ticker/24hr"): Route(
        tickers.ticker_24hr, _ticker_weight, optional=(*_SELECTORS, "type")
    ),
    ("GET", "/api/v3/ticker/tradingDay"): Route(
        tickers.trading_day, _window_weight, optional=(*_SELECTORS, "type", "timeZone")
    ),
    ("GET", "/api/v3/ticker"): Route(
        tickers.ticker, _window_weight, optional=(*_SELECTORS, "type", "windowSize")
    ),
    ("GET", "/api/v3/ticker/price"): Route(tickers.ticker_price, by("symbol", 2, 4), optional=_SELECTORS),
    ("GET", "/api/v3/ticker/bookTicker"): Route(tickers.book_ticker, by("symbol", 2, 4), optional=_SELECTORS),
    ("GET", "/api/v3/historicalBlockTrades"): Route(
        market.block_trades, 25, mandatory=("symbol", "fromId"), optional=("limit",)
    ),
    ("GET", "/api/v3/executionRules"): Route(
        execution_rules.execution_rules, selected_weight(2, 40), optional=_SELECTORS
    ),
    ("GET", "/api/v3/referencePrice"): Route(execution_rules.reference_price, 2, mandatory=("symbol",)),
    ("GET", "/api/v3/referencePrice/calculation"): Route(
        execution_rules.reference_price, 2, mandatory=("symbol",), optional=("symbolStatus",)
    ),
    **ORDER_ROUTES,
    ("GET", "/api/v3/account"): Route(account.account, 20, _USER, optional=("omitZeroBalances",)),
    ("GET", "/api/v3/myTrades"): Route(
        account.my_trades,
        by("orderId", 5, 20),
        _USER,
        mandatory=("symbol",),
        optional=("orderId", "fromId", *_LISTING),
    ),
    ("GET", "/api/v3/account/commission"): Route(account.commission, 20, _USER, mandatory=("symbol",)),
    ("GET", "/api/v3/rateLimit/order"): Route(account.order_count, 40, _USER),
    ("GET", "/api/v3/myPreventedMatches"): Route(
        account.prevented_matches,
        by("orderId", 20, 2),
        _USER,
        mandatory=("symbol",),
        optional=("preventedMatchId", "orderId", "fromPreventedMatchId", "limit"),
    ),
    ("GET", "/api/v3/myAllocations"): Route(
        account.allocations,
        20,
        _USER,
        mandatory=("symbol",),
        optional=("fromAllocationId", "orderId", *_LISTING),
    ),
    ("GET", "/api/v3/myFilters"): Route(account.own_filters, 40, _USER, mandatory=("symbol",)),
}

_SIGNED_ANYWAY = (*SIGNED, "recvWindow")
"""Anybody may ask, but clients sign all they send there."""

SAPI_ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/sapi/v1/system/status"): Route(sapi.system_status, 1),
    ("GET", "/sapi/v1/account/apiRestrictions"): Route(sapi.api_restrictions, 1, _USER),
    ("GET", "/sapi/v1/account/status"): Route(sapi.account_status, 1, _USER),
    ("GET", "/sapi/v1/account/apiTradingStatus"): Route(sapi.api_trading_status, 1, _USER),
    ("GET", "/sapi/v1/account/info"): Route(sapi.account_info, 1, _USER),
    ("GET", "/sapi/v1/capital/config/getall"): Route(sapi.coins, 10, _USER),
    ("GET", "/sapi/v1/capital/deposit/address"): Route(
        sapi.deposit_address, 10, _USER, mandatory=("coin",), optional=("network", "amount")
    ),
    ("GET", "/sapi/v1/capital/deposit/address/list"): Route(
        sapi.deposit_addresses, 10, _USER, mandatory=("coin",), optional=("network",)
    ),
    ("GET", "/sapi/v1/bnbBurn"): Route(sapi.bnb_burn, 1, _USER),
    ("POST", "/sapi/v1/bnbBurn"): Route(
        sapi.set_bnb_burn, 1, _USER, optional=("spotBNBBurn", "interestBNBBurn")
    ),
    ("GET", "/sapi/v1/capital/deposit/hisrec"): Route(
        transfers.deposits, 1, _USER, optional=(*_HISTORY, "txId", "includeSource")
    ),
    ("GET", "/sapi/v1/capital/withdraw/history"): Route(
        transfers.withdrawals, 1, _USER, optional=(*_HISTORY, "withdrawOrderId", "idList")
    ),
    ("GET", "/sapi/v1/asset/dribblet"): Route(transfers.dust, 1, _USER, optional=("startTime", "endTime")),
    ("GET", "/sapi/v1/asset/assetDividend"): Route(transfers.dividends, 10, _USER, optional=_LISTING),
    ("GET", "/sapi/v1/asset/tradeFee"): Route(sapi.trade_fee, 1, _USER, optional=("symbol",)),
    ("GET", "/sapi/v1/margin/allPairs"): Route(sapi.nothing, 1, optional=_SIGNED_ANYWAY),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): Route(sapi.nothing, 10, optional=_SIGNED_ANYWAY),
    ("GET", "/sapi/v1/spot/delist-schedule"): Route(sapi.nothing, 100, optional=_SIGNED_ANYWAY),
    ("GET", "/fapi/v1/exchangeInfo"): Route(sapi.no_derivatives, 1),
    ("GET", "/dapi/v1/exchangeInfo"): Route(sapi.no_derivatives, 1),
}

REMOVED = "/api/v3/userDataStream"
"""Gone from the venue since 2026-02-20: every method answers 410 with a page, not with JSON."""
LEGACY_ROUTES: dict[tuple[str, str], Route] = {
    ("POST", REMOVED): Route(listen_keys.start, 2, Security.USER_STREAM),
    ("PUT", REMOVED): Route(listen_keys.keep_alive, 2, Security.USER_STREAM, mandatory=("listenKey",)),
    ("DELETE", REMOVED): Route(listen_keys.end, 2, Security.USER_STREAM, mandatory=("listenKey",)),
}
