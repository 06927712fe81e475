"""Settle orders whose fate nobody knows: ask the venue, decide, and write down what became of them."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from core.desk import Asker, Bookkeeper, Desk, OrderJournal, Sender
from core.errors import ConfigError, VenueRejected, VenueUnavailable
from core.operations.asking import Questions
from core.orders import (
    TERMINAL,
    IllegalTransition,
    Intent,
    OrderReport,
    OrderType,
    TimeInForce,
    filled_quantity,
)
from core.resolver import (
    BACKOFF_MS,
    AskAgain,
    Found,
    NeverAccepted,
    Quarantine,
    Round,
    Verdict,
    ask_again,
    decide,
)

if TYPE_CHECKING:
    from core.journal import Quarantine as Quarantined
    from core.journal import UnsettledOrder

AT_ONCE_S: Final = 5.0
"""How long the command that sent an order asks before it leaves the order to others. Seconds of the wall."""
AT_START_S: Final = 15.0
"""How long a command that wants to send asks about what earlier ones left: two rounds of questions."""

NOT_ASKED: Final = AskAgain(0)

Tell = Callable[[str], None]


@dataclass(slots=True)
class Case:
    """One order that is asked about. `detail`: the last that was learned, for a human.

    `verdict`: None when another command has settled it meanwhile. `due_ms`: when to ask next, monotonic.
    """

    intent: Intent
    venue_order_id: int | None = None
    rounds: list[Round] = field(default_factory=list)
    failures: int = 0
    due_ms: float = 0
    verdict: Verdict | None = NOT_ASKED
    detail: str = "not asked yet"

    @property
    def is_over(self) -> bool:
        return not isinstance(self.verdict, AskAgain)


@dataclass(frozen=True, slots=True)
class SettleReport:
    """What was asked about, and what is left on the account."""

    asked: tuple[Case, ...]
    unsettled: tuple[UnsettledOrder, ...]
    quarantines: tuple[Quarantined, ...]


async def settle(
    desk: Desk, *, only: str | None = None, wait_s: float = AT_START_S, tell: Tell | None = None
) -> SettleReport:
    """Settle what earlier commands left on the desk's account, and ask how its open orders are.

    Asks at least once, and again while it is due within `wait_s` seconds of the wall and no stop is asked
    for. `only`: a client_order_id. `tell`: shows each step. Raises ConfigError WRONG_ACCOUNT, and what the
    journal raises.
    """
    journal, account = desk.journal, desk.account
    left = {each.order.client_order_id: each.order for each in journal.unsettled(account)}
    left |= {order.client_order_id: order for order in journal.open_orders(account)}
    cases = [Case(order.intent, order.venue_order_id) for name, order in left.items() if only in (None, name)]

    async def pause(seconds: float) -> bool:
        return await desk.stop.wait(desk.clock, seconds)

    await _ask_until(desk, cases, wait_s, pause, tell, partial(_is_settled_elsewhere, desk))
    return SettleReport(tuple(cases), journal.unsettled(account), journal.quarantines(account))


async def settle_order(desk: Sender, intent: Intent, *, wait_s: float = AT_ONCE_S) -> Case:
    """Settle one order that was just sent; a stop that is asked for does not end it. Raises as `settle`."""
    case = Case(intent)

    async def pause(seconds: float) -> bool:
        await desk.clock.sleep(seconds)
        return False

    await _ask_until(desk, [case], wait_s, pause, None, lambda intent: False)
    return case


async def ask_once_more(desk: Bookkeeper) -> tuple[Case, ...]:
    """Ask about the orders that the venue never accepted, as the next two reconciliations do.

    One that is found is recorded, alarms, and quarantines its symbol. Raises as `settle`, and what reads
    raise; what was not asked stays due.
    """
    questions = Questions(desk)
    cases = [Case(order.intent) for order in desk.journal.asks_due(desk.account)]
    for case in cases:
        case.rounds.append(await questions.ask(case.intent, None))
        case.verdict = decide(case.intent, None, case.rounds)
        match case.verdict:
            case Found(report):
                desk.journal.record_late_find(case.intent, report)
                if report.executed_quantity.value > 0:
                    desk.journal.record_report(case.intent, await _with_fills(desk, report))
                case.detail = f"found after all: {_said(report)}"
            case Quarantine(reason):
                _quarantine(desk.journal, case.intent, reason)
                case.detail = reason
            case _:
                desk.journal.record_asked_again(case.intent)
                case.detail = "not found again"
    return tuple(cases)


async def _ask_until(
    desk: Sender,
    cases: Sequence[Case],
    wait_s: float,
    pause: Callable[[float], Awaitable[bool]],
    tell: Tell | None,
    is_settled: Callable[[Intent], bool],
) -> None:
    clock, questions = desk.clock, Questions(desk)
    end_ms = clock.monotonic_ms() + wait_s * 1000 * desk.clock_speed
    while waiting := [case for case in cases if not case.is_over]:
        case = min(waiting, key=lambda each: each.due_ms)
        left_ms = case.due_ms - clock.monotonic_ms()
        if case.due_ms > end_ms or (left_ms > 0 and await pause(left_ms / 1000)):
            return
        if case.rounds and is_settled(case.intent):
            case.verdict, case.detail = None, "settled by another command"
        else:
            await _look(desk, questions, case)
        if tell is not None:
            tell(f"{case.intent.client_order_id} on {case.intent.request.symbol}: {case.detail}")


def _is_settled_elsewhere(desk: Desk, intent: Intent) -> bool:
    order = desk.journal.order(intent.client_order_id)
    return order is not None and order.status in TERMINAL and order.executed_quantity == order.filled_quantity


async def _look(desk: Sender, questions: Questions, case: Case) -> None:
    """Ask one round about an order, and write down what follows from it."""
    try:
        case.rounds.append(await questions.ask(case.intent, case.venue_order_id))
        case.verdict = decide(case.intent, case.venue_order_id, case.rounds)
        if isinstance(case.verdict, Found):
            await _adopt(desk, case, case.verdict.report)
    except VenueRejected as refusal:
        case.verdict = Quarantine(f"the venue does not tell: {refusal.message}")
    except IllegalTransition as contradiction:
        case.verdict = Quarantine(str(contradiction))
    except (VenueUnavailable, ConfigError) as trouble:
        if trouble.code == "WRONG_ACCOUNT":
            raise
        _wait_out(desk, case, trouble)
        return
    _write_down(desk, case)


def _wait_out(desk: Sender, case: Case, trouble: VenueUnavailable | ConfigError) -> None:
    """Ask later, or not at all where asking again cannot help."""
    pause_ms = BACKOFF_MS[min(case.failures, len(BACKOFF_MS) - 1)]
    case.failures += 1
    case.verdict, case.detail = NOT_ASKED, f"the venue could not be asked: {trouble.message}"
    is_lasting = isinstance(trouble, ConfigError) or trouble.code == "VENUE_BANNED"
    case.due_ms = math.inf if is_lasting else desk.clock.monotonic_ms() + pause_ms


async def _adopt(desk: Sender, case: Case, report: OrderReport) -> None:
    """Take a found order over, with its fills. Ask again while some are missing, or it should have ended."""
    case.venue_order_id = report.venue_order_id
    desk.journal.record_report(case.intent, report)
    if report.executed_quantity.value > 0:
        report = await _with_fills(desk, report)
        desk.journal.record_report(case.intent, report)
    case.verdict, case.detail = Found(report), _said(report)
    filled = filled_quantity(report.fills)
    if filled != report.executed_quantity:
        case.verdict = ask_again(case.rounds)
        case.detail = f"{_said(report)}, but the venue shows fills of {filled}"
    elif _is_immediate(case.intent) and report.status not in TERMINAL:
        case.verdict = ask_again(case.rounds)


async def _with_fills(desk: Asker, report: OrderReport) -> OrderReport:
    fills = await desk.venue.account.order_fills(report.symbol, report.venue_order_id)
    return replace(report, fills=fills)


def _is_immediate(intent: Intent) -> bool:
    request = intent.request
    is_market = request.order_type is OrderType.MARKET
    return is_market or request.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)


def _write_down(desk: Sender, case: Case) -> None:
    match case.verdict:
        case AskAgain(at_ms):
            last = case.rounds[-1]
            case.due_ms = desk.clock.monotonic_ms() + at_ms - last.answered_ms
            if not last.sightings:
                case.detail = "not found so far"
        case NeverAccepted(asked_ms):
            case.detail = "the venue never accepted it"
            try:
                desk.journal.record_never_accepted(case.intent, asked_ms)
            except IllegalTransition:
                case.verdict, case.detail = None, "settled by another command"
        case Quarantine(reason):
            case.detail = f"quarantined: {reason}"
            _quarantine(desk.journal, case.intent, reason)


def _quarantine(journal: OrderJournal, intent: Intent, reason: str) -> None:
    """Stop entries on the order's symbol; the same doubt is written down once."""
    symbol, reason = intent.request.symbol, f"{intent.client_order_id}: {reason}"
    known = {(each.symbol, each.reason) for each in journal.quarantines(intent.account)}
    if (symbol, reason) not in known:
        journal.quarantine(intent.account, symbol, reason)


def _said(report: OrderReport) -> str:
    return f"{report.status}, {report.executed_quantity} executed"
