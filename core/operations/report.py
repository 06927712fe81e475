"""Profit and loss, book by book, from the journal alone; it can run while other processes trade."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile
from typing import TYPE_CHECKING

from core.account import AccountKey
from core.report.book import report_book
from core.report.figures import BookReport
from core.report.tax import tax_rows

if TYPE_CHECKING:
    from core.journal import Journal


@dataclass(frozen=True, slots=True)
class Period:
    """`since_ms` <= venue time < `until_ms`."""

    since_ms: int
    until_ms: int


def reports(
    journal: Journal, accounts: tuple[AccountKey, ...], period: Period, *, dry_run: bool
) -> tuple[BookReport, ...]:
    """Return the figures of a book of each account, in order of first contact."""
    return tuple(_report(journal, account, period, dry_run) for account in accounts)


def _report(journal: Journal, account: AccountKey, period: Period, dry_run: bool) -> BookReport:
    history = journal.history
    fills = history.fills(account, dry_run=dry_run, until_ms=period.until_ms)
    opening = history.opening_balances(account, dry_run=dry_run)
    return report_book(account, dry_run, fills, opening, period.since_ms)


def tax_rows_of(
    journal: Journal, accounts: tuple[AccountKey, ...], period: Period, *, dry_run: bool
) -> Iterator[tuple[str, ...]]:
    """Yield a row for each fill of the period, account by account, by venue time."""
    for account in accounts:
        fills = journal.history.fills(account, dry_run=dry_run, until_ms=period.until_ms)
        chosen = dropwhile(lambda fill: fill.time_ms < period.since_ms, fills)
        yield from tax_rows(account, dry_run, chosen)
