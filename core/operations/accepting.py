"""A human accepts breaks: as adjustments with a reason, or as trades that are read from the venue."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from core.errors import ConfigError
from core.ids import installation_of
from core.journal.reconciliations import KnownBreak, Reconciliations
from core.operations.books_desk import BooksDesk
from core.operations.reconcile_result import ReconcileResult
from core.orders import OrderReport
from core.reconciliation import BreakClass


async def accept(
    desk: BooksDesk, book: Reconciliations, names: Sequence[str], reason: str, result: ReconcileResult
) -> None:
    """Accept breaks by name, and with an order the trades that are breaks because of it.

    `names`: MISSING_LOCAL among them stands for all of that class, which are read from the venue.
    Raises ConfigError BREAK_UNKNOWN, and what reads raise.
    """
    known = {each.break_id: each for each in book.breaks() if each.is_open}
    chosen = [each for name in names for each in _named(known, name)]
    chosen += [each for first in chosen for each in known.values() if _is_part_of(each, first)]
    # Orders first, then trades as they happened: what was bought before it was sold costs what it cost.
    chosen.sort(key=lambda each: (each.found.symbol, each.found.trade_id or 0))
    accepted = {each.break_id: each for each in chosen}
    for each in accepted.values():
        booked = await _booked(desk, each, reason, result)
        book.accept(each, reason, booked=booked)
    result.accepted = tuple(accepted.values())


async def _booked(desk: BooksDesk, known: KnownBreak, reason: str, result: ReconcileResult) -> bool:
    """Book an order of ours or a trade of one, read from the venue, never typed; tell whether it was."""
    found = known.found
    if found.break_class is not BreakClass.MISSING_LOCAL:
        return False
    account, number = desk.venue.account, found.venue_order_id
    report = None if number is None else await account.order_by_id(found.symbol, number)
    if report is None or not _is_known(desk, report, reason):
        return False
    if found.trade_id is None:
        if report.executed_quantity.value == 0:  # otherwise its trades are accepted with it
            desk.journal.record_report(report.client_order_id, report)
        result.booked.append(f"{found.symbol} {report.client_order_id}")
        return True
    fill = await account.fill(found.symbol, found.trade_id)
    if fill is None:
        return False
    desk.journal.record_imported(report.client_order_id, report, [fill], reason)
    result.booked.append(f"{found.symbol} {found.trade_id}")
    return True


def _is_known(desk: BooksDesk, report: OrderReport, reason: str) -> bool:
    """Tell whether the journal has an order, adopting one that was sent after the backup it is made of."""
    journal, name = desk.journal, report.client_order_id
    if journal.order(name) is None:
        if installation_of(name) not in journal.restores.earlier(desk.account):
            return False
        journal.restores.adopt(desk.account, report, reason)
    return True


def is_named(known: KnownBreak, names: Collection[str]) -> bool:
    """Tell whether a break is meant by one of the names."""
    break_class = known.found.break_class
    return known.break_id in names or (break_class is BreakClass.MISSING_LOCAL and break_class in names)


def _named(known: Mapping[str, KnownBreak], name: str) -> list[KnownBreak]:
    found = [each for each in known.values() if each.found.break_class.is_break and is_named(each, (name,))]
    if not found:
        listed = ", ".join(known) or "none"
        raise ConfigError(
            f"no open break is called {name!r}; open: {listed}",
            code="BREAK_UNKNOWN",
            hint="`trader reconcile` names them",
        )
    return found


def _is_part_of(each: KnownBreak, order: KnownBreak) -> bool:
    """Tell whether a break is a trade of an order that is a break itself: accepting that accepts it."""
    found, whole = each.found, order.found
    same_order = (found.symbol, found.venue_order_id) == (whole.symbol, whole.venue_order_id)
    return same_order and whole.trade_id is None and whole.venue_order_id is not None
