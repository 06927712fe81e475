"""Binance's account endpoints: balances, own trades, fees, order counts."""

from __future__ import annotations

from core.matching import UNIT
from exchanges.paper.dialects.binance import rules, wire
from exchanges.paper.dialects.binance.call import Call
from exchanges.paper.dialects.binance.errors import BAD_COMBINATION, ApiError, missing_either
from exchanges.paper.dialects.binance.wire import Json, amount
from exchanges.paper.engine import Engine
from exchanges.paper.settlement import BNB_DISCOUNT_PERCENT

_TRADE_SELECTORS = ("orderId", "startTime", "endTime", "fromId")
_TRADE_COMBINATIONS: tuple[set[str], ...] = (
    set(),
    {"orderId"},
    {"startTime"},
    {"endTime"},
    {"fromId"},
    {"startTime", "endTime"},
    {"orderId", "fromId"},
)


def account(call: Call) -> Json:
    world = call.engine.world
    maker, taker = world.account.maker_rate, world.account.taker_rate
    omit_zero = call.params.flag("omitZeroBalances", default=False)
    return {
        "makerCommission": _bips(maker),
        "takerCommission": _bips(taker),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": _rates(maker, taker),
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": world.account.updated_ms,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": amount(free), "locked": amount(locked)}
            for asset, free, locked in world.balances()
            if free or locked or not omit_zero
        ],
        "permissions": ["SPOT"],
        "uid": world.account.uid,
    }


def my_trades(call: Call) -> list[Json]:
    params, engine = call.params, call.engine
    symbol, limit = params.symbol(), params.limit(500, 1000)
    order_id, from_id = params.integer("orderId"), params.integer("fromId")
    if {name for name in _TRADE_SELECTORS if name in params} not in _TRADE_COMBINATIONS:
        raise ApiError(*BAD_COMBINATION)
    start_ms, end_ms = params.span(engine.now_ms)
    found = engine.records.fills.page(
        engine.world.account.account,
        symbol.name,
        order_id=order_id,
        from_id=from_id,
        start_ms=start_ms,
        end_ms=end_ms,
        limit=limit,
    )
    return [wire.own_trade(fill) for fill in call.tampering.visible(found, engine.now_ms)]


def commission(call: Call) -> Json:
    symbol, own = call.params.symbol(), call.engine.world.account
    return {
        "symbol": symbol.name,
        "standardCommission": _rates(own.maker_rate, own.taker_rate),
        "specialCommission": _rates(0, 0),
        "taxCommission": _rates(0, 0),
        "discount": _discount(call.engine),
    }


def commission_for_order(engine: Engine) -> Json:
    """Return the rates as `order/test` prints them: without the parts for buyer and seller."""
    own = engine.world.account
    none = {"maker": amount(0), "taker": amount(0)}
    return {
        "standardCommissionForOrder": {"maker": amount(own.maker_rate), "taker": amount(own.taker_rate)},
        "specialCommissionForOrder": none,
        "taxCommissionForOrder": none,
        "discount": _discount(engine),
    }


def order_count(call: Call) -> list[Json]:
    own = call.engine.world.account
    count = own.order_count.at(call.engine.now_ms)
    ten_seconds, day = rules.order_limits(own.limits)
    return [{**ten_seconds, "count": count.in_ten_seconds}, {**day, "count": count.in_day}]


def prevented_matches(call: Call) -> list[Json]:
    params, engine = call.params, call.engine
    symbol = params.symbol()
    match_id, order_id = params.integer("preventedMatchId"), params.integer("orderId")
    first = params.integer("fromPreventedMatchId")
    if match_id is None and order_id is None:
        raise missing_either("preventedMatchId", "orderId")
    if match_id is not None and (order_id is not None or first is not None):
        raise ApiError(*BAD_COMBINATION)
    own = engine.world.account.account
    found = engine.records.lists.matches(
        own,
        symbol.name,
        match_id=match_id,
        order_id=order_id,
        first=first or 0,
        limit=params.limit(500, 1000),
    )
    return [wire.prevented_match(match) for match in found]


def allocations(call: Call) -> list[Json]:
    """Nothing is routed to other books here, so nothing is allocated from them."""
    call.params.symbol()
    call.params.span(call.engine.now_ms)
    for name in ("fromAllocationId", "orderId"):
        call.params.integer(name)
    call.params.limit(500, 1000)
    return []


def own_filters(call: Call) -> Json:
    """Return the filters that bind this account beyond what everybody sees: none."""
    call.params.symbol()
    return {"exchangeFilters": [], "symbolFilters": [], "assetFilters": []}


def _rates(maker: int, taker: int) -> Json:
    return {"maker": amount(maker), "taker": amount(taker), "buyer": amount(0), "seller": amount(0)}


def _discount(engine: Engine) -> Json:
    return {
        "enabledForAccount": engine.world.account.pays_in_bnb,
        "enabledForSymbol": True,
        "discountAsset": "BNB",
        "discount": amount(UNIT * BNB_DISCOUNT_PERCENT // 100),
    }


def _bips(rate: int) -> int:
    return rate * 10_000 // UNIT
