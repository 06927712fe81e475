"""Orders, their life as a table, and the fills they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NoReturn, final

from core.account import AccountKey
from core.values import EXACT, Base, Money, Quote


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    LIMIT = "LIMIT"
    MARKET = "MARKET"
    LIMIT_MAKER = "LIMIT_MAKER"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class OrderStatus(StrEnum):
    INITIALIZED = "INITIALIZED"
    DENIED = "DENIED"
    ABANDONED = "ABANDONED"
    SUBMITTED = "SUBMITTED"
    REJECTED = "REJECTED"
    ACCEPTED = "ACCEPTED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    NEVER_ACCEPTED = "NEVER_ACCEPTED"


_S = OrderStatus
_LIVE_ENDS = frozenset({_S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELED, _S.EXPIRED})

TRANSITIONS: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    _S.INITIALIZED: frozenset({_S.DENIED, _S.ABANDONED, _S.SUBMITTED}),
    _S.SUBMITTED: _LIVE_ENDS | {_S.REJECTED, _S.ACCEPTED, _S.PENDING_CANCEL, _S.NEVER_ACCEPTED},
    _S.ACCEPTED: _LIVE_ENDS | {_S.PENDING_CANCEL},
    _S.PARTIALLY_FILLED: _LIVE_ENDS | {_S.PENDING_CANCEL},
    _S.PENDING_CANCEL: _LIVE_ENDS | {_S.ACCEPTED},
    # A late fill is recorded and alarms; the order does not reopen.
    _S.CANCELED: frozenset({_S.CANCELED}),
    _S.EXPIRED: frozenset({_S.EXPIRED}),
    _S.REJECTED: frozenset({_S.REJECTED}),
    _S.NEVER_ACCEPTED: frozenset({_S.NEVER_ACCEPTED}),
    _S.FILLED: frozenset(),
    _S.DENIED: frozenset(),
    _S.ABANDONED: frozenset(),
}
"""(status) -> statuses it may become. A pair that is not listed is an error in the program."""

TERMINAL = frozenset(
    {_S.DENIED, _S.ABANDONED, _S.REJECTED, _S.FILLED, _S.CANCELED, _S.EXPIRED, _S.NEVER_ACCEPTED}
)
AT_VENUE = frozenset({_S.ACCEPTED, _S.PARTIALLY_FILLED, _S.PENDING_CANCEL})


class IllegalTransition(Exception):
    """An event that the table does not allow; a bug or a lying venue, never ignored."""


def advance(current: OrderStatus, new: OrderStatus) -> OrderStatus:
    """Return `new` when the table allows it. Raises IllegalTransition."""
    if new not in TRANSITIONS[current]:
        raise IllegalTransition(f"an order that is {current} cannot become {new}")
    return new


class Purpose(StrEnum):
    """Why an order is placed; decides which rules bind it."""

    ENTRY = "ENTRY"
    EXIT = "EXIT"
    PROTECT = "PROTECT"
    TARGET = "TARGET"
    """Takes profit beside a PROTECT, as one order list: when one fills or is canceled, the other ends too.

    Both are written down together, the target with the sequence after its stop's.
    """
    FLATTEN = "FLATTEN"
    LIQUIDATE = "LIQUIDATE"
    """As FLATTEN, of what the account held besides our position: its fills never touch our position."""

    @property
    def increases_risk(self) -> bool:
        return self is Purpose.ENTRY

    @property
    def is_emergency(self) -> bool:
        """Whether it is sent while HALTED, and without a journal."""
        return self in (Purpose.FLATTEN, Purpose.LIQUIDATE)


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order that is wanted, not yet approved. `price` is None for market orders.

    `decision_price`: the price the decision was made on (best ask for a buy), for slippage.
    """

    symbol: str
    side: Side
    order_type: OrderType
    quantity: Base
    price: Decimal | None
    time_in_force: TimeInForce | None
    purpose: Purpose
    decision_price: Decimal
    stop_price: Decimal | None = None

    @property
    def may_rest(self) -> bool:
        """Whether it may stay open at the venue; anything else trades at once or ends."""
        return self.stop_price is not None or self.order_type is OrderType.LIMIT_MAKER


@dataclass(frozen=True, slots=True)
class Intent:
    """The whole order as it will be signed; durable on disk before anything is sent.

    `sequence` numbers the intents of one journal; `timestamp_ms` is venue time and goes on the wire with
    `recv_window_ms`, verbatim and once.
    """

    client_order_id: str
    sequence: int
    account: AccountKey
    request: OrderRequest
    timestamp_ms: int
    recv_window_ms: int
    created_ms: int
    dry_run: bool


class AlreadySent(Exception):
    """Somebody tried to send an intent twice. Always a bug."""


@final
class SendOnce:
    """The permission to write one intent to a socket, once; it can be neither copied nor pickled.

    Only the journal makes one, at the moment it records the intent; it cannot be read back from disk, so
    the code that sends cannot be reached for an intent that an earlier process may have sent.
    """

    __slots__ = ("_intent", "_spent")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a permission to send can be neither copied nor pickled")

    def __init__(self, intent: Intent) -> None:
        self._intent = intent
        self._spent = False

    @property
    def intent(self) -> Intent:
        """The recorded intent, for reading."""
        return self._intent

    def spend(self) -> Intent:
        """Return the intent for the one write to the socket. Raises AlreadySent the second time."""
        if self._spent:
            raise AlreadySent(self._intent.client_order_id)
        self._spent = True
        return self._intent


class Liquidity(StrEnum):
    MAKER = "MAKER"
    TAKER = "TAKER"


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of part of an order, keyed by (account, symbol, trade_id).

    `ts_event_ms` is the venue's time; None where a submit reply does not carry one. `fee_price`: quote per
    unit of the fee's asset when it was filled, for a fee in a third asset (BNB); None where nobody asked.
    """

    symbol: str
    trade_id: int
    venue_order_id: int
    side: Side
    price: Decimal
    quantity: Base
    fee: Money
    liquidity: Liquidity
    ts_event_ms: int
    fee_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OrderReport:
    """What the venue says of one order. `fills` may be empty even when something was executed.

    `order_list`: the venue's id of the list it is in, None: of none.
    """

    symbol: str
    client_order_id: str
    venue_order_id: int
    side: Side
    order_type: OrderType
    status: OrderStatus
    quantity: Base
    price: Decimal
    executed_quantity: Base
    executed_quote: Quote
    ts_event_ms: int
    fills: tuple[Fill, ...] = field(default=())
    order_list: int | None = None

    @property
    def average_price(self) -> Decimal | None:
        """Quote per base over all fills; None when nothing was executed. Rounded for display only."""
        if self.executed_quantity.value == 0:
            return None
        return self.executed_quote.value / self.executed_quantity.value


def filled_notional(fills: tuple[Fill, ...]) -> Quote:
    """Return the exact sum of price x quantity."""
    total = Decimal(0)
    for fill in fills:
        total = EXACT.add(total, EXACT.multiply(fill.price, fill.quantity.value))
    return Quote(total)


def filled_quantity(fills: tuple[Fill, ...]) -> Base:
    """Return the exact sum of quantities."""
    total = Base(Decimal(0))
    for fill in fills:
        total += fill.quantity
    return total
