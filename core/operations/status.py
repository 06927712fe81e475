"""Where am I? Read from the journal alone, so that it answers while the venue does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.account import AccountKey
from core.clock import Clock, utc_day
from core.errors import OutcomeUnknown, PositionOpen
from core.operations.positions import open_positions
from core.stages import Evidence, TradingState

if TYPE_CHECKING:
    from decimal import Decimal

    from core.journal import Journal, Order, Position, UnsettledOrder


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """One account as the journal knows it.

    `realized_today`: quote asset -> P&L of this UTC day, after fees.
    """

    account: AccountKey
    trading_state: TradingState
    evidence: Evidence | None
    positions: tuple[Position, ...]
    open_orders: tuple[Order, ...]
    unsettled: tuple[UnsettledOrder, ...]
    quarantined: tuple[str, ...]
    realized_today: dict[str, Decimal]


def account_status(journal: Journal, clock: Clock, account: AccountKey) -> AccountStatus:
    """Return the state of one account. `evidence`: of the highest stage passed, the newest."""
    passed = [each for each in journal.evidence() if each.account == account]
    return AccountStatus(
        account=account,
        trading_state=journal.trading_state(account),
        evidence=max(passed, key=lambda each: (each.stage, each.created_ms), default=None),
        positions=open_positions(journal, account),
        open_orders=journal.open_orders(account),
        unsettled=journal.unsettled(account),
        quarantined=journal.quarantined(account),
        realized_today=journal.realized_by_asset(account, utc_day(clock.now_ms())),
    )


def raise_if_unsafe(accounts: Sequence[AccountStatus]) -> None:
    """Raise the most dangerous of OutcomeUnknown UNSETTLED and PositionOpen, so that cron notices."""
    unsettled = [each for account in accounts for each in account.unsettled]
    quarantined = [symbol for account in accounts for symbol in account.quarantined]
    if unsettled or quarantined:
        raise OutcomeUnknown(
            f"{len(unsettled)} order(s) unsettled, {len(quarantined)} symbol(s) quarantined",
            code="UNSETTLED",
            hint="do not repeat the order; run the stage again to ask the venue what became of it",
        )
    held = [each for account in accounts for each in account.positions]
    if held:
        symbols = ", ".join(each.symbol for each in held)
        raise PositionOpen(f"{len(held)} position(s) open and unprotected: {symbols}")
