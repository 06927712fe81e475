"""Settle what is unsettled, and write down what a human decides where the venue's answers do not suffice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from core.account import AccountKey
from core.desk import Desk
from core.errors import ConfigError, OutcomeUnknown, Refused
from core.operations.asking import refuse_wrong_account
from core.operations.exposure import exposures
from core.operations.settle import Case, Tell, settle
from core.orders import (
    TERMINAL,
    Fill,
    IllegalTransition,
    OrderReport,
    OrderStatus,
    filled_notional,
    filled_quantity,
)

if TYPE_CHECKING:
    from core.journal import Journal, Order, Quarantine, UnsettledOrder


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator asked for. `order`: a client_order_id, None for all of the account.

    `reason`: a human's, confirmed; with it quarantines are released whose orders are all settled.
    `import_trades` and `write_off` decide about `order` and need a reason.
    """

    order: str | None = None
    wait_s: float = 60
    import_trades: tuple[int, ...] = ()
    write_off: bool = False
    reason: str | None = None


@dataclass(slots=True)
class ResolveResult:
    """Filled while it runs. `elsewhere`: what is unsettled on accounts that this command does not reach."""

    account: AccountKey | None = None
    asked: tuple[Case, ...] = ()
    orders: dict[str, Order] = field(default_factory=dict)
    imported: tuple[Fill, ...] = ()
    written_off: str | None = None
    released: list[str] = field(default_factory=list)
    unsettled: tuple[UnsettledOrder, ...] = ()
    quarantines: tuple[Quarantine, ...] = ()
    elsewhere: tuple[UnsettledOrder, ...] = ()

    def raise_if_unsettled(self) -> None:
        """Raise OutcomeUnknown UNSETTLED naming what is left, and what to do about it."""
        if not (self.unsettled or self.quarantines or self.elsewhere):
            return
        found = [
            f"{each.order.client_order_id} on {each.order.symbol}: {each.what}" for each in self.unsettled
        ]
        found += [f"{each.symbol} is quarantined: {each.reason}" for each in self.quarantines]
        found += [f"{each.order.client_order_id} on {each.order.account}" for each in self.elsewhere]
        raise OutcomeUnknown(
            f"left unsettled: {'; '.join(found)}",
            code="UNSETTLED",
            hint=self._way_out(),
            details={
                "unsettled": [each.order.client_order_id for each in self.unsettled],
                "quarantined": [each.symbol for each in self.quarantines],
                "elsewhere": [each.order.client_order_id for each in self.elsewhere],
            },
        )

    def _way_out(self) -> str:
        quarantined = {each.symbol for each in self.quarantines}
        doubtful = [each.order for each in self.unsettled if each.order.symbol in quarantined]
        if doubtful:
            return (
                "compare with the venue's page, then `trader resolve "
                f'{doubtful[0].client_order_id} --import-trades ID --reason "…"` or --write-off'
            )
        if self.unsettled:
            return "do not repeat the order; `trader resolve --wait 2m` asks longer"
        if self.quarantines:
            return 'every order is settled: `trader resolve --reason "…"` releases what is quarantined'
        return "run it with the settings of that account: TRADER_VENUE, BINANCE_USE_TESTNET, the key"


async def resolve(desk: Desk, wanted: Wanted, result: ResolveResult, tell: Tell | None = None) -> None:
    """Ask until everything is settled or the wait is over, then write down what the human decided.

    Raises ConfigError ORDER_UNKNOWN or WRONG_ACCOUNT, Refused NOT_UNSETTLED or TRADE_NOT_ASSIGNABLE, what the
    ports raise where trades are read, and what the journal raises.
    """
    journal = desk.journal
    result.account = desk.account
    try:
        order = None if wanted.order is None else known_order(journal, wanted.order)
        if order is not None and order.account != desk.account and not wanted.write_off:
            refuse_wrong_account(order.account, desk.account, desk.venue, desk.account.uid)
        result.asked = (await settle(desk, only=wanted.order, wait_s=wanted.wait_s, tell=tell)).asked
        if wanted.reason is not None:
            await _decide(desk, order, wanted, wanted.reason, result)
    finally:
        result.orders = {
            case.intent.client_order_id: known_order(journal, case.intent.client_order_id)
            for case in result.asked
        }
        result.unsettled = journal.unsettled(desk.account)
        result.quarantines = journal.quarantines(desk.account)
        others = [each for each in exposures(journal) if each.account != desk.account]
        result.elsewhere = tuple(order for each in others for order in each.unsettled)


def known_order(journal: Journal, name: str) -> Order:
    """Return an order of ours. Raises ConfigError ORDER_UNKNOWN."""
    order = journal.order(name)
    if order is None:
        raise ConfigError(
            f"the journal in {journal.home} has no order {name!r}",
            code="ORDER_UNKNOWN",
            hint="`trader status` names what is unsettled",
        )
    return order


async def _decide(
    desk: Desk, order: Order | None, wanted: Wanted, reason: str, result: ResolveResult
) -> None:
    if order is not None and wanted.import_trades:
        order = known_order(desk.journal, order.client_order_id)
        result.imported = await import_trades(desk, order, wanted.import_trades, reason)
    if order is not None and wanted.write_off:
        write_off(desk.journal, order, reason)
        result.written_off = order.client_order_id
    account = desk.account if order is None else order.account
    unsettled = {each.order.symbol for each in desk.journal.unsettled(account)}
    for each in desk.journal.quarantines(account):
        if each.symbol not in unsettled and (order is None or order.symbol == each.symbol):
            desk.journal.release_quarantine(account, each.symbol, reason)
            result.released.append(each.symbol)


async def import_trades(desk: Desk, order: Order, numbers: Sequence[int], reason: str) -> tuple[Fill, ...]:
    """Book trades on an order that a human says they are of. They are read from the venue, never typed.

    Raises Refused NOT_UNSETTLED for an order that needs none, TRADE_NOT_ASSIGNABLE for a trade that the
    account does not have, of another side, of an order that is still open, or of another order of ours.
    """
    if not (_is_unsettled(desk.journal, order) or desk.journal.is_quarantined(order.account, order.symbol)):
        raise _not_unsettled(order)
    fills: list[Fill] = []
    for number in numbers:
        fill = await desk.venue.account.fill(order.symbol, number)
        if fill is None:
            raise _not_assignable(f"the account has no trade {number} on {order.symbol}")
        if fill.side is not order.side:
            raise _not_assignable(f"trade {number} is a {fill.side}, {order.client_order_id} a {order.side}")
        fills.append(fill)
    reports = [
        await _made_by(desk, order, number, fills) for number in {fill.venue_order_id for fill in fills}
    ]
    for report in reports:
        if report.status not in TERMINAL:
            raise _not_assignable(
                f"order {report.venue_order_id} is still open at the venue: cancel it first"
            )
        named = report.client_order_id
        if named != order.client_order_id and desk.journal.order(named) is not None:
            raise _not_assignable(f"order {report.venue_order_id} is {named}, another order of ours")
    newest = max(reports, key=lambda report: report.venue_order_id)
    try:
        return desk.journal.record_imported(order.client_order_id, newest, fills, reason)
    except IllegalTransition as contradiction:
        raise _not_assignable(str(contradiction)) from contradiction


async def _made_by(desk: Desk, order: Order, venue_order_id: int, fills: Sequence[Fill]) -> OrderReport:
    """Return the order that made trades, as the venue tells; as its trades tell when it does not know it."""
    told = await desk.venue.account.order_by_id(order.symbol, venue_order_id)
    if told is not None:
        return told
    own = tuple(fill for fill in fills if fill.venue_order_id == venue_order_id)
    whole = filled_quantity(own) >= order.quantity
    return OrderReport(
        symbol=order.symbol,
        client_order_id=order.client_order_id,
        venue_order_id=venue_order_id,
        side=order.side,
        order_type=order.order_type,
        status=OrderStatus.FILLED if whole else OrderStatus.EXPIRED,
        quantity=order.quantity,
        price=order.intent.request.price or Decimal(0),
        executed_quantity=filled_quantity(own),
        executed_quote=filled_notional(own),
        ts_event_ms=max(fill.ts_event_ms for fill in own),
        fills=own,
    )


def write_off(journal: Journal, order: Order, reason: str) -> None:
    """Give an order up: an adjustment, and no fill. Raises Refused NOT_UNSETTLED when its fate is known."""
    try:
        journal.record_written_off(order.client_order_id, reason)
    except IllegalTransition:
        raise _not_unsettled(known_order(journal, order.client_order_id)) from None


def _is_unsettled(journal: Journal, order: Order) -> bool:
    return order.client_order_id in {each.order.client_order_id for each in journal.unsettled(order.account)}


def _not_unsettled(order: Order) -> Refused:
    return Refused(
        f"nothing about {order.client_order_id} is unsettled: it is {order.status}, "
        f"{order.executed_quantity} executed",
        code="NOT_UNSETTLED",
        hint='where `trader status` shows a quarantine that is left: `trader resolve --reason "…"` ends it',
    )


def _not_assignable(why: str) -> Refused:
    return Refused(
        why, code="TRADE_NOT_ASSIGNABLE", hint="nothing was booked; the venue's page shows the ids"
    )
