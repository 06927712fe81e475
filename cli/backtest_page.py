"""A back-test as one HTML page that needs nothing else: styles inside, charts as SVG, no script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

import numpy as np

from cli.backtest_view import NONE, amount, assumptions, equity_points, figure_rows, minute, percent, span
from cli.svg import STYLE, Frame, Point, area, curve, frame, hinted, hints, picture, strokes
from core.backtest.job import Report, TradeRow, trade_rows
from core.backtest.market import quote_asset, units
from core.backtest.setup import Lane
from core.bars import IntArray
from core.clock import iso_utc
from core.values import decimal_text

BEGINNING = "<!doctype html>\n<!-- trader backtest -->\n"
"""How a page of ours is known again: only such a file is written over."""

_TRADES_LISTED = 500
_COLUMNS_MAX = 1_000
_DOTS_MAX, _HINTS_MAX = 400, 200
_STYLE = """
:root { color-scheme: light dark; --soft: #8884; --price: #8a94a6;
  --line: #1a73e8; --win: #1e8e3e; --loss: #d93025; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem; }
table { border-collapse: collapse; margin: .6rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--soft); text-align: left; }
td { vertical-align: top; }
.wide { overflow-x: auto; } .trades td { white-space: nowrap; }
td.definition { opacity: .7; font-size: .85rem; }
.price { fill: var(--price); stroke: var(--price); stroke-width: .7; }
.fall { fill: var(--loss); fill-opacity: .35; stroke: var(--loss); stroke-width: .8; }
.win { stroke: var(--win); stroke-width: 1.8; } .loss { stroke: var(--loss); stroke-width: 1.8; }
.entry { stroke: var(--line); stroke-width: 4.5; stroke-linecap: round; }
.exit { stroke: currentColor; stroke-width: 3; stroke-linecap: round; opacity: .8; }
.warning { border-left: 4px solid #f9ab00; padding: .2rem .8rem; margin: .4rem 0; }
figure { margin: .6rem 0; } figcaption, footer { opacity: .7; font-size: .9rem; }
@media (max-width: 640px) {
  .figures tr { display: grid; grid-template-columns: 9rem 1fr; border-bottom: 1px solid var(--soft); }
  .figures td { border: 0; } .figures .definition { grid-column: 1 / 3; padding-top: 0; }
}
"""


def backtest_page(report: Report, made_ms: int) -> str:
    return BEGINNING + "\n".join(_lines(report, made_ms)) + "\n"


def _lines(report: Report, made_ms: int) -> Iterator[str]:
    rows = list(trade_rows(report))
    title = f"{report.strategy.name} on {', '.join(report.job.asked.symbols)}"
    yield f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{_STYLE}{STYLE}</style></head><body><h1>{escape(title)}</h1><p>{escape(span(report))}</p>"
    for finding in report.findings:
        yield f'<p class="warning">{escape(finding)}</p>'
    yield from _equity(report)
    for lane in report.course.lanes:
        yield from _prices(lane, [row for row in rows if row.symbol == lane.market.symbol])
    yield "<h2>Figures</h2>"
    yield '<div class="wide"><table class="figures">'
    for name, value, text, source in figure_rows(report):
        told = f"{text}. {source}." if source else f"{text}."
        yield (
            f"<tr><td>{escape(name)}</td><td>{escape(value)}</td>"
            f'<td class="definition">{escape(told)}</td></tr>'
        )
    yield "</table></div><h2>Assumptions</h2>"
    yield from _table((), assumptions(report))
    yield from _trades(rows)
    yield f"<footer>Made {iso_utc(made_ms)}. docs/backtest.md says how fills are simulated.</footer>"
    yield "</body></html>"


def _equity(report: Report) -> Iterator[str]:
    start: Point = (float(report.figures.start_ms), float(report.figures.balance))
    points = [start, *((float(time_ms), float(value)) for time_ms, value in equity_points(report))]
    around = frame(points, 260)
    quote = quote_asset(report.loaded.markets)
    hinted_points = points[:: -(-len(points) // _HINTS_MAX)]
    told = [(time_ms, f"{minute(time_ms)}: {value:.8g} {quote}") for time_ms, value in hinted_points]
    yield "<h2>Equity</h2><figure>"
    yield from picture(around, "equity", [curve(around, points, "equity"), *hints(around, told)])
    yield f"<figcaption>in {escape(quote)}, at closes of bars</figcaption></figure>"

    falls = _falls(report)
    below = frame([*falls, (falls[-1][0], 0.0)], 150)
    level = [(time_ms, 0.0) for time_ms, _ in falls]
    yield "<h2>Drawdown</h2><figure>"
    yield from picture(below, "drawdown", [area(below, level, falls, "fall")], " %")
    yield "<figcaption>below the highest equity so far</figcaption></figure>"


def _falls(report: Report) -> list[Point]:
    """Return how far equity fell below its peak, in percent: the deepest of as many spans as columns."""
    equity, way = report.outcome.equity, report.course
    peaks = np.maximum(np.maximum.accumulate(equity), units(report.figures.balance))
    starts = _columns(0, way.length)
    deepest = np.minimum.reduceat(100 * (equity / peaks - 1), starts)
    ends = way.start_ms + np.append(starts[1:], way.length) * way.interval_ms
    found: list[Point] = list(zip(ends.astype(np.float64).tolist(), deepest.tolist(), strict=True))
    return [(float(way.start_ms), 0.0), *found]


def _prices(lane: Lane, rows: Sequence[TradeRow]) -> Iterator[str]:
    highs, lows = _envelope(lane)
    whole = frame([*highs[:1], *lows, *highs[1:]], 380)
    around = Frame(highs[0][0], max(highs[-1][0], highs[0][0] + 1), whole.low, whole.high, whole.height)
    closed = [row for row in rows if row.exit_ms is not None and row.exit_price is not None]
    drawn = f"{len(rows)} trade(s): from entry to exit, green where it earned, red where not"
    if len(rows) <= _DOTS_MAX:
        drawn += "; a blue dot is an entry, a small one an exit"
        trades = [hinted(_drawn(around, row), _told(row)) for row in rows]
    else:
        won = [(_entry(row), _exit(row)) for row in closed if _earned(row)]
        lost = [(_entry(row), _exit(row)) for row in closed if not _earned(row)]
        trades = [strokes(around, won, "win"), strokes(around, lost, "loss")]
    yield f"<h2>{escape(lane.market.symbol)}</h2><figure>"
    yield from picture(
        around,
        f"price and trades of {lane.market.symbol}",
        [
            area(around, highs, lows, "price"),
            *trades,
        ],
    )
    yield f"<figcaption>lows to highs; {drawn}</figcaption></figure>"


def _drawn(around: Frame, row: TradeRow) -> str:
    entered = strokes(around, [(_entry(row), _entry(row))], "entry")
    if row.exit_ms is None or row.exit_price is None:
        return entered
    way = strokes(around, [(_entry(row), _exit(row))], "win" if _earned(row) else "loss")
    return way + entered + strokes(around, [(_exit(row), _exit(row))], "exit")


def _told(row: TradeRow) -> str:
    entered = f"{minute(row.entry_ms)}: {decimal_text(row.quantity)} at {decimal_text(row.entry_price)}"
    if row.exit_ms is None or row.exit_price is None or row.profit is None:
        return f"{entered}, {row.exit.lower()}"
    left = f"{minute(row.exit_ms)} at {decimal_text(row.exit_price)} by {row.exit.lower()}"
    return f"{entered}; {left}: {amount(row.profit)}"


def _earned(row: TradeRow) -> bool:
    return row.profit is not None and row.profit > 0


def _entry(row: TradeRow) -> Point:
    return float(row.entry_ms), float(row.entry_price)


def _exit(row: TradeRow) -> Point:
    assert row.exit_ms is not None and row.exit_price is not None  # noqa: S101, PT018 - closed trades only
    return float(row.exit_ms), float(row.exit_price)


def _envelope(lane: Lane) -> tuple[list[Point], list[Point]]:
    """Return highs and lows of as many spans as a screen has columns."""
    bars = lane.market.bars
    starts = _columns(lane.first, lane.end)
    times = bars.open_time_ms[starts].astype(np.float64).tolist()
    high = np.maximum.reduceat(bars.high[: lane.end], starts).tolist()
    low = np.minimum.reduceat(bars.low[: lane.end], starts).tolist()
    return list(zip(times, high, strict=True)), list(zip(times, low, strict=True))


def _columns(first: int, end: int) -> IntArray:
    """Return where each column of a screen begins among the bars from `first` to before `end`."""
    count = min(_COLUMNS_MAX, end - first)
    starts: IntArray = first + np.arange(count, dtype=np.int64) * (end - first) // count
    return starts


def _trades(rows: Sequence[TradeRow]) -> Iterator[str]:
    yield f"<h2>Trades</h2><p>{_which(rows)}</p>"
    headers = ("symbol", "entry", "price", "quantity", "exit", "price", "by", "profit", "return")
    yield from _table(headers, map(_cells, rows[-_TRADES_LISTED:]), "trades")


def _which(rows: Sequence[TradeRow]) -> str:
    if len(rows) <= _TRADES_LISTED:
        return f"{len(rows)} trade(s)"
    return f"The last {_TRADES_LISTED} of {len(rows)}; --format csv has all."


def _cells(row: TradeRow) -> Sequence[str]:
    return (
        row.symbol,
        minute(row.entry_ms),
        decimal_text(row.entry_price),
        decimal_text(row.quantity),
        "open" if row.exit_ms is None else minute(row.exit_ms),
        NONE if row.exit_price is None else decimal_text(row.exit_price),
        row.exit.lower(),
        NONE if row.profit is None else amount(row.profit),
        NONE if row.return_rate is None else percent(row.return_rate),
    )


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]], name: str = "plain") -> Iterator[str]:
    yield f'<div class="wide"><table class="{name}">'
    if headers:
        yield "<tr>" + "".join(f"<th>{escape(each)}</th>" for each in headers) + "</tr>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{escape(each)}</td>" for each in row) + "</tr>"
    yield "</table></div>"
