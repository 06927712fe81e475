"""A strategy whose signals a test writes down, and markets to run it on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import ClassVar

import numpy as np

from core.account import CommissionRates
from core.backtest.costs import Costs
from core.backtest.market import Market, Rules, market
from core.backtest.setup import Course, Setup, course, lane
from core.bars import Bars, aggregate
from core.data.series import Series as Recorded
from core.strategies.decision import FLAT, Action, Decision, EntryTerms, PositionState, Standing, rate
from core.strategies.market import MarketView, Series
from core.strategies.protocol import Signals
from core.values import Quote

START_MS = 1_700_000_040_000 // 900_000 * 900_000
MINUTE_MS = 60_000
RULES = Rules(Decimal("0.01"), Decimal("0.00001"), Decimal(5))
FREE = Costs(CommissionRates(Decimal(0), Decimal(0)), Decimal(0), Decimal(0), 0)

Prices = Sequence[tuple[float, float, float, float]]
"""Open, high, low, close of each bar."""


@dataclass(frozen=True)
class Script:
    """Signals by symbol in a strategy's place; `decide` follows the words of `Signals`, not its code."""

    signals: Mapping[str, Signals]
    name: ClassVar[str] = "script"
    summary: ClassVar[str] = "does what it is told"
    parameters: None = None
    stop_loss_rate: Decimal = Decimal("0.01")
    take_profit_rate: Decimal | None = None

    def needs(self, traded: Series) -> Mapping[Series, int]:
        return {traded: 1}

    def decide(self, view: MarketView, standing: Standing = FLAT) -> Decision:
        raise AssertionError("the script knows bars by their number only")

    def evaluate(self, view: MarketView) -> ScriptEvaluation:
        return ScriptEvaluation(view.bars, self.signals[view.traded.symbol])


@dataclass(frozen=True)
class ScriptEvaluation:
    bars: Bars
    given: Signals
    seen: list[tuple[int, Standing]] = field(default_factory=list)

    def signals(self) -> Signals:
        return self.given

    def decide(self, index: int, standing: Standing = FLAT) -> Decision:
        self.seen.append((index, standing))
        action = (
            self._when_flat(index, standing) if standing.position is None else self._when_in(index, standing)
        )
        return Decision(
            action=action,
            reason=action.value,
            bar_open_time_ms=int(self.bars.open_time_ms[index]),
            terms=self._terms(index) if action is Action.ENTER_LONG else None,
        )

    def _when_flat(self, index: int, standing: Standing) -> Action:
        given = self.given
        if given.rearm is not None and standing.last_stop_ms is not None:
            closes = self.bars.open_time_ms + self.bars.interval_ms
            since = (closes >= standing.last_stop_ms) & (np.arange(len(closes)) <= index)
            if not (given.rearm & since).any():
                return Action.STAY_FLAT
        if given.confirm and self._holds_back(index, standing):
            return Action.STAY_FLAT
        toward = int(given.entry[index])
        return {0: Action.STAY_FLAT, 1: Action.ENTER_LONG, -1: Action.ENTER_SHORT}[toward]

    def _holds_back(self, index: int, standing: Standing) -> bool:
        """Tell whether something about where the account stands forbids an entry; all of it counts."""
        now_ms = int(self.bars.open_time_ms[index]) + self.bars.interval_ms
        assert standing.equity is not None
        return (
            (standing.drawdown_rate or 0) > 0.01
            or now_ms - (standing.last_entry_ms or 0) < 10 * MINUTE_MS
            or now_ms - (standing.last_stop_ms or 0) < 20 * MINUTE_MS
            or round(standing.equity * 100) % 3 == 0
        )

    def _when_in(self, index: int, standing: Standing) -> Action:
        given, position = self.given, standing.position
        assert position is not None
        leaves = (
            self._touched(index, position)
            or bool(given.exit_long[index])
            or (
                given.exit_held is not None
                and bool(given.exit_held[index])
                and position.bars_held >= given.min_hold_bars
            )
        )
        return Action.EXIT if leaves else Action.HOLD

    def _touched(self, index: int, position: PositionState) -> bool:
        terms, bars = position.terms, self.bars
        assert terms is not None
        low, high = (bars.close, bars.close) if self.given.stops_on_close else (bars.low, bars.high)
        lowest, highest = (round(Decimal(float(each[index])), 8) for each in (low, high))
        if lowest <= position.entry_price * (1 - terms.stop_loss_rate):
            return True
        target = terms.take_profit_rate
        return target is not None and highest >= position.entry_price * (1 + target)

    def _terms(self, index: int) -> EntryTerms:
        def at(values: np.ndarray | None) -> Decimal | None:
            return None if values is None or np.isnan(values[index]) else rate(float(values[index]))

        stop = at(self.given.stop_loss_rate)
        assert stop is not None
        return EntryTerms(stop, at(self.given.take_profit_rate), at(self.given.fraction))


def signals(count: int, enter: Sequence[int] = (), leave: Sequence[int] = (), **more: object) -> Signals:
    """Return signals that enter and leave at the given decisions; stop 1 %, no target unless `more` says."""
    entry, exits = np.zeros(count, dtype=np.int8), np.zeros(count, dtype=np.bool_)
    entry[list(enter)], exits[list(leave)] = 1, True
    made = Signals(
        entry=entry,
        exit_long=exits,
        exit_short=np.zeros(count, dtype=np.bool_),
        stop_loss_rate=np.full(count, 0.01),
        take_profit_rate=np.full(count, np.nan),
    )
    return replace(made, **more)  # type: ignore[arg-type]  # what a test names


def recorded(prices: Prices, symbol: str = "BTCUSDT", start_ms: int = START_MS) -> Recorded:
    table = np.zeros((10, len(prices)), dtype=np.int64)
    table[0] = start_ms + np.arange(len(prices)) * MINUTE_MS
    table[1:5] = np.rint(np.array(prices, dtype=np.float64).T * 10**8).astype(np.int64)
    table[5:7] = 10**8
    return Recorded(symbol, "1m", table)


def run_on(
    markets: Sequence[Market],
    minutes: int,
    setup: Setup,
    start_ms: int | None = None,
    end_ms: int | None = None,
) -> Course:
    """Return the course of these markets, with decisions every so many minutes."""
    lanes = []
    for each in markets:
        bars = each.bars if minutes == 1 else aggregate(each.bars, minutes * MINUTE_MS)
        lanes.append(lane(each, MarketView.of(bars, each.symbol), start_ms, end_ms))
    return course(lanes, setup.costs)


def plain_market(prices: Prices, symbol: str = "BTCUSDT", rules: Rules = RULES) -> Market:
    return market(recorded(prices, symbol), rules)


def setup(
    costs: Costs = FREE, balance: str = "1000", fraction: str = "0.1", max_order: str = "1000"
) -> Setup:
    return Setup(
        Quote(Decimal(balance)),
        Decimal(fraction),
        Quote(Decimal(max_order)),
        Decimal("0.01"),
        Quote(Decimal(5)),
        costs,
    )
