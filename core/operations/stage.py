"""Run a stage: pass its gates, prove venue, balance and strategy, trade, and record the evidence."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from core.decisions.book import Asked, DecisionBook
from core.desk import Access, Desk
from core.errors import GateClosed, Interrupted, ReconciliationBreak, TraderError
from core.gates import GATES, GateFacts, StagePlan, closed, evaluate
from core.ids import RandomBytes
from core.instrument import Instrument
from core.operations.gate_facts import account_facts
from core.operations.holding import Book, Holding, holding_at_start
from core.operations.live import ask_for_money, record_confirmed
from core.operations.market_view import recent_view, with_observed
from core.operations.positions import DUST_VALUE
from core.operations.progress import Progress, Step, limits_text, readings_text
from core.operations.protect import Guard
from core.operations.round_trip import sell
from core.operations.settle import settle
from core.operations.stage_result import SignalView, StageResult
from core.operations.stop_orders import protective_orders
from core.operations.trades import Trading, make_trades
from core.orders import OrderReport
from core.stages import EntryMode, Evidence, GateResult
from core.strategies.decision import FLAT
from core.strategies.market import Series
from core.strategies.self_test import self_test
from core.values import Money

if TYPE_CHECKING:
    from core.strategies import Strategy

GATE_CLOSED = "GATE_CLOSED"
BEFORE_THE_VENUE = ("settings",)
BEFORE_THE_KEY = ("settings", "environment")
"""Gates that are answered before a key is used; the others cannot be asked yet and do not count."""


async def run_stage(
    access: Access,
    plan: StagePlan,
    strategy: Strategy,
    progress: Progress,
    result: StageResult,
    random_bytes: RandomBytes,
) -> None:
    """Run one stage to its end.

    Raises Refused LEASE_HELD, GateClosed, ReconciliationBreak SELF_TEST_FAILED, WaitLimitReached (zero
    trades), Interrupted, PositionOpen, OutcomeUnknown, and what the order path raises.
    """
    _pass_gates_early(access, GateFacts(plan, access.settings), result, BEFORE_THE_VENUE)
    async with access.venue(plan.stage.environment) as venue:
        # A venue that is down proves nothing about itself; it is said to be down, not to be the live one.
        await venue.market_data.ping()
        _pass_gates_early(access, GateFacts(plan, access.settings, venue.host), result, BEFORE_THE_KEY)
        opening = access.desk(venue, symbol=plan.symbol, strategy=strategy, dry_run=plan.stage.dry_run)
        async with opening as opened:
            desk = _measured(opened, plan)
            with _sender(desk, plan):
                await _pass_gates_and_run(access, desk, plan, progress, result, random_bytes)


def _measured(desk: Desk, plan: StagePlan) -> Desk:
    """Let a run by signal with real orders rehearse what will bind it with real money."""
    if desk.is_live or plan.stage.dry_run or plan.entry is EntryMode.PROBE:
        return desk
    return replace(desk, rehearsal_since_ms=desk.venue_now_ms())


async def _pass_gates_and_run(
    access: Access,
    desk: Desk,
    plan: StagePlan,
    progress: Progress,
    result: StageResult,
    random_bytes: RandomBytes,
) -> None:
    if not plan.stage.dry_run:
        await settle(desk, tell=progress.note)
    look = partial(account_facts, desk, plan)
    first_look = await look()
    facts = GateFacts(plan, desk.settings, desk.venue.host, first_look)
    if desk.is_live:
        facts = await ask_for_money(access, desk, facts, progress, look)
    try:
        _pass_gates(facts, result)
    except GateClosed as refused:
        desk.journal.record_note(GATE_CLOSED, desk.account, _refusal(plan, refused))
        raise
    record_confirmed(desk, facts)
    # Of the code as it was when it began: an upgrade during a soak was not what made the trades.
    digests = (first_look.risk_digest, first_look.code_digest)
    evidence_id = f"ev{random_bytes(4).hex()}"
    decisions = DecisionBook(desk.journal, desk.account, evidence_id, plan, desk.strategy)
    prove = partial(_record_evidence, desk, plan, result, evidence_id, digests)
    await _run(desk, plan, progress, result, decisions, prove)


def _sender(desk: Desk, plan: StagePlan) -> AbstractContextManager[object]:
    """Hold the lease of the account while orders are placed; a dry run places none."""
    return nullcontext() if plan.stage.dry_run else desk.lease.acquired()


def _pass_gates_early(
    access: Access, facts: GateFacts, result: StageResult, counted: tuple[str, ...]
) -> None:
    """Answer the gates that need no account. Raises GateClosed; the refusal of real orders is journaled."""
    try:
        _pass_gates(facts, result, counted)
    except GateClosed as refused:
        if not facts.plan.stage.dry_run:
            with suppress(TraderError):  # a journal that cannot be written opens no gate
                access.note(GATE_CLOSED, _refusal(facts.plan, refused))
        raise


def _refusal(plan: StagePlan, refused: GateClosed) -> dict[str, object]:
    return {**refused.details, "symbol": plan.symbol, "why": refused.message}


def _pass_gates(facts: GateFacts, result: StageResult, counted: tuple[str, ...] | None = None) -> None:
    """Answer every gate; None means that all of them count.

    Raises GateClosed naming the first closed gate that counts, and all that are closed.
    """
    result.gates = evaluate(facts)
    names = GATES[facts.plan.stage.number] if counted is None else counted
    shut = closed(result.gates)
    counting = [gate for gate in shut if gate.name in names]
    if not counting:
        return
    # What failed says more than what was not asked because of it.
    first = min(counting, key=lambda gate: gate.result is not GateResult.FAIL)
    result.refused = True
    raise GateClosed(
        f"stage {facts.plan.stage.number} is closed by gate {first.name}: {first.detail}",
        hint=first.way_out or None,
        details={"stage": facts.plan.stage.number, "gates": [gate.name for gate in shut]},
    )


async def _run(
    desk: Desk,
    plan: StagePlan,
    progress: Progress,
    result: StageResult,
    decisions: DecisionBook,
    prove: Callable[[], None],
) -> None:
    instrument = await desk.venue.market_data.instrument(plan.symbol)
    progress.step(Step.REACHABLE, f"{desk.account.venue} {desk.venue.host.environment} API reachable")
    await _show_balance(desk, plan, instrument, progress, result)
    await _self_test(desk, plan, progress, result, decisions)
    result.audit_log = str(desk.journal.audit_log_path)
    desk.journal.record_note(
        "STAGE_STARTED",
        desk.account,
        {"stage": plan.stage.number, "symbol": plan.symbol, "trades": plan.trades, "entry": plan.entry},
    )
    holding = holding_at_start(desk, instrument, dry_run=plan.stage.dry_run)
    await _sell_left(desk, plan, holding, progress)
    deadline_ms = desk.clock.monotonic_ms() + plan.wait_limit_s * 1000
    try:
        await make_trades(Trading(desk, plan, progress, result, holding, deadline_ms, decisions))
    except Interrupted:
        if result.trades:
            prove()
        raise
    prove()
    orders = sum(1 + len(trade.exits) for trade in result.trades)
    progress.step(Step.AUDIT, f"{orders} orders and evidence {result.evidence_id} in {result.audit_log}")


async def _sell_left(desk: Desk, plan: StagePlan, holding: Holding, progress: Progress) -> None:
    """Sell what a killed command left, and take its stops away, before anything is bought.

    A stop that outlives its position would sell the next one.
    """
    book = Book(plan.stage.dry_run, {"stage": plan.stage.number})
    has_stops = desk.alone and not book.dry_run and bool(protective_orders(desk, plan.symbol))
    if not has_stops and holding.cost.value < DUST_VALUE:
        return
    quantity, sales = holding.quantity, list[OrderReport]()
    guard = Guard(desk, holding, book, entry_price=holding.average_cost)
    with desk.venue.budget.reducing():
        await sell(desk, guard, sales)
    progress.note(
        f"an earlier command left {quantity} of {plan.symbol}: "
        f"{len(guard.reports)} stop(s) taken away, {quantity - holding.quantity} sold"
    )


async def _show_balance(
    desk: Desk, plan: StagePlan, instrument: Instrument, progress: Progress, result: StageResult
) -> None:
    snapshot = await desk.venue.account.snapshot()
    result.free = Money(snapshot.free(instrument.quote_asset), instrument.quote_asset)
    progress.step(Step.BALANCE, f"{result.free} free{' in the dry-run book' if plan.stage.dry_run else ''}")


async def _self_test(
    desk: Desk, plan: StagePlan, progress: Progress, result: StageResult, decisions: DecisionBook
) -> None:
    market_data, news = desk.venue.market_data, desk.news()
    if news.problem:
        progress.note(news.problem)
    view = await recent_view(market_data, desk.strategy, Series(plan.symbol, plan.bar))
    if len(view.bars):
        view = await with_observed(
            view, desk.strategy, market_data, news.headlines, desk.clock, desk.clock_speed
        )
    tested = self_test(desk.strategy, view)
    if not tested.ok:
        raise ReconciliationBreak(
            f"the self-test of {plan.strategy} on {plan.symbol} {plan.bar} bars failed: {tested.detail}",
            code="SELF_TEST_FAILED",
            hint="no order was sent; try another TRADER_BAR or symbol",
            details={"reason": tested.reason},
        )
    view = view.last(desk.strategy.needs(view.traded))
    decision = desk.strategy.decide(view)
    decisions.record(Asked.SELF_TEST, view, FLAT, decision)
    result.signal = SignalView.of(plan.strategy, decision)
    progress.step(
        Step.SELF_TEST,
        f"{plan.strategy} passes its self-test on {tested.n_bars} {plan.bar} bars: {_shown(result.signal)}",
    )


def _shown(signal: SignalView) -> str:
    text = readings_text(signal.readings)
    return f"{text} ({limits_text(signal.limits)})" if signal.limits else text


def _record_evidence(
    desk: Desk, plan: StagePlan, result: StageResult, evidence_id: str, digests: tuple[str, str]
) -> None:
    """Write down what was proven. A run that failed proves nothing, whatever it did before."""
    trades = result.trades
    risk_digest, code_digest = digests
    evidence = Evidence(
        evidence_id=evidence_id,
        stage=plan.stage.number,
        account=desk.account,
        official_host=desk.venue.host.official,
        symbol=plan.symbol,
        strategy=plan.strategy,
        entry_mode=plan.entry,
        trades=len(trades),
        first_fill_ms=trades[0].entry.ts_event_ms,
        last_fill_ms=trades[-1].last_fill_ms,
        risk_digest=risk_digest,
        code_digest=code_digest,
        key_fingerprint=desk.key_fingerprint,
        checks={gate.name: str(gate.result) for gate in result.gates} | {"self-test": "pass"},
        created_ms=desk.clock.now_ms(),
    )
    desk.journal.record_evidence(evidence)
    result.evidence_id = evidence_id
