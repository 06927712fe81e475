"""What a running stage tells whoever watches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


_SHOWN_AS = {"lambda": "Λ {:+.4f}", "gamma": "Γ {:.4f}"}
LETTERS = {"lambda": "Λ", "gamma": "Γ"}
_LIMITS_SHOWN_AS = {"enter": "enter above", "exit": "leave below"}


def readings_text(readings: Mapping[str, float | None]) -> str:
    """Return what a strategy decided on as one line, as `Λ +0.8659, Γ 0.9978` or `z -2.1000`."""
    missing = [LETTERS.get(name, name) for name, value in readings.items() if value is None]
    if missing or not readings:
        return f"{' and '.join(missing) or 'the signal'} undefined"
    return ", ".join(
        _SHOWN_AS.get(name, f"{name} {{:+.4f}}").format(value) for name, value in readings.items()
    )


def limits_text(limits: Mapping[str, float]) -> str:
    """Return what the readings are compared with, as `enter above 0.938, leave below 0.934`."""
    words = ((_LIMITS_SHOWN_AS.get(name, name.replace("_", " ")), limit) for name, limit in limits.items())
    return ", ".join(f"{word} {limit:g}" for word, limit in words)


class Step(StrEnum):
    """The five outputs of a stage, in this order."""

    REACHABLE = "venue"
    BALANCE = "balance"
    SELF_TEST = "signal"
    TRADE = "trade"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One look at the market while a stage waits. `readings`: the decision's. `left_s`: until the limit."""

    what: str
    readings: Mapping[str, float | None]
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
