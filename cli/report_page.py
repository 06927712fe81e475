"""A report as one HTML page that needs nothing else: styles inside, curves as SVG, no script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from cli.report_view import day_cells, summary
from cli.svg import STYLE, curve, frame, picture
from core.clock import iso_utc
from core.operations.progress import shown
from core.report.figures import BookReport, QuoteFigures
from core.report.tax import book_name

BEGINNING = "<!doctype html>\n<!-- trader report -->\n"
"""How a page of ours is known again: only such a file is written over."""

_STYLE = """
:root { color-scheme: light dark; --soft: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2.5rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--soft); text-align: right; }
th:first-child, td:first-child { text-align: left; }
.summary td { text-align: left; } .wide { overflow-x: auto; }
figcaption, footer { opacity: .7; font-size: .9rem; } figure { margin: 1rem 0; }
"""


def report_page(reports: Sequence[BookReport], made_ms: int, period: str) -> str:
    """Return the page. `period`: what it is about, in words."""
    return BEGINNING + "\n".join(_lines(reports, made_ms, period)) + "\n"


def _lines(reports: Sequence[BookReport], made_ms: int, period: str) -> Iterator[str]:
    yield '<html lang="en"><head><meta charset="utf-8"><title>trader report</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{_STYLE}{STYLE}</style></head><body>"
    yield f"<h1>trader report</h1><p>{escape(period)}</p>"
    for report in reports:
        yield f"<h2>{escape(str(report.account))}, {book_name(report.dry_run)} book</h2>"
        yield f"<p>{report.fills} fill(s)</p>"
        for quote in report.quotes:
            yield from _quote(quote)
        yield from _table(
            ("asset", "opening", "moved", "fees", "closing"),
            (
                (flow.asset, *map(shown, (flow.opening, flow.moved, flow.fees, flow.closing)))
                for flow in report.flows
            ),
        )
    yield f"<footer>Made {iso_utc(made_ms)}. docs/report.md defines the figures.</footer></body></html>"


def _quote(quote: QuoteFigures) -> Iterator[str]:
    yield f"<h3>{escape(quote.asset)}</h3>"
    yield from _curve(quote)
    yield from _table((), summary(quote), "summary")
    days = ("day", "symbol", "fills", "bought", "sold", "P&L FIFO", "P&L average", "fees", "unvalued fees")
    yield from _table(days, map(day_cells, quote.days))
    yield from _table(
        ("symbol", "position", "cost FIFO", "cost average", "last price", "unrealized"),
        (
            (
                each.symbol,
                *map(shown, (each.quantity, each.cost_fifo, each.cost_average, each.mark, each.unrealized)),
            )
            for each in quote.symbols
        ),
    )


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]], name: str = "figures") -> Iterator[str]:
    yield f'<div class="wide"><table class="{name}">'
    if headers:
        yield _row("th", headers)
    for row in rows:
        yield _row("td", row)
    yield "</table></div>"


def _row(cell: str, texts: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{cell}>{escape(text)}</{cell}>" for text in texts) + "</tr>"


def _curve(quote: QuoteFigures) -> Iterator[str]:
    points = [(float(each.time_ms), float(each.equity)) for each in quote.curve]
    low, high = (shown(limit(each.equity for each in quote.curve)) for limit in (min, max))
    around = frame(points, 240)
    yield "<figure>"
    yield from picture(around, "equity curve", [curve(around, points, "equity")])
    yield f"<figcaption>equity in {escape(quote.asset)}, {low} to {high}</figcaption></figure>"
