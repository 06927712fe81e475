"""Run a stage: pass its gates, prove venue, balance and strategy, trade, and record the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.desk import Access, Desk
from core.errors import GateClosed, Interrupted, ReconciliationBreak, TraderError, WaitLimitReached
from core.gates import GateFacts, StagePlan, closed, evaluate
from core.ids import RandomBytes
from core.instrument import Instrument
from core.operations.gate_facts import account_facts
from core.operations.progress import Progress, Step
from core.operations.round_trip import Book, OpenTrade, Trade, enter, leave
from core.operations.watch import Watch, recent_bars
from core.orders import OrderReport
from core.risk.facts import NewestBar
from core.stages import EntryMode, Evidence, Gate
from core.values import Money, decimal_text

if TYPE_CHECKING:
    from core.strategies.decision import Decision, Strategy


@dataclass(frozen=True, slots=True)
class SignalView:
    """What the strategy says at one bar. `enter` and `exit`: the limits of Γ."""

    strategy: str
    lambda_: float | None
    gamma: float | None
    enter: float
    exit: float

    @classmethod
    def of(cls, strategy: str, decision: Decision) -> SignalView:
        return cls(strategy, decision.lambda_, decision.gamma, decision.enter, decision.exit)


@dataclass(slots=True)
class StageResult:
    """Filled while the stage runs, so that a refused or broken run still shows how far it came."""

    plan: StagePlan
    gates: tuple[Gate, ...] = ()
    free: Money | None = None
    signal: SignalView | None = None
    trades: list[Trade] = field(default_factory=list)
    evidence_id: str | None = None
    audit_log: str | None = None


async def run_stage(
    access: Access,
    plan: StagePlan,
    strategy: Strategy,
    progress: Progress,
    result: StageResult,
    random_bytes: RandomBytes,
) -> None:
    """Run one stage to its end.

    Raises GateClosed, ReconciliationBreak SELF_TEST_FAILED, WaitLimitReached (zero trades), Interrupted,
    PositionOpen, OutcomeUnknown, and what the order path raises.
    """
    _pass_gates(GateFacts(plan, access.settings), result, of_settings=True)
    async with access.venue(plan.stage.environment) as venue:
        _pass_gates(GateFacts(plan, access.settings, venue.host), result, of_settings=True)
        opening = access.desk(venue, symbol=plan.symbol, strategy=strategy, dry_run=plan.stage.dry_run)
        async with opening as desk:
            account = await account_facts(desk, plan)
            try:
                _pass_gates(GateFacts(plan, access.settings, venue.host, account), result)
            except GateClosed as refused:
                desk.journal.record_note("GATE_CLOSED", desk.account, refused.details)
                raise
            await _run(desk, plan, progress, result, random_bytes)


def _pass_gates(facts: GateFacts, result: StageResult, *, of_settings: bool = False) -> None:
    """Answer every gate. `of_settings`: only a gate that failed closes; the others were not asked yet.

    Raises GateClosed naming the first closed gate and all of them.
    """
    result.gates = evaluate(facts)
    shut = [gate for gate in closed(result.gates) if gate.way_out or not of_settings]
    if of_settings:
        known = ("settings", "environment")
        shut = [gate for gate in shut if gate.name in known]
    if not shut:
        return
    first = shut[0]
    raise GateClosed(
        f"stage {facts.plan.stage.number} is closed by gate {first.name}: {first.detail}",
        hint=first.way_out or None,
        details={"gates": [gate.name for gate in closed(result.gates)]},
    )


@dataclass(slots=True)
class _Run:
    desk: Desk
    plan: StagePlan
    progress: Progress
    result: StageResult
    instrument: Instrument
    watch: Watch
    deadline_ms: float


async def _run(
    desk: Desk, plan: StagePlan, progress: Progress, result: StageResult, random_bytes: RandomBytes
) -> None:
    await desk.venue.market_data.ping()
    instrument = await desk.venue.market_data.instrument(plan.symbol)
    progress.step(Step.REACHABLE, f"{desk.account.venue} {desk.venue.host.environment} API reachable")
    await _show_balance(desk, plan, instrument, progress, result)
    await _self_test(desk, plan, progress, result)
    result.audit_log = str(desk.journal.audit_log_path)
    desk.journal.record_note(
        "STAGE_STARTED",
        desk.account,
        {"stage": plan.stage.number, "symbol": plan.symbol, "trades": plan.trades, "entry": plan.entry},
    )
    deadline_ms = desk.clock.monotonic_ms() + plan.wait_limit_s * 1000
    run = _Run(desk, plan, progress, result, instrument, Watch(desk, plan, progress), deadline_ms)
    try:
        await _trade(run)
    finally:
        if result.trades:
            result.evidence_id = _record_evidence(run, random_bytes)
    orders = sum(1 + len(trade.exits) for trade in result.trades)
    progress.step(Step.AUDIT, f"{orders} orders and evidence {result.evidence_id} in {result.audit_log}")


async def _show_balance(
    desk: Desk, plan: StagePlan, instrument: Instrument, progress: Progress, result: StageResult
) -> None:
    snapshot = await desk.venue.account.snapshot()
    result.free = Money(snapshot.free(instrument.quote_asset), instrument.quote_asset)
    progress.step(Step.BALANCE, f"{result.free} free{' in the dry-run book' if plan.stage.dry_run else ''}")


async def _self_test(desk: Desk, plan: StagePlan, progress: Progress, result: StageResult) -> None:
    bars = await recent_bars(desk, plan)
    tested = desk.strategy.self_test(bars)
    if not tested.ok:
        raise ReconciliationBreak(
            f"the self-test of {plan.strategy} on {plan.symbol} {plan.bar} bars failed: {tested.detail}",
            code="SELF_TEST_FAILED",
            hint="no order was sent; try another TRADER_BAR or symbol",
            details={"reason": tested.reason},
        )
    result.signal = SignalView.of(plan.strategy, desk.strategy.decide(bars, None))
    progress.step(
        Step.SELF_TEST,
        f"{plan.strategy} passes its self-test on {tested.n_bars} {plan.bar} bars: {_field(result.signal)}",
    )


def _field(signal: SignalView) -> str:
    if signal.lambda_ is None or signal.gamma is None:
        return "Λ and Γ undefined"
    limits = f"enter above {signal.enter}, leave below {signal.exit}"
    return f"Λ {signal.lambda_:+.4f}, Γ {signal.gamma:.4f} ({limits})"


async def _trade(run: _Run) -> None:
    plan, stop = run.plan, run.desk.stop
    for number in range(1, plan.trades + 1):
        book, opened = await _enter(run, number)
        if opened is None:
            break
        failure = await _hold(run, book)
        trade = await leave(run.desk, run.instrument, book, opened)
        run.result.trades.append(trade)
        run.progress.step(Step.TRADE, _trade_line(run, number, trade))
        if failure:
            raise failure
    if stop.asked:
        raise Interrupted(f"stopped by {stop.reason}: nothing is open, nothing is unsettled")
    if not run.result.trades:
        raise WaitLimitReached(
            f"no entry signal on {plan.symbol} within {plan.wait_limit_s:g} s: zero trades pass no stage",
            hint="wait longer with --wait, or exercise the order path now with --entry probe",
        )


async def _enter(run: _Run, number: int) -> tuple[Book, OpenTrade | None]:
    """Open the next trade; None when the wait ended without one, or a stop was asked for."""
    plan, desk = run.plan, run.desk
    bar: NewestBar | None = None
    signal = run.result.signal
    if plan.entry is EntryMode.SIGNAL:
        word = await run.watch.for_entry(run.deadline_ms)
        if word is not None:
            bar, signal = word.bar, SignalView.of(plan.strategy, word.decision)
        wanted = word is not None
    else:
        pause_s = plan.soak_s / (plan.trades - 1) if number > 1 else 0.0
        wanted = not await run.watch.pause(pause_s, f"soaking for {plan.soak_s:g} s")
    book = Book(plan.stage.dry_run, _audit_context(plan, signal))
    if not wanted or desk.stop.asked:
        return book, None
    # The first orders with real money are the smallest that can be sold again.
    smallest = desk.is_live and plan.entry is EntryMode.PROBE
    return book, await enter(desk, run.instrument, book, bar=bar, smallest=smallest)


def _audit_context(plan: StagePlan, signal: SignalView | None) -> Mapping[str, object]:
    def text(value: float | None) -> str | None:
        return None if value is None else f"{value:.8f}"

    return {
        "stage": plan.stage.number,
        "lambda": text(signal.lambda_) if signal else None,
        "gamma": text(signal.gamma) if signal else None,
    }


async def _hold(run: _Run, book: Book) -> TraderError | None:
    """Hold the position as long as the strategy says. A failure is returned: the position is sold first."""
    if run.plan.entry is EntryMode.PROBE:
        return None
    try:
        await run.watch.for_exit(run.deadline_ms, book.dry_run)
    except TraderError as failure:
        return failure
    return None


def _trade_line(run: _Run, number: int, trade: Trade) -> str:
    plan, instrument = run.plan, run.instrument
    orders = ", ".join(str(order.venue_order_id) for order in (trade.entry, *trade.exits))
    dust = f", dust {trade.dust} {instrument.base_asset}" if trade.dust.value else ""
    return (
        f"{number}/{plan.trades} {'dry-run ' if plan.stage.dry_run else ''}{plan.symbol}: "
        f"bought {_filled(trade.entry)}, sold {' + '.join(_filled(order) for order in trade.exits)}, "
        f"P&L {decimal_text(trade.pnl.value)} {instrument.quote_asset} after fees{dust}; orders {orders}"
    )


def _filled(order: OrderReport) -> str:
    average = order.average_price
    return "nothing" if average is None else f"{order.executed_quantity} at {decimal_text(round(average, 8))}"


def _record_evidence(run: _Run, random_bytes: RandomBytes) -> str:
    desk, plan, trades = run.desk, run.plan, run.result.trades
    risk_digest, code_digest = desk.digests()
    evidence = Evidence(
        evidence_id=f"ev{random_bytes(4).hex()}",
        stage=plan.stage.number,
        account=desk.account,
        official_host=desk.venue.host.official,
        symbol=plan.symbol,
        strategy=plan.strategy,
        entry_mode=plan.entry,
        trades=len(trades),
        first_fill_ms=trades[0].entry.ts_event_ms,
        last_fill_ms=trades[-1].exits[-1].ts_event_ms if trades[-1].exits else trades[-1].entry.ts_event_ms,
        risk_digest=risk_digest,
        code_digest=code_digest,
        key_fingerprint=desk.key_fingerprint,
        checks={gate.name: str(gate.result) for gate in run.result.gates} | {"self-test": "pass"},
        created_ms=desk.clock.now_ms(),
    )
    desk.journal.record_evidence(evidence)
    return evidence.evidence_id
