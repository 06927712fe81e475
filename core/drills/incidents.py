"""The incidents that can be rehearsed. How each is staged on the paper exchange is in `cli.drill_scenes`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

REQUIRED = ("halt", "cancel-all", "flatten")
"""The ways out that somebody must have rehearsed lately, before real money is at stake."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident. `woke`: what the operator knows at first; `runbook`: what helps him.

    `ended`: names of `core.drills.conditions`; when all of them hold, he has dealt with it.
    """

    name: str
    title: str
    woke: str
    runbook: str
    ended: tuple[str, ...]


_ALL = (
    Incident(
        "halt",
        "Stop a program that may buy at any moment",
        "The spread of BTCUSDT is ten times what it was, and a position is held. Nothing may be bought until "
        "you know why. The stop at the venue is to stay.",
        "halt",
        ("halted", "protected", "settled"),
    ),
    Incident(
        "cancel-all",
        "Take orders away while the venue is hard to reach",
        "Orders of ours rest at the venue, and nobody wants them any more. The venue has not answered for a "
        "minute.",
        "cancel-all",
        ("none-of-ours-open", "settled"),
    ),
    Incident(
        "flatten",
        "Get out of a position",
        "A position is held, with its stop at the venue. You do not want it any longer than you must.",
        "flatten",
        ("flat", "none-of-ours-open", "settled", "halted"),
    ),
    Incident(
        "stuck-order",
        "An order was sent, and nobody knows what became of it",
        "A purchase was sent, its answer never came, and the program that sent it is gone. The venue says "
        "that it does not know the order.",
        "stuck-order",
        ("settled", "not-quarantined", "protected", "holdings-agree", "books-compared", "active"),
    ),
    Incident(
        "outage",
        "The venue does not answer",
        "Every command ends with VENUE_UNREACHABLE, and a position is held. The venue will be back in a "
        "while; then trading is to go on.",
        "outage",
        ("venue-answers", "was-halted", "settled", "protected", "books-compared", "active"),
    ),
    Incident(
        "suspicious-activity",
        "Somebody else acts on the account",
        "The venue's page shows an order and two trades that nobody here placed. In a drill, `trader paper "
        "keys` is the page on which a key is deleted. It ends before the new key is made: halted, with every "
        "break looked at and accepted.",
        "suspicious-activity",
        ("halted", "no-stranger-open", "key-deleted", "books-compared"),
    ),
    Incident(
        "balance-depleted",
        "There is not enough left to trade",
        "A stage was refused by its gate `balance`. Find out where the money is, deposit 100 USDT, and let "
        "the books agree again.",
        "balance-depleted",
        ("funded", "books-compared", "active"),
    ),
)

INCIDENTS: Mapping[str, Incident] = {incident.name: incident for incident in _ALL}
"""Name -> incident; those that stage 2 requires come first."""
