"""The one way to the venue: approve, write the intent to disk, send it once, write down what came back."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace

from core.desk import RECV_WINDOW_MS, Desk, Sender
from core.errors import ConfigError, OutcomeUnknown, Refused, TraderError, VenueRejected, VenueUnavailable
from core.operations.settle import settle_order
from core.orders import (
    AT_VENUE,
    TERMINAL,
    IllegalTransition,
    Intent,
    OrderReport,
    OrderRequest,
    SendOnce,
    filled_quantity,
)
from core.resolver import Found, NeverAccepted
from core.risk.approval import Approved, Denied
from core.risk.approve import approve
from core.risk.facts import RiskFacts
from core.stages import TradingState

INTENT_AGE_MS_MAX = 1_000
"""An older intent may have slept with the laptop; its price and timestamp mean nothing any more."""


async def place(
    desk: Sender, request: OrderRequest, facts: RiskFacts, *, dry_run: bool, context: Mapping[str, object]
) -> OrderReport:
    """Send one order and return what the venue said of it.

    `context`: stage, Λ and Γ, for the audit log. Raises RiskDenied (nothing was sent), VenueRejected,
    VenueUnavailable (provably not sent), Refused INTENT_ABANDONED, or OutcomeUnknown (never send again).
    """
    approved = _approved(desk, request, facts, dry_run=dry_run, context=context)
    _refuse_old_facts(desk, facts)
    born_ms = desk.clock.monotonic_ms()
    permission = desk.journal.record_intent(
        approved,
        desk.account,
        timestamp_ms=desk.venue_now_ms(),
        recv_window_ms=RECV_WINDOW_MS,
        dry_run=dry_run,
        context=context,
    )
    try:
        with desk.lease.request():
            _abandon_unless_still_wanted(desk, (permission.intent,), born_ms)
            return await _send(desk, permission)
    except OutcomeUnknown as unknown:
        return await _learn(desk, permission.intent, unknown)


async def place_pair(
    desk: Desk,
    stop: OrderRequest,
    target: OrderRequest,
    facts: RiskFacts,
    *,
    dry_run: bool,
    context: Mapping[str, object],
) -> tuple[OrderReport, OrderReport]:
    """Send a stop and a target over the same quantity as one order list; return what the venue said of both.

    Both are approved and on disk before the one request. Raises as `place`: it reached the venue whole or not
    at all.
    """
    first_approved = _approved(desk, stop, facts, dry_run=dry_run, context=context)
    second_approved = _approved(desk, target, facts, dry_run=dry_run, context=context)
    _refuse_old_facts(desk, facts)
    born_ms = desk.clock.monotonic_ms()
    permissions = desk.journal.record_pair(
        first_approved,
        second_approved,
        desk.account,
        timestamp_ms=desk.venue_now_ms(),
        recv_window_ms=RECV_WINDOW_MS,
        dry_run=dry_run,
        context=context,
    )
    first, second = (permission.intent for permission in permissions)
    try:
        with desk.lease.request():
            _abandon_unless_still_wanted(desk, (first, second), born_ms)
            return await _send_pair(desk, *permissions)
    except OutcomeUnknown as unknown:
        return await _learn_pair(desk, first, second, unknown)


def _approved(
    desk: Sender, request: OrderRequest, facts: RiskFacts, *, dry_run: bool, context: Mapping[str, object]
) -> Approved:
    verdict = approve(request, facts, desk.limits)
    if isinstance(verdict, Denied):
        desk.journal.record_denied(
            desk.account, request, verdict.reason, verdict.message, dry_run=dry_run, context=context
        )
        raise verdict.as_error()
    return verdict


async def _send_pair(desk: Desk, stop: SendOnce, target: SendOnce) -> tuple[OrderReport, OrderReport]:
    intents = (stop.intent, target.intent)
    try:
        reports = await desk.venue.trading.submit_pair(stop, target)
    except BaseException as failure:
        for intent in intents:
            with contextlib.suppress(TraderError, IllegalTransition):
                _write_failure(desk, intent, failure)
        raise
    first, second = [
        await _write_answer(desk, intent, report) for intent, report in zip(intents, reports, strict=True)
    ]
    return first, second


async def _learn_pair(
    desk: Desk, stop: Intent, target: Intent, unknown: OutcomeUnknown
) -> tuple[OrderReport, OrderReport]:
    """As `_learn`, of both orders, whatever the first brings; unknown goes before never accepted."""
    found: list[OrderReport] = []
    failures: list[TraderError] = []
    for intent in (stop, target):
        try:
            found.append(await _learn(desk, intent, unknown))
        except TraderError as failure:
            failures.append(failure)
    if failures:
        raise min(failures, key=lambda failure: not isinstance(failure, OutcomeUnknown))
    first, second = found
    return first, second


async def _send(desk: Sender, permission: SendOnce) -> OrderReport:
    intent = permission.intent
    try:
        report = await desk.venue.trading.submit(permission)
    except BaseException as failure:
        # When the journal cannot take it, the intent stays unsettled there; what the venue said goes first.
        # Another command may have settled it meanwhile: what that one wrote stands.
        with contextlib.suppress(TraderError, IllegalTransition):
            _write_failure(desk, intent, failure)
        raise
    return await _write_answer(desk, intent, report)


def _write_failure(desk: Sender, intent: Intent, failure: BaseException) -> None:
    journal = desk.journal
    match failure:
        case VenueRejected():
            journal.record_rejected(intent, failure.venue_code, failure.message)
        case VenueUnavailable(details={"sent": False}):
            journal.record_abandoned(intent, failure.message)
        case VenueUnavailable() | ConfigError():
            journal.record_rejected(intent, 0, failure.message)
        case _ if intent.dry_run:
            journal.record_abandoned(intent, f"nothing is ever placed in a dry run: {type(failure).__name__}")
        case OutcomeUnknown():
            journal.record_unknown(intent, failure.message)
        case _:
            # Cancellation or a bug in mid-request: it may be at the venue all the same.
            journal.record_unknown(intent, type(failure).__name__)


async def _write_answer(desk: Sender, intent: Intent, report: OrderReport) -> OrderReport:
    """Write down what the venue said, ask for fills it left out, and return all of it.

    Raises OutcomeUnknown when an order that cannot rest is not over, or when not all of it could be
    learned and written.
    """
    try:
        desk.journal.record_report(intent, report)
        if filled_quantity(report.fills) < report.executed_quantity:
            fills = await desk.venue.account.order_fills(report.symbol, report.venue_order_id)
            report = replace(report, fills=fills)
            desk.journal.record_report(intent, report)
    except (TraderError, IllegalTransition) as failure:
        if intent.dry_run:
            raise
        said = f"{report.status}, {report.executed_quantity} executed"
        raise OutcomeUnknown(f"the venue answered {said}, but {failure}") from failure
    has_arrived = report.status in TERMINAL or (intent.request.may_rest and report.status in AT_VENUE)
    if not has_arrived or filled_quantity(report.fills) != report.executed_quantity:
        raise OutcomeUnknown(
            f"the venue calls an immediate order {report.status}, with {report.executed_quantity} executed "
            f"and fills of {filled_quantity(report.fills)}"
        )
    return report


async def _learn(desk: Sender, intent: Intent, unknown: OutcomeUnknown) -> OrderReport:
    """Ask what became of an order, for a few seconds; return what a clean reply would have told.

    Raises OutcomeUnknown when that is not enough, VenueUnavailable when the venue never accepted it.
    """
    if intent.dry_run:
        raise _unknown(intent, unknown) from unknown
    try:
        case = await settle_order(desk, intent)
    except TraderError as failure:
        raise _unknown(intent, unknown, f"asking what became of it failed: {failure}") from unknown
    match case.verdict:
        case Found(report):
            return report
        case NeverAccepted():
            raise VenueUnavailable(
                f"{unknown.message}; asked since, the venue never accepted {intent.client_order_id}",
                hint="nothing was executed",
                details={"client_order_id": intent.client_order_id},
            ) from unknown
    raise _unknown(intent, unknown, case.detail) from unknown


def _unknown(intent: Intent, unknown: OutcomeUnknown, learned: str = "") -> OutcomeUnknown:
    request = intent.request
    order = f"{request.side} {request.quantity} {request.symbol} ({intent.client_order_id})"
    return OutcomeUnknown(
        f"{order}: {unknown.message}{learned and f'; {learned}'}",
        hint="do not send it again; `trader resolve` asks what became of it",
        details={**unknown.details, "client_order_id": intent.client_order_id},
    )


def _refuse_old_facts(desk: Sender, facts: RiskFacts) -> None:
    """Raise Refused when the rules judged a moment that is gone: the machine slept, or its clock was set."""
    age_ms = (desk.clock.now_ms() - facts.now_ms) / desk.clock_speed
    if abs(age_ms) > INTENT_AGE_MS_MAX:
        raise Refused(
            f"the approval rests on facts {age_ms:.0f} ms old, {INTENT_AGE_MS_MAX} ms is the limit",
            code="INTENT_ABANDONED",
        )


def _abandon_unless_still_wanted(desk: Sender, intents: tuple[Intent, ...], born_ms: float) -> None:
    age_ms = (desk.clock.monotonic_ms() - born_ms) / desk.clock_speed
    state = desk.journal.trading_state(desk.account)
    reason, intent = None, intents[0]
    if age_ms > INTENT_AGE_MS_MAX:
        reason = f"the intent is {age_ms:.0f} ms old, {INTENT_AGE_MS_MAX} ms is the limit"
    elif not (intent.dry_run or desk.lease.is_held()):
        reason = desk.lease.why_not_held()
    elif state is TradingState.HALTED and not intent.request.purpose.is_emergency:
        reason = "trading was halted meanwhile"
    elif state is TradingState.REDUCING and intent.request.purpose.increases_risk:
        reason = "trading was set to REDUCING meanwhile"
    if reason:
        for each in intents:
            desk.journal.record_abandoned(each, reason)
        raise Refused(f"{intent.client_order_id} was not sent: {reason}", code="INTENT_ABANDONED")
