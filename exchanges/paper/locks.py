"""What an order keeps locked, and in which asset: as much as the worst of what it may still trade costs."""

from __future__ import annotations

from exchanges.paper.records import Order
from exchanges.paper.symbols import SYMBOLS


def payment_asset(order: Order) -> str:
    rules = SYMBOLS[order.symbol]
    return rules.quote if order.is_buy else rules.base


def needed(order: Order) -> int:
    """Return what an order that stands alone has to lock for what it has still to trade.

    A stop order that will pay any price locks what it would pay at its stop price.
    """
    scale = SYMBOLS[order.symbol].scale
    if order.is_buy:
        return scale.quote_up(order.price or order.stop_price or order.reserve_price, order.remaining)
    return scale.base(order.remaining)


def of_pair(first: Order, second: Order) -> tuple[int, int]:
    """Return what two orders lock of which only one can trade: together as much as the dearer one needs.

    The one that is on the book holds all it needs: it can trade at any time.
    """
    one, other = needed(first), needed(second)
    return (max(0, one - other), other) if first.is_algo else (one, max(0, other - one))
