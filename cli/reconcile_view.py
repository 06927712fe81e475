"""How `trader reconcile` looks to a person, in the JSON document, and in the report of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cli.console import Console
from core.clock import iso_utc
from core.journal.reconciliations import KnownBreak
from core.operations.reconcile_result import ReconcileResult
from core.reconciliation import RULES
from core.values import decimal_text

UNAVAILABLE = "unavailable: this venue does not tell"


def reconcile_result(console: Console, result: ReconcileResult, now_ms: int) -> None:
    """Show what differs; what agrees only to a person who reads along."""
    console.result(**reconcile_record(result))
    if result.open_breaks:
        console.table(
            ("break", "class", "since", "symbol", "what differs"),
            [
                (
                    each.break_id,
                    each.found.break_class,
                    age(now_ms - each.first_seen_ms),
                    each.found.symbol or "–",
                    each.found.explanation,
                )
                for each in result.open_breaks
            ],
        )
    for line in _asides(result):
        console.line(line)
    for each in result.intruders:
        console.warn(f"ALARM {each.break_id}: {each.found.explanation}")
    if console.shows_all:
        for line in reconcile_text(result):
            console.line(line)


def _asides(result: ReconcileResult) -> Iterator[str]:
    for each in result.accepted:
        yield f"accepted {each.break_id}: {each.found.explanation}"
    for trade in result.booked:
        yield f"booked {trade}, as the venue tells it"
    for late in result.found_late:
        yield f"found late: {late}"
    if result.halted:
        yield "HALTED: no order is sent on this account until `trader resume --reason …`"


def reconcile_text(result: ReconcileResult) -> Iterator[str]:
    """Give the whole run as lines for a person."""
    yield f"account    {result.account}"
    if result.until_ms is not None and result.since_ms is not None:
        yield f"compared   {iso_utc(result.since_ms)} to {iso_utc(result.until_ms)}, by the venue's clock"
    symbols = ", ".join(result.symbols) or "none was ever traded"
    yield f"symbols    {symbols}"
    if result.swept:
        yield f"swept      {', '.join(result.swept)}, because money moved unexplained"
    if result.delisted:
        yield f"delisted   {', '.join(result.delisted)}: the venue tells nothing of it any more, not compared"
    yield f"looked at  {result.orders} order(s), {result.trades} trade(s)"
    yield f"transfers  {UNAVAILABLE if result.transfers is None else result.transfers}"
    for symbol, number, name in result.foreign_at_opening:
        yield f"not ours   order {number} ({name}) on {symbol} was open before the books were: out of scope"
    for each in result.late:
        yield f"late       {each.found.explanation}; it becomes {each.found.became} if it stays"
    for account in result.not_covered:
        yield f"elsewhere  {account}: nothing is held, open or unsettled there"
    for exposed in result.elsewhere:
        yield f"NOT HERE   {exposed}"
    for each in result.open_breaks:
        yield from _break_text(each)
    if result.agrees:
        yield "✓ the books agree" + (", but for what may only be late" if result.late else "")


def _break_text(each: KnownBreak) -> Iterator[str]:
    found = each.found
    yield f"{each.break_id}   {found.break_class} since {iso_utc(each.first_seen_ms)}: {found.explanation}"
    yield f"           ours: {_side(found.ours)}; the venue's: {_side(found.theirs)}"
    yield f"           {RULES[found.break_class].advice}"


def _side(told: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in told.items()) or "nothing"


def reconcile_record(result: ReconcileResult) -> dict[str, object]:
    """Return the whole run for a program."""
    return {
        "account": str(result.account),
        "agrees": result.agrees,
        "started_ms": result.started_ms,
        "ended_ms": result.ended_ms,
        "since_ms": result.since_ms,
        "until_ms": result.until_ms,
        "full": result.full,
        "symbols": result.symbols,
        "swept": result.swept,
        "delisted": result.delisted,
        "orders": result.orders,
        "trades": result.trades,
        "transfers": result.transfers,
        "breaks": [_break_record(each) for each in result.open_breaks],
        "late": [_break_record(each) for each in result.late],
        "accepted": [_break_record(each) for each in result.accepted],
        "booked": result.booked,
        "found_late": result.found_late,
        "halted": result.halted,
        "foreign_at_opening": [
            {"symbol": symbol, "venue_order_id": number, "client_order_id": name}
            for symbol, number, name in result.foreign_at_opening
        ],
        "elsewhere": [str(each) for each in result.elsewhere],
        "not_covered": [str(each) for each in result.not_covered],
    }


def _break_record(each: KnownBreak) -> dict[str, object]:
    found = each.found
    return {
        "break_id": each.break_id,
        "class": found.break_class,
        "becomes": found.became,
        "first_seen_ms": each.first_seen_ms,
        "symbol": found.symbol or None,
        "explanation": found.explanation,
        "ours": found.ours,
        "theirs": found.theirs,
        "effects": {asset: decimal_text(amount) for asset, amount in found.effects.items()},
        "venue_order_id": found.venue_order_id,
        "trade_id": found.trade_id,
        "advice": RULES[found.break_class].advice,
    }


def age(ms: float) -> str:
    """Return how long something lasts, in the largest unit that fits."""
    for name, length_ms in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000)):
        if ms >= length_ms:
            return f"{ms // length_ms:.0f} {name}"
    return f"{max(ms, 0) / 1000:.0f} s"
