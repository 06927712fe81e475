"""How orders of unknown fate end: by what the venue said when it was asked, or by what a human decided."""

from __future__ import annotations

from collections.abc import Sequence

from core.account import AccountKey
from core.journal import outcomes, queries, recording
from core.journal import statements as sql
from core.journal.records import Order, Quarantine
from core.journal.store import Append, Store
from core.orders import (
    TERMINAL,
    Fill,
    IllegalTransition,
    OrderReport,
    OrderStatus,
    filled_notional,
    filled_quantity,
)

ASKS_AFTER_NEVER_ACCEPTED = 2


def never_accepted(store: Store, name: str, asked_ms: Sequence[int]) -> None:
    """Write down that the venue never had the order; saying it again changes nothing."""

    def body(append: Append) -> None:
        order = recording.known(store, name)
        if order.status is not OrderStatus.NEVER_ACCEPTED:
            outcomes.next_status(order.status, OrderStatus.NEVER_ACCEPTED)
            told = {"client_order_id": name, "asked_ms": list(asked_ms), "asks": ASKS_AFTER_NEVER_ACCEPTED}
            append("NEVER_ACCEPTED", str(order.account), told)

    store.write(body)


def asks_due(store: Store, account: AccountKey) -> tuple[Order, ...]:
    return queries.orders(store, sql.ASKS_DUE, (str(account),))


def asked_again(store: Store, name: str) -> None:
    def body(append: Append) -> None:
        append("ASKED_AGAIN", str(recording.known(store, name).account), {"client_order_id": name})

    store.write(body)


def late_find(store: Store, name: str, told: OrderReport) -> None:
    """Write down an order that the venue has after all; its symbol is quarantined in the same transaction.

    Raises IllegalTransition for an order that was not called NEVER_ACCEPTED.
    """

    def body(append: Append) -> None:
        order = recording.known(store, name)
        if order.status is not OrderStatus.NEVER_ACCEPTED:
            raise IllegalTransition(f"{name} is {order.status}: finding it is no surprise")
        account, symbol = str(order.account), order.symbol
        append(
            "LATE_FIND",
            account,
            {
                "client_order_id": name,
                "symbol": symbol,
                "venue_order_id": told.venue_order_id,
                "status": told.status,
                "executed_quantity": told.executed_quantity.value,
            },
        )
        reason = f"{name} was called never accepted, but the venue has it: {told.status}"
        append("QUARANTINED", account, {"symbol": symbol, "reason": reason})

    store.write(body)


def imported(
    store: Store, name: str, told: OrderReport, fills: Sequence[Fill], reason: str
) -> tuple[Fill, ...]:
    """Book trades read from the venue that a human assigned to an order; return those that are new.

    `told`: the venue's report of the order that made them. It may show another order than the one signed,
    even a larger one: that is what the human decided about. Raises IllegalTransition for a trade of another
    symbol, side or order.
    """

    def body(append: Append) -> tuple[Fill, ...]:
        order = recording.known(store, name)
        account = str(order.account)
        fresh = tuple(fill for fill in fills if not recording.is_recorded(store, order, fill))
        numbers = [fill.trade_id for fill in fills]
        append("IMPORTED", account, {"client_order_id": name, "trade_ids": numbers, "reason": reason})
        change = _change_by(store, order, told, fresh)
        for fill in fresh:
            append("FILL", account, outcomes.fill_payload(order, fill))
        append("REPORT", account, outcomes.report_payload(order, told, change))
        return fresh

    return store.write(body)


def _change_by(store: Store, order: Order, told: OrderReport, fresh: Sequence[Fill]) -> outcomes.Change:
    """Return what the order becomes: as much executed as is now recorded, or as the venue had said before."""
    every = (*queries.fills_of(store, order.client_order_id), *fresh)
    has_ended = order.status in TERMINAL
    status = order.status if has_ended else outcomes.next_status(order.status, told.status)
    if filled_quantity(every) > order.executed_quantity:
        return outcomes.change_to(
            order, status, filled_quantity(every), filled_notional(every), late=has_ended
        )
    return outcomes.change_to(order, status, order.executed_quantity, order.executed_quote, late=False)


def written_off(store: Store, name: str, reason: str) -> None:
    """Write down that a human stopped asking about an order: an adjustment, and no fill.

    What is recorded of it stands. Raises IllegalTransition when nothing about it is unsettled.
    """

    def body(append: Append) -> None:
        order = recording.known(store, name)
        if name not in {each.order.client_order_id for each in queries.unsettled(store, order.account)}:
            raise IllegalTransition(f"nothing about {name} is unsettled: it is {order.status}")
        append(
            "WRITTEN_OFF",
            str(order.account),
            {
                "client_order_id": name,
                "symbol": order.symbol,
                "side": order.side,
                "status": order.status,
                "quantity": order.quantity.value,
                "executed_quantity": order.executed_quantity.value,
                "filled_quantity": order.filled_quantity.value,
                "reason": reason,
            },
        )

    store.write(body)


def released(store: Store, account: AccountKey, symbol: str, reason: str) -> None:
    """Write down that a human released a symbol; one that is not quarantined is left alone."""

    def body(append: Append) -> None:
        if store.row(sql.QUARANTINE, (str(account), symbol)) is not None:
            append("QUARANTINE_RELEASED", str(account), {"symbol": symbol, "reason": reason})

    store.write(body)


def quarantines(store: Store, account: AccountKey) -> tuple[Quarantine, ...]:
    rows = store.rows(sql.QUARANTINES, (str(account),))
    return tuple(Quarantine(row["symbol"], row["reason"], row["since_ms"]) for row in rows)
