"""Collect what the gates look at. Reads only; nothing is sent that could trade."""

from __future__ import annotations

from core.clock import utc_day
from core.desk import Desk
from core.gates import AccountFacts, StagePlan
from core.operations.observe import observe, risk_facts
from core.risk.sellable import smallest_entry
from core.values import Quote, notional


async def account_facts(desk: Desk, plan: StagePlan) -> AccountFacts:
    """Ask venue and journal. Raises what the ports raise, ConfigError SYMBOL_UNKNOWN above all."""
    instrument = await desk.venue.market_data.instrument(plan.symbol)
    facts = risk_facts(desk, instrument, await observe(desk, plan.symbol), dry_run=plan.stage.dry_run)
    smallest = smallest_entry(facts, desk.limits, facts.best_ask)
    journal, account = desk.journal, desk.account
    risk_digest, code_digest = desk.digests()
    return AccountFacts(
        account=account,
        now_ms=desk.clock.now_ms(),
        reading=desk.reading,
        free_quote=facts.free_quote.value,
        quote_asset=instrument.quote_asset,
        smallest_order=notional(smallest, facts.best_ask),
        unsettled=len(journal.unsettled(account)),
        quarantined=journal.quarantined(account),
        trading_state=facts.trading_state,
        journal_findings=len(journal.verify()),
        evidence=journal.evidence(),
        risk_digest=risk_digest,
        code_digest=code_digest,
        live_entries_today=journal.entries_today(account, utc_day(desk.venue_now_ms())),
        live_loss_today=Quote(facts.live_realized_loss_today.value + facts.live_unrealized_loss.value),
    )
