"""What an entry must leave behind, so that it can be sold again at its stop."""

from __future__ import annotations

import decimal
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from core.instrument import Instrument
from core.orders import OrderType
from core.risk.facts import ONE, ZERO, RiskFacts, RiskLimits
from core.values import Base, Quote, ceil_to

DOWN = decimal.Context(prec=28, rounding=ROUND_FLOOR)
"""For budgets and expected prices: what does not fit in 28 digits is cut off on the cautious side."""

UP = decimal.Context(prec=28, rounding=ROUND_CEILING)

EXIT_TYPES = (OrderType.LIMIT, OrderType.MARKET)
"""How a position may be sold: LIMIT by an exit, MARKET by `flatten`."""


def minimum_notional(instrument: Instrument, limits: RiskLimits, order_type: OrderType) -> Quote:
    """Return the larger of our own minimum and the symbol's filter."""
    return max(limits.min_notional, instrument.minimum_notional(order_type))


def exit_price(facts: RiskFacts, limits: RiskLimits, entry_limit: Decimal) -> Decimal:
    """Return the limit price an exit would have if the entry filled at the ask and the stop were touched."""
    ask = facts.best_ask
    entry = min(ask, entry_limit) if ask > ZERO else entry_limit
    stop = DOWN.multiply(entry, ONE - limits.stop_rate)
    return DOWN.multiply(stop, ONE - limits.slippage_rate)


def after_fee(quantity: Base, facts: RiskFacts) -> Base:
    """Return what a buy of `quantity` leaves when the fee is taken in base."""
    return Base(DOWN.multiply(quantity.value, ONE - facts.commission.taker_rate))


def one_step(instrument: Instrument, order_type: OrderType) -> Base:
    """Return the smallest difference between two quantities of this order type; never 0."""
    filters = instrument.filters
    lots = (filters.lot, filters.market_lot if order_type is OrderType.MARKET else None)
    smallest_digit = ONE.scaleb(-instrument.base_precision)
    return Base(max(smallest_digit, *(lot.step_size if lot else ZERO for lot in lots)))


def smallest_order(instrument: Instrument, price: Decimal, minimum: Quote, order_type: OrderType) -> Base:
    """Return the smallest quantity above 0 the venue takes at `price`, also worth at least `minimum`."""
    smallest = instrument.smallest_quantity(price, minimum, order_type)
    return max(smallest, one_step(instrument, order_type))


def smallest_entry(facts: RiskFacts, limits: RiskLimits, entry_limit: Decimal) -> Base:
    """Return the smallest quantity to buy at `entry_limit` that can be sold after fee, step and stop."""
    instrument = facts.instrument

    def smallest(price: Decimal, order_type: OrderType) -> Base:
        return smallest_order(instrument, price, limits.min_notional, order_type)

    at_stop = exit_price(facts, limits, entry_limit)
    remaining = max(smallest(at_stop, order_type) for order_type in EXIT_TYPES)
    before_fee = UP.divide(remaining.value, ONE - facts.commission.taker_rate)
    step = one_step(instrument, OrderType.LIMIT)
    return max(Base(ceil_to(before_fee, step.value)), smallest(entry_limit, OrderType.LIMIT))
