"""Look at both sides of a rehearsed incident: what the journal knows, and what the venue showed."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from core.account import AccountKey
from core.drills.conditions import Sight, VenueSight
from core.ids import is_ours
from core.journal.history import Selection
from core.operations.positions import open_positions
from core.operations.protection import protection
from core.stages import TradingState
from core.values import EXACT

if TYPE_CHECKING:
    from core.journal import Journal


def sight(
    journal: Journal, account: AccountKey, venue: VenueSight, *, symbol: str, base_asset: str, after: int
) -> Sight:
    """Look at the books, with what the venue showed. `after`: the journal's event at which it began."""
    held = open_positions(journal, account)
    halts = journal.history.events(Selection(kinds=("TRADING_STATE",)), after=after)
    compared = journal.history.events(Selection(kinds=("RECONCILED",)), after=after)
    state = journal.trading_state(account)
    own = journal.position(account, symbol).quantity.value
    opening = journal.history.opening_balances(account, dry_run=False).get(base_asset, Decimal(0))
    strangers = [name for name in venue.open_orders if not is_ours(name, journal.installation_id)]
    return Sight(
        state=state,
        was_halted=state is TradingState.HALTED
        or any(link.stored.event().payload["state"] == TradingState.HALTED for link in halts),
        unsettled=tuple(each.order.client_order_id for each in journal.unsettled(account)),
        quarantined=journal.quarantined(account),
        positions=tuple(f"{each.quantity} of {each.symbol}" for each in held),
        bare=tuple(each.symbol for each in held if not protection(journal, account, each.symbol).is_whole),
        compared=any(link.stored.account == str(account) for link in compared),
        open_breaks=sum(
            each.is_open and each.found.break_class.is_break
            for each in journal.reconciliations(account).breaks()
        ),
        ours_open=tuple(name for name in venue.open_orders if name not in strangers),
        strangers_open=tuple(strangers),
        difference=EXACT.subtract(EXACT.subtract(venue.total.get(base_asset, Decimal(0)), opening), own),
        venue=venue,
    )
