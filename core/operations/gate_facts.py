"""Collect what the gates look at. Reads only; nothing is sent that could trade."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from core.account import Environment
from core.clock import iso_utc, utc_day
from core.desk import Desk
from core.drills.record import newest_drills
from core.errors import Refused
from core.gates import AccountFacts, StagePlan
from core.gates.reports import KeyReport
from core.mounts import why_lost
from core.operations.address import address_report
from core.operations.entry_check import foreign_among
from core.operations.live import live_history
from core.operations.observe import ALGO_TYPES, observe_for_entry, risk_facts
from core.orders import OrderStatus
from core.risk.sellable import smallest_entry
from core.risk.stop_sizing import stop_type
from core.values import Quote, notional

if TYPE_CHECKING:
    from core.journal import UnsettledOrder

LOOKS = 10
PAUSE_S = 0.2
ON_ITS_WAY_MS_MAX = 20_000
"""Longer than any request is waited for: an older intent belongs to a command that is gone."""


async def account_facts(desk: Desk, plan: StagePlan) -> AccountFacts:
    """Ask venue and journal. Raises what the ports raise, ConfigError SYMBOL_UNKNOWN above all."""
    await _let_others_finish(desk)
    instrument = await desk.venue.market_data.instrument(plan.symbol)
    dry_run = plan.stage.dry_run
    seen = await observe_for_entry(desk, instrument, dry_run=dry_run)
    facts = risk_facts(desk, instrument, seen, dry_run=dry_run)
    smallest = smallest_entry(facts, desk.limits, facts.best_ask)
    open_orders = await desk.venue.account.open_orders(None)
    open_stops = [each for each in open_orders if each.order_type in ALGO_TYPES]
    journal, account = desk.journal, desk.account
    books = journal.reconciliations(account)
    risk_digest, code_digest = desk.digests()
    return AccountFacts(
        account=account,
        now_ms=desk.clock.now_ms(),
        reading=desk.venue_clock.in_real_time,
        free_quote=facts.free_quote.value,
        quote_asset=instrument.quote_asset,
        smallest_order=notional(smallest, facts.best_ask),
        home_lost=why_lost(desk.settings.home) if desk.is_live else "",
        unsettled=tuple(
            f"{each.order.client_order_id} since {iso_utc(each.since_ms)}"
            for each in journal.unsettled(account)
        ),
        quarantined=journal.quarantined(account),
        breakers=facts.breakers,
        foreign_orders=foreign_among(desk, open_orders),
        stop_type=stop_type(instrument),
        open_stops=sum(each.symbol == plan.symbol for each in open_stops),
        stops_max=instrument.filters.algo_orders_max,
        trading_state=facts.trading_state,
        journal_findings=len(journal.verify()),
        reconciled=books.newest(),
        open_breaks=sum(each.is_open and each.found.break_class.is_break for each in books.breaks()),
        symbols=frozenset(books.own.markets()),
        evidence=journal.evidence(),
        drills=newest_drills(journal) if desk.is_live else {},
        risk_digest=risk_digest,
        code_digest=code_digest,
        key=await _key_report(desk),
        addresses=await address_report(desk.venue, journal, account, instrument.quote_asset),
        live_history=await live_history(desk),
        live=None,
        live_entries_today=journal.entries_today(account, utc_day(desk.venue_now_ms())),
        live_loss_today=Quote(facts.live_realized_loss_today.value + facts.live_unrealized_loss.value),
    )


async def _key_report(desk: Desk) -> KeyReport:
    """Ask the venue, the journal and this machine about the key. On a testnet only what is cheap is asked."""
    ask, known = desk.venue.key_administration, desk.journal.keys
    traces, others = desk.key_seen() if desk.is_live else ((), ())
    facts = await ask.key_facts()
    if facts is not None:
        with suppress(Refused):  # a journal that takes nothing is a finding of its own
            known.record_terms(
                desk.key_fingerprint, desk.account, facts.created_ms, facts.trading_authority_expires_ms
            )
    return KeyReport(
        facts=facts,
        status=await ask.account_status(),
        exposed=known.exposed().get(desk.key_fingerprint, ""),
        used_on_testnet=desk.is_live and Environment.TESTNET in known.environments_of(desk.key_fingerprint),
        traces=traces,
        other_homes=others,
        exposure_ms=known.last_exposure_ms(),
    )


async def _let_others_finish(desk: Desk) -> None:
    """Wait a moment while another command's order is on its way: it is no order of unknown fate yet."""
    for _ in range(LOOKS):
        waiting = [each for each in desk.journal.unsettled(desk.account) if _may_be_on_its_way(desk, each)]
        if not waiting or await desk.stop.wait(desk.clock, PAUSE_S):
            return


def _may_be_on_its_way(desk: Desk, unsettled: UnsettledOrder) -> bool:
    age_ms = (desk.clock.now_ms() - unsettled.since_ms) / desk.clock_speed
    return unsettled.order.status is OrderStatus.INITIALIZED and 0 <= age_ms < ON_ITS_WAY_MS_MAX
