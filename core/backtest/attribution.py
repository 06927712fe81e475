"""Why a live trade cost something else than the same trade in a back-test: latency, spread, filter and fee.

Each leg of a trade is compared with the same leg there. With s = 1 for a purchase and −1 for a sale, q the
quantity, v the value filled, m the middle of the book as the order filled, f the fee, all in quote:

    cost = s·v + f           live − tested = latency + spread + filter + fee, exactly
    latency = s·q'·(m − m')  the market was elsewhere when the order filled
    spread  = s·(v − m·q) − s·(v' − m'·q')   what was paid beyond the middle: half the spread, and depth
    filter  = s·(q − q')·m   another quantity: steps, smallest notional, caps
    fee     = f − f'
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from itertools import zip_longest
from typing import TYPE_CHECKING

from core.backtest.market import decimal_of
from core.backtest.outcome import Column, Exit
from core.matching import UNIT
from core.values import EXACT

if TYPE_CHECKING:
    from core.backtest.job import Report


class LegName(StrEnum):
    ENTRY = "entry"
    EXIT = "exit"


@dataclass(frozen=True, slots=True)
class Leg:
    """One side of a trade, all its orders together. `middle`: of the book as it filled, quote per base."""

    name: LegName
    middle: Decimal
    quantity: Decimal
    value: Decimal
    fee: Decimal

    @property
    def sign(self) -> int:
        return 1 if self.name is LegName.ENTRY else -1

    @property
    def cost(self) -> Decimal:
        """What the leg took from the quote balance, fees valued with it; below 0: what it brought."""
        return EXACT.add(EXACT.multiply(Decimal(self.sign), self.value), self.fee)


Trip = tuple[Leg, Leg | None]
"""A trade: its entry, and its exit, None while it is open."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """How much more a live leg cost than the tested one, in quote, and what for."""

    latency: Decimal
    spread: Decimal
    filter: Decimal
    fee: Decimal

    @property
    def total(self) -> Decimal:
        total = Decimal(0)
        for each in fields(self):
            total = EXACT.add(total, getattr(self, each.name))
        return total


def attributed(live: Leg, tested: Leg) -> Attribution:
    """Return why a live leg cost what it did beside the same leg of a back-test."""
    if live.name is not tested.name:
        raise ValueError(f"an {live.name} was compared with an {tested.name}")
    product, less = EXACT.multiply, EXACT.subtract
    sign = Decimal(live.sign)
    return Attribution(
        latency=product(sign, product(tested.quantity, less(live.middle, tested.middle))),
        spread=product(sign, less(_beyond_middle(live), _beyond_middle(tested))),
        filter=product(sign, product(less(live.quantity, tested.quantity), live.middle)),
        fee=less(live.fee, tested.fee),
    )


@dataclass(frozen=True, slots=True)
class LegRow:
    """A leg of trade `number`; a side that has no such leg is None, and then nothing is attributed."""

    number: int
    name: LegName
    live: Leg | None
    tested: Leg | None
    why: Attribution | None


def compared(live: Sequence[Trip], tested: Sequence[Trip]) -> Iterator[LegRow]:
    """Yield the legs of the trades side by side, in their order."""
    for number, pair in enumerate(zip_longest(live, tested, fillvalue=(None, None)), 1):
        for name, ours, theirs in zip(LegName, *pair, strict=True):
            if ours is None and theirs is None:
                continue
            both = None if ours is None or theirs is None else attributed(ours, theirs)
            yield LegRow(number, name, ours, theirs, both)


def table(rows: Iterable[LegRow]) -> tuple[list[str], list[list[str]]]:
    """Return headers and lines of a table: amounts in quote, what live cost more than the back-test."""
    headers = ["trade", "leg", "live at", "tested at", "more", *(each.name for each in fields(Attribution))]
    return headers, [
        [str(row.number), row.name, _price(row.live), _price(row.tested), *_amounts(row.why)] for row in rows
    ]


def tested_trips(report: Report) -> list[Trip]:
    """Return the trades of a back-test of one symbol. Fees in base are valued at the price of their fill."""
    return [_trip(report, row) for row in report.outcome.trades.tolist()]


def _trip(report: Report, row: list[int]) -> Trip:
    lane, costs = report.course.lanes[row[Column.SYMBOL]], report.job.setup.costs
    scale = lane.market.scale
    beyond = Decimal(costs.half_spread_units + costs.slippage_units) / UNIT

    def price(ticks: int) -> Decimal:
        return decimal_of(ticks * scale.tick)

    bought_at = price(row[Column.ENTRY_PRICE])
    entry = Leg(
        LegName.ENTRY,
        middle=bought_at / (1 + beyond),
        quantity=decimal_of(row[Column.BOUGHT] * scale.step),
        value=decimal_of(row[Column.SPENT]),
        fee=EXACT.multiply(decimal_of(row[Column.ENTRY_FEE]), bought_at),
    )
    if not row[Column.SOLD]:
        return entry, None
    fee = decimal_of(row[Column.EXIT_FEE])
    sold_at = price(row[Column.EXIT_PRICE])
    leaving = Leg(
        LegName.EXIT,
        # A target rests in the book and fills at its own price.
        middle=sold_at if row[Column.EXIT] == Exit.TARGET else sold_at / (1 - beyond),
        quantity=decimal_of(row[Column.SOLD] * scale.step),
        value=EXACT.add(decimal_of(row[Column.RECEIVED]), fee),
        fee=fee,
    )
    return entry, leaving


def _beyond_middle(leg: Leg) -> Decimal:
    return EXACT.subtract(leg.value, EXACT.multiply(leg.middle, leg.quantity))


def _price(leg: Leg | None) -> str:
    return "–" if leg is None or not leg.quantity else f"{leg.value / leg.quantity:.8g}"


def _amounts(why: Attribution | None) -> list[str]:
    if why is None:
        return ["–"] * (1 + len(fields(Attribution)))
    amounts = (why.total, *(getattr(why, each.name) for each in fields(why)))
    return [f"{amount or Decimal(0):+.8f}" for amount in amounts]
