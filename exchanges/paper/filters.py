"""The trading rules of a symbol, checked one by one in the order the venue lists them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from core.matching import UNIT, SelfTradePrevention
from exchanges.paper.records import Order, OrderType, TimeInForce
from exchanges.paper.refusals import Reason, Refused
from exchanges.paper.symbols import Symbol

WHOLE_BIPS = 10_000


class OrderRequest(msgspec.Struct, frozen=True, gc=False):
    """An order as asked for. Price and quantities in units of 1e-8; 0 where the type has none.

    `trailing_delta` in 1/10,000 of a price.
    """

    symbol: str
    is_buy: bool
    type: OrderType
    client_order_id: str
    time_in_force: TimeInForce = "GTC"
    price: int = 0
    quantity: int = 0
    quote_quantity: int = 0
    stop_price: int = 0
    self_trade: SelfTradePrevention = "EXPIRE_MAKER"
    strategy_id: int | None = None
    strategy_type: int | None = None
    trailing_delta: int = 0
    iceberg: int = 0

    @property
    def is_algo(self) -> bool:
        """Whether it waits for a price."""
        return bool(self.stop_price or self.trailing_delta)

    @property
    def is_sized(self) -> bool:
        """Whether it says how much; what sells the proceeds of another order does not."""
        return bool(self.quantity or self.quote_quantity)


def check(symbol: Symbol, request: OrderRequest, average_price: int) -> None:
    """Raise Refused for the first rule an order breaks, whatever else is open.

    `average_price`: volume-weighted over `symbol.average_minutes`, quote units per base.
    """
    for price in (request.price, request.stop_price):
        if price:
            _price(symbol, price)
    for quantity in (request.quantity, request.iceberg):
        if quantity:
            check_quantity(symbol, quantity)
    if request.iceberg and -(-request.quantity // request.iceberg) > symbol.max_iceberg_parts:
        raise failure("ICEBERG_PARTS")
    if request.type == "MARKET":
        _market_quantity(symbol, request, average_price)
    if request.trailing_delta and not (
        symbol.trailing_min_bips <= request.trailing_delta <= symbol.trailing_max_bips
    ):
        raise failure("TRAILING_DELTA")
    if request.price:
        _percent_price(symbol, request, average_price)
    if request.is_sized:
        _notional(symbol, request, average_price)


def check_counts(
    symbol: Symbol, requests: Sequence[OrderRequest], standing: Collection[Order], *, lists: int, held: int
) -> None:
    """Raise Refused where a symbol cannot take these orders as well; several are a list.

    `standing`: its open orders, `lists`: how many lists they form, `held`: how much there is of the base.
    """
    staying = [each for each in requests if _may_stay(each)]
    if staying and len(standing) + len(staying) > symbol.max_orders:
        raise failure("MAX_NUM_ORDERS")
    if len(requests) > 1 and lists >= symbol.max_order_lists:
        raise failure("MAX_NUM_ORDER_LISTS")
    algos = [each for each in requests if each.is_algo]
    if algos and len(algos) + sum(order.is_algo for order in standing) > symbol.max_algo_orders:
        raise failure("MAX_NUM_ALGO_ORDERS")
    if symbol.max_position:
        _position(symbol, requests, standing, held)


def check_quantity(symbol: Symbol, quantity: int) -> None:
    if not symbol.min_quantity <= quantity <= symbol.max_quantity or quantity % symbol.step:
        raise failure("LOT_SIZE")


def check_notional(symbol: Symbol, notional: int, *, is_market: bool) -> None:
    """Raise Refused for an order value outside the limits; quote units times base units."""
    too_large = notional > symbol.max_notional * UNIT and not is_market
    if notional < symbol.min_notional * UNIT or too_large:
        raise failure("NOTIONAL")


def check_size(symbol: Symbol, order: Order, average_price: int) -> None:
    """Raise Refused for the quantity of an order that is about to come into the market."""
    quantity = symbol.scale.base(order.quantity)
    check_quantity(symbol, quantity)
    price = (order.price or order.stop_price) * symbol.tick or average_price
    check_notional(symbol, price * quantity, is_market=order.type == "MARKET")


def failure(name: str) -> Refused:
    return Refused(Reason.FILTER, name)


def _may_stay(request: OrderRequest) -> bool:
    return request.type != "MARKET" and (request.time_in_force == "GTC" or request.is_algo)


def _price(symbol: Symbol, price: int) -> None:
    if not symbol.min_price <= price <= symbol.max_price or price % symbol.tick:
        raise failure("PRICE_FILTER")


def _market_quantity(symbol: Symbol, request: OrderRequest, average_price: int) -> None:
    quantity = request.quantity or request.quote_quantity * UNIT // average_price
    if quantity > symbol.market_max_quantity:
        raise failure("MARKET_LOT_SIZE")


def _percent_price(symbol: Symbol, request: OrderRequest, average_price: int) -> None:
    price = request.price * UNIT
    if not symbol.multiplier_down * average_price <= price <= symbol.multiplier_up * average_price:
        raise failure("PERCENT_PRICE_BY_SIDE")


def _notional(symbol: Symbol, request: OrderRequest, average_price: int) -> None:
    if request.quote_quantity:
        notional = request.quote_quantity * UNIT
    else:
        # The documents leave open which price counts for a stop at any price: its own is the strict one.
        notional = (request.price or request.stop_price or average_price) * request.quantity
    check_notional(symbol, notional, is_market=request.type == "MARKET")


def _position(
    symbol: Symbol, requests: Sequence[OrderRequest], standing: Collection[Order], held: int
) -> None:
    """What is held, and would be if every open purchase were filled. Of a pair only one can be."""
    ordered = sum(order.remaining * symbol.step for order in standing if order.is_buy)
    wanted = max((each.quantity for each in requests if each.is_buy), default=0)
    if wanted and held + ordered + wanted > symbol.max_position:
        raise failure("MAX_POSITION")
