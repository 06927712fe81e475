"""What the state file remembers, row by row: prices in ticks, quantities in steps, amounts in units."""

from __future__ import annotations

from typing import Literal

import msgspec

from core.matching import SelfTradePrevention
from exchanges.paper.limits import Limits, OrderCount

Persona = Literal["testnet", "mainnet"]
OrderType = Literal[
    "LIMIT",
    "MARKET",
    "LIMIT_MAKER",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
]
TimeInForce = Literal["GTC", "IOC", "FOK"]
OrderStatus = Literal[
    "PENDING_NEW", "NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"
]
SymbolStatus = Literal["TRADING", "HALT", "BREAK", "CANCEL_ONLY"]
Contingency = Literal["OCO", "OTO"]
Execution = Literal["", "NEW", "CANCELED", "REPLACED", "TRADE", "EXPIRED", "TRADE_PREVENTION"]

OPEN_STATUSES = ("PENDING_NEW", "NEW", "PARTIALLY_FILLED")


MAIN = "main"
"""The account that everybody means who names none."""


class Account(msgspec.Struct, frozen=True):
    """One customer of a venue, which is a persona on one market; the first one's number is also the venue's.

    `epoch` counts wipes. `began_ms`: when the account was made or last wiped, the first one's also the anchor
    of a recorded market; `last_ms`: the latest time at which anything changed; `updated_ms`: when a balance
    did. Rates are fractions in units.
    """

    account: int
    persona: Persona
    market: str
    uid: int
    epoch: int
    began_ms: int
    last_ms: int
    updated_ms: int
    maker_rate: int
    taker_rate: int
    pays_in_bnb: bool
    limits: Limits
    order_count: OrderCount
    name: str = MAIN


class SymbolState(msgspec.Struct, frozen=True, gc=False):
    """How far one symbol of a venue got. `step`: the last market step its resting orders have seen.

    Own is what belongs to any of the venue's accounts. `own_trades` counts trades with at least one own side;
    `updates` changes of the book by own actions; `executions` what happened to own orders; `prevented` trades
    that own orders were kept from.
    """

    symbol: str
    status: SymbolStatus = "TRADING"
    step: int = 0
    last_order_id: int = 0
    own_trades: int = 0
    updates: int = 0
    executions: int = 0
    prevented: int = 0


class Order(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One order. `price` 0: any; `quote_quantity` > 0: a market order sized in quote units.

    `stop_price` > 0: it waits off the book until the last price reaches that. `working_ms` -1: never was on
    the book. `expiry_reason` empty unless the exchange ended the order.

    `trailing_delta` > 0 (1/10,000): it waits until the price turns by that much, counted from `trailing_ms`
    on, -1: not yet. `reserve_price`: what a purchase at any price, without a stop price, locks for.
    `iceberg` > 0: the book shows that much at a time, `visible` of it now. `priority`: its place in the queue
    of its price, the execution that put it there. `prevented`: what self-trade prevention took off it, the
    last time as `prevented_match_id`. `locked`: what is locked for it now, in the asset it pays with; -1 in
    rows from before this was kept. `list_id` -1: alone. `quantity` 0: it is to sell what the order it waits
    for buys.
    """

    symbol: str
    order_id: int
    client_order_id: str
    is_buy: bool
    type: OrderType
    time_in_force: TimeInForce
    price: int
    quantity: int
    quote_quantity: int
    executed: int
    quote_executed: int
    status: OrderStatus
    self_trade: SelfTradePrevention
    created_ms: int
    updated_ms: int
    working_ms: int
    expiry_reason: str = ""
    strategy_id: int | None = None
    strategy_type: int | None = None
    stop_price: int = 0
    list_id: int = -1
    trailing_delta: int = 0
    trailing_ms: int = -1
    reserve_price: int = 0
    iceberg: int = 0
    visible: int = 0
    priority: int = 0
    prevented: int = 0
    prevented_match_id: int = -1
    locked: int = -1

    @property
    def remaining(self) -> int:
        return self.quantity - self.executed - self.prevented

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def is_pending(self) -> bool:
        """Whether it waits for another order of its list to be filled."""
        return self.status == "PENDING_NEW"

    @property
    def is_unsized(self) -> bool:
        """Whether it waits for another order to know its quantity."""
        return self.is_pending and not self.quantity

    @property
    def is_waiting(self) -> bool:
        """Whether it was never on the book: nothing can trade with it."""
        return self.working_ms < 0

    @property
    def is_algo(self) -> bool:
        """Whether it waits, or once waited, for a price."""
        return bool(self.stop_price or self.trailing_delta)


class Fill(msgspec.Struct, frozen=True, gc=False):
    """One side of an own trade, which is one of a customer's. `market_trades`: how many market trades came
    before it, `own_trades` how many own ones; the trade id is their sum. A trade between two own orders has
    two of these.
    """

    symbol: str
    trade_id: int
    is_buy: bool
    order_id: int
    own_trades: int
    market_trades: int
    price: int
    quantity: int
    quote: int
    commission: int
    commission_asset: str
    is_maker: bool
    time_ms: int
    list_id: int = -1


TransferKind = Literal["deposit", "withdrawal", "dust", "distribution"]


class Transfer(msgspec.Struct, frozen=True):
    """Money that came (`amount` > 0) or went otherwise than by trading. `in_bnb`: what dust became."""

    number: int
    kind: TransferKind
    asset: str
    amount: int
    in_bnb: int
    time_ms: int


class OrderList(msgspec.Struct, frozen=True):
    """Orders that depend on each other. `orders`: (order_id, client_order_id) in the order they were placed.

    `working_id`: the order whose complete fill brings the others into the market; 0: all are there at once.
    `client_id`: the list's own name. `status_type`: what was last told of it. Times as of orders.
    """

    list_id: int
    symbol: str
    contingency: Contingency
    client_id: str
    working_id: int
    orders: tuple[tuple[int, str], ...]
    created_ms: int
    updated_ms: int
    status_type: Literal["EXEC_STARTED", "UPDATED", "ALL_DONE"] = "EXEC_STARTED"

    @property
    def is_open(self) -> bool:
        return self.status_type != "ALL_DONE"


class PreventedMatch(msgspec.Struct, frozen=True):
    """A trade that did not happen since both sides were one owner's.

    `maker_quantity` and `taker_quantity`: what was taken off either order for that; 0: nothing.
    """

    symbol: str
    prevented_match_id: int
    taker_order_id: int
    maker_order_id: int
    self_trade: SelfTradePrevention
    price: int
    maker_quantity: int
    taker_quantity: int
    time_ms: int


class Amendment(msgspec.Struct, frozen=True):
    """A quantity made smaller while the order keeps its place; the name may change with it."""

    symbol: str
    order_id: int
    execution_id: int
    client_id_before: str
    client_id_after: str
    quantity_before: int
    quantity_after: int
    time_ms: int


class Event(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Something a user stream tells. `execution_id` counts what happened to the orders of a symbol.

    ORDER: an order as it is after `execution`, with what made it so: a `fill`, a `prevented` match (the order
    may be its taker or its maker), an `amendment`, or the `cancel_id` of who canceled it. LIST: an order list
    as it now is. BALANCES: assets as they now are (free, locked). DEPOSIT: changes of free balances. RESET:
    everything was wiped.
    """

    kind: Literal["ORDER", "LIST", "BALANCES", "DEPOSIT", "RESET"]
    time_ms: int
    execution: Execution = ""
    order: Order | None = None
    fill: Fill | None = None
    cancel_id: str = ""
    balances: tuple[tuple[str, int, int], ...] = ()
    execution_id: int = -1
    order_list: OrderList | None = None
    prevented: PreventedMatch | None = None
    amendment: Amendment | None = None
