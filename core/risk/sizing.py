"""How much to buy or sell, from decimals only: the one place where an order gets its quantity and price."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Literal

from core.instrument import Instrument
from core.orders import OrderRequest, OrderType, Purpose, Side, TimeInForce
from core.risk.approval import Denied
from core.risk.facts import ONE, ZERO, RiskFacts, RiskLimits
from core.risk.rules import allowed_by_fraction, cap, fraction_of_free_quote
from core.risk.sellable import DOWN, one_step, smallest_entry, smallest_order
from core.values import Base, decimal_text

NOTHING = Base(ZERO)


def size_entry(facts: RiskFacts, limits: RiskLimits, *, smallest: bool = False) -> OrderRequest | Denied:
    """Size a LIMIT IOC buy that spends at most min(fraction of free quote, cap), also after rounding.

    `smallest`: the smallest order that can be sold again, for the first live probe. Denied when even that is
    above a limit, or the book has no ask.
    """
    instrument, ask = facts.instrument, facts.best_ask
    price = instrument.price_passive(Side.BUY, DOWN.multiply(ask, ONE + limits.slippage_rate))
    if price <= ZERO:
        return Denied(
            "EMPTY_BOOK",
            f"no price to buy at: best ask {decimal_text(ask)}, limit price {decimal_text(price)}",
        )

    def buy(quantity: Base) -> OrderRequest:
        return OrderRequest(
            symbol=instrument.symbol,
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            quantity=quantity,
            price=price,
            time_in_force=TimeInForce.IOC,
            purpose=Purpose.ENTRY,
            decision_price=ask,
        )

    least = smallest_entry(facts, limits, price)
    too_large = _above_a_limit(buy(least), facts, limits)
    if too_large:
        return replace(too_large, message=f"the smallest sellable order is too large: {too_large.message}")
    if smallest:
        return buy(least)
    budget = min(allowed_by_fraction(facts, limits), limits.max_order)
    affordable = DOWN.divide(budget.value, price)
    largest = instrument.largest_quantity(OrderType.LIMIT)
    quantity = instrument.quantity_down(affordable if largest is None else min(affordable, largest))
    request = buy(max(least, quantity))
    return _above_a_limit(request, facts, limits) or request


def _above_a_limit(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    return fraction_of_free_quote(request, facts, limits) or cap(request, facts, limits)


@dataclass(frozen=True, slots=True)
class SizedExit:
    """The next sale. Base amounts of our position: what this order does not sell, and why.

    `rest`: sellable, but only by further orders, because one order may not be as large. `dust`: too little
    for the venue's filters. `not_free`: ours, but not in the free balance (locked by a resting stop).
    """

    request: OrderRequest
    rest: Base
    dust: Base
    not_free: Base


@dataclass(frozen=True, slots=True)
class NothingToSell:
    """No order can be made. Flat only when both are 0."""

    dust: Base
    not_free: Base


def size_exit(
    facts: RiskFacts, limits: RiskLimits, purpose: Literal[Purpose.EXIT, Purpose.FLATTEN, Purpose.LIQUIDATE]
) -> SizedExit | NothingToSell | Denied:
    """Size the next sale of min(own position, free balance): LIMIT IOC for EXIT, MARKET otherwise.

    A position above the largest order is sold in equal parts, so that no part is left as dust: call again
    with new facts while there is a `rest`. Only an EXIT is ever Denied; without any price, the venue decides
    what is dust.
    """
    instrument = facts.instrument
    available = max(NOTHING, min(facts.position, facts.free_base))
    not_free = max(NOTHING, facts.position) - available
    flatten = purpose.is_emergency
    order_type = OrderType.MARKET if flatten else OrderType.LIMIT
    sellable = instrument.quantity_down(available.value, order_type)
    if sellable == NOTHING:
        return NothingToSell(dust=available, not_free=not_free)
    if flatten:
        price = facts.average_price or facts.best_bid
    elif facts.best_bid > ZERO:
        price = _exit_limit(facts, limits)
    else:
        return Denied("EMPTY_BOOK", f"no price to sell at: best bid {decimal_text(facts.best_bid)}")
    quantity = _next_part(instrument, sellable, price, order_type)
    if quantity == NOTHING:
        return NothingToSell(dust=available, not_free=not_free)
    request = OrderRequest(
        symbol=instrument.symbol,
        side=Side.SELL,
        order_type=order_type,
        quantity=quantity,
        price=None if flatten else price,
        time_in_force=None if flatten else TimeInForce.IOC,
        purpose=purpose,
        decision_price=facts.best_bid or price,
    )
    return SizedExit(request, rest=sellable - quantity, dust=available - sellable, not_free=not_free)


def _exit_limit(facts: RiskFacts, limits: RiskLimits) -> Decimal:
    """Return the lowest price to sell at, moved into the band outside which the venue refuses the order."""
    instrument = facts.instrument
    price = instrument.price_passive(Side.SELL, DOWN.multiply(facts.best_bid, ONE - limits.slippage_rate))
    band, average = instrument.filters.percent_price, facts.average_price
    if band is None or average is None or average <= ZERO:
        return price
    lowest = instrument.price_passive(Side.SELL, average * band.ask_down)
    highest = instrument.price_passive(Side.BUY, average * band.ask_up)
    return max(lowest, min(price, highest))


def _next_part(instrument: Instrument, sellable: Base, price: Decimal, order_type: OrderType) -> Base:
    """Return the quantity of the next order, NOTHING when the venue would take none."""
    smallest = one_step(instrument, order_type)
    if price > ZERO:
        minimum = instrument.minimum_notional(order_type)
        smallest = smallest_order(instrument, price, minimum, order_type)
    largest = instrument.quantity_down(_largest_sale(instrument, sellable, price, order_type), order_type)
    if largest < smallest:
        return NOTHING
    parts = (sellable.value / largest.value).to_integral_value(ROUND_CEILING)
    part = instrument.quantity_down(sellable.value / parts, order_type)
    return part if part >= smallest else largest


def _largest_sale(instrument: Instrument, sellable: Base, price: Decimal, order_type: OrderType) -> Decimal:
    largest = sellable.value
    lot_limit = instrument.largest_quantity(order_type)
    if lot_limit is not None:
        largest = min(largest, lot_limit)
    bounds = instrument.filters.notional
    if bounds is None or bounds.max_notional is None or price <= ZERO:
        return largest
    if order_type is OrderType.MARKET and not bounds.apply_max_to_market:
        return largest
    return min(largest, DOWN.divide(bounds.max_notional, price))
