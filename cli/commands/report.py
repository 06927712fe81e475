"""`trader report`: profit and loss from our own fills (runbooks/report.md)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.console import Console, UsageError
from cli.invocation import Invocation
from cli.moments import SINCE_HELP, UNTIL_HELP

if TYPE_CHECKING:
    from core.account import AccountKey
    from core.journal import Journal
    from core.operations.report import Period
    from core.report.figures import BookReport


def report(
    context: typer.Context,
    since: Annotated[str | None, typer.Option(metavar="TIME", help=SINCE_HELP)] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help=UNTIL_HELP)] = None,
    book: Annotated[
        Literal["real", "dry-run"],
        typer.Option(help="Orders at a venue, or simulated ones."),
    ] = "real",
    account: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only accounts whose name holds this; default: each.")
    ] = None,
    form: Annotated[
        Literal["table", "csv", "json"],
        typer.Option("--format", help="csv: a row a fill, for tax tools; json: as --json."),
    ] = "table",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the CSV to this new file, not to stdout.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a page with the equity curve.")
    ] = None,
) -> None:
    """Show profit and loss with fees, by FIFO and by average cost."""
    from cli.moments import span_ms
    from cli.reading import journal_for_reading, say_where
    from cli.report_view import report_result
    from core.clock import SystemClock
    from core.operations.report import Period, reports

    run: Invocation = context.obj
    console, dry_run = run.console, book == "dry-run"
    run.options.as_json = run.options.as_json or form == "json"
    if output is not None and form != "csv":
        raise UsageError("--output is for --format csv; --html FILE writes a page")
    if form == "csv" and run.options.as_json and output is None:
        raise UsageError("--json needs stdout for its document: name a file with --output")
    clock = SystemClock()
    period = Period(*span_ms(since, until, clock.now_ms()))
    say_where(console, run.settings.home)
    with journal_for_reading(run) as journal:
        accounts = _accounts(journal, account)
        if form == "csv":
            _write_csv(run, journal, accounts, period, output, dry_run=dry_run)
        if form != "csv" or html is not None:
            made = reports(journal, accounts, period, dry_run=dry_run)
            if form != "csv":
                report_result(console, made, dry_run=dry_run)
            if html is not None:
                _write_page(run, html, made, clock.now_ms(), _in_words(since, until))
        _say_if_empty(console, journal, accounts, dry_run=dry_run)


def _accounts(journal: Journal, text: str | None) -> tuple[AccountKey, ...]:
    known = journal.accounts()
    chosen = tuple(each for each in known if text is None or text in str(each))
    if text is not None and not chosen:
        raise UsageError(
            f"--account: no account of {journal.home} has {text!r} in its name",
            hint=f"accounts: {', '.join(map(str, known)) or 'none'}",
        )
    return chosen


def _say_if_empty(
    console: Console, journal: Journal, accounts: tuple[AccountKey, ...], *, dry_run: bool
) -> None:
    if any(journal.positions(each, dry_run=dry_run) for each in accounts):
        return
    book, other = ("dry-run", "real") if dry_run else ("real", "dry-run")
    text = f"nothing was ever filled in the {book} book of {journal.home}"
    if any(journal.positions(each, dry_run=not dry_run) for each in accounts):
        text += f"; --book {other} shows the other one"
    console.warn(text)


def _write_csv(
    run: Invocation,
    journal: Journal,
    accounts: tuple[AccountKey, ...],
    period: Period,
    output: Path | None,
    *,
    dry_run: bool,
) -> None:
    from itertools import chain

    from cli.writing import write_lines
    from core.csv_text import csv_text
    from core.operations.report import tax_rows_of
    from core.report.tax import TAX_COLUMNS

    path = None if output is None else run.cwd / output
    rows = tax_rows_of(journal, accounts, period, dry_run=dry_run)
    lines = (csv_text([row]) for row in chain([TAX_COLUMNS], rows))
    digest = write_lines(run.console, lines, path)
    run.console.result(file=path, sha256=digest)
    if path is not None:
        run.console.say(f"wrote {path}, sha256 {digest}")


def _write_page(run: Invocation, html: Path, made: Sequence[BookReport], now_ms: int, period: str) -> None:
    from cli.report_page import BEGINNING, report_page
    from core.new_files import new_file

    path = run.cwd / html
    with new_file(path, over=BEGINNING.encode()) as file:
        file.write(report_page(made, now_ms, period).encode())
    run.console.result(html=path)
    run.console.say(f"wrote {path}")


def _in_words(since: str | None, until: str | None) -> str:
    return f"From {since or 'the first contact'} to {until or 'now'}, UTC."
