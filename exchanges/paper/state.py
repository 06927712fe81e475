"""The state file: its transactions, and the SQL of what has no part of its own.

One file serves any number of processes. A request is one `BEGIN IMMEDIATE` transaction, so that what it
reads is what it changes; it is committed before the answer is sent: a killed process loses nothing
acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec.structs import astuple

from exchanges.paper import schema
from exchanges.paper.access_state import AccessState
from exchanges.paper.clock import ExchangeClock
from exchanges.paper.faults.deciding import ActivePlan, Tally
from exchanges.paper.faults.plan import Plan
from exchanges.paper.fill_state import FillState
from exchanges.paper.limits import Limits, OrderCount
from exchanges.paper.list_state import ListState
from exchanges.paper.order_state import OrderState
from exchanges.paper.records import (
    Account,
    Event,
    Order,
    Persona,
    SymbolState,
    Transfer,
    TransferKind,
)

Holder = Literal["account", "venue"]

_SYMBOL_COLUMNS = ", ".join(SymbolState.__struct_fields__)
_EVENTS = msgspec.json.Decoder(list[Event])
_WIPED = (
    "balances",
    "orders",
    "order_lists",
    "prevented_matches",
    "amendments",
    "fills",
    "late_fills",
    "transfers",
)


def _marks(count: int) -> str:
    return ", ".join("?" * count)


class State:
    """The open state file. Every method but `transaction` belongs inside one."""

    def __init__(self, directory: Path) -> None:
        """Open or make the state. Raises `schema.StateError` for a file that is not ours."""
        self._db = schema.connect(directory)
        self.access = AccessState(self._db)
        self.orders = OrderState(self._db)
        self.fills = FillState(self._db)
        self.lists = ListState(self._db)
        self._seen_version = -1
        self._faults: ActivePlan | None = None
        self._knows_faults = False

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the one write lock of all processes; commit at the end, roll back on an exception."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._forget()
            raise

    def changed_by_others(self) -> bool:
        """Tell whether another connection wrote since the last call: what is kept in memory is then stale."""
        version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        changed = version != self._seen_version
        self._seen_version = version
        if changed:
            self._forget()
        return changed

    def _forget(self) -> None:
        self.access.forget()
        self._knows_faults = False

    # clock

    def load_clock(self) -> ExchangeClock | None:
        row = self._db.execute(
            "SELECT anchor_wall_ms, anchor_ms, speed_numerator, speed_denominator FROM clock"
        ).fetchone()
        return None if row is None else ExchangeClock(row[0], row[1], Fraction(row[2], row[3]))

    def save_clock(self, clock: ExchangeClock) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?, ?)",
            (clock.anchor_wall_ms, clock.anchor_ms, clock.speed.numerator, clock.speed.denominator),
        )

    # faults

    def faults(self) -> ActivePlan | None:
        """Return the plan at work, None when nothing is to go wrong."""
        if not self._knows_faults:
            row = self._db.execute("SELECT plan, began_ms, tallies FROM fault_plan").fetchone()
            self._faults = None if row is None else _active_plan(row)
            self._knows_faults = True
        return self._faults

    def save_faults(self, active: ActivePlan | None) -> None:
        if active is None:
            self._db.execute("DELETE FROM fault_plan")
        else:
            self._db.execute(
                "INSERT OR REPLACE INTO fault_plan VALUES (1, ?, ?, ?)",
                (active.plan.text(), active.began_ms, msgspec.json.encode(active.tallies).decode()),
            )
        self._faults, self._knows_faults = active, True

    def late_fills(self, account: int) -> list[tuple[str, int, int]]:
        """Return (symbol, order_id, due_ms) of the closed orders that are yet to be filled."""
        return self._db.execute(
            "SELECT symbol, order_id, due_ms FROM late_fills WHERE account = ? ORDER BY due_ms, order_id",
            (account,),
        ).fetchall()

    def save_late_fill(self, account: int, order: Order, due_ms: int) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO late_fills VALUES (?, ?, ?, ?)",
            (account, order.symbol, order.order_id, due_ms),
        )

    def forget_late_fill(self, account: int, symbol: str, order_id: int) -> None:
        self._db.execute(
            "DELETE FROM late_fills WHERE account = ? AND symbol = ? AND order_id = ?",
            (account, symbol, order_id),
        )

    # accounts

    def accounts(self, persona: Persona, market: str) -> list[Account]:
        """Return the accounts of a venue, the first one first."""
        rows = self._db.execute(
            "SELECT * FROM accounts WHERE persona = ? AND market = ? ORDER BY account", (persona, market)
        )
        return [_account(row) for row in rows]

    def next_account(self) -> int:
        highest = self._db.execute("SELECT max(account) FROM accounts").fetchone()[0]
        return (highest or 0) + 1

    def save_account(self, account: Account) -> None:
        self._db.execute(
            f"INSERT OR REPLACE INTO accounts VALUES ({_marks(17)})",  # noqa: S608
            (
                *astuple(account)[:11],
                msgspec.json.encode(account.limits).decode(),
                *astuple(account.order_count),
                account.name,
            ),
        )

    def save_activity(self, account: Account) -> None:
        """Write what every order changes of an account."""
        self._db.execute(
            "UPDATE accounts SET last_ms = ?, updated_ms = ?, ten_seconds = ?, in_ten_seconds = ?, day = ?, "
            "in_day = ? WHERE account = ?",
            (account.last_ms, account.updated_ms, *astuple(account.order_count), account.account),
        )

    def wipe(self, accounts: Iterable[int]) -> None:
        """Forget orders, trades and balances of accounts. Events stay: pollers must learn of the wipe."""
        for account in accounts:
            for table in _WIPED:
                self._db.execute(f"DELETE FROM {table} WHERE account = ?", (account,))  # noqa: S608

    def balances(self, account: int, holder: Holder) -> dict[str, tuple[int, int]]:
        rows = self._db.execute(
            "SELECT asset, free, locked FROM balances WHERE account = ? AND holder = ?", (account, holder)
        )
        return {asset: (free, locked) for asset, free, locked in rows}

    def save_balances(self, account: int, holder: Holder, balances: Iterable[tuple[str, int, int]]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO balances VALUES (?, ?, ?, ?, ?)",
            [(account, holder, *balance) for balance in balances],
        )

    # venues

    def wipe_venue(self, venue: int) -> None:
        """Forget how far the symbols of a venue are, and what was taken from its books."""
        for table in ("symbols", "consumed"):
            self._db.execute(f"DELETE FROM {table} WHERE venue = ?", (venue,))  # noqa: S608

    def symbols(self, venue: int) -> dict[str, SymbolState]:
        rows = self._db.execute(
            f"SELECT {_SYMBOL_COLUMNS} FROM symbols WHERE venue = ?",  # noqa: S608
            (venue,),
        )
        return {row[0]: SymbolState(*row) for row in rows}

    def save_symbols(self, venue: int, symbols: Iterable[SymbolState]) -> None:
        self._db.executemany(
            f"INSERT OR REPLACE INTO symbols VALUES ({_marks(9)})",  # noqa: S608
            [(venue, *astuple(symbol)) for symbol in symbols],
        )

    def consumed(self, venue: int) -> list[tuple[str, bool, int, int, int]]:
        """Return (symbol, is_bid, price, quantity, time_ms) of ambient liquidity that takers took."""
        rows = self._db.execute(
            "SELECT symbol, is_bid, price, quantity, time_ms FROM consumed WHERE venue = ?", (venue,)
        )
        return [(symbol, bool(is_bid), *rest) for symbol, is_bid, *rest in rows]

    def save_consumed(self, venue: int, rows: Iterable[tuple[str, bool, int, int, int]]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO consumed VALUES (?, ?, ?, ?, ?, ?)", [(venue, *row) for row in rows]
        )

    def forget_consumed(self, venue: int, before_ms: int) -> None:
        self._db.execute("DELETE FROM consumed WHERE venue = ? AND time_ms < ?", (venue, before_ms))

    # transfers

    def add_transfer(
        self, account: int, kind: TransferKind, asset: str, amount: int, in_bnb: int, time_ms: int
    ) -> None:
        self._db.execute(
            "INSERT INTO transfers SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ?, ?, ? FROM transfers",
            (account, kind, asset, amount, in_bnb, time_ms),
        )

    def transfers(self, account: int, kind: TransferKind, start_ms: int, end_ms: int) -> list[Transfer]:
        """Return the transfers of a kind in a span of time, newest first."""
        rows = self._db.execute(
            "SELECT number, kind, asset, amount, in_bnb, time_ms FROM transfers "
            "WHERE account = ? AND kind = ? AND time_ms BETWEEN ? AND ? ORDER BY number DESC",
            (account, kind, start_ms, end_ms),
        )
        return [Transfer(*row) for row in rows]

    # events

    def append_events(self, account: int, events: list[Event]) -> None:
        """Append what one transaction did, in order, under one sequence number."""
        self._db.execute(
            "INSERT INTO events (account, payload) VALUES (?, ?)", (account, msgspec.json.encode(events))
        )

    def last_event(self) -> int:
        """Return the sequence number of the latest transaction that did something, 0 before the first."""
        last: int | None = self._db.execute("SELECT max(sequence) FROM events").fetchone()[0]
        return last or 0

    def events_after(self, account: int, sequence: int, limit: int) -> list[tuple[int, list[Event]]]:
        """Return (sequence, events) of an account's transactions after that number, in order."""
        rows = self._db.execute(
            "SELECT sequence, payload FROM events "
            "WHERE sequence > ? AND account = ? ORDER BY sequence LIMIT ?",
            (sequence, account, limit),
        )
        return [(row[0], _EVENTS.decode(row[1])) for row in rows]


def _active_plan(row: tuple[str, int, str]) -> ActivePlan:
    plan, began_ms, tallies = row
    return ActivePlan(
        msgspec.json.decode(plan, type=Plan), began_ms, msgspec.json.decode(tallies, type=tuple[Tally, ...])
    )


def _account(row: tuple[Any, ...]) -> Account:
    values = list(row)
    values[10:] = (
        bool(row[10]),
        msgspec.json.decode(row[11], type=Limits),
        OrderCount(*row[12:16]),
        row[16],
    )
    return Account(*values)
