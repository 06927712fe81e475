"""How live fills look beside those of a back-test."""

from __future__ import annotations

from collections.abc import Sequence

from cli.console import Console
from core.backtest.attribution import Leg, LegRow, table


def show_attribution(console: Console, rows: Sequence[LegRow]) -> None:
    """Show what each live leg cost more than the tested one, and what for; amounts in quote."""
    console.result(
        against=[
            {
                "trade": row.number,
                "leg": row.name,
                "live": _leg(row.live),
                "tested": _leg(row.tested),
                "more": None if row.why is None else row.why.total,
                "why": row.why,
            }
            for row in rows
        ]
    )
    console.line()
    console.table(*table(rows))
    console.say("amounts in quote; more: what live cost above the back-test, and what for (docs/backtest.md)")


def _leg(leg: Leg | None) -> dict[str, object] | None:
    if leg is None:
        return None
    return {"middle": leg.middle, "quantity": leg.quantity, "value": leg.value, "fee": leg.fee}
