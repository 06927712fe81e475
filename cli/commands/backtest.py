"""`trader backtest`: a strategy over recorded bars (runbooks/backtest.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
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
    SetOption,
    SlippageOption,
    SpreadOption,
    StepOption,
    StrategyOption,
    SymbolsOption,
    TickOption,
    changes_of,
    job_of,
)
from cli.console import UsageError
from cli.invocation import Invocation
from cli.moments import SINCE_HELP, UNTIL_HELP

if TYPE_CHECKING:
    from core.backtest.job import Job, Report
    from core.strategies import Decision


def backtest(
    context: typer.Context,
    strategy: StrategyOption = "coherence",
    symbols: SymbolsOption = None,
    bar: BarOption = None,
    data: DataOption = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help=SINCE_HELP)] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help=UNTIL_HELP)] = None,
    changes: SetOption = None,
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
    news: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Headlines, a line of JSON each, for lead-lag.")
    ] = None,
    walk_forward: Annotated[
        bool,
        typer.Option("--walk-forward", help="Choose parameters on each span, test them on the next."),
    ] = False,
    train: Annotated[
        str, typer.Option(metavar="DURATION", help="Span to choose on, with --walk-forward.")
    ] = "30d",
    test: Annotated[
        str, typer.Option(metavar="DURATION", help="Span to test on, with --walk-forward.")
    ] = "7d",
    by: Annotated[
        str, typer.Option(metavar="FIGURE", help="What to choose by, with --walk-forward.")
    ] = "profit",
    form: Annotated[
        Literal["table", "csv", "json"],
        typer.Option("--format", help="csv: a row a trade; json: as --json."),
    ] = "table",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the CSV to this new file, not to stdout.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a page with charts of equity and trades.")
    ] = None,
    decisions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write every decision to this new file, made as live; slow."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="EVIDENCE", help="Also hold the trades of a stage against these, leg by leg."),
    ] = None,
) -> None:
    """Trade a strategy over recorded bars, with the costs you state."""
    run: Invocation = context.obj
    run.options.as_json = run.options.as_json or form == "json"
    if output is not None and form != "csv":
        raise UsageError("--output is for --format csv; --html FILE writes a page")
    if form == "csv" and run.options.as_json and output is None:
        raise UsageError("--json needs stdout for its document: name a file with --output")
    if walk_forward and (form == "csv" or any((html, decisions, against))):
        raise UsageError("--walk-forward has a table and JSON; no CSV, page, decisions or trades of a stage")
    if against is not None and form == "csv":
        raise UsageError("--against has a table and JSON, no CSV")
    if decisions is not None and engine == "compiled":
        raise UsageError("--decisions needs the plain engine: leave --engine out")
    given = Given(
        strategy, symbols, bar, data, fill_bar, fill_gaps, since, until, balance, fraction, max_order,
        fee, maker_fee, spread_bps, slippage_bps, latency, tick, step, min_notional, engine,
    )  # fmt: skip
    with _nothing_collected():
        if walk_forward:
            _walk(run, _job(run, given, news), changes or [], train, test, by)
        else:
            _test(run, _job(run, given, news), changes or [], form, output, html, decisions, against)


def _job(run: Invocation, given: Given, news: Path | None) -> Job:
    job = job_of(run, given)
    if news is None:
        return job
    from cli.news_file import headlines_at

    return replace(job, asked=replace(job.asked, news=headlines_at(run.cwd / news)))


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Spare the garbage collector: looking for it takes a sixth of a short run, and hardly any is made."""
    import gc

    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _test(
    run: Invocation,
    job: Job,
    changes: list[str],
    form: str,
    output: Path | None,
    html: Path | None,
    decisions: Path | None,
    against: str | None,
) -> None:
    from cli.backtest_view import show_report
    from core.backtest.job import backtest as do

    told: list[str] = []
    observe = None if decisions is None else _teller(job.asked.bar, told)
    report = do(job.with_changes(changes_of(changes)), observe)
    if decisions is not None:
        _write_decisions(run, decisions, told)
    if form != "csv":
        show_report(run.console, report)
    else:
        _write_csv(run, report, output)
    if html is not None:
        _write_page(run, html, report)
    if against is not None:
        _compare(run, against, report)


def _walk(run: Invocation, job: Job, sets: list[str], train: str, test: str, by: str) -> None:
    from cli.backtest_view import show_walk
    from core.backtest.grid import grid
    from core.backtest.ranking import ranked
    from core.backtest.walk_forward import Spans, walk_forward
    from core.setting_values import duration_ms

    try:
        spans = Spans(duration_ms(train), duration_ms(test))
        points = grid(sets)
        ranked({}, by)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if not points.names:
        raise UsageError("--walk-forward needs parameters to choose from: --set fast=8..16:2")
    show_walk(run.console, walk_forward(job, points, spans, by, run.console.progress), by)


def _teller(bar: str, lines: list[str]) -> Callable[[str, Decision], None]:
    from core.decisions.texts import decision_line, decision_record
    from core.strategies import Series

    return lambda symbol, made: lines.append(decision_line(Series(symbol, bar), decision_record(made)))


def _compare(run: Invocation, evidence: str, report: Report) -> None:
    from cli.attribution_view import show_attribution
    from cli.reading import journal_for_reading
    from core.backtest.attribution import compared, tested_trips
    from core.operations.live_trips import live_trips
    from core.operations.replay import find_run

    with journal_for_reading(run) as journal:
        found = find_run(journal, evidence)
        if report.job.asked.symbols != (found.run.traded.symbol,):
            raise UsageError(f"--against {evidence}: that stage traded {found.run.traded.symbol} alone")
        show_attribution(run.console, list(compared(live_trips(journal, found), tested_trips(report))))


def _write_decisions(run: Invocation, decisions: Path, lines: list[str]) -> None:
    from cli.writing import write_lines

    path = run.cwd / decisions
    digest = write_lines(run.console, iter(lines), path)
    run.console.result(decisions={"file": path, "sha256": digest, "count": len(lines)})
    run.console.say(f"wrote {path}, sha256 {digest}")


def _write_csv(run: Invocation, report: Report, output: Path | None) -> None:
    from cli.backtest_view import trade_lines
    from cli.writing import write_lines

    path = None if output is None else run.cwd / output
    digest = write_lines(run.console, trade_lines(report), path)
    run.console.result(file=path, sha256=digest)
    if path is not None:
        run.console.say(f"wrote {path}, sha256 {digest}")
    for finding in report.findings:
        run.console.warn(finding)


def _write_page(run: Invocation, html: Path, report: Report) -> None:
    from cli.backtest_page import BEGINNING, backtest_page
    from core.clock import SystemClock
    from core.new_files import new_file

    path = run.cwd / html
    with new_file(path, over=BEGINNING.encode()) as file:
        file.write(backtest_page(report, SystemClock().now_ms()).encode())
    run.console.result(html=path)
    run.console.say(f"wrote {path}")
