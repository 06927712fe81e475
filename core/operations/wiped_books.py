"""A testnet is wiped now and then: everything of ours is gone at once, and new books are begun."""

from __future__ import annotations

from functools import partial
from typing import Final

from core.journal.reconciliations import Reconciliations
from core.journal.records import Opening
from core.operations.books_desk import BooksDesk
from core.operations.statement_reading import Patience
from core.reconciliation import Terms
from core.reconciliation.orders import ARCHIVED_AFTER_MS

WITNESSES: Final = 2
"""How many of the oldest and of the newest orders of a symbol the venue must all have forgotten."""


async def forgotten(desk: BooksDesk, book: Reconciliations, patience: Patience, terms: Terms) -> int:
    """Return how many orders and trades of ours were asked for, when the venue knows none of them; else 0."""
    asked, account, own = 0, desk.venue.account, book.own
    for symbol in own.markets():
        for order in own.witnesses(symbol, WITNESSES, terms.now_ms - ARCHIVED_AFTER_MS):
            asked += 1
            if await patience.ask(partial(account.order, symbol, order.client_order_id)) is not None:
                return 0
        for trade in own.trades(symbol, -1, limit=1):
            if await patience.ask(partial(account.fill, symbol, trade.trade_id)) is not None:
                return 0
    # A venue may not know an order by name for seconds after it took it, and list it all the same.
    for symbol in own.markets() if asked else ():
        listed = await patience.ask(partial(desk.venue.statements.orders, symbol, None))
        if own.orders_named(order.client_order_id for order in listed.rows):
            return 0
    return asked


async def begin_anew(desk: BooksDesk, patience: Patience, terms: Terms) -> None:
    """Open the books of the next epoch, on what the venue holds now."""
    snapshot = await patience.ask(desk.venue.account.snapshot)
    orders = await patience.ask(partial(desk.venue.account.open_orders, None))
    old = desk.account
    opening = Opening(
        balances=snapshot.balances,
        open_orders=orders,
        last_trade_ids={},
        server_time_ms=terms.now_ms,
        key_fingerprint=desk.venue.key_fingerprint,
    )
    desk.journal.open_account(old.venue, old.environment, old.host, old.uid, opening, epoch=old.epoch + 1)
