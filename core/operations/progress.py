"""What a running stage tells whoever watches it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from core.stages import Gate
from core.values import decimal_text

SHOWN_DIGITS = 8


def shown(amount: Decimal) -> str:
    """Return an amount for text, rounded after the point; JSON and journal have all digits."""
    return decimal_text(round(amount, SHOWN_DIGITS))


class Step(StrEnum):
    """The five outputs of a stage, in this order."""

    REACHABLE = "venue"
    BALANCE = "balance"
    SELF_TEST = "signal"
    TRADE = "trade"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One look at the market while a stage waits. `left_s`: until the wait limit."""

    what: str
    lambda_: float | None
    gamma: float | None
    reason: str
    left_s: float


class Progress(Protocol):
    def step(self, step: Step, text: str) -> None:
        """Show one of the five outputs."""
        ...

    def note(self, text: str) -> None:
        """Say something beside the outputs."""
        ...

    def gates(self, gates: Sequence[Gate]) -> None:
        """List every gate with its result, before a human is asked for real money."""
        ...

    def waiting(self, state: Waiting) -> None:
        """Show that the wait goes on, and why."""
        ...
