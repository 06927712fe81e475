"""The closed list of what two ledgers can say of one thing, and how much they may differ in each class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

MINUTE_MS = 60_000


class BreakClass(StrEnum):
    MATCHED = "MATCHED"
    TIMING = "TIMING"
    MISSING_LOCAL = "MISSING_LOCAL"
    MISSING_VENUE = "MISSING_VENUE"
    UNAUTHORIZED = "UNAUTHORIZED"
    DUPLICATE = "DUPLICATE"
    QUANTITY = "QUANTITY"
    PRICE = "PRICE"
    FEE = "FEE"
    BALANCE = "BALANCE"
    TRANSFER = "TRANSFER"
    STATE = "STATE"
    STALE_UNKNOWN = "STALE_UNKNOWN"
    RESET = "RESET"

    @property
    def is_break(self) -> bool:
        """Whether it makes the books differ; a timing difference may still go away by itself."""
        return self not in (BreakClass.MATCHED, BreakClass.TIMING)


@dataclass(frozen=True, slots=True)
class Rule:
    """What one class means. `window_ms`: how young a difference may be and still be TIMING, by the venue's
    time of the newest thing that differs. `tolerance`: by how much the sides may differ and still agree.
    """

    meaning: str
    advice: str
    window_ms: int = 0
    tolerance: str = "none: exact decimals"


_C = BreakClass
RULES: Mapping[BreakClass, Rule] = {
    _C.MATCHED: Rule("both sides say the same", "nothing"),
    _C.TIMING: Rule("one side may only be late; it ages into a break", "wait for the next run"),
    _C.MISSING_LOCAL: Rule(
        "the venue has it and it is ours, the journal has not",
        "`trader resolve` books it on an order still open here; on any other, accepting it books it",
        window_ms=MINUTE_MS,
    ),
    _C.MISSING_VENUE: Rule(
        "the journal has it, the venue has not",
        "compare with the venue's page; ask its support before you accept it",
        window_ms=MINUTE_MS,
    ),
    _C.UNAUTHORIZED: Rule(
        "an order or trade without an intent of ours",
        "if it was not you: `trader halt`, then delete the key at the venue",
    ),
    _C.DUPLICATE: Rule(
        "one thing is there twice: an order under our name, or an execution",
        "compare with the venue's page which of the two is real",
    ),
    _C.QUANTITY: Rule("the quantities differ", "compare with the venue's page", window_ms=MINUTE_MS),
    _C.PRICE: Rule("the prices differ", "compare with the venue's page"),
    _C.FEE: Rule(
        "the fees differ in amount or asset", "compare with the venue's page: was a BNB discount switched?"
    ),
    _C.BALANCE: Rule(
        "opening + fills - fees ± transfers is not what the account holds",
        "look for a deposit, a withdrawal or another program; `trader reconcile --full` looks at every trade",
        tolerance="one unit of the eighth decimal per trade whose price × quantity has more decimals",
    ),
    _C.TRANSFER: Rule(
        "money came or went otherwise than by trading",
        "accept it with a reason if it was you; if not: `trader halt`, then delete the key at the venue",
    ),
    _C.STATE: Rule(
        "open for one side, ended for the other",
        "`trader resolve` takes over what became of an order still open here; accept any other with a reason",
        window_ms=MINUTE_MS,
    ),
    _C.STALE_UNKNOWN: Rule(
        "an order of ours is still of unknown fate", "`trader resolve`", window_ms=10 * MINUTE_MS
    ),
    _C.RESET: Rule(
        "the testnet was wiped: nothing of ours is left there; new books were begun", "run the stages again"
    ),
}
"""Every class with its tolerance and timing window; `docs/reconciliation.md` is made from here."""

SETTLED_MS = MINUTE_MS
"""How long after an event a venue's lists may still lack it: coverage never goes past anything younger."""

ALARMING = frozenset({_C.UNAUTHORIZED, _C.DUPLICATE})
"""Classes that mean somebody else may have the key, whatever their numbers are."""
