"""Walk-forward: parameters are chosen on one span and tested on the next, which they have not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from core.backtest.grid import Grid
from core.backtest.job import Job, Report, chosen_strategy, neediest, of_loaded, usable
from core.backtest.loading import Loaded, load
from core.backtest.ranking import RANKINGS, Score, ranked, score
from core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Spans:
    """How long parameters are chosen on, and how long the choice is then tested."""

    train_ms: int
    test_ms: int

    def __post_init__(self) -> None:
        if self.train_ms <= 0 or self.test_ms <= 0:
            raise ValueError("--train and --test must be longer than 0s")


@dataclass(frozen=True, slots=True)
class Step:
    """One choice and what came of it. `train`, `test`: how the chosen set did on either span."""

    start_ms: int
    test_start_ms: int
    end_ms: int
    changes: Mapping[str, str]
    train: Score
    test: Score


@dataclass(frozen=True, slots=True)
class Walk:
    """All steps. Each test begins with the balance of the job, so `profit` is the sum over the tests.

    `train_profit`: what the chosen sets had earned where they were chosen, per unit of tested time.
    `efficiency`: `profit` ÷ `train_profit`, None unless the latter is above 0.
    `blind_steps`: in which no set had the figure to choose by, so that the first one was taken.
    Source: Pardo (2008), The Evaluation and Optimization of Trading Strategies.
    """

    steps: tuple[Step, ...]
    sets: int
    profit: Decimal
    train_profit: Decimal
    efficiency: float | None
    trades: int
    won_steps: int
    blind_steps: int


def walk_forward(
    job: Job, points: Grid, spans: Spans, by: str, progress: Callable[[str], None] = lambda text: None
) -> Walk:
    """Walk through the bars of a job. Raises ConfigError when they are too short, or no set can be used."""
    jobs = usable(job, points)
    loaded = load(job.source, job.asked, neediest(job, points))
    first = job.asked.start_ms or max(int(each.bars.open_time_ms[0]) for each in loaded.markets)
    end = min(each.bars.end_ms for each in loaded.markets)
    steps: list[Step] = []
    while first + spans.train_ms + spans.test_ms <= end:
        middle = first + spans.train_ms
        progress(f"step {len(steps) + 1}: {len(jobs)} sets")
        steps.append(_step(jobs, loaded, by, first, middle, middle + spans.test_ms))
        first += spans.test_ms
    if not steps:
        raise ConfigError(
            f"the bars are {(end - first) // 86_400_000} days, shorter than --train and --test together",
            code="DATA_MISSING",
            hint="shorten the spans, or name more data",
        )
    profit = sum((each.test.profit for each in steps), Decimal(0))
    trained = sum((each.train.profit for each in steps), Decimal(0)) * spans.test_ms / spans.train_ms
    return Walk(
        tuple(steps),
        sets=len(jobs),
        profit=profit,
        train_profit=round(trained, 8),
        efficiency=float(profit / trained) if trained > 0 else None,
        trades=sum(each.test.trades for each in steps),
        won_steps=sum(each.test.profit > 0 for each in steps),
        blind_steps=sum(RANKINGS[by](each.train) is None for each in steps),
    )


def _step(jobs: list[Job], loaded: Loaded, by: str, first: int, middle: int, end: int) -> Step:
    trained = {number: score(_over(job, loaded, first, middle).figures) for number, job in enumerate(jobs)}
    best = ranked(trained, by)[0]
    tested = score(_over(jobs[best], loaded, middle, end).figures)
    return Step(first, middle, end, jobs[best].changes, trained[best], tested)


def _over(job: Job, loaded: Loaded, start_ms: int, end_ms: int) -> Report:
    spanned = replace(job, asked=replace(job.asked, start_ms=start_ms, end_ms=end_ms))
    return of_loaded(spanned, chosen_strategy(spanned), loaded)
