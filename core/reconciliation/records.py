"""What the two ledgers are made of, lean enough for a million of them, and what a comparison finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

from core.account import Environment
from core.orders import OrderStatus
from core.reconciliation.classes import ALARMING, RULES, BreakClass
from core.values import decimal_text

Effects = Mapping[str, Decimal]
"""asset -> by how much the venue's record moved it more than ours did"""


TradeRow = tuple[int, int, bool, str, str, str, str, int]
"""A `Trade` without names for its parts: what a million of ours stay as long as they agree."""


class Trade(NamedTuple):
    """One fill as either ledger has it. Everything before `ts_event_ms` must agree.

    Amounts are decimal text in its shortest form (`core.values.decimal_text`): equal text is equal value, and
    a million of them are compared without a million divisions into digits.
    """

    trade_id: int
    venue_order_id: int
    is_buy: bool
    price: str
    quantity: str
    fee: str
    fee_asset: str
    ts_event_ms: int

    @property
    def side(self) -> str:
        return "BUY" if self.is_buy else "SELL"

    def told(self) -> dict[str, str]:
        """Return what a person compares."""
        return {
            "side": self.side,
            "price": self.price,
            "quantity": self.quantity,
            "fee": f"{self.fee} {self.fee_asset}",
        }


trade_of: Callable[[tuple[Any, ...]], Trade] = partial(tuple.__new__, Trade)
"""As `Trade._make`, at a third of its cost."""


class VenueOrder(NamedTuple):
    """One order as the venue lists it. `price`: 0 for any."""

    venue_order_id: int
    client_order_id: str
    is_buy: bool
    order_type: str
    status: OrderStatus
    quantity: Decimal
    price: Decimal
    executed_quantity: Decimal
    created_ms: int
    updated_ms: int

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def told(self) -> dict[str, str]:
        return _order_told(self)


class OwnOrder(NamedTuple):
    """One real order of our journal. `is_settled`: its fate is known, or a human gave it up."""

    client_order_id: str
    venue_order_id: int | None
    is_buy: bool
    order_type: str
    status: OrderStatus
    quantity: Decimal
    price: Decimal
    executed_quantity: Decimal
    timestamp_ms: int
    is_settled: bool

    def told(self) -> dict[str, str]:
        return _order_told(self)


OPEN = frozenset({OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.PENDING_CANCEL})


def _order_told(order: VenueOrder | OwnOrder) -> dict[str, str]:
    return {
        "side": "BUY" if order.is_buy else "SELL",
        "type": order.order_type,
        "status": str(order.status),
        "price": decimal_text(order.price),
        "quantity": decimal_text(order.quantity),
        "executed": decimal_text(order.executed_quantity),
    }


class TransferKind(StrEnum):
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    DUST = "DUST"
    DISTRIBUTION = "DISTRIBUTION"


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money that came or went otherwise than by trading. `transfer_id`: unique within its kind.

    `effects`: what it moved, fees included; nothing while the venue has not moved anything.
    """

    kind: TransferKind
    transfer_id: str
    effects: Effects
    time_ms: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What a comparison must know beside the two sides.

    `now_ms`: the venue's time when it was asked last. `opened_ms`: what happened before is out of scope.
    `installation_id`: the maker of our client_order_ids; `earlier`: those that this journal had before it was
    restored from a backup, and the venue's time up to which their orders are ours.
    """

    now_ms: int
    opened_ms: int
    installation_id: str
    environment: Environment
    earlier: Mapping[str, int] = field(default_factory=dict)

    def is_earlier(self, maker: str | None, created_ms: int) -> bool:
        """Tell whether an order is one that this home sent after the backup that it was restored from."""
        return created_ms <= self.earlier.get(maker or "", -1)


@dataclass(frozen=True, slots=True)
class Break:
    """One difference. `subject` names what differs and is its identity between runs.

    `ours`, `theirs`: the numbers of either side, as text, empty where a side has nothing; together with the
    class they say whether it is still the same difference. `became`: of a TIMING difference, what it will
    be. `venue_order_id`, `trade_id`: where to look again, None where that is everywhere.
    """

    break_class: BreakClass
    subject: str
    explanation: str
    ours: Mapping[str, str] = field(default_factory=dict)
    theirs: Mapping[str, str] = field(default_factory=dict)
    effects: Effects = field(default_factory=dict)
    became: BreakClass | None = None
    symbol: str = ""
    venue_order_id: int | None = None
    trade_id: int | None = None

    @property
    def is_alarming(self) -> bool:
        """Whether somebody else may have the key: strange orders, or money that left unexplained."""
        if self.break_class in ALARMING:
            return True
        may_be_theft = self.break_class in (BreakClass.BALANCE, BreakClass.TRANSFER)
        return may_be_theft and any(amount < 0 for amount in self.effects.values())

    def facts(self) -> tuple[object, ...]:
        return (self.break_class, dict(self.ours), dict(self.theirs))


def aged(break_class: BreakClass, happened_ms: int, terms: Terms) -> tuple[BreakClass, BreakClass | None]:
    """Return (class, what it will become): TIMING for as long as the class's window allows."""
    if terms.now_ms - happened_ms < RULES[break_class].window_ms:
        return BreakClass.TIMING, break_class
    return break_class, None
