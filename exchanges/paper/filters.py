"""The trading rules of a symbol, checked one by one in the order the venue lists them."""

from __future__ import annotations

import msgspec

from core.matching import UNIT, SelfTradePrevention
from exchanges.paper.records import OrderType, TimeInForce
from exchanges.paper.refusals import Reason, Refused
from exchanges.paper.symbols import Symbol


class OrderRequest(msgspec.Struct, frozen=True):
    """An order as asked for. Price and quantities in units of 1e-8; 0 where the type has none."""

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


def check(
    symbol: Symbol, request: OrderRequest, average_price: int, *, open_orders: int, open_stops: int
) -> None:
    """Raise Refused for the first rule the order breaks.

    `average_price`: volume-weighted over `symbol.average_minutes`, quote units per base. `open_stops` are
    those of the open orders that have a stop price, whether or not it was reached.
    """
    for price in (request.price, request.stop_price):
        if price:
            _price(symbol, price)
    if request.quantity:
        _quantity(symbol, request.quantity)
    if request.type == "MARKET":
        _market_quantity(symbol, request, average_price)
    elif request.price:
        _percent_price(symbol, request, average_price)
    _notional(symbol, request, average_price)
    stays = request.stop_price or (request.type != "MARKET" and request.time_in_force == "GTC")
    if stays and open_orders >= symbol.max_orders:
        raise _failure("MAX_NUM_ORDERS")
    if request.stop_price and open_stops >= symbol.max_algo_orders:
        raise _failure("MAX_NUM_ALGO_ORDERS")


def _price(symbol: Symbol, price: int) -> None:
    if not symbol.min_price <= price <= symbol.max_price or price % symbol.tick:
        raise _failure("PRICE_FILTER")


def _quantity(symbol: Symbol, quantity: int) -> None:
    if not symbol.min_quantity <= quantity <= symbol.max_quantity or quantity % symbol.step:
        raise _failure("LOT_SIZE")


def _market_quantity(symbol: Symbol, request: OrderRequest, average_price: int) -> None:
    quantity = request.quantity or request.quote_quantity * UNIT // average_price
    if quantity > symbol.market_max_quantity:
        raise _failure("MARKET_LOT_SIZE")


def _percent_price(symbol: Symbol, request: OrderRequest, average_price: int) -> None:
    price = request.price * UNIT
    if not symbol.multiplier_down * average_price <= price <= symbol.multiplier_up * average_price:
        raise _failure("PERCENT_PRICE_BY_SIDE")


def _notional(symbol: Symbol, request: OrderRequest, average_price: int) -> None:
    if request.quote_quantity:
        notional = request.quote_quantity * UNIT
    else:
        # The documents leave open which price counts for a stop at any price: its own is the strict one.
        notional = (request.price or request.stop_price or average_price) * request.quantity
    too_large = notional > symbol.max_notional * UNIT and request.type != "MARKET"
    if notional < symbol.min_notional * UNIT or too_large:
        raise _failure("NOTIONAL")


def _failure(name: str) -> Refused:
    return Refused(Reason.FILTER, name)
