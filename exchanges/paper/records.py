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
OrderStatus = Literal["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"]
SymbolStatus = Literal["TRADING", "HALT", "BREAK", "CANCEL_ONLY"]

OPEN_STATUSES = ("NEW", "PARTIALLY_FILLED")


class Account(msgspec.Struct, frozen=True):
    """One account on one market: the world everything else belongs to.

    `epoch` counts wipes. `began_ms`: when the account was made or last wiped, also the anchor of a recorded
    market; `last_ms`: the latest time at which anything changed; `updated_ms`: when a balance did. Rates are
    fractions in units.
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


class SymbolState(msgspec.Struct, frozen=True):
    """How far one symbol got. `step`: the last market step its resting orders have seen.

    `own_trades` counts trades with at least one own side; `updates` changes of the book by own actions.
    """

    symbol: str
    status: SymbolStatus = "TRADING"
    step: int = 0
    last_order_id: int = 0
    own_trades: int = 0
    updates: int = 0


class Order(msgspec.Struct, frozen=True):
    """One order. `price` 0: any; `quote_quantity` > 0: a market order sized in quote units.

    `stop_price` > 0: it waits off the book until the last price reaches that. `working_ms` -1: never was on
    the book. `expiry_reason` empty unless the exchange ended the order.
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

    @property
    def remaining(self) -> int:
        return self.quantity - self.executed

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def is_waiting(self) -> bool:
        """Whether its stop price has not been reached yet: nothing can trade with it."""
        return self.working_ms < 0


class Fill(msgspec.Struct, frozen=True):
    """One side of an own trade. `market_trades`: how many market trades came before it, `own_trades` how many
    own ones; the trade id is their sum. A trade between two own orders has two of these.
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


TransferKind = Literal["deposit", "withdrawal", "dust", "distribution"]


class Transfer(msgspec.Struct, frozen=True):
    """Money that came (`amount` > 0) or went otherwise than by trading. `in_bnb`: what dust became."""

    number: int
    kind: TransferKind
    asset: str
    amount: int
    in_bnb: int
    time_ms: int


class Event(msgspec.Struct, frozen=True):
    """Something a user stream tells: an order's change with its fill, or balances as they now are."""

    kind: Literal["ORDER", "BALANCES", "DEPOSIT", "RESET"]
    time_ms: int
    execution: str = ""
    order: Order | None = None
    fill: Fill | None = None
    cancel_id: str = ""
    balances: tuple[tuple[str, int, int], ...] = ()
