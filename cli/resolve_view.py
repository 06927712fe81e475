"""How `trader resolve` looks to a person, and in the JSON document."""

from __future__ import annotations

from cli.console import Console
from cli.presenting import journaled_order
from core.clock import iso_utc
from core.operations.resolve import ResolveResult, Wanted
from core.operations.settle import Case
from core.resolver import AskAgain, Found, NeverAccepted, Quarantine


def question(wanted: Wanted) -> str:
    """Return what a human is asked before a decision is written down."""
    parts = []
    if wanted.import_trades:
        parts.append(f"book trades {', '.join(map(str, wanted.import_trades))} on {wanted.order}")
    if wanted.write_off:
        parts.append(f"give {wanted.order} up, booking no fill")
    parts.append("release the quarantine of what is settled")
    return f"{' and '.join(parts)}?".capitalize()


def resolve_result(console: Console, result: ResolveResult) -> None:
    """Show what became of each order that was asked about, what was decided, and what is left."""
    console.result(
        orders=[
            {
                **journaled_order(result.orders[case.intent.client_order_id]),
                "verdict": _word(case),
                "detail": case.detail,
            }
            for case in result.asked
        ],
        imported=[fill.trade_id for fill in result.imported],
        written_off=result.written_off,
        released=result.released,
        unsettled=[
            {**journaled_order(each.order), "since_ms": each.since_ms, "what": each.what}
            for each in result.unsettled
        ],
        quarantined=result.quarantines,
        elsewhere=[
            {**journaled_order(each.order), "account": str(each.order.account)} for each in result.elsewhere
        ],
    )
    for case in result.asked:
        console.line(f"{case.intent.client_order_id} {case.intent.request.symbol}: {case.detail}")
    for fill in result.imported:
        console.line(f"booked trade {fill.trade_id}: {fill.side} {fill.quantity} at {fill.price}")
    if result.written_off is not None:
        console.line(f"{result.written_off} was written off; no fill was booked")
    for symbol in result.released:
        console.line(f"{symbol} is no longer quarantined")
    for quarantine in result.quarantines:
        console.line(
            f"{quarantine.symbol} quarantined since {iso_utc(quarantine.since_ms)}: {quarantine.reason}"
        )
    for each in result.elsewhere:
        console.line(f"not reached: {each.order.client_order_id} on {each.order.account}: {each.what}")
    if result.account is not None and not result.asked:
        console.say(f"nothing is unsettled on {result.account}")


def _word(case: Case) -> str:
    match case.verdict:
        case None:
            return "settled-elsewhere"
        case Found():
            return "found"
        case NeverAccepted():
            return "never-accepted"
        case AskAgain():
            return "unknown"
        case Quarantine():
            return "quarantined"
