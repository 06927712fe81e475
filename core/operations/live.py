"""What a run with real money does before it begins: it rehearses its order, and has a phrase typed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from core.account import AccountKey
from core.desk import RECV_WINDOW_MS, Access, Desk
from core.errors import TraderError
from core.gates import AccountFacts, GateFacts, StagePlan, closed, evaluate
from core.gates.live import LiveHistory, LiveRequest
from core.ids import client_order_id
from core.operations.observe import observe, risk_facts
from core.operations.progress import Progress
from core.orders import Intent, OrderRequest
from core.risk.approval import Denied
from core.risk.approve import approve
from core.risk.sizing import size_entry
from core.stages import EntryMode
from core.values import decimal_text

if TYPE_CHECKING:
    from core.journal import Journal

CONFIRMED = "LIVE_CONFIRMED"
ASKED_LAST = frozenset({"pre-flight", "phrase"})
REHEARSAL = 0
"""The sequence in a rehearsed order's name; the journal's begin with 1."""


def live_history(journal: Journal, account: AccountKey) -> dict[str, LiveHistory]:
    """Return what stage 2 traded on an account, by symbol."""
    found: dict[str, LiveHistory] = {}
    for each in journal.evidence():
        if each.stage == 2 and each.account == account:
            before = found.get(each.symbol)
            pnl = journal.position(account, each.symbol).realized.value
            trades = each.trades + (before.trades if before else 0)
            first_ms = min(each.first_fill_ms, before.first_fill_ms) if before else each.first_fill_ms
            found[each.symbol] = LiveHistory(trades, first_ms, pnl)
    return found


async def ask_for_money(
    access: Access,
    desk: Desk,
    facts: GateFacts,
    progress: Progress,
    look_again: Callable[[], Awaitable[AccountFacts]],
) -> GateFacts:
    """Add what is asked last, once every other gate is open: the rehearsal, then the phrase.

    Where somebody can type, the gates are shown first, and looked at again after: a human takes minutes, in
    which others may halt. Raises what reads raise.
    """
    account = facts.account
    if account is None or {gate.name for gate in closed(evaluate(facts))} - ASKED_LAST:
        return facts
    request = await _live_request(desk, facts.plan, access.phrase)
    asked = replace(facts, account=replace(account, live=request))
    gates = evaluate(asked)
    if request.typed is None and {gate.name for gate in closed(gates)} == {"phrase"}:
        progress.gates(gates)
        request = replace(request, typed=access.type_phrase(request.phrase))
        account = await look_again()
    return replace(facts, account=replace(account, live=request))


def record_confirmed(desk: Desk, facts: GateFacts) -> None:
    """Write the phrase down before anything is sent: from now on another one is asked for."""
    if facts.account is not None and facts.account.live is not None:
        desk.journal.record_note(CONFIRMED, desk.account, {"phrase": facts.account.live.phrase})


async def _live_request(desk: Desk, plan: StagePlan, typed: str | None) -> LiveRequest:
    instrument = await desk.venue.market_data.instrument(plan.symbol)
    facts = risk_facts(desk, instrument, await observe(desk, plan.symbol), dry_run=False)
    request = size_entry(facts, desk.limits, smallest=plan.entry is EntryMode.PROBE)
    rehearsed = refused = ""
    if not isinstance(request, Denied):
        verdict = approve(request, facts, desk.limits)
        request = verdict if isinstance(verdict, Denied) else request
    if isinstance(request, Denied):
        refused = f"{request.reason}: {request.message}"
    else:
        try:
            rates = await desk.venue.trading.rehearse(_rehearsal(desk, request))
            rate = decimal_text(rates.taker_rate * 100)
            price = decimal_text(request.price or Decimal(0))
            rehearsed = f"the venue takes {request.side} {request.quantity} at {price}, fee {rate} %"
        except TraderError as error:
            refused = error.message
    phrase = _phrase(desk, plan, instrument.quote_asset)
    return LiveRequest(phrase, typed, rehearsed, refused)


def _rehearsal(desk: Desk, request: OrderRequest) -> Intent:
    return Intent(
        client_order_id=client_order_id(desk.journal.installation_id, REHEARSAL),
        sequence=REHEARSAL,
        account=desk.account,
        request=request,
        timestamp_ms=desk.venue_now_ms(),
        recv_window_ms=RECV_WINDOW_MS,
        created_ms=desk.clock.now_ms(),
        dry_run=True,
    )


def _phrase(desk: Desk, plan: StagePlan, quote_asset: str) -> str:
    trades = "1 trade" if plan.trades == 1 else f"{plan.trades} trades"
    cap = f"cap {desk.settings.risk_max_order} {quote_asset}"
    key = f"…{desk.venue.key_ending}"
    return f"live {desk.venue.name} {key} {plan.symbol} {trades} {cap} {_word(desk)}"


def _word(desk: Desk) -> str:
    """Return four letters that stay the same until the next live run begins."""
    journal = desk.journal
    seed = f"{journal.installation_id} {desk.account} {journal.newest_of(CONFIRMED, desk.account)}"
    return base64.b32encode(hashlib.sha256(seed.encode()).digest())[:4].decode().lower()
