"""When a waiting order wakes: its stop price against the last traded price."""

from __future__ import annotations

from exchanges.paper.filters import OrderRequest
from exchanges.paper.records import Order
from exchanges.paper.symbols import SYMBOLS


def wakes_on_rise(order: Order | OrderRequest) -> bool:
    """Tell whether the price has to rise to the stop price; otherwise it has to fall to it.

    A stop loss follows the market that runs away, a take profit waits for the one that comes.
    """
    return order.is_buy is order.type.startswith("STOP_LOSS")


def is_reached(order: Order | OrderRequest, stop_price: int, last_price: int) -> bool:
    """Tell whether the last price is at the stop price or beyond; both in the same unit."""
    return last_price >= stop_price if wakes_on_rise(order) else last_price <= stop_price


def once_awake(order: Order) -> OrderRequest:
    """Return what a woken order asks for: its quantity at its limit price, or at any price."""
    rules = SYMBOLS[order.symbol]
    return OrderRequest(
        symbol=order.symbol,
        is_buy=order.is_buy,
        type="LIMIT" if order.price else "MARKET",
        client_order_id=order.client_order_id,
        time_in_force=order.time_in_force,
        price=order.price * rules.tick,
        quantity=order.remaining * rules.step,
        self_trade=order.self_trade,
    )
