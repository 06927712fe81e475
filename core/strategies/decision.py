"""What a strategy decides, and what it is told of where we stand.

Nothing here loads numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any

NOTHING: Mapping[str, Any] = MappingProxyType({})
RATE_DIGITS = 8


class Direction(IntEnum):
    """The side of a position; the value is the sign of its quantity."""

    LONG = 1
    SHORT = -1


class Action(StrEnum):
    ENTER_LONG = "ENTER_LONG"
    ENTER_SHORT = "ENTER_SHORT"
    EXIT = "EXIT"
    HOLD = "HOLD"
    STAY_FLAT = "STAY_FLAT"


@dataclass(frozen=True, slots=True)
class EntryTerms:
    """What goes with an entry: fixed when it is decided, for as long as the position lives.

    Rates are fractions of the entry price; `take_profit_rate` None: no target. `fraction`: the position's
    notional as a fraction of equity, None: as the operator's settings say. `leverage`: for venues that have
    it; the rates do not depend on it.
    """

    stop_loss_rate: Decimal
    take_profit_rate: Decimal | None = None
    fraction: Decimal | None = None
    leverage: int = 1


@dataclass(frozen=True, slots=True)
class PositionState:
    """What a strategy must know of the open position.

    `bars_held`: bars closed since the bar whose decision opened it, the current one included; at least 1.
    `terms`: those of its entry, None: what the strategy says of all its positions.
    """

    entry_price: Decimal
    bars_held: int
    direction: Direction = Direction.LONG
    terms: EntryTerms | None = None

    def __post_init__(self) -> None:
        if not (self.entry_price.is_finite() and self.entry_price > 0):
            raise ValueError(f"entry_price must be positive, was {self.entry_price}")
        if self.bars_held < 1:
            raise ValueError(f"bars_held must be at least 1, was {self.bars_held}")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where we stand when a decision is asked for; times are closes of bars, in ms UTC.

    `position`: None when flat. `last_entry_ms`: of the newest entry, None when there was none.
    `last_stop_ms`: when a stop ended the newest position; None when something else did.
    `drawdown_rate`: fall of equity since 00:00 UTC, as a fraction; None: not known. `equity`: in quote
    currency, None: not known. `memory`: what the strategy learned from closed trades (`Learning`).
    """

    position: PositionState | None = None
    last_entry_ms: int | None = None
    last_stop_ms: int | None = None
    drawdown_rate: float | None = 0.0
    equity: float | None = None
    memory: Mapping[str, float] = field(default_factory=lambda: NOTHING)


FLAT = Standing()


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do at the close of one bar, and why.

    `reason`: the strategy's own code for the action. `readings`: the few numbers it decided on, by name,
    None while undefined (warm-up); `limits`: what they were compared with. `breakdown`: the parts of the
    signal, empty while undefined. `blocked`: every condition that stands against an entry, as codes.
    `label`: the class of the signal, where the strategy has classes. `terms`: of an entry, None otherwise.
    """

    action: Action
    reason: str
    bar_open_time_ms: int
    readings: Mapping[str, float | None] = field(default_factory=lambda: NOTHING)
    limits: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    breakdown: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    blocked: tuple[str, ...] = ()
    label: str | None = None
    terms: EntryTerms | None = None


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Whether a strategy works on the bars at hand. `reason` is a code, `detail` a sentence with numbers.

    `readings`: those of the decision at the last bar, empty when none was made.
    """

    ok: bool
    reason: str
    detail: str
    n_bars: int
    readings: Mapping[str, float | None] = field(default_factory=lambda: NOTHING)


def stop_price(position: PositionState, stop_loss_rate: Decimal) -> Decimal:
    """Return the price at which the loss reaches `stop_loss_rate` of the entry price, unrounded."""
    return position.entry_price * (1 - position.direction * stop_loss_rate)


def target_price(position: PositionState, take_profit_rate: Decimal) -> Decimal:
    """Return the price at which the gain reaches `take_profit_rate` of the entry price, unrounded."""
    return position.entry_price * (1 + position.direction * take_profit_rate)


def rate(value: float) -> Decimal:
    """Return a rate that was computed from bars, rounded to 8 digits after the point.

    Here float64 becomes Decimal: an order's stop and size must not differ in the 16th digit between two runs.
    """
    return round(Decimal(value), RATE_DIGITS)
