"""What every strategy answers, and what it may be asked.

A strategy is a pure function of closed bars and of the position held: it reads no clock, no account and no
network, so live trading and a back-test decide alike on the same bars. Nothing here loads numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.bars import Bars


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
class PositionState:
    """What a strategy must know of the open position.

    `bars_held`: bars closed since the bar whose decision opened it, the current one included; at least 1.
    """

    entry_price: Decimal
    bars_held: int
    direction: Direction = Direction.LONG

    def __post_init__(self) -> None:
        if not (self.entry_price.is_finite() and self.entry_price > 0):
            raise ValueError(f"entry_price must be positive, was {self.entry_price}")
        if self.bars_held < 1:
            raise ValueError(f"bars_held must be at least 1, was {self.bars_held}")


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do at the close of one bar, and why.

    `lambda_` and `gamma` are None while undefined (warm-up); `enter` and `exit` are the limits of `gamma`.
    `breakdown` names the parts of the signal, empty while undefined. `reason` is the strategy's own code.
    """

    action: Action
    reason: str
    bar_open_time_ms: int
    lambda_: float | None
    gamma: float | None
    votes: int
    enter: float
    exit: float
    breakdown: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Whether a strategy works on the bars at hand. `reason` is a code, `detail` a sentence with numbers."""

    ok: bool
    reason: str
    detail: str
    n_bars: int
    lambda_: float | None = None
    gamma: float | None = None
    votes: int = 0


class Evaluation(Protocol):
    """A strategy computed once over many bars, to be asked about any of them."""

    def decide(self, index: int, position: PositionState | None) -> Decision:
        """Decide at the close of bar `index`, from it and those before it. `position` is None when flat."""


class Strategy(Protocol):
    """A strategy with its parameters."""

    @property
    def name(self) -> str: ...

    @property
    def bars_required(self) -> int:
        """How many closed bars give the decision that the whole history would give."""

    @property
    def stop_loss_rate(self) -> Decimal:
        """The loss, as a fraction of the entry price, at which a position ends; see `stop_price`."""

    @property
    def take_profit_rate(self) -> Decimal:
        """The gain, as a fraction of the entry price, at which a position ends; see `target_price`."""

    def parameters_as_dict(self) -> dict[str, object]:
        """Return the parameters as JSON values, for a digest of the settings."""

    def evaluate(self, bars: Bars) -> Evaluation:
        """Compute the strategy over all bars at once."""

    def decide(self, bars: Bars, position: PositionState | None) -> Decision:
        """Decide at the close of the last bar. Raises ValueError when there are no bars."""

    def self_test(self, bars: Bars) -> SelfTest:
        """Show on these bars that the strategy can be trusted with them. Never raises for their content."""


def stop_price(position: PositionState, stop_loss_rate: Decimal) -> Decimal:
    """Return the price at which the loss reaches `stop_loss_rate` of the entry price, unrounded."""
    return position.entry_price * (1 - position.direction * stop_loss_rate)


def target_price(position: PositionState, take_profit_rate: Decimal) -> Decimal:
    """Return the price at which the gain reaches `take_profit_rate` of the entry price, unrounded."""
    return position.entry_price * (1 + position.direction * take_profit_rate)
