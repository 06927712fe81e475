"""How a report looks on a terminal and in the JSON document. docs/report.md defines every figure."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from cli.chart import chart
from cli.console import Console
from core.clock import iso_utc
from core.operations.progress import shown
from core.report.equity import SHARPE_DAYS_MIN
from core.report.figures import BookReport, DayFigures, QuoteFigures
from core.report.tax import book_name
from core.values import decimal_text

NONE = "–"
_CHART_HEIGHT = 8
_CHART_WIDTH_MAX = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def report_result(console: Console, reports: Sequence[BookReport], *, dry_run: bool) -> None:
    """Show every book by itself; the curve only where a person looks."""
    console.result(book=book_name(dry_run), reports=[report_json(each) for each in reports])
    for number, report in enumerate(reports):
        if number:
            console.line()
        console.line(f"{report.account}, {book_name(report.dry_run)} book: {report.fills} fill(s)")
        for quote in report.quotes:
            _show_quote(console, quote)
        if report.flows:
            console.line()
            console.table(
                ["asset", "opening", "moved", "fees", "closing"],
                [
                    [flow.asset, *map(shown, (flow.opening, flow.moved, flow.fees, flow.closing))]
                    for flow in report.flows
                ],
            )


def _show_quote(console: Console, quote: QuoteFigures) -> None:
    console.line()
    console.table([quote.asset, ""], summary(quote))
    if console.shows_all and len(quote.curve) > 1:
        console.line()
        for line in _curve(quote):
            console.line(line)
    console.line()
    console.table(
        ["day", "symbol", "fills", "bought", "sold", "P&L FIFO", "P&L average", "fees", "unvalued fees"],
        [day_cells(day) for day in quote.days],
    )
    console.line()
    console.table(
        ["symbol", "position", "cost FIFO", "cost average", "last price", "unrealized"],
        [
            [
                each.symbol,
                *map(shown, (each.quantity, each.cost_fifo, each.cost_average, each.mark, each.unrealized)),
            ]
            for each in quote.symbols
        ],
    )


def summary(quote: QuoteFigures) -> list[list[str]]:
    """Return the figures of a quote asset: name, value."""
    profit, trades, asset = quote.profit, quote.trades, quote.asset
    fees = f"{shown(profit.fees_value)} {asset}"
    if profit.unvalued_fees:
        fees += f", and unvalued, in no other figure: {amounts(profit.unvalued_fees)}"
    return [
        ["P&L FIFO", f"{shown(profit.fifo)} {asset}"],
        ["P&L average cost", f"{shown(profit.average)} {asset}"],
        ["unrealized", f"{shown(quote.unrealized)} {asset}"],
        ["fees, in P&L", fees],
        ["equity", f"{shown(quote.equity_start.equity)} → {shown(quote.equity_end.equity)} {asset}"],
        ["max drawdown", _drawdown(quote)],
        ["Sharpe", _sharpe(quote)],
        ["trades", f"{trades.trades} ({trades.won} won, {trades.lost} lost)"],
        ["win rate", _percent(trades.win_rate)],
        ["profit factor", _optional(trades.profit_factor, 2)],
        ["average win", _optional(trades.average_win)],
        ["average loss", _optional(trades.average_loss)],
    ]


def _drawdown(quote: QuoteFigures) -> str:
    fall = quote.drawdown
    if fall is None:
        return "none"
    return (
        f"{_percent(fall.rate)}: {shown(fall.amount)} {quote.asset}, from {shown(fall.peak.equity)}"
        f" ({iso_utc(fall.peak.time_ms)}) to {shown(fall.trough.equity)} ({iso_utc(fall.trough.time_ms)})"
    )


def _sharpe(quote: QuoteFigures) -> str:
    if quote.sharpe is not None:
        return f"{quote.sharpe:.2f} ({quote.daily_returns} daily returns)"
    if quote.daily_returns < SHARPE_DAYS_MIN:
        return f"{NONE} (needs {SHARPE_DAYS_MIN} daily returns, has {quote.daily_returns})"
    return f"{NONE} (the daily returns do not differ, or equity was not above 0)"


def day_cells(day: DayFigures) -> list[str]:
    profit = day.profit
    numbers = (day.bought, day.sold, profit.fifo, profit.average, profit.fees_value)
    return [iso_day(day.day), day.symbol, str(day.fills), *map(shown, numbers), amounts(profit.unvalued_fees)]


def _curve(quote: QuoteFigures) -> list[str]:
    values = [float(point.equity) for point in quote.curve]
    labels = (shown(Decimal(str(max(values)))), shown(Decimal(str(min(values)))))
    width = min(_CHART_WIDTH_MAX, shutil.get_terminal_size().columns)
    span = f"{iso_utc(quote.curve[0].time_ms)} to {iso_utc(quote.curve[-1].time_ms)}, fill by fill"
    return [f"equity in {quote.asset}, {span}", *chart(values, labels, width=width, height=_CHART_HEIGHT)]


def amounts(by_asset: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{decimal_text(amount)} {asset}" for asset, amount in by_asset.items())


def _optional(value: Decimal | None, places: int = 8) -> str:
    return NONE if value is None else decimal_text(round(value, places))


def _percent(rate: Decimal | None) -> str:
    return NONE if rate is None else f"{rate * 100:.4g} %"


def iso_day(day: int) -> str:
    return f"{_EPOCH + timedelta(days=day):%Y-%m-%d}"


def report_json(report: BookReport) -> dict[str, object]:
    """Return a book's report as the document shows it: as it is, days as dates, the curve as pairs."""
    return {
        "account": str(report.account),
        "venue": report.account.venue,
        "environment": report.account.environment,
        "book": book_name(report.dry_run),
        "fills": report.fills,
        "quotes": [_quote_json(quote) for quote in report.quotes],
        "balances": report.flows,
    }


def _quote_json(quote: QuoteFigures) -> dict[str, object]:
    fall = quote.drawdown
    return {
        "asset": quote.asset,
        "profit": quote.profit,
        "unrealized": quote.unrealized,
        **{name: getattr(quote.trades, name) for name in quote.trades.__dataclass_fields__},
        "equity_start": quote.equity_start.equity,
        "equity_end": quote.equity_end.equity,
        "max_drawdown": None
        if fall is None
        else {"amount": fall.amount, "rate": fall.rate, "peak": fall.peak, "trough": fall.trough},
        "sharpe": quote.sharpe,
        "daily_returns": quote.daily_returns,
        "symbols": quote.symbols,
        "days": [
            {
                "day": iso_day(day.day),
                "symbol": day.symbol,
                "fills": day.fills,
                "bought": day.bought,
                "sold": day.sold,
                "profit": day.profit,
            }
            for day in quote.days
        ],
        "equity": [[point.time_ms, point.equity] for point in quote.curve],
    }
