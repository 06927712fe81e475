"""What a reader of a back-test must be told before the figures are believed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from core.backtest.figures import Figures
from core.backtest.outcome import Outcome
from core.backtest.setup import NO_DECISION, Course, Lane
from core.report.equity import SHARPE_DAYS_MIN
from core.strategies.protocol import Strategy, Vectorized, observed_by

TRADES_MIN = 30
"""Below this many trades a mean says little about the next one."""
_DAY_MS = 86_400_000
_MANY = 0.1


def findings(outcome: Outcome, figures: Figures, course: Course, strategy: Strategy) -> list[str]:
    """Return warnings, each a sentence."""
    return [
        *_too_little(figures),
        *_unsettled(strategy, course.lanes),
        *_orders(outcome, figures),
        *_unseen(strategy, course.lanes),
        *_idle(outcome, strategy, course.lanes),
    ]


def _too_little(figures: Figures) -> Iterator[str]:
    days = (figures.end_ms - figures.start_ms) / _DAY_MS
    if days < SHARPE_DAYS_MIN:
        yield (
            f"{days:.1f} days of bars are too few for yearly figures: at least {SHARPE_DAYS_MIN} are needed"
        )
    if figures.trades < TRADES_MIN:
        yield f"{figures.trades} closed trade(s) say little: it takes {TRADES_MIN} to judge a strategy"
    if (
        figures.best is not None
        and figures.profit > 0
        and figures.best * 2 > figures.profit
        and figures.trades > 1
    ):
        yield f"more than half of the profit comes from one trade ({figures.best})"


def _unsettled(strategy: Strategy, lanes: Sequence[Lane]) -> Iterator[str]:
    for lane in lanes:
        for series, needed in strategy.needs(lane.view.traded).items():
            there = len(lane.view.series.get(series, ()))
            if there < needed:
                yield (
                    f"{strategy.name} looks at {needed} bars of {series.symbol} {series.interval}, "
                    f"and there are {there}: what it decided on them has not settled"
                )


def _orders(outcome: Outcome, figures: Figures) -> Iterator[str]:
    counts, entries = outcome.counts, len(outcome.trades)
    wanted = entries + counts.missed_entries + counts.denied_entries
    if counts.denied_entries:
        yield (
            f"{counts.denied_entries} of {wanted} entries were denied by the sizing rules: "
            "the free balance or the cap is below what the venue takes"
        )
    if counts.missed_entries > _MANY * wanted:
        yield f"{counts.missed_entries} of {wanted} entries filled nothing: the price was beyond their limit"
    if counts.shorts:
        yield f"{counts.shorts} signals to go short were not traded: a spot account cannot hold them"
    if figures.by_dust:
        yield f"{figures.by_dust} position(s) ended as dust, too small to be sold"
    if figures.open_trades:
        yield f"{figures.open_trades} position(s) were open at the end: in the equity, not among the trades"


def _unseen(strategy: Strategy, lanes: Sequence[Lane]) -> Iterator[str]:
    """Name what the strategy looks at when it trades live, and could not look at here."""
    looks_at = observed_by(strategy)
    parts = {"the order book": looks_at.book_levels, "what takers do": looks_at.flow_ms}
    if missing := " and ".join(name for name, wanted in parts.items() if wanted):
        yield f"live, {strategy.name} also looks at {missing}, which bars do not tell: expect other decisions"
    if looks_at.news_ms and not any(each.view.headlines for each in lanes):
        yield f"{strategy.name} looks at news, and none were given: --news FILE names headlines"


def _idle(outcome: Outcome, strategy: Strategy, lanes: Sequence[Lane]) -> Iterator[str]:
    """Name gates that never closed or never opened, and classes that never occurred."""
    if not isinstance(strategy, Vectorized):
        return
    given = outcome.signals or [strategy.evaluate(each.view).signals() for each in lanes]
    closed: dict[str, int] = {}
    opened: dict[str, int] = {}
    classes: dict[str, int] = {}
    for lane, signals in zip(lanes, given, strict=True):
        asked = lane.decide_at[lane.decide_at != NO_DECISION]
        for code, holds in signals.gates.items():
            passed = int(np.count_nonzero(holds[asked]))
            opened[code] = opened.get(code, 0) + passed
            closed[code] = closed.get(code, 0) + len(asked) - passed
        for label, is_there in signals.classes.items():
            classes[label] = classes.get(label, 0) + int(np.count_nonzero(is_there[asked]))
    for code in opened:
        if not opened[code]:
            yield f"gate {code} was never open: nothing could enter"
        elif not closed[code]:
            yield f"gate {code} never stood in the way: it might as well not be there"
    for label, count in classes.items():
        if not count:
            yield f"class {label} never occurred"
