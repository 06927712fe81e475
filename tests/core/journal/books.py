"""What the journal's tests write down: accounts, orders, fills and reports in as few words as possible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, cast

from core.account import AccountKey, Balance, Environment
from core.ids import RandomBytes, system_random
from core.journal import Journal, Opening
from core.journal.reconciliations import Coverage, Reconciled
from core.journal.store import Connect, connect_file
from core.orders import (
    Fill,
    Intent,
    Liquidity,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderType,
    Purpose,
    SendOnce,
    Side,
    TimeInForce,
    filled_notional,
    filled_quantity,
)
from core.reconciliation import Break, BreakClass
from core.values import Base, Money, Quote

if TYPE_CHECKING:
    from core.risk.approval import Approved

NOW_MS = 1_795_219_200_000  # 2026-11-21T00:00:00Z
TODAY = NOW_MS // 86_400_000
OPENING = Opening(
    balances={"USDT": Balance("USDT", Decimal("1000.50"), Decimal(0))},
    open_orders=(),
    last_trade_ids={"BTCUSDT": 41},
    server_time_ms=NOW_MS,
    key_fingerprint="0123456789ab",
)


@dataclass
class SteppingClock:
    """Every look at it is a millisecond later."""

    now: int = NOW_MS

    def now_ms(self) -> int:
        self.now += 1
        return self.now

    def monotonic_ms(self) -> float:
        return float(self.now)

    async def sleep(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


@dataclass
class CountedBytes:
    """Random bytes that are the same in every run."""

    calls: int = 0

    def __call__(self, count: int) -> bytes:
        self.calls += 1
        return self.calls.to_bytes(count)


@dataclass(frozen=True)
class Verdict:
    """Stands for an `Approved`, which only the risk rules can make."""

    request: OrderRequest
    numbers: Mapping[str, str] = field(default_factory=dict)

    def spend(self) -> OrderRequest:
        return self.request


def open_journal(
    home: Path,
    *,
    connect: Connect = connect_file,
    random_bytes: RandomBytes = system_random,
    read_only: bool = False,
    busy_timeout_ms: int = 2_000,
) -> Journal:
    return Journal.open(
        home,
        clock=SteppingClock(),
        random_bytes=random_bytes,
        connect=connect,
        read_only=read_only,
        busy_timeout_ms=busy_timeout_ms,
    )


def open_account(journal: Journal, *, venue: str = "paper", uid: str = "7") -> AccountKey:
    account = journal.open_account(venue, Environment.TESTNET, "127.0.0.1:8080", uid, OPENING)
    journal.note_symbol(account, "BTCUSDT", "BTC", "USDT", 41)
    journal.note_symbol(account, "BNBBTC", "BNB", "BTC", None)
    return account


def request(
    side: Side = Side.BUY,
    quantity: str = "0.001",
    *,
    symbol: str = "BTCUSDT",
    price: str = "30000",
    purpose: Purpose | None = None,
) -> OrderRequest:
    return OrderRequest(
        symbol=symbol,
        side=side,
        order_type=OrderType.LIMIT,
        quantity=Base(Decimal(quantity)),
        price=Decimal(price),
        time_in_force=TimeInForce.IOC,
        purpose=purpose or (Purpose.ENTRY if side is Side.BUY else Purpose.EXIT),
        decision_price=Decimal(price),
    )


def record_intent(
    journal: Journal,
    account: AccountKey,
    wanted: OrderRequest | None = None,
    *,
    dry_run: bool = False,
    timestamp_ms: int = NOW_MS,
    context: Mapping[str, object] | None = None,
) -> SendOnce:
    return journal.record_intent(
        cast("Approved", Verdict(wanted or request())),
        account,
        timestamp_ms=timestamp_ms,
        recv_window_ms=5_000,
        dry_run=dry_run,
        context=context,
    )


def fill(
    intent: Intent,
    trade_id: int,
    quantity: str,
    *,
    price: str = "30000",
    fee: str = "0",
    fee_asset: str = "BNB",
    ts_event_ms: int = NOW_MS + 5,
) -> Fill:
    return Fill(
        symbol=intent.request.symbol,
        trade_id=trade_id,
        venue_order_id=900 + intent.sequence,
        side=intent.request.side,
        price=Decimal(price),
        quantity=Base(Decimal(quantity)),
        fee=Money(Decimal(fee), fee_asset),
        liquidity=Liquidity.TAKER,
        ts_event_ms=ts_event_ms,
    )


def report(
    intent: Intent,
    status: OrderStatus,
    *fills: Fill,
    executed: tuple[str, str] | None = None,
) -> OrderReport:
    """`executed`: (quantity, quote) when the venue says something else than the sum of `fills`."""
    quantity, quote = filled_quantity(fills), filled_notional(fills)
    if executed is not None:
        quantity, quote = Base(Decimal(executed[0])), Quote(Decimal(executed[1]))
    return OrderReport(
        symbol=intent.request.symbol,
        client_order_id=intent.client_order_id,
        venue_order_id=900 + intent.sequence,
        side=intent.request.side,
        order_type=intent.request.order_type,
        status=status,
        quantity=intent.request.quantity,
        price=intent.request.price or Decimal(0),
        executed_quantity=quantity,
        executed_quote=quote,
        ts_event_ms=NOW_MS + 5,
        fills=fills,
    )


def reconcile(journal: Journal, account: AccountKey) -> None:
    """Compare with a venue that holds more than it should; a human accepts that."""
    book = journal.reconciliations(account)
    found = Break(
        BreakClass.BALANCE,
        "balance:USDT",
        "USDT: 5 more",
        {"residue": "0"},
        {"residue": "5"},
        {"USDT": Decimal(5)},
    )
    book.record_covered("BTCUSDT", Coverage(7, 41), [found])
    book.accept(book.breaks()[0], "a deposit of mine")
    book.record_reconciled(
        Reconciled(NOW_MS, NOW_MS, {}, 1, False, {"BTCUSDT": Coverage(7, 41)}, transfers_to_ms=None)
    )
