"""The readable engine: bar by bar, each decision asked for, each order sized by the code that trades live.

In the time of one bar, symbol after symbol: the decision at the close of the bar before, the order it asked
for, the stop and the target inside the bar. Orders share one account.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from core.backtest.levels import PositionRule, following, keep
from core.backtest.market import decimal_of, units
from core.backtest.outcome import Column, Counts, Exit, Outcome
from core.backtest.setup import NO_DECISION, Course, Lane, Setup
from core.backtest.slot import Position, Slot, Wallet
from core.positions import entry_allowed_ms
from core.strategies.decision import (
    NOTHING,
    Action,
    Decision,
    EntryTerms,
    PositionState,
    Standing,
)
from core.strategies.protocol import Learning, Strategy, Vectorized

_DAY_MS = 86_400_000

Decide = Callable[[int, Standing], Decision]
Observe = Callable[[str, Decision], None]


@dataclass(frozen=True, slots=True)
class _Order:
    """What a decision asked for. `due`: the bar of the run at whose open it fills. `ends`: the position, or
    OPEN when it enters.
    """

    decision: Decision
    decided: int
    due: int
    ends: Exit = Exit.OPEN


@dataclass(slots=True)
class _Lane:
    """Where one symbol stands. `ended`: its position ended since the newest decision, and was this one."""

    lane: Lane
    decide: Decide
    decide_at: list[int]
    slot: Slot
    offset: int
    rule: PositionRule
    order: _Order | None = None
    ended: Position | None = None
    last_entry_ms: int | None = None
    last_stop_ms: int | None = None
    entry_allowed_ms: int = 0


def run_plain(
    course: Course,
    strategy: Strategy,
    setup: Setup,
    *,
    rule: PositionRule = keep,
    observe: Observe | None = None,
    exact: bool = False,
) -> Outcome:
    """Run a strategy over a course.

    `observe` is told every decision. `exact`: decide each time on just the bars that live trading would
    fetch; otherwise a strategy that can be computed over all bars at once is.
    """
    return _Run(course, strategy, setup, rule, observe, exact).outcome()


class _Run:
    def __init__(
        self,
        course: Course,
        strategy: Strategy,
        setup: Setup,
        rule: PositionRule,
        observe: Observe | None,
        exact: bool,
    ) -> None:
        self.course, self.strategy, self.setup = course, strategy, setup
        self.observe = observe
        self.wallet = Wallet(units(setup.balance.value))
        self.rows: list[list[int]] = []
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.memory: Mapping[str, float] = NOTHING
        self.equity = self.day_equity = self.wallet.free
        self.lanes = [
            _Lane(
                lane,
                _decider(strategy, lane, exact=exact),
                lane.decide_at.tolist(),
                Slot(number, lane.market, setup, self.wallet, rows=self.rows),
                offset,
                self._rule(lane) if rule is keep else rule,
            )
            for number, (lane, offset) in enumerate(zip(course.lanes, course.offsets, strict=True))
        ]

    def _rule(self, lane: Lane) -> PositionRule:
        """Return the setup's own rule for what a symbol's stop does."""
        rules = self.setup.rules
        if not rules.moves_stop:
            return keep
        return following(rules, lane.market.instrument, self.setup.costs.fees.taker_rate)

    def outcome(self) -> Outcome:
        course = self.course
        equity = np.empty(course.length, dtype=np.int64)
        closes = [each.lane.market.close[each.lane.first : each.lane.end].tolist() for each in self.lanes]
        for bar in range(course.length):
            if (course.start_ms + bar * course.interval_ms) % _DAY_MS == 0:
                self.day_equity = self.equity
            worth = 0
            for each, close in zip(self.lanes, closes, strict=True):
                at = bar - each.offset
                if at < 0:
                    continue
                if at < len(close):
                    self._step(each, bar, at)
                if each.slot.held:
                    worth += each.slot.value(close[min(at, len(close) - 1)])
            self.equity = equity[bar] = self.wallet.free + worth
        return Outcome(
            trades=np.array(self.rows, dtype=np.int64).reshape(-1, len(Column)),
            equity=equity,
            counts=Counts(
                missed_entries=self.counts["missed_entries"],
                denied_entries=self.counts["denied_entries"],
                missed_exits=self.counts["missed_exits"],
                shorts=self.counts["shorts"],
            ),
            engine="plain",
            reasons=MappingProxyType(dict(self.reasons)),
        )

    def _step(self, each: _Lane, bar: int, at: int) -> None:
        slot, in_market = each.slot, each.lane.first + at
        if (index := each.decide_at[at]) != NO_DECISION:
            self._follow(each, bar, index)
            self._ask(each, bar, index)
        if each.order is not None and each.order.due <= bar:
            self._trade(each, each.order, bar, in_market)
        if (held := slot.position) is not None:
            if slot.pass_through(bar, in_market):
                self._closed(each, held, self._start_ms(bar + 1))
                if held.row[Column.EXIT] == Exit.STOP:
                    each.last_stop_ms = self._next_close_ms(each, at)
            elif each.order is None and slot.is_too_long(in_market):
                each.order = _Order(held.entry, held.decided, self._due(bar + 1), Exit.TIME)

    def _follow(self, each: _Lane, bar: int, index: int) -> None:
        """Let the rules see a bar that has closed; what its stop cannot protect any more is sold."""
        held = each.slot.position
        if held is None or each.rule is keep:
            return
        is_through = each.slot.follow(each.lane.view.bars, index, each.rule)
        if is_through and each.order is None:
            each.order = _Order(held.entry, held.decided, self._due(bar), Exit.STOP)

    def _due(self, bar: int) -> int:
        """Return the bar at whose open an order fills that is sent as `bar` opens."""
        return bar + self.setup.costs.bars_late(self.course.interval_ms)

    def _ask(self, each: _Lane, bar: int, index: int) -> None:
        held, ended = each.slot.position, each.ended
        seen, position = held or ended, None
        if seen is not None:
            position = PositionState(seen.entry_price, max(1, index - seen.decided), terms=seen.terms)
        equity, day = self.equity, self.day_equity
        decision = each.decide(
            index,
            Standing(
                position=position,
                last_entry_ms=each.last_entry_ms,
                last_stop_ms=each.last_stop_ms,
                drawdown_rate=(day - equity) / day if day > 0 else None,
                equity=float(decimal_of(equity)),
                memory=self.memory,
            ),
        )
        self._count(decision)
        if self.observe is not None:
            self.observe(each.slot.market.symbol, decision)
        each.ended = None
        if ended is not None or each.order is not None:
            return  # a bar that exits never enters, and an exit that is due stays due
        due = self._due(bar)
        if held is not None:
            if decision.action is Action.EXIT:
                each.order = _Order(decision, index, due, Exit.SIGNAL)
        elif decision.action is Action.ENTER_LONG:
            if self._start_ms(bar) < each.entry_allowed_ms:
                self.reasons["blocked: COOLDOWN"] += 1
            else:
                each.order = _Order(decision, index, due)
        elif decision.action is Action.ENTER_SHORT:
            self.counts["shorts"] += 1

    def _trade(self, each: _Lane, order: _Order, bar: int, in_market: int) -> None:
        slot = each.slot
        each.order = None
        if order.ends is Exit.OPEN:
            why = slot.enter(
                bar, in_market, order.decision, order.decided, self._terms(order.decision), self.equity
            )
            if not why:
                each.last_entry_ms = self._close_ms(each, order.decided)
                each.entry_allowed_ms = entry_allowed_ms(self.setup.rules, self._filled_ms(bar), None)
                each.last_stop_ms = None
            elif why == "MISSED":
                self.counts["missed_entries"] += 1
            else:
                self.counts["denied_entries"] += 1
                self.reasons[f"denied: {why}"] += 1
        elif (held := slot.position) is not None:
            if slot.leave(bar, in_market, order.ends):
                self._closed(each, held, self._filled_ms(bar))
                if order.ends is Exit.SIGNAL:
                    each.ended = None  # the bar that exits is the one that said so: the next may enter
            else:
                self.counts["missed_exits"] += 1
                each.order = replace(order, due=bar + 1)

    def _closed(self, each: _Lane, held: Position, ended_ms: int) -> None:
        """Note the end of a position."""
        each.ended = held
        each.entry_allowed_ms = entry_allowed_ms(self.setup.rules, None, ended_ms)
        if isinstance(self.strategy, Learning):
            self.memory = self.strategy.learn(self.memory, held.entry, won=held.row[Column.REALIZED] > 0)

    def _filled_ms(self, bar: int) -> int:
        """Return when an order fills at the open of a bar: later than what it was decided on, if hardly."""
        return self._start_ms(bar) + max(1, self.setup.costs.latency_ms % self.course.interval_ms)

    def _start_ms(self, bar: int) -> int:
        return self.course.start_ms + bar * self.course.interval_ms

    def _terms(self, decision: Decision) -> EntryTerms:
        if decision.terms is not None:
            return decision.terms
        return EntryTerms(self.strategy.stop_loss_rate, self.strategy.take_profit_rate)

    def _count(self, decision: Decision) -> None:
        self.reasons[decision.reason] += 1
        for code in decision.blocked:
            self.reasons[f"blocked: {code}"] += 1
        if decision.label is not None:
            self.reasons[f"class: {decision.label}"] += 1

    def _close_ms(self, each: _Lane, index: int) -> int:
        bars = each.lane.view.bars
        return int(bars.open_time_ms[index]) + bars.interval_ms

    def _next_close_ms(self, each: _Lane, at: int) -> int:
        """Return when the bar of decisions closes that a bar of the market is part of."""
        bars, market = each.lane.view.bars, each.lane.market
        into_ms = int(market.bars.open_time_ms[each.lane.first + at]) - int(bars.open_time_ms[0])
        return int(bars.open_time_ms[0]) + (into_ms // bars.interval_ms + 1) * bars.interval_ms


def _decider(strategy: Strategy, lane: Lane, *, exact: bool) -> Decide:
    if isinstance(strategy, Vectorized) and not exact:
        return strategy.evaluate(lane.view).decide
    needs = strategy.needs(lane.view.traded)
    return lambda index, standing: strategy.decide(lane.view.window(index, needs), standing)
