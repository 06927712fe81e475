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


def smallest_exit(instrument: Instrument, limits: RiskLimits, price: Decimal, order_type: OrderType) -> Base:
    """Return the smallest quantity that can be sold at `price` by an order of this type."""
    return instrument.smallest_quantity(price, minimum_notional(instrument, limits, order_type), order_type)


def smallest_entry(facts: RiskFacts, limits: RiskLimits, entry_limit: Decimal) -> Base:
    """Return the smallest quantity to buy at `entry_limit` that can be sold after fee, step and stop."""
    instrument = facts.instrument
    price = exit_price(facts, limits, entry_limit)
    remaining = max(smallest_exit(instrument, limits, price, order_type) for order_type in EXIT_TYPES)
    gross = UP.divide(remaining.value, ONE - facts.commission.taker_rate)
    lot = instrument.filters.lot
    step = max(lot.step_size if lot else ZERO, ONE.scaleb(-instrument.base_precision))
    return max(
        Base(ceil_to(gross, step)),
        smallest_exit(instrument, limits, entry_limit, OrderType.LIMIT),
        Base(step),
    )
