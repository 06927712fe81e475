"""The trades of a stage: one after another, until all are made, the wait ends or a stop is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from core.alerts.watching import watched
from core.desk import Desk
from core.errors import Interrupted, OutcomeUnknown, Refused, TraderError, WaitLimitReached
from core.gates import StagePlan
from core.operations.breakers import look_at_losses
from core.operations.equity import EquityWatch
from core.operations.holding import Book, Holding
from core.operations.managing import Managed, cooled_ms, on_terms
from core.operations.progress import Progress, Step, shown
from core.operations.protection import protection
from core.operations.round_trip import OpenTrade, Trade, enter, leave
from core.operations.stage_result import SignalView, StageResult
from core.operations.watch import EntrySignal, Watch
from core.orders import OrderReport, OrderType
from core.positions import Held, Levels, PositionRules, entry_levels
from core.stages import EntryMode

if TYPE_CHECKING:
    from core.decisions.book import DecisionBook


@dataclass(slots=True)
class Trading:
    """What the trades of one run share. `deadline_ms`: the wait limit, on the desk's monotonic clock.

    `decisions`: where the strategy's decisions are written down, None: nowhere.
    """

    desk: Desk
    plan: StagePlan
    progress: Progress
    result: StageResult
    holding: Holding
    deadline_ms: float
    decisions: DecisionBook | None = None
    equity: EquityWatch = field(init=False)
    watch: Watch = field(init=False)
    rules: PositionRules = field(init=False)

    def __post_init__(self) -> None:
        self.rules = self.desk.settings.position_rules
        dry_run = self.plan.stage.dry_run
        self.equity = EquityWatch(self.desk, self.holding.instrument, dry_run, self.progress.note)
        self.watch = Watch(self.desk, self.plan, self.progress, self.decisions, self.equity)


async def make_trades(run: Trading) -> None:
    """Make the plan's trades. When this returns or raises Interrupted, no position is left.

    Raises Interrupted, WaitLimitReached (zero trades), PositionOpen, OutcomeUnknown, and what the order path
    raises.
    """
    plan, stop, made = run.plan, run.desk.stop, run.result.trades
    sold_for_stop = False
    while len(made) < plan.trades and not stop.asked:
        word = await _word_to_enter(run)
        if stop.asked or (word is None and plan.entry is EntryMode.SIGNAL):
            break
        sold_for_stop = await _round_trip(run, word)
    if stop.asked:
        what = "the position was sold" if sold_for_stop else "no position was open"
        raise Interrupted(f"stopped by {stop.reason}: {what}; nothing is unsettled")
    if not made:
        raise WaitLimitReached(
            f"no entry signal on {plan.symbol} within {plan.wait_limit_s:g} s: zero trades pass no stage",
            hint="wait longer with --wait, or exercise the order path now with --entry probe",
        )


async def _word_to_enter(run: Trading) -> EntrySignal | None:
    """Wait until the next trade may begin. A probe needs no word, only the pause that spreads a soak."""
    plan = run.plan
    if plan.entry is EntryMode.SIGNAL:
        allowed_ms = cooled_ms(run.desk, run.rules, plan.symbol, dry_run=plan.stage.dry_run)
        return await run.watch.for_entry(run.deadline_ms, allowed_ms)
    if run.result.trades:
        await run.watch.pause(plan.soak_s / (plan.trades - 1), f"soaking for {plan.soak_s:g} s")
    return None


async def _round_trip(run: Trading, word: EntrySignal | None) -> bool:
    """Make one trade. Return whether a position was sold after a stop was asked for."""
    plan, desk, result = run.plan, run.desk, run.result
    if word is not None:
        desk = await on_terms(desk, word.terms(desk.strategy), run.holding.instrument)
    signal = result.signal if word is None else SignalView.of(plan.strategy, word.decision)
    book = Book(plan.stage.dry_run, _audit_context(plan, signal))
    # The first orders with real money are the smallest that can be sold again.
    smallest = desk.is_live and plan.entry is EntryMode.PROBE
    bar = None if word is None else word.bar
    opened = await enter(desk, run.holding, book, bar=bar, smallest=smallest)
    if opened is None:
        return False
    result.unfinished = opened
    with desk.venue.budget.reducing():
        failure = await _hold(run, opened, word)
        trade = await leave(desk, opened)
    result.unfinished = None
    result.trades.append(trade)
    run.watch.left(trade)
    run.progress.step(Step.TRADE, _trade_line(run, trade))
    _count_loss(run)
    if unknown := opened.guard.unknown:
        raise OutcomeUnknown(
            f"the position was sold, but the fate of its stop {', '.join(unknown)} is unknown",
            hint="`trader resolve` asks the venue what became of it",
            details={"client_order_ids": list(unknown)},
        ) from failure
    if isinstance(failure, TraderError):
        failure.message += "; the position was sold at once"
    if failure is not None:
        raise failure
    return desk.stop.asked


def _count_loss(run: Trading) -> None:
    """Latch the breaker when this loss was one too many; the next entry asks again in any case."""
    if run.desk.is_measured:
        try:
            look_at_losses(run.desk)
        except Refused as error:
            run.progress.note(f"the breakers were not looked at: {error}")


async def _hold(run: Trading, opened: OpenTrade, word: EntrySignal | None) -> Exception | None:
    """Protect the position, and hold it as long as the strategy says.

    A failure is returned: the position is sold first.
    """
    entry_price = opened.entry.average_price
    if entry_price is None:
        return None
    try:
        if run.plan.stage.protect:
            target = None if word is None else _levels(run, entry_price, word).target
            await opened.guard.protect(entry_price, opened.entry.ts_event_ms, target_price=target)
        if word is not None:
            run.progress.note(f"holding {run.plan.symbol}, {_protection(run)}")
            has_ended = await _ending(run, opened, entry_price, word)
            with watched(run.desk.settings.home, run.desk.account, run.plan.symbol) as mark:

                async def ended_at_a_look() -> bool:
                    ended = await has_ended()
                    mark()
                    return ended

                await run.watch.for_exit(entry_price, word.bar, run.deadline_ms, ended_at_a_look)
    except Exception as failure:
        if isinstance(failure, TraderError) and failure.code == "STOP_WOULD_TRIGGER":
            run.progress.note(f"{failure.message}: selling at once")
            return None
        return failure
    return None


def _levels(run: Trading, entry_price: Decimal, word: EntrySignal) -> Levels:
    return entry_levels(run.holding.instrument, entry_price, word.terms(run.desk.strategy))


async def _ending(
    run: Trading, opened: OpenTrade, entry_price: Decimal, word: EntrySignal
) -> Callable[[], Awaitable[bool]]:
    """Return what asks whether the position has ended: its stop and target, its rules, or a drawdown."""
    has_ended = await _ending_by_itself(run, opened, entry_price, word)

    async def ended() -> bool:
        return await has_ended() or await run.equity.ends_position()

    return ended


async def _ending_by_itself(
    run: Trading, opened: OpenTrade, entry_price: Decimal, word: EntrySignal
) -> Callable[[], Awaitable[bool]]:
    if not (run.rules.moves_stop or run.rules.max_hold_ms):
        return opened.guard.has_ended
    rates = await run.desk.venue.account.commission(run.plan.symbol)
    levels = _levels(run, entry_price, word)
    held = Held(entry_price, opened.entry.ts_event_ms, levels)
    return Managed(
        opened.guard,
        run.rules,
        held,
        rates.taker_rate,
        run.plan.bar,
        seen_ms=word.bar.close_ms,
        tell=run.progress.note,
    ).has_ended


def _protection(run: Trading) -> str:
    if run.plan.stage.dry_run:
        return "its stop was checked by the venue and not placed"
    return str(protection(run.desk.journal, run.desk.account, run.plan.symbol))


def _audit_context(plan: StagePlan, signal: SignalView | None) -> Mapping[str, object]:
    def text(value: float | None) -> str | None:
        return None if value is None else f"{value:.8f}"

    readings = {} if signal is None else {name: text(value) for name, value in signal.readings.items()}
    return {"stage": plan.stage.number, "lambda": None, "gamma": None, **readings}


def _trade_line(run: Trading, trade: Trade) -> str:
    plan, instrument = run.plan, run.holding.instrument
    orders = ", ".join(str(order.venue_order_id) for order in (trade.entry, *trade.exits))
    sold = " + ".join(_sold(trade, order) for order in trade.exits) or "nothing"
    pnl = shown(trade.pnl.value)
    dust = f", dust {trade.dust} {instrument.base_asset}" if trade.dust.value else ""
    return (
        f"{len(run.result.trades)}/{plan.trades} {'dry-run ' if plan.stage.dry_run else ''}{plan.symbol}: "
        f"bought {_filled(trade.entry)}, sold {sold}, "
        f"P&L {pnl} {instrument.quote_asset} after fees{dust}; orders {orders}"
    )


def _sold(trade: Trade, order: OrderReport) -> str:
    if order not in trade.stops:
        return _filled(order)
    return f"{_filled(order)} by its {'target' if order.order_type is OrderType.LIMIT_MAKER else 'stop'}"


def _filled(order: OrderReport) -> str:
    average = order.average_price
    return f"{order.executed_quantity} at {'no price' if average is None else shown(average)}"
