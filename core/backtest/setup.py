"""What a back-test is told beside the strategy: its account, its costs, and the lanes it runs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from core.backtest.costs import Costs
from core.backtest.market import Market, quote_asset, same_interval
from core.bars import IntArray
from core.positions.rules import NO_RULES, PositionRules
from core.strategies.market import MarketView
from core.values import Quote

NO_DECISION = -1


@dataclass(frozen=True, slots=True)
class Setup:
    """`balance`: quote to begin with. The limits are those of live entries (docs/risk.md).

    `min_notional`: the smallest order worth sending, beside the symbol's own filter. `rules`: what moves the
    stop of a position, and how long it may last (docs/positions.md).
    """

    balance: Quote
    risk_fraction: Decimal
    max_order: Quote
    max_slippage_rate: Decimal
    min_notional: Quote
    costs: Costs
    rules: PositionRules = NO_RULES

    @property
    def has_rules(self) -> bool:
        return bool(self.rules.moves_stop or self.rules.max_hold_ms or self.rules.cooldown_ms)


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One symbol on its way through a back-test.

    `view`: all bars there are, also before and after the run, so that nothing has to warm up twice.
    `first`, `end`: the bars of `market` that are traded. `decide_at`: for each of those, the bar of the view
    that closes as it opens, `NO_DECISION` where none does.
    """

    market: Market
    view: MarketView
    first: int
    end: int
    decide_at: IntArray

    @property
    def start_ms(self) -> int:
        return int(self.market.bars.open_time_ms[self.first])


def lane(market: Market, view: MarketView, start_ms: int | None = None, end_ms: int | None = None) -> Lane:
    """Return a lane over the bars that open in [start_ms, end_ms); None: as far as there are any."""
    times = market.bars.open_time_ms
    first = 0 if start_ms is None else int(np.searchsorted(times, start_ms))
    end = len(market) if end_ms is None else int(np.searchsorted(times, end_ms))
    end = max(first, end)
    decisions = view.bars
    if not len(decisions):
        return Lane(market, view, first, end, np.full(end - first, NO_DECISION, dtype=np.int64))
    closed, rest = np.divmod(times[first:end] - decisions.open_time_ms[0], decisions.interval_ms)
    known = (rest == 0) & (closed >= 1) & (closed <= len(decisions))
    return Lane(market, view, first, end, np.where(known, closed - 1, NO_DECISION))


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Lanes side by side on one clock: bar `b` opens at `start_ms + b · interval_ms`.

    `offsets`: the bar at which each lane begins. Raises ValueError when lanes cannot share an account or a
    clock, when nothing is left to trade, or when an order would take longer than a bar of decisions.
    """

    lanes: Sequence[Lane]
    start_ms: int
    interval_ms: int
    offsets: tuple[int, ...]
    length: int


def course(lanes: Sequence[Lane], costs: Costs) -> Course:
    markets = [each.market for each in lanes]
    quote_asset(markets)
    interval = same_interval(markets)
    if any(each.first == each.end for each in lanes):
        raise ValueError("there are no bars to trade in this span")
    shortest = min(each.view.bars.interval_ms for each in lanes)
    if costs.latency_ms >= shortest:
        raise ValueError(f"latency {costs.latency_ms} ms is not below the {shortest} ms between decisions")
    start = min(each.start_ms for each in lanes)
    offsets = tuple((each.start_ms - start) // interval for each in lanes)
    length = max(offset + each.end - each.first for offset, each in zip(offsets, lanes, strict=True))
    return Course(lanes, start, interval, offsets, length)
