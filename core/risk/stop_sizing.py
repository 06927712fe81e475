"""The protective stop of a position: its type, quantity and prices, from decimals only."""

from __future__ import annotations

from decimal import Decimal

from core.instrument import Instrument
from core.orders import OrderRequest, OrderType, Purpose, Side, TimeInForce
from core.risk.approval import Denied
from core.risk.facts import ONE, RiskFacts, RiskLimits
from core.risk.sellable import DOWN
from core.values import Base, decimal_text

STOP_TYPES = (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)
"""What can protect a position, preferred first: at any price it always sells, with a limit a fall that is
faster than the limit leaves it resting above the market.
"""


def stop_type(instrument: Instrument) -> OrderType | None:
    """Return the order type that protects positions of this symbol, None when the venue lists none."""
    return next((each for each in STOP_TYPES if each in instrument.order_types), None)


def size_stop(facts: RiskFacts, limits: RiskLimits, entry_price: Decimal) -> OrderRequest | Denied:
    """Size one stop for min(own position, free balance), `limits.stop_rate` below the entry price.

    The stop price is rounded up: it never waits for a larger loss than the strategy allows. What is left by
    the step is dust. Denied when the venue's filters would not take it.
    """
    instrument = facts.instrument
    order_type = stop_type(instrument)
    if order_type is None:
        listed = ", ".join(sorted(instrument.order_types))
        return Denied("FILTER_FAILURE", f"{instrument.symbol} takes no stop order, only {listed}")
    stop_price = instrument.price_passive(Side.SELL, DOWN.multiply(entry_price, ONE - limits.stop_rate))
    limit = None
    if order_type is OrderType.STOP_LOSS_LIMIT:
        limit = instrument.price_passive(Side.SELL, DOWN.multiply(stop_price, ONE - limits.slippage_rate))
    request = OrderRequest(
        symbol=instrument.symbol,
        side=Side.SELL,
        order_type=order_type,
        quantity=protectable(facts, order_type),
        price=limit,
        time_in_force=None if limit is None else TimeInForce.GTC,
        purpose=Purpose.PROTECT,
        decision_price=stop_price,
        stop_price=stop_price,
    )
    return _not_taken(request, facts) or request


def protectable(facts: RiskFacts, order_type: OrderType) -> Base:
    """Return what a stop can sell of our position: no more than is free, in whole steps."""
    return facts.instrument.quantity_down(min(facts.position, facts.free_base).value, order_type)


def _not_taken(request: OrderRequest, facts: RiskFacts) -> Denied | None:
    """Name every filter that the stop would fail, at the lowest price it may sell at.

    Which price a stop without a limit is measured at is not documented; its own is the cautious choice.
    """
    price = request.stop_price if request.price is None else request.price
    assert price is not None  # noqa: S101 - a stop has a stop price
    found = facts.instrument.violations(
        request.order_type, request.side, request.quantity, price, facts.average_price or price
    )
    if not found:
        return None
    details = {"quantity": str(request.quantity), "price": decimal_text(price)}
    return Denied("FILTER_FAILURE", f"no stop can be placed: {'; '.join(found)}", details)
