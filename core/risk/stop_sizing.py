"""The protective stop of a position: its type, quantity and prices, from decimals only."""

from __future__ import annotations

from dataclasses import replace
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
    """Size one stop for min(own position, free balance), `limits.stop_rate` below the entry price."""
    return stop_at(facts, limits, DOWN.multiply(entry_price, ONE - limits.stop_rate))


def stop_at(facts: RiskFacts, limits: RiskLimits, wanted: Decimal) -> OrderRequest | Denied:
    """Size one stop for min(own position, free balance) at a price.

    The stop price is rounded up: it never waits for a larger loss than the strategy allows. What is left by
    the step is dust. Denied when the venue's filters would not take it.
    """
    instrument = facts.instrument
    order_type = stop_type(instrument)
    if order_type is None:
        listed = ", ".join(sorted(instrument.order_types))
        return Denied("FILTER_FAILURE", f"{instrument.symbol} takes no stop order, only {listed}")
    stop_price = instrument.price_passive(Side.SELL, wanted)
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


def with_target(
    facts: RiskFacts, stop: OrderRequest, wanted: Decimal
) -> tuple[OrderRequest, OrderRequest] | None:
    """Return a stop and a target to be placed as one order list, over what both can sell.

    The target's price is rounded up: it never takes less. None where the venue takes no list, or not this
    one: then the stop protects alone. It never sells less than it would alone.
    """
    instrument = facts.instrument
    price = instrument.price_passive(Side.SELL, wanted)
    if not instrument.order_pairs_allowed or OrderType.LIMIT_MAKER not in instrument.order_types:
        return None
    if instrument.quantity_down(stop.quantity.value, OrderType.LIMIT_MAKER) != stop.quantity:
        return None
    target = replace(
        stop,
        order_type=OrderType.LIMIT_MAKER,
        price=price,
        time_in_force=None,
        purpose=Purpose.TARGET,
        decision_price=price,
        stop_price=None,
    )
    # At the bid or below it, it would trade at once, which the venue refuses of a maker.
    is_above = stop.stop_price is not None and price > max(facts.best_bid, stop.stop_price)
    return (stop, target) if is_above and _not_taken(target, facts) is None else None


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
