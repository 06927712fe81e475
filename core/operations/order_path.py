"""The one way to the venue: approve, write the intent to disk, send it once, write down what came back."""

from __future__ import annotations

from collections.abc import Mapping

from core.desk import RECV_WINDOW_MS, Desk
from core.errors import ConfigError, OutcomeUnknown, Refused, VenueRejected, VenueUnavailable
from core.orders import Intent, OrderReport, OrderRequest, Purpose
from core.risk.approval import Denied
from core.risk.approve import approve
from core.risk.facts import RiskFacts
from core.stages import TradingState

INTENT_AGE_MS_MAX = 1_000
"""An older intent may have slept with the laptop; its price and timestamp mean nothing any more."""


async def place(
    desk: Desk, request: OrderRequest, facts: RiskFacts, *, dry_run: bool, context: Mapping[str, object]
) -> OrderReport:
    """Send one order and return what the venue said of it.

    `context`: stage, Λ and Γ, for the audit log. Raises RiskDenied (nothing was sent), VenueRejected,
    VenueUnavailable (provably not sent), Refused INTENT_ABANDONED, or OutcomeUnknown (never send again).
    """
    verdict = approve(request, facts, desk.limits)
    if isinstance(verdict, Denied):
        desk.journal.record_denied(
            desk.account, request, verdict.reason, verdict.message, dry_run=dry_run, context=context
        )
        raise verdict.as_error()
    born_ms = desk.clock.monotonic_ms()
    permission = desk.journal.record_intent(
        verdict,
        desk.account,
        timestamp_ms=desk.venue_now_ms(),
        recv_window_ms=RECV_WINDOW_MS,
        dry_run=dry_run,
        context=context,
    )
    intent = permission.intent
    _abandon_unless_still_wanted(desk, intent, born_ms)
    try:
        report = await desk.venue.trading.submit(permission)
    except VenueUnavailable as failure:
        if failure.code == "VENUE_UNREACHABLE":
            desk.journal.record_abandoned(intent, failure.message)
        else:
            desk.journal.record_rejected(intent, 0, failure.message)
        raise
    except (VenueRejected, ConfigError) as no:
        code = no.venue_code if isinstance(no, VenueRejected) else 0
        desk.journal.record_rejected(intent, code, no.message)
        raise
    except OutcomeUnknown as unknown:
        desk.journal.record_unknown(intent, unknown.message)
        raise
    except BaseException as failure:
        # Cancellation or a bug in mid-request: it may be at the venue all the same.
        desk.journal.record_unknown(intent, type(failure).__name__)
        raise
    desk.journal.record_report(intent, report)
    return report


def _abandon_unless_still_wanted(desk: Desk, intent: Intent, born_ms: float) -> None:
    age_ms = desk.clock.monotonic_ms() - born_ms
    state = desk.journal.trading_state(desk.account)
    reason = None
    if age_ms > INTENT_AGE_MS_MAX:
        reason = f"the intent is {age_ms:.0f} ms old, {INTENT_AGE_MS_MAX} ms is the limit"
    elif state is TradingState.HALTED and intent.request.purpose is not Purpose.FLATTEN:
        reason = "trading was halted meanwhile"
    elif state is TradingState.REDUCING and intent.request.purpose.increases_risk:
        reason = "trading was set to REDUCING meanwhile"
    if reason:
        desk.journal.record_abandoned(intent, reason)
        raise Refused(f"{intent.client_order_id} was not sent: {reason}", code="INTENT_ABANDONED")
