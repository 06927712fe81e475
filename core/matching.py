"""Price-time matching and fees, in integers: for the back-test and for the paper exchange.

Prices are counted in ticks, quantities in steps, amounts of money in units of 1e-8. Nothing here is rounded
silently: every function that rounds names its direction.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

UNIT = 10**8
"""Units in one whole of any asset: amounts have 8 decimals."""

SelfTradePrevention = Literal["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"]


@dataclass(frozen=True, slots=True)
class Scale:
    """How ticks and steps become money: the size of one tick (quote) and of one step (base), in units."""

    tick: int
    step: int

    def base(self, steps: int) -> int:
        """Return the base amount of a quantity."""
        return steps * self.step

    def quote(self, ticks: int, steps: int) -> int:
        """Return what a quantity costs at a price, rounded down."""
        return ticks * self.tick * steps * self.step // UNIT

    def quote_up(self, ticks: int, steps: int) -> int:
        """Return what a quantity costs at a price, rounded up: enough for any number of fills."""
        return -(-ticks * self.tick * steps * self.step // UNIT)

    def affordable(self, ticks: int, budget: int) -> int:
        """Return how many steps a quote amount pays for, rounded down."""
        return budget * UNIT // (ticks * self.tick * self.step)


@dataclass(frozen=True, slots=True)
class Offer:
    """Liquidity that rests on one side of a book. `order_id` None: ambient, nobody's we know."""

    price: int
    quantity: int
    order_id: int | None = None
    owner: int | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """A taker's trade with one offer, at the offer's price."""

    offer: Offer
    quantity: int


@dataclass(frozen=True, slots=True)
class Matched:
    """What a taker met: trades in order, offers that must expire instead of trading with their owner, and
    whether the taker itself must expire for that reason.
    """

    executions: tuple[Execution, ...] = ()
    prevented: tuple[Offer, ...] = ()
    taker_expires: bool = False

    @property
    def quantity(self) -> int:
        return sum(execution.quantity for execution in self.executions)

    def cost(self, scale: Scale) -> int:
        """Return the quote amount of all trades, each rounded down as it is paid."""
        return sum(scale.quote(each.offer.price, each.quantity) for each in self.executions)


def by_priority(is_buy: bool, ambient: Iterable[Offer], orders: Iterable[Offer]) -> Iterator[Offer]:
    """Merge the two sources of one book side (`is_buy`: the taker's side) into the order they trade in.

    Each source is already in price-time order. At one price the ambient book goes first: it is taken to have
    stood there before, which never flatters a resting order.
    """
    sign = 1 if is_buy else -1
    return heapq.merge(ambient, orders, key=lambda offer: sign * offer.price)


def match(
    offers: Iterable[Offer],
    scale: Scale,
    *,
    is_buy: bool,
    quantity: int | None = None,
    budget: int | None = None,
    limit: int | None = None,
    owner: int | None = None,
    self_trade: SelfTradePrevention = "NONE",
) -> Matched:
    """Trade a taker against offers in priority order.

    Exactly one of `quantity` (steps) and `budget` (quote units to spend or to receive at most) bounds it;
    `limit` is the worst price taken, None any. The taker's mode decides about offers of the same `owner`.
    """
    if (quantity is None) == (budget is None):
        raise ValueError("give either a quantity or a budget")
    executions: list[Execution] = []
    prevented: list[Offer] = []
    for offer in offers:
        if limit is not None and (offer.price > limit if is_buy else offer.price < limit):
            break
        wanted = quantity if budget is None else scale.affordable(offer.price, budget)
        if not wanted:
            break
        if owner is not None and offer.owner == owner and self_trade != "NONE":
            if self_trade != "EXPIRE_TAKER":
                prevented.append(offer)
            if self_trade != "EXPIRE_MAKER":
                return Matched(tuple(executions), tuple(prevented), taker_expires=True)
            continue
        traded = min(wanted, offer.quantity)
        executions.append(Execution(offer, traded))
        if budget is not None:
            budget -= scale.quote(offer.price, traded)
        elif quantity is not None:
            quantity -= traded
    return Matched(tuple(executions), tuple(prevented))


def commission(received: int, rate: int) -> int:
    """Return the fee on a received amount, rounded up. `rate` is a fraction in units: 100_000 is 0.1 %."""
    return -(-received * rate // UNIT)
