"""A back-test as it was asked for, as plain data that another process can do too, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from core.backtest.engine import Engine, run
from core.backtest.figures import Figures, figures
from core.backtest.findings import findings
from core.backtest.grid import Grid
from core.backtest.loading import Asked, Loaded, Source, lanes, load
from core.backtest.market import decimal_of
from core.backtest.outcome import STILL_OPEN, Column, Exit, Outcome
from core.backtest.setup import Course, Setup, course
from core.errors import ConfigError
from core.strategies import Series, Strategy, strategy

if TYPE_CHECKING:
    from core.backtest.plain import Observe


@dataclass(frozen=True, slots=True)
class Job:
    """`changes`: of the strategy's parameters, as text."""

    strategy: str
    source: Source
    asked: Asked
    setup: Setup
    changes: Mapping[str, str] = field(default_factory=dict)
    engine: Engine = "auto"

    def with_changes(self, changes: Mapping[str, str]) -> Job:
        return replace(self, changes={**self.changes, **changes})


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """`findings`: warnings. `why_plain`: why the compiled engine could not be used, "" when it was."""

    job: Job
    strategy: Strategy
    loaded: Loaded
    course: Course
    outcome: Outcome
    figures: Figures
    findings: tuple[str, ...]
    why_plain: str


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One trade in words and decimals; `exit_ms` and what follows from it: None while it is open.

    `fees`: in quote, those paid in base at the price of their fill. `profit`: realized by average cost.
    """

    symbol: str
    entry_ms: int
    entry_price: Decimal
    quantity: Decimal
    spent: Decimal
    exit_ms: int | None
    exit_price: Decimal | None
    exit: str
    fees: Decimal
    profit: Decimal | None
    return_rate: float | None


def backtest(job: Job, observe: Observe | None = None) -> Report:
    """Do a job. Raises ConfigError for bars, a strategy or parameters that cannot be used."""
    chosen = chosen_strategy(job)
    loaded = load(job.source, job.asked, chosen)
    return of_loaded(job, chosen, loaded, observe)


def of_loaded(job: Job, chosen: Strategy, loaded: Loaded, observe: Observe | None = None) -> Report:
    """Do a job on bars that are in memory. Raises as `backtest`."""
    way = course_of(job, chosen, loaded)
    outcome, why_plain = run(way, chosen, job.setup, engine=job.engine, observe=observe)
    measured = figures(outcome, way, job.setup.balance.value)
    warnings = [f"{count} missing bars of {name} were made up" for name, count in loaded.filled_bars.items()]
    warnings += findings(outcome, measured, way, chosen)
    return Report(job, chosen, loaded, way, outcome, measured, tuple(warnings), why_plain)


def course_of(job: Job, chosen: Strategy, loaded: Loaded) -> Course:
    try:
        return course(lanes(loaded, job.asked, chosen), job.setup.costs)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def chosen_strategy(job: Job) -> Strategy:
    """Return the strategy of a job. Raises ConfigError STRATEGY_UNKNOWN for a name or a parameter, and
    STRATEGY_UNFIT for a symbol that it cannot trade.
    """
    try:
        chosen = strategy(job.strategy, job.changes)
    except ValueError as error:
        raise ConfigError(
            str(error), code="STRATEGY_UNKNOWN", hint="`trader strategies` lists them with their parameters"
        ) from None
    try:
        for symbol in job.asked.symbols:
            chosen.needs(Series(symbol, job.asked.bar))
    except ValueError as error:
        raise ConfigError(
            str(error), code="STRATEGY_UNFIT", hint="--symbol and --bar say what is traded"
        ) from None
    return chosen


def usable(job: Job, points: Grid) -> list[Job]:
    """Return a job for each parameter set that the strategy takes. Raises ConfigError when it takes none."""
    jobs, refused = [], ""
    for index in range(len(points)):
        each = job.with_changes(points.changes(index))
        try:
            chosen_strategy(each)
        except ConfigError as error:
            refused = error.message
        else:
            jobs.append(each)
    if not jobs:
        raise ConfigError(
            f"{job.strategy} takes none of the {len(points)} parameter sets: {refused}",
            code="STRATEGY_UNKNOWN",
            hint="`trader strategies` lists parameters and their ranges",
        )
    return jobs


def neediest(job: Job, points: Grid) -> Strategy:
    """Return the strategy of the set that needs most history. Raises as `usable`."""
    traded = Series(job.asked.symbols[0], job.asked.bar)
    return max(map(chosen_strategy, usable(job, points)), key=lambda each: max(each.needs(traded).values()))


def trade_rows(report: Report) -> Iterator[TradeRow]:
    """Yield the trades in the order of their entries."""
    way = report.course
    for row in report.outcome.trades.tolist():
        market = way.lanes[row[Column.SYMBOL]].market
        tick, step = market.scale.tick, market.scale.step
        over = row[Column.EXIT_BAR] != STILL_OPEN
        fee_in_base = decimal_of(row[Column.ENTRY_FEE])
        entry_price = decimal_of(row[Column.ENTRY_PRICE] * tick)
        spent, profit = decimal_of(row[Column.SPENT]), decimal_of(row[Column.REALIZED])
        yield TradeRow(
            symbol=market.symbol,
            entry_ms=way.start_ms + row[Column.ENTRY_BAR] * way.interval_ms,
            entry_price=entry_price,
            quantity=decimal_of(row[Column.BOUGHT] * step),
            spent=spent,
            exit_ms=way.start_ms + row[Column.EXIT_BAR] * way.interval_ms if over else None,
            exit_price=decimal_of(row[Column.EXIT_PRICE] * tick) if over and row[Column.SOLD] else None,
            exit=Exit(row[Column.EXIT]).name,
            fees=round(fee_in_base * entry_price + decimal_of(row[Column.EXIT_FEE]), 8),
            profit=profit if over else None,
            return_rate=float(profit / spent) if over else None,
        )
