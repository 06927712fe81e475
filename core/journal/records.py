"""What the journal is told and what it answers, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from core.account import AccountKey, Balance
from core.orders import Intent, OrderReport, OrderStatus, OrderType, Side
from core.values import Base, Quote


@dataclass(frozen=True, slots=True)
class Opening:
    """The account as it was at first contact; what happened before is never "our position".

    `last_trade_ids`: symbol -> id of the account's newest trade there, None when there was none.
    """

    balances: Mapping[str, Balance]
    open_orders: tuple[OrderReport, ...]
    last_trade_ids: Mapping[str, int | None]
    server_time_ms: int
    key_fingerprint: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order of ours as far as it is known.

    INITIALIZED and SUBMITTED both mean that it may be at the venue. `executed_quantity` and `executed_quote`:
    what the venue last said; `filled_quantity`: the sum of the fills recorded. `outcome`: why it is unknown,
    abandoned or rejected, "" otherwise. `late_fill`: something was executed after it had ended.
    """

    intent: Intent
    status: OrderStatus
    venue_order_id: int | None
    executed_quantity: Base
    executed_quote: Quote
    filled_quantity: Base
    outcome: str
    late_fill: bool
    context: Mapping[str, object] = field(default_factory=dict)

    @property
    def client_order_id(self) -> str:
        return self.intent.client_order_id

    @property
    def account(self) -> AccountKey:
        return self.intent.account

    @property
    def symbol(self) -> str:
        return self.intent.request.symbol

    @property
    def side(self) -> Side:
        return self.intent.request.side

    @property
    def order_type(self) -> OrderType:
        return self.intent.request.order_type

    @property
    def quantity(self) -> Base:
        return self.intent.request.quantity


@dataclass(frozen=True, slots=True)
class UnsettledOrder:
    """An order whose fate, or whose fills, we do not know. `what` says which, for a human."""

    order: Order
    since_ms: int
    what: str


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A symbol that waits for a human, why and since when."""

    symbol: str
    reason: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class Position:
    """Our own fills since OPENED on one symbol. Average-cost method.

    `quantity`: net of fees paid in base. `cost`: what the quantity held cost, with fees paid in quote.
    `realized`: proceeds less cost of what was sold, less fees paid in quote. `fees`: asset -> amount, all of
    them; those in a third asset (BNB) are in neither cost nor realized.
    """

    account: AccountKey
    symbol: str
    quantity: Base
    cost: Quote
    realized: Quote
    fees: Mapping[str, Decimal]

    @property
    def average_cost(self) -> Decimal | None:
        """Quote per base, None when nothing is held. Rounded for display only."""
        return None if self.quantity.value == 0 else self.cost.value / self.quantity.value

    @property
    def is_flat(self) -> bool:
        return self.quantity.value == 0


@dataclass(frozen=True, slots=True)
class StateEntry:
    """The last word about an account's trading state. `state` as it was read, whatever it says."""

    state: str
    reason: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with the journal: a code for programs and a sentence."""

    code: str
    detail: str
