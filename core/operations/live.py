"""What a run with real money does before it begins: it rehearses its order, and has a phrase typed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal

from core.desk import RECV_WINDOW_MS, Access, Desk
from core.errors import ConfigError, TraderError
from core.gates import AccountFacts, GateFacts, StagePlan, closed, evaluate
from core.gates.reports import LiveHistory, LiveRequest
from core.ids import client_order_id
from core.operations.observe import observe_for_entry, risk_facts
from core.operations.progress import Progress
from core.orders import Intent, OrderRequest
from core.risk.approval import Denied
from core.risk.approve import approve
from core.risk.sizing import size_entry
from core.stages import EntryMode, Gate, GateResult
from core.values import EXACT, decimal_text

CONFIRMED = "LIVE_CONFIRMED"
PHRASE_DUE = Gate("phrase", GateResult.UNAVAILABLE, "asked for now")
ASKED_LAST = frozenset({"pre-flight", PHRASE_DUE.name})
REHEARSAL = 0
"""The sequence in a rehearsed order's name; the journal's begin with 1."""


async def live_history(desk: Desk) -> dict[str, LiveHistory]:
    """Return what stage 2 traded on the account, by symbol. Raises what reads raise."""
    live = [each for each in desk.journal.evidence() if each.stage == 2 and each.account == desk.account]
    return {
        symbol: LiveHistory(
            trades=sum(each.trades for each in live if each.symbol == symbol),
            first_fill_ms=min(each.first_fill_ms for each in live if each.symbol == symbol),
            pnl=await _earned(desk, symbol),
        )
        for symbol in dict.fromkeys(each.symbol for each in live)
    }


async def _earned(desk: Desk, symbol: str) -> Decimal:
    """Return what was earned on a symbol, less fees in third assets at today's price; no profit is shown
    where such a fee has no price.
    """
    position, market = desk.journal.position(desk.account, symbol), desk.venue.market_data
    earned = position.realized.value
    instrument = await market.instrument(symbol)
    for asset, fee in position.fees.items():
        if asset not in (instrument.base_asset, instrument.quote_asset):
            try:
                price = await market.average_price(f"{asset}{instrument.quote_asset}")
            except ConfigError:
                return min(earned, Decimal(0))
            earned = EXACT.subtract(earned, EXACT.multiply(fee, price))
    return earned


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
    if request.typed is None and {gate.name for gate in closed(gates)} == {PHRASE_DUE.name}:
        progress.gates([PHRASE_DUE if gate.name == PHRASE_DUE.name else gate for gate in gates])
        request = replace(request, typed=access.type_phrase(request.phrase))
        account = await look_again()
    return replace(facts, account=replace(account, live=request))


def record_confirmed(desk: Desk, facts: GateFacts) -> None:
    """Write the phrase down before anything is sent: from now on another one is asked for."""
    if facts.account is not None and facts.account.live is not None:
        desk.journal.record_note(CONFIRMED, desk.account, {"phrase": facts.account.live.phrase})


async def _live_request(desk: Desk, plan: StagePlan, typed: str | None) -> LiveRequest:
    instrument = await desk.venue.market_data.instrument(plan.symbol)
    seen = await observe_for_entry(desk, instrument, dry_run=False)
    facts = risk_facts(desk, instrument, seen, dry_run=False)
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
