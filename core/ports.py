"""What the operations need of a venue: four small ports. Nothing here names one.

Errors are those of `core.errors`: reads raise VenueUnavailable, VenueRejected or ConfigError (a key that the
venue refuses); `Trading.submit` raises OutcomeUnknown whenever the order may have reached the venue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from core.account import AccountSnapshot, CommissionRates, Environment
from core.budget import Budget
from core.clock import Clock
from core.orders import Fill, Intent, OrderReport, SendOnce

if TYPE_CHECKING:  # numpy and the filters load only where they are used: commands start fast
    from core.bars import Bars
    from core.instrument import Instrument
    from core.reconciliation import Trade, Transfer, VenueOrder
    from core.reconciliation.trades import Market

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Venue time against ours: offset = venue - local, true to within `bound_ms` (half the round trip)."""

    venue_ms: int
    local_ms: int
    offset_ms: float
    bound_ms: float


@dataclass(frozen=True, slots=True)
class BookTop:
    """Best prices and quantities. `ts_recv_ms`: when we received it, by our clock."""

    symbol: str
    bid_price: Decimal
    bid_quantity: Decimal
    ask_price: Decimal
    ask_quantity: Decimal
    ts_recv_ms: int


Level = tuple[Decimal, Decimal]
"""(price, quantity)"""


@dataclass(frozen=True, slots=True)
class Book:
    """Best levels first. `bids` fall, `asks` rise."""

    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    ts_recv_ms: int


@dataclass(frozen=True, slots=True)
class TakerFlow:
    """What takers bought and sold lately, value in quote, in how many trades. `ts_recv_ms`: by our clock."""

    bought: Decimal
    sold: Decimal
    trades: int
    ts_recv_ms: int


class MarketData(Protocol):
    async def ping(self) -> None: ...

    async def clock_reading(self) -> ClockReading: ...

    async def instrument(self, symbol: str) -> Instrument:
        """Raise ConfigError SYMBOL_UNKNOWN when the venue does not list the symbol."""
        ...

    async def book(self, symbol: str, levels: int) -> Book:
        """Raise Refused EMPTY_BOOK when a side is empty or a price is zero."""
        ...

    async def average_price(self, symbol: str) -> Decimal: ...

    async def taker_flow(self, symbol: str, span_ms: int) -> TakerFlow:
        """Return what takers did in the last `span_ms`; of a tape too busy for that, its newest part."""
        ...

    async def bars(self, symbol: str, interval: str, count: int) -> Bars:
        """Return the newest `count` closed bars, oldest first. Volume is quote turnover."""
        ...


class Account(Protocol):
    async def snapshot(self) -> AccountSnapshot: ...

    async def commission(self, symbol: str) -> CommissionRates: ...

    async def order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Return the venue's view of an order of ours, None when it says that there is none."""
        ...

    async def open_orders(self, symbol: str | None) -> tuple[OrderReport, ...]: ...

    async def order_by_id(self, symbol: str, venue_order_id: int) -> OrderReport | None:
        """Return anybody's order of the account by the venue's id, None when there is none."""
        ...

    async def all_orders(self, symbol: str, start_ms: int, end_ms: int) -> tuple[OrderReport, ...]:
        """Return every order placed in a span of venue time, at most a day long, oldest first."""
        ...

    async def fills_between(self, symbol: str, start_ms: int, end_ms: int) -> tuple[Fill, ...]:
        """Return every fill of the account in a span of venue time, at most a day long, oldest first."""
        ...

    async def fill(self, symbol: str, trade_id: int) -> Fill | None:
        """Return one fill of the account by its id, None when there is none."""
        ...

    async def order_fills(self, symbol: str, venue_order_id: int) -> tuple[Fill, ...]: ...

    async def order_names(self, symbol: str) -> Mapping[int, str]:
        """Return venue_order_id -> client_order_id of every order that the account ever had on the symbol."""
        ...

    async def fill_history(self, symbol: str) -> tuple[Fill, ...]:
        """Return every fill that the account ever had on the symbol, oldest first."""
        ...

    async def last_trade_id(self, symbol: str) -> int | None:
        """Return the id of our newest trade on the symbol, None when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows in the order of their ids. `is_last`: there is nothing after them."""

    rows: tuple[T, ...]
    is_last: bool


class Statements(Protocol):
    """Everything that happened on the account, in pages, as an auditor asks for it."""

    async def orders(self, symbol: str, from_id: int | None) -> Page[VenueOrder]:
        """Return anybody's orders of the account from a venue_order_id on; None: the newest page."""
        ...

    async def trades(self, symbol: str, from_id: int | None) -> Page[Trade]:
        """Return the account's trades from a trade_id on; None: the newest page."""
        ...

    async def markets(self) -> tuple[Market, ...]:
        """Return every symbol that the venue lists."""
        ...

    async def transfers(self, start_ms: int, end_ms: int) -> tuple[Transfer, ...] | None:
        """Return what came and went otherwise than by trading; None where the venue cannot say."""
        ...


class Trading(Protocol):
    async def submit(self, permission: SendOnce) -> OrderReport:
        """Send the recorded intent once.

        Raises OutcomeUnknown when the order may have reached the venue. VenueRejected, VenueUnavailable and
        ConfigError (key or symbol refused) are definite: nothing was executed. `details["sent"]` is False
        where no byte of it left this process.
        """
        ...

    async def submit_pair(self, stop: SendOnce, target: SendOnce) -> tuple[OrderReport, OrderReport]:
        """Send a stop and a target over the same quantity as one order list, once; return both orders.

        When one of them trades, ends or is canceled, the venue ends the other. Raises as `submit`: either
        both orders were accepted or none.
        """
        ...

    async def validate(self, intent: Intent) -> None:
        """Let the venue check the whole order, signed as it would be, without placing it.

        Raises VenueRejected. Nothing is placed whatever happens, so any other failure is VenueUnavailable.
        """
        ...

    async def rehearse(self, intent: Intent) -> CommissionRates:
        """As `validate`, and return the rates that this very order would pay."""
        ...

    async def cancel(self, symbol: str, client_order_id: str) -> OrderReport:
        """Cancel one open order. Raises VenueRejected where it is no longer open: it may have filled.

        Raises OutcomeUnknown when the cancel may have reached the venue.
        """
        ...

    async def cancel_pair(self, symbol: str, stop_order_id: str) -> tuple[OrderReport, ...]:
        """Cancel both orders of a list in one request, by the stop's client_order_id. Raises as `cancel`."""
        ...

    async def cancel_all(self, symbol: str) -> tuple[OrderReport, ...]:
        """Cancel whatever is open on a symbol, whoever placed it, in one request; return what was canceled.

        Raises VenueRejected where nothing is open, OutcomeUnknown as `cancel`.
        """
        ...


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What a key may do, and since when it exists."""

    ip_restricted: bool
    created_ms: int
    reading: bool
    spot_trading: bool
    withdrawals: bool
    internal_transfer: bool
    universal_transfer: bool
    margin: bool
    futures: bool
    options: bool
    trading_authority_expires_ms: int | None


@dataclass(frozen=True, slots=True)
class DepositAddress:
    coin: str
    network: str
    address: str
    tag: str


@dataclass(frozen=True, slots=True)
class DepositNetwork:
    """A network of a coin. `deposits`: whether it takes deposits now; `why_not`: the venue's words."""

    network: str
    is_default: bool
    deposits: bool
    why_not: str


class KeyAdministration(Protocol):
    async def key_facts(self) -> KeyFacts | None:
        """Return what the key may do; None where the venue cannot say (a testnet)."""
        ...

    async def is_known(self) -> bool:
        """Tell whether the venue knows this key here, whoever signs: False when it is deleted, or not for
        this address. Raises as every read when the answer is neither.
        """
        ...

    async def account_status(self) -> str | None:
        """Return the venue's word for the account ("Normal"); None where it cannot say."""
        ...

    async def networks(self, coin: str) -> tuple[DepositNetwork, ...] | None:
        """Return every network of a coin, none for an unknown coin; None where the venue cannot say."""
        ...

    async def deposit_address(self, coin: str, network: str) -> DepositAddress | None:
        """Return where to deposit; None when there is no address yet, or the venue cannot say."""
        ...


@dataclass(frozen=True, slots=True)
class HostFacts:
    """Which host answers, and whether its orders cost money.

    `root`: scheme, host, port and path before `/api`. `host`: with its port unless that is the scheme's own.
    `official`: one of the venue's own published hosts. `proof`: why `environment` is believed, for display.
    """

    root: str
    host: str
    official: bool
    environment: Environment
    loopback: bool
    proof: str


@dataclass(frozen=True)
class Venue:
    """One venue as the composition root hands it to an operation.

    `key_fingerprint`, `key_ending`: the safe names of the key in use, "" without one. `clock`: the one that
    stamps its requests. `budget`: what may still be asked of this host, by all processes together.
    """

    name: str
    host: HostFacts
    clock: Clock
    budget: Budget
    key_fingerprint: str
    key_ending: str
    market_data: MarketData
    account: Account
    statements: Statements
    trading: Trading
    key_administration: KeyAdministration
