"""Where am I? Read from the journal alone, so that it answers while the venue does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.account import AccountKey
from core.clock import Clock, utc_day
from core.errors import OutcomeUnknown
from core.operations.positions import open_positions
from core.operations.protection import Protection, protection
from core.risk.breakers import LatchedBreaker
from core.stages import Evidence, TradingState

if TYPE_CHECKING:
    from decimal import Decimal

    from core.journal import Journal, Order, Position, Quarantine, UnsettledOrder


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """One account as the journal knows it.

    `protections`: symbol of a position -> what protects it. `realized_today`: quote asset -> P&L of this UTC
    day, after fees. `is_in_doubt`: restored from a backup, and the books were not seen to agree since.
    """

    account: AccountKey
    trading_state: TradingState
    evidence: Evidence | None
    positions: tuple[Position, ...]
    protections: Mapping[str, Protection]
    open_orders: tuple[Order, ...]
    unsettled: tuple[UnsettledOrder, ...]
    quarantines: tuple[Quarantine, ...]
    breakers: tuple[LatchedBreaker, ...]
    realized_today: dict[str, Decimal]
    is_in_doubt: bool


def account_status(journal: Journal, clock: Clock, account: AccountKey) -> AccountStatus:
    """Return the state of one account. `evidence`: of the highest stage passed, the newest."""
    held = open_positions(journal, account)
    passed = [each for each in journal.evidence() if each.account == account]
    return AccountStatus(
        account=account,
        trading_state=journal.trading_state(account),
        evidence=max(passed, key=lambda each: (each.stage, each.created_ms), default=None),
        positions=held,
        protections={each.symbol: protection(journal, account, each.symbol) for each in held},
        open_orders=journal.open_orders(account),
        unsettled=journal.unsettled(account),
        quarantines=journal.quarantines(account),
        breakers=journal.breakers(account).latched(clock.now_ms()),
        realized_today=journal.realized_by_asset(account, utc_day(clock.now_ms())),
        is_in_doubt=journal.restores.awaits_reconciliation(account),
    )


def raise_if_unsafe(accounts: Sequence[AccountStatus]) -> None:
    """Raise OutcomeUnknown UNSETTLED, so that cron notices; every command looks for unprotected positions."""
    unsettled = [each for account in accounts for each in account.unsettled]
    quarantined = [each for account in accounts for each in account.quarantines]
    if unsettled or quarantined:
        raise OutcomeUnknown(
            f"{len(unsettled)} order(s) unsettled, {len(quarantined)} symbol(s) quarantined",
            code="UNSETTLED",
            hint="do not repeat the order; `trader resolve` asks the venue what became of it"
            if unsettled
            else 'look at the venue\'s page; then `trader resolve --reason "…"` releases the quarantine',
        )
