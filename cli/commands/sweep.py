"""`trader sweep`: many parameter sets over the same bars (runbooks/sweep.md)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.backtest_options import (
    BalanceOption,
    BarOption,
    DataOption,
    EngineOption,
    FeeOption,
    FillBarOption,
    FillGapsOption,
    FractionOption,
    Given,
    LatencyOption,
    MakerFeeOption,
    MaxOrderOption,
    MinNotionalOption,
    SlippageOption,
    SpreadOption,
    StepOption,
    StrategyOption,
    SymbolsOption,
    TickOption,
    job_of,
)
from cli.console import UsageError
from cli.invocation import Invocation
from cli.moments import SINCE_HELP, UNTIL_HELP

if TYPE_CHECKING:
    from cli.console import Console

RESULTS = Path("sweep.ndjson")


def sweep(
    context: typer.Context,
    sets: Annotated[
        list[str],
        typer.Option("--set", metavar="NAME=VALUES", help="What to try: fast=8..16:2, or fast=8,12,16."),
    ],
    strategy: StrategyOption = "coherence",
    symbols: SymbolsOption = None,
    bar: BarOption = None,
    data: DataOption = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help=SINCE_HELP)] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help=UNTIL_HELP)] = None,
    balance: BalanceOption = "1000",
    fraction: FractionOption = None,
    max_order: MaxOrderOption = None,
    fee: FeeOption = "0.001",
    maker_fee: MakerFeeOption = None,
    spread_bps: SpreadOption = "1",
    slippage_bps: SlippageOption = "1",
    latency: LatencyOption = "500ms",
    tick: TickOption = None,
    step: StepOption = None,
    min_notional: MinNotionalOption = None,
    fill_bar: FillBarOption = None,
    fill_gaps: FillGapsOption = False,
    engine: EngineOption = "auto",
    by: Annotated[str, typer.Option(metavar="FIGURE", help="What the best is judged by.")] = "profit",
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many of the best to show.")] = 10,
    jobs: Annotated[int, typer.Option(min=0, metavar="N", help="Processes at once; 0: one a core.")] = 0,
    results: Annotated[
        Path, typer.Option(metavar="FILE", help="Where results are kept; the same command goes on there.")
    ] = RESULTS,
    form: Annotated[
        Literal["table", "csv", "json"],
        typer.Option("--format", help="csv: a row a set, best first; json: as --json."),
    ] = "table",
) -> None:
    """Test every combination of parameters over the same bars, on all cores."""
    from cli.backtest_view import show_sweep, sweep_lines
    from core.backtest.grid import grid
    from core.backtest.ranking import ranked
    from core.backtest.sweep import sweep as do

    run: Invocation = context.obj
    run.options.as_json = run.options.as_json or form == "json"
    if form == "csv" and run.options.as_json:
        raise UsageError("--json needs stdout for its document: leave out --format csv")
    try:
        points = grid(sets)
        ranked({}, by)
    except ValueError as error:
        raise UsageError(str(error)) from None
    job = job_of(
        run,
        Given(
            strategy, symbols, bar, data, fill_bar, fill_gaps, since, until, balance, fraction, max_order,
            fee, maker_fee, spread_bps, slippage_bps, latency, tick, step, min_notional, engine,
        ),
    )  # fmt: skip
    path = run.cwd / results
    run.console.result(results=path)
    try:
        with _progress(run.console) as shown:
            done = do(job, points, path, jobs or os.cpu_count() or 1, shown)
    except KeyboardInterrupt:
        run.console.say(f"what was finished is in {path}; the same command goes on there")
        raise
    if done.resumed:
        run.console.say(f"{done.resumed} of {len(points)} sets were there already, in {path}")
    if form == "csv":
        for line in sweep_lines(done, points, by):
            run.console.line(line.removesuffix("\n"))
    else:
        show_sweep(run.console, done, points, by, top)


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[int, int], None]]:
    """Show a bar with the time left on a terminal, and nothing elsewhere."""
    screen = console.terminal
    if screen is None:
        yield lambda done, of: None
        return
    from rich.console import Console as Screen
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("sets"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Screen(file=screen), transient=True) as bar:
        task = bar.add_task("sets", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
