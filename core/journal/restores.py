"""A journal that goes on from a backup: under another installation id, halted, and until compared in doubt.

What the earlier installation sent after the backup is at the venue and not here. It bears a name that this
home once gave, so it is ours; whatever bears that name after the first comparison is of a machine that
should not trade any more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from decimal import Decimal

from core.account import AccountKey
from core.ids import RandomBytes, new_installation_id
from core.journal import queries
from core.journal import restore_rows as sql
from core.journal.recording import next_sequence
from core.journal.statements import INSTALLATION
from core.journal.store import Append, Store
from core.orders import OrderReport, OrderType, Purpose, Side
from core.stages import TradingState

_STOPS = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT})


class Restores:
    """How often a journal was restored, and what follows from that."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self, random_bytes: RandomBytes, reason: str, backup: Mapping[str, object]) -> str:
        """Begin a new installation, every account HALTED, and return its id. `backup`: what was restored."""
        name = new_installation_id(random_bytes)

        def body(append: Append) -> str:
            previous = self._store.row(INSTALLATION)
            told = {"previous": "" if previous is None else previous["id"], "installation_id": name}
            append("RESTORED", None, {**told, "reason": reason, "backup": backup})
            for account in queries.accounts(self._store):
                halted = {"state": TradingState.HALTED, "reason": "restored from a backup"}
                append("TRADING_STATE", str(account), halted)
            return name

        return self._store.write(body)

    def earlier(self, account: AccountKey, now_ms: int = 0) -> dict[str, int]:
        """Return earlier installation ids -> the venue's time up to which their orders are ours.

        That is when the account was first compared after the restore, `now_ms` until then.
        """
        return {
            row["previous"]: next((run["until_ms"] for run in self._runs(account, row["sequence"])), now_ms)
            for row in self._store.rows(sql.RESTORES)
        }

    def awaits_reconciliation(self, account: AccountKey) -> bool:
        """Tell whether the books of an account were not seen to agree since the newest restore."""
        if not self._store.has_table("restores"):
            return False
        newest = self._store.row(sql.NEWEST)
        if newest is None or newest["sequence"] is None:
            return False
        return all(run["open_breaks"] != "{}" for run in self._runs(account, newest["sequence"]))

    def adopt(self, account: AccountKey, told: OrderReport, reason: str) -> None:
        """Write down an order that an earlier installation sent after the backup, as the venue tells it.

        It gives no permission to send. What it was for is taken from what it does.
        """

        def body(append: Append) -> None:
            if queries.order(self._store, told.client_order_id) is None:
                sequence = next_sequence(self._store)
                append("INTENT", str(account), {"sequence": sequence, **_as_intent(told, reason)})

        self._store.write(body)

    def _runs(self, account: AccountKey, after: int) -> Iterator[sqlite3.Row]:
        yield from self._store.rows(sql.RECONCILED_SINCE, (str(account), after))


def _as_intent(told: OrderReport, reason: str) -> dict[str, object]:
    price = told.price or told.average_price or Decimal(0)
    purpose = Purpose.ENTRY
    if told.side is Side.SELL:
        purpose = Purpose.PROTECT if told.order_type in _STOPS else Purpose.EXIT
    return {
        "client_order_id": told.client_order_id,
        "symbol": told.symbol,
        "side": told.side,
        "order_type": told.order_type,
        "quantity": told.quantity.value,
        "price": told.price or None,
        "time_in_force": None,
        "purpose": purpose,
        "decision_price": price,
        "stop_price": price if purpose is Purpose.PROTECT else None,
        "timestamp_ms": told.ts_event_ms,
        "recv_window_ms": 0,
        "dry_run": False,
        "context": {"adopted": reason},
        "approved_on": {},
    }
