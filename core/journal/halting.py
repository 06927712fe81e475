"""The trading state of an account: the journal's entry, and the latch that holds when there can be none."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from core.account import AccountKey
from core.clock import Clock, iso_utc
from core.errors import ConfigError, TraderError
from core.journal import latch, queries
from core.journal import statements as sql
from core.journal.records import StateEntry
from core.journal.store import Append, Store
from core.stages import TradingState


def state_of(store: Store, home: Path, account: AccountKey) -> TradingState:
    """Return HALTED while the latch is set, and when the state cannot be read."""
    if latch.is_set(home):
        return TradingState.HALTED
    try:
        row = store.row(sql.TRADING_STATE, (str(account),))
        return TradingState.ACTIVE if row is None else TradingState(row["state"])
    except (TraderError, sqlite3.Error, ValueError):
        return TradingState.HALTED


def halt(store: Store, home: Path, clock: Clock, account: AccountKey, reason: str) -> None:
    """Set the latch, then write the state down; either alone halts. Raises when the second fails."""
    with contextlib.suppress(OSError):
        latch.set_latch(home, f"{iso_utc(clock.now_ms())} {account} {reason}")
    store.write(lambda append: _append(append, account, TradingState.HALTED, reason))


def halt_all(store: Store, reason: str) -> tuple[AccountKey, ...]:
    """Write HALTED down for every account, and return them."""

    def body(append: Append) -> tuple[AccountKey, ...]:
        accounts = queries.accounts(store)
        for account in accounts:
            _append(append, account, TradingState.HALTED, reason)
        return accounts

    return store.write(body)


def release(
    store: Store, home: Path, accounts: Sequence[AccountKey], state: TradingState, reason: str
) -> None:
    """Write a state other than HALTED down, then lift the latch.

    The latch halted every account of the home: the others stay HALTED, until each is released by itself.
    """
    was_latched = latch.is_set(home)

    def body(append: Append) -> None:
        for account in accounts:
            _append(append, account, state, reason)
        for other in queries.accounts(store) if was_latched else ():
            if other not in accounts:
                _append(append, other, TradingState.HALTED, "not resumed together with another account")
        if not accounts:
            append("LATCH_LIFTED", None, {"reason": reason})

    store.write(body)
    if not was_latched:
        return  # one that was set meanwhile stays
    try:
        latch.clear(home)
    except OSError as error:
        raise ConfigError(f"{home} stays halted: {error}", code="HOME_UNUSABLE") from error


def entry_of(store: Store, account: AccountKey) -> StateEntry | None:
    """Return the state that was last written down, the latch left aside."""
    row = store.row(sql.TRADING_STATE_ENTRY, (str(account),))
    return None if row is None else StateEntry(row["state"], row["reason"], row["since_ms"])


def _append(append: Append, account: AccountKey, state: TradingState, reason: str) -> None:
    append("TRADING_STATE", str(account), {"state": state, "reason": reason})
