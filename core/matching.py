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
class Prevention:
    """A trade with one's own offer that must not be. `quantity`: what the taker loses by that, 0: nothing."""

    offer: Offer
    quantity: int


@dataclass(frozen=True, slots=True)
class Matched:
    """What a taker met, in order: trades, and own offers it was kept from."""

    meetings: tuple[Execution | Prevention, ...] = ()

    @property
    def executions(self) -> tuple[Execution, ...]:
        return tuple(each for each in self.meetings if isinstance(each, Execution))

    @property
    def quantity(self) -> int:
        """Return how much was traded."""
        return sum(each.quantity for each in self.executions)

    @property
    def used(self) -> int:
        """Return how much of the taker is gone: traded, or taken off it."""
        return sum(each.quantity for each in self.meetings)

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
    `limit` is the worst price taken, None any. The taker's mode decides about offers of the same `owner`: it
    trades with them all the same, it ends there, they end, or both become smaller by what would have traded.
    """
    if (quantity is None) == (budget is None):
        raise ValueError("give either a quantity or a budget")
    meetings: list[Execution | Prevention] = []
    expired: set[int | None] = set()
    for offer in offers:
        if limit is not None and (offer.price > limit if is_buy else offer.price < limit):
            break
        wanted = quantity if budget is None else scale.affordable(offer.price, budget)
        if not wanted:
            break
        taken = min(wanted, offer.quantity)
        if owner is None or offer.owner != owner or self_trade == "NONE":
            meetings.append(Execution(offer, taken))
        elif offer.order_id in expired:
            continue
        elif self_trade in ("EXPIRE_TAKER", "EXPIRE_BOTH"):
            meetings.append(Prevention(offer, wanted))
            break
        elif self_trade == "EXPIRE_MAKER":
            meetings.append(Prevention(offer, 0))
            expired.add(offer.order_id)
            continue
        else:
            meetings.append(Prevention(offer, taken))
        if budget is not None:
            budget -= scale.quote(offer.price, taken)
        elif quantity is not None:
            quantity -= taken
    return Matched(tuple(meetings))


def commission(received: int, rate: int) -> int:
    """Return the fee on a received amount, rounded up. `rate` is a fraction in units: 100_000 is 0.1 %."""
    return -(-received * rate // UNIT)
