"""Halt and resume: the latch first, because it needs no database; resuming needs everything to work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.account import AccountKey
from core.clock import Clock, iso_utc
from core.errors import ConfigError, Refused
from core.journal import latch
from core.operations.books import Books
from core.operations.exposure import newest_epochs, same_account
from core.stages import TradingState

if TYPE_CHECKING:
    from core.journal import Journal
    from core.journal.records import StateEntry


@dataclass(slots=True)
class HaltResult:
    """`latched`: whether the file is there that every process looks at before each order.

    `accounts`: those that the journal was told of as HALTED besides.
    """

    home: Path
    latched: bool = False
    accounts: tuple[AccountKey, ...] = ()
    troubles: list[str] = field(default_factory=list)

    def raise_if_running(self) -> None:
        """Raise ConfigError HOME_UNUSABLE when neither latch nor journal could be written."""
        if not self.latched and not self.accounts:
            raise ConfigError(
                f"NOT HALTED: {'; '.join(self.troubles)}",
                code="HOME_UNUSABLE",
                hint="stop the running commands themselves (Ctrl-C, kill); `trader cancel-all` and "
                "`trader flatten` work all the same",
            )


def halt(books: Books, clock: Clock, reason: str, result: HaltResult) -> None:
    """Halt every account of the home: by the latch, and by the journal where it can be written."""
    latch_home(clock, reason, result)
    tell_journal(books, reason, result)
    result.troubles += books.troubles


def latch_home(clock: Clock, reason: str, result: HaltResult) -> None:
    """Halt by the latch alone, which waits for nothing."""
    home = result.home
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        latch.set_latch(home, f"{iso_utc(clock.now_ms())} {reason}")
    except OSError as error:
        result.troubles.append(f"{home / latch.LATCH} could not be made: {error.strerror}")
    result.latched = os.path.lexists(home / latch.LATCH)


def tell_journal(books: Books, reason: str, result: HaltResult) -> None:
    def write(journal: Journal) -> None:
        result.accounts = journal.halt_all(reason)

    books.write(write)


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account's trading state, and what was last written down of it."""

    account: AccountKey
    state: TradingState
    entry: StateEntry | None


@dataclass(slots=True)
class ResumePlan:
    """What resuming would change. `resumed`: accounts of the chosen venue and environment; others stay.

    `in_doubt`: those of the chosen whose books were not seen to agree since the journal was restored. They
    stay too: one that cannot be reached from here any more must not hold up the one that trades.
    """

    resumed: tuple[AccountState, ...]
    others: tuple[AccountState, ...]
    latched: bool
    in_doubt: tuple[AccountKey, ...] = ()

    def raise_if_in_doubt(self) -> None:
        """Raise Refused RESTORED while nobody knows of any of them what was sent after the backup."""
        if self.in_doubt and not self.resumed:
            raise Refused(
                f"restored from a backup, and not compared since: {', '.join(map(str, self.in_doubt))}",
                code="RESTORED",
                hint="`trader reconcile` must find no difference first; `--accept` takes in what it shows",
            )

    @property
    def is_needed(self) -> bool:
        return self.latched or any(each.state is not TradingState.ACTIVE for each in self.resumed)


def resume_plan(journal: Journal, accounts: Sequence[AccountKey]) -> ResumePlan:
    """Return what `resume` would do for these accounts of the journal's home."""
    states = [
        AccountState(key, journal.trading_state(key), journal.state_entry(key)) for key in journal.accounts()
    ]
    in_doubt = [key for key in newest_epochs(accounts) if journal.restores.awaits_reconciliation(key)]
    held = {key for key in accounts if any(same_account(key, other) for other in in_doubt)}
    return ResumePlan(
        resumed=tuple(each for each in states if each.account in accounts and each.account not in held),
        others=tuple(each for each in states if each.account not in accounts or each.account in held),
        latched=latch.is_set(journal.home),
        in_doubt=tuple(in_doubt),
    )


def resume(journal: Journal, plan: ResumePlan, reason: str) -> ResumePlan:
    """Set the plan's accounts ACTIVE, lift the latch, and return what is now.

    Raises Refused RESTORED or JOURNAL_UNWRITABLE, or ConfigError HOME_UNUSABLE when the latch stays; then all
    is HALTED.
    """
    plan.raise_if_in_doubt()
    journal.resume([each.account for each in plan.resumed], reason)
    return resume_plan(journal, [*(each.account for each in plan.resumed), *plan.in_doubt])
