"""How back-tests look on a terminal, as CSV, and in the JSON document (docs/backtest.md)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from cli.chart import chart
from cli.console import Console
from core.backtest.figures import DEFINITIONS, Fall, Figures
from core.backtest.grid import Grid
from core.backtest.job import Report, TradeRow, trade_rows
from core.backtest.market import decimal_of, quote_asset
from core.backtest.ranking import RANKINGS, Score, luck, ranked
from core.clock import iso_utc
from core.csv_text import csv_text
from core.intervals import interval_name
from core.strategies.parameters import described
from core.values import decimal_text

if TYPE_CHECKING:
    from core.backtest.sweep import Sweep
    from core.backtest.walk_forward import Walk

NONE = "–"
_SMALL = Decimal("0.1")
POINTS_MAX = 2_000
_PARAMETERS_MAX = 8
_CHART_HEIGHT, _CHART_WIDTH_MAX = 8, 100
_RATES = ("return_rate", "yearly_rate", "hold_rate", "win_rate", "exposure")
TRADE_COLUMNS = (
    "symbol",
    "entry_time",
    "entry_price",
    "quantity",
    "spent",
    "exit_time",
    "exit_price",
    "exit",
    "fees",
    "profit",
    "return_rate",
)


def show_report(console: Console, report: Report) -> None:
    if console.options.as_json:
        console.result(**report_json(report))
    console.line(f"{report.strategy.name} on {', '.join(report.job.asked.symbols)}, {span(report)}")
    console.line()
    console.table(["figure", ""], [[title, value] for title, value, _, _ in figure_rows(report)])
    if console.shows_all:
        console.line()
        for line in _curve(report):
            console.line(line)
    console.line()
    console.table(["assumed", ""], [[name, value] for name, value in assumptions(report)])
    _warn(console, report)


def _warn(console: Console, report: Report) -> None:
    for finding in report.findings:
        console.warn(finding)
    if report.why_plain:
        console.say(f"by the plain engine: {report.why_plain}; the result is the same, only slower")


def span(report: Report) -> str:
    figures = report.figures
    days = (figures.end_ms - figures.start_ms) / 86_400_000
    return f"{minute(figures.start_ms)} to {minute(figures.end_ms)} UTC, {days:.1f} days"


def figure_rows(report: Report) -> Iterator[tuple[str, str, str, str]]:
    """Yield title, value, definition and source of every figure."""
    quote = quote_asset(report.loaded.markets)
    figures = report.figures
    for name, title, text, source in DEFINITIONS:
        yield title, _figure(figures, name, quote), text, source


def _figure(figures: Figures, name: str, quote: str) -> str:
    value = getattr(figures, name)
    if name == "trades":
        ended = f"{figures.by_signal} by signal, {figures.by_stop} by stop, {figures.by_target} by target"
        ended += f", {figures.by_time} by time" if figures.by_time else ""
        ended += f", {figures.by_dust} as dust" if figures.by_dust else ""
        return f"{value} ({figures.won} won, {figures.lost} lost; {ended})"
    if value is None:
        return "none" if name == "max_drawdown" else NONE
    if name == "profit":
        return f"{amount(value)} {quote} ({amount(figures.balance)} → {amount(figures.equity)})"
    if isinstance(value, Fall):
        fall = f"{percent(value.rate)}: {amount(value.amount)} {quote}"
        return f"{fall}, from {minute(value.peak_ms)} to {minute(value.trough_ms)} UTC"
    if name in _RATES:
        return percent(value)
    if name == "average_hold_ms":
        return str(timedelta(milliseconds=value - value % 1_000))
    if isinstance(value, Decimal):
        return f"{amount(value)} {quote}"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def assumptions(report: Report) -> Iterator[tuple[str, str]]:
    """Yield what the result rests on: name, value."""
    job, setup = report.job, report.job.setup
    costs = setup.costs
    quote = quote_asset(report.loaded.markets)
    fills = interval_name(report.course.interval_ms)
    yield "bars", f"decisions on {job.asked.bar}, fills on {fills}"
    taker, maker = costs.fees.taker_rate, costs.fees.maker_rate
    yield (
        "fee",
        f"{percent(float(taker))} of what is received, {percent(float(maker))} at a target that rests",
    )
    yield "spread, slippage", f"{decimal_text(costs.spread_bps)} bps, {decimal_text(costs.slippage_bps)} bps"
    yield "latency", f"{costs.latency_ms} ms from the close of a bar to the fill"
    yield (
        "order size",
        (
            f"{percent(float(setup.risk_fraction))} of the free balance, "
            f"at most {amount(setup.max_order.value)} {quote}"
        ),
    )
    for symbol, rules in report.loaded.rules.items():
        known = "given" if symbol in job.asked.rules else "suggested by its prices"
        yield (
            f"{symbol}",
            f"tick {decimal_text(rules.tick_size)}, step {decimal_text(rules.step_size)}, "
            f"smallest order {decimal_text(rules.min_notional)} {quote}: {known}",
        )
    if setup.has_rules:
        stated = (f"{each.name}={each.default}" for each in described(setup.rules))
        yield "position rules", ", ".join(stated)
    yield "parameters", _parameters(report)
    yield "engine", report.outcome.engine


def _parameters(report: Report) -> str:
    """Return all of a few, else those that were changed: a strategy may have dozens."""
    known = described(report.strategy.parameters)
    changed = [each for each in known if each.name in report.job.changes]
    shown = known if len(known) <= _PARAMETERS_MAX else changed
    stated = [f"{each.name}={each.default}" for each in shown]
    if len(shown) < len(known):
        stated.append(f"{len(known) - len(shown)} as `trader strategies {report.strategy.name}` lists them")
    return ", ".join(stated)


def report_json(report: Report) -> dict[str, object]:
    """Return a report as the document shows it: figures, assumptions, trades, a thinned equity curve."""
    setup = report.job.setup
    return {
        "strategy": report.strategy.name,
        "parameters": {each.name: each.default for each in described(report.strategy.parameters)},
        "symbols": report.job.asked.symbols,
        "bar": report.job.asked.bar,
        "fill_bar": interval_name(report.course.interval_ms),
        "engine": report.outcome.engine,
        "costs": setup.costs,
        "limits": {
            "risk_fraction": setup.risk_fraction,
            "max_order": setup.max_order,
            "max_slippage_rate": setup.max_slippage_rate,
            "min_notional": setup.min_notional,
            "position_rules": setup.rules,
        },
        "rules": report.loaded.rules,
        "figures": _figures_json(report.figures),
        "counts": report.outcome.counts,
        "reasons": report.outcome.reasons,
        "findings": report.findings,
        "trades": list(trade_rows(report)),
        "equity": equity_points(report),
    }


def _figures_json(figures: Figures) -> dict[str, object]:
    values: dict[str, object] = {name: getattr(figures, name) for name in figures.__dataclass_fields__}
    fall = figures.max_drawdown
    return {**values, "max_drawdown": None if fall is None else fall._asdict()}


def equity_points(report: Report) -> list[tuple[int, Decimal]]:
    """Return (time, equity) at closes of bars, evenly thinned, the last one always."""
    equity, way = report.outcome.equity, report.course
    bars = np.unique(np.linspace(0, len(equity) - 1, min(POINTS_MAX, len(equity))).astype(np.int64))
    return [
        (way.start_ms + (bar + 1) * way.interval_ms, decimal_of(int(equity[bar]))) for bar in bars.tolist()
    ]


def trade_lines(report: Report) -> Iterator[str]:
    yield csv_text([TRADE_COLUMNS])
    for row in trade_rows(report):
        yield csv_text([_trade_cells(row)])


def _trade_cells(row: TradeRow) -> list[str]:
    return [
        row.symbol,
        iso_utc(row.entry_ms),
        decimal_text(row.entry_price),
        decimal_text(row.quantity),
        decimal_text(row.spent),
        "" if row.exit_ms is None else iso_utc(row.exit_ms),
        "" if row.exit_price is None else decimal_text(row.exit_price),
        row.exit,
        decimal_text(row.fees),
        "" if row.profit is None else decimal_text(row.profit),
        "" if row.return_rate is None else f"{row.return_rate:.8f}",
    ]


def _curve(report: Report) -> list[str]:
    values = [float(each) for _, each in equity_points(report)]
    labels = (f"{max(values):.2f}", f"{min(values):.2f}")
    width = min(_CHART_WIDTH_MAX, shutil.get_terminal_size().columns)
    return [
        f"equity in {quote_asset(report.loaded.markets)}",
        *chart(values, labels, width=width, height=_CHART_HEIGHT),
    ]


def show_walk(console: Console, walk: Walk, by: str) -> None:
    console.result(walk_forward=walk, by=by)
    headers = ["chosen on", "tested from", "to", "parameters", "profit where chosen", "profit", "trades"]
    console.table(
        headers,
        [
            [
                minute(step.start_ms),
                minute(step.test_start_ms),
                minute(step.end_ms),
                changes_text(step.changes),
                amount(step.train.profit),
                amount(step.test.profit),
                step.test.trades,
            ]
            for step in walk.steps
        ],
    )
    console.line()
    rows = [
        ["profit on unseen bars", amount(walk.profit)],
        ["steps that earned", f"{walk.won_steps} of {len(walk.steps)}"],
        ["trades", str(walk.trades)],
        ["profit where chosen, for the same time", amount(walk.train_profit)],
        ["efficiency", NONE if walk.efficiency is None else f"{walk.efficiency:.2f}"],
    ]
    console.table([f"{walk.sets} sets, chosen by {by}", ""], rows)
    if blind := walk.blind_steps:
        console.warn(
            f"in {blind} of {len(walk.steps)} steps no set had a figure of {by}, for want of days or trades, "
            "and the first one was taken: make --train longer, or choose --by profit"
        )


def show_sweep(console: Console, done: Sweep, points: Grid, by: str, top: int) -> None:
    scores = {index: each.score for index, each in done.results.items() if each.score is not None}
    order = ranked(scores, by)
    refused = [each for each in done.results.values() if each.score is None]
    lucky = luck([each.sharpe for each in scores.values() if each.sharpe is not None])
    console.result(
        by=by,
        sets=len(points),
        refused=len(refused),
        resumed=done.resumed,
        lucky_sharpe=lucky,
        best=[{"parameters": points.changes(index), **score_json(scores[index])} for index in order[:top]],
    )
    console.table(
        [*points.names, *RANKINGS, "trades"],
        [[*points.changes(index).values(), *_score_cells(scores[index])] for index in order[:top]],
    )
    if order and RANKINGS[by](scores[order[0]]) is None:
        console.warn(f"no set has a figure of {by}: too few days or trades; the order says nothing")
    if refused:
        console.warn(f"{len(refused)} of {len(points)} sets were refused, as: {refused[0].refused}")
    if lucky is not None:
        console.say(
            f"the best of {len(scores)} sets without any skill would have a Sharpe ratio of about "
            f"{lucky:.2f} (docs/backtest.md); test the choice on other bars: --walk-forward"
        )


def sweep_lines(done: Sweep, points: Grid, by: str) -> Iterator[str]:
    """Yield all sets as CSV, best first."""
    yield csv_text([[*points.names, *Score.__dataclass_fields__]])
    scores = {index: each.score for index, each in done.results.items() if each.score is not None}
    for index in ranked(scores, by):
        values = score_json(scores[index]).values()
        yield csv_text(
            [[*points.changes(index).values(), *(NONE if v is None else _plain(v) for v in values)]]
        )


def score_json(score: Score) -> dict[str, object]:
    return {name: getattr(score, name) for name in score.__dataclass_fields__}


def _score_cells(score: Score) -> list[str]:
    return [
        amount(score.profit),
        percent(score.max_drawdown_rate),
        *(NONE if value is None else f"{value:.2f}" for value in (score.sharpe, score.sortino, score.calmar)),
        NONE if score.profit_factor is None else f"{score.profit_factor:.2f}",
        NONE if score.win_rate is None else percent(score.win_rate),
        str(score.trades),
    ]


def changes_text(changes: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in changes.items())


def amount(value: Decimal) -> str:
    """Return an amount for text: four digits after the point, eight where those would say nothing."""
    return decimal_text(round(value, 4 if abs(value) >= _SMALL else 8))


def percent(rate: float) -> str:
    return f"{rate * 100:.4g} %"


def _plain(value: object) -> str:
    return decimal_text(value) if isinstance(value, Decimal) else str(value)


def minute(time_ms: float) -> str:
    return iso_utc(int(time_ms))[:16].replace("T", " ")
