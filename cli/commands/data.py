"""`trader data`: recorded bars in the home's data folder (runbooks/data.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.invocation import Invocation

if TYPE_CHECKING:
    from cli.console import Console
    from core.operations.data_import import Imported, Stored


def import_(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files to import, in this order.")],
    symbol: Annotated[
        str | None, typer.Option(metavar="SYMBOL", help="Instead of what the file's name says.")
    ] = None,
    interval: Annotated[
        str | None, typer.Option(metavar="INTERVAL", help="Of the bars made of trades; default 1m.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Where bars differ, take the file's, not those that are there.")
    ] = False,
) -> None:
    """Check files of bars or trades, and add their bars to the data folder."""
    from core.operations.data_import import import_data

    run: Invocation = context.obj
    console = run.console
    done = import_data(
        run.settings.home,
        [run.cwd / path for path in paths],
        symbol=symbol,
        interval=interval,
        replace=replace,
        progress=console.progress,
    )
    console.result(imported=[_imported_json(each) for each in done])
    for each in done:
        _show_imported(console, each)


def list_(context: typer.Context) -> None:
    """Show the symbols, intervals and spans of the data folder."""
    from core.operations.data_import import list_data

    run: Invocation = context.obj
    home = run.settings.home
    found = list_data(home)
    run.console.result(series=[_stored_json(each) for each in found])
    if not found:
        run.console.say(f"no bars in {home / 'data'}; `trader data import PATH` brings some in")
        return
    headers = ["symbol", "interval", "first", "last", "bars", "gaps", "missing", "first gap"]
    run.console.table(headers, [_row(each) for each in found])


def _show_imported(console: Console, done: Imported) -> None:
    from core.data.checks import MEANINGS

    now = done.now
    console.line(
        f"{done.symbol} {done.interval}: {done.added} added, {done.same} there already, "
        f"{done.changed} changed; now {now.bars} bars, {_moment(now.first_ms)} to {_moment(now.end_ms)}"
    )
    for finding in done.findings:
        console.warn(
            f"{finding.kind} {finding.count}, first at {_moment(finding.first_ms)}: {MEANINGS[finding.kind]}"
        )
    if now.first_gap_ms is not None:
        console.warn(
            f"GAP {now.gaps}, first at {_moment(now.first_gap_ms)}: {now.gap_bars} bars are missing in all"
        )
    if done.unproven:
        console.detail(f"{done.unproven} of {done.files} files had no .CHECKSUM beside them")


def _row(stored: Stored) -> list[str]:
    gap = "" if stored.first_gap_ms is None else _moment(stored.first_gap_ms)
    span = _moment(stored.first_ms), _moment(stored.end_ms)
    return [
        stored.symbol,
        stored.interval,
        *span,
        str(stored.bars),
        str(stored.gaps),
        str(stored.gap_bars),
        gap,
    ]


def _imported_json(done: Imported) -> dict[str, object]:
    return {
        "symbol": done.symbol,
        "interval": done.interval,
        "files": done.files,
        "unproven_files": done.unproven,
        "added": done.added,
        "same": done.same,
        "changed": done.changed,
        "findings": [
            {"kind": finding.kind, "count": finding.count, "first_ms": finding.first_ms}
            for finding in done.findings
        ],
        "series": _stored_json(done.now),
    }


def _stored_json(stored: Stored) -> dict[str, object]:
    return {
        "symbol": stored.symbol,
        "interval": stored.interval,
        "first_ms": stored.first_ms,
        "end_ms": stored.end_ms,
        "bars": stored.bars,
        "gaps": stored.gaps,
        "missing_bars": stored.gap_bars,
        "first_gap_ms": stored.first_gap_ms,
    }


def _moment(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
