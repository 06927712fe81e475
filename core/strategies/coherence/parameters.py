"""The coherence strategy's parameters and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from math import isclose, isfinite

# The memory of the field never ends, it fades. After `settling_bars` less than this fraction of it is left.
_FADED = 1e-9
_SETTLING_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Weights:
    """Relative weight of each node in the field."""

    tiger: float = 1.2
    falcon: float = 1.1
    hummingbird: float = 0.9
    dolphin: float = 1.0
    deer: float = 0.8
    owl: float = 0.9
    panda: float = 0.7
    cargo_ship: float = 1.0
    clownfish: float = 0.7

    def __iter__(self) -> Iterator[float]:
        return (getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True, slots=True)
class CoherenceParameters:
    """Windows in bars, thresholds of Γ and Λ without unit, rates as fractions of the entry price.

    `substrate_gain` + `observer_gain` + `echo_gain` must be 1, which keeps Λ and Γ within their bounds.
    `echo_depth` values of the field are remembered, each counting `echo_decay` times the next younger one.
    `allow_short` is for venues where a short position exists; on spot only a positive field may enter.

    Raises ValueError naming every bad value.
    """

    short_window: int = 5
    medium_window: int = 20
    long_window: int = 100
    substrate_gain: float = 0.5
    observer_gain: float = 0.3
    echo_gain: float = 0.2
    echo_decay: float = 0.9
    echo_depth: int = 5
    vote_min: float = 0.1
    votes_required: int = 6
    lambda_min: float = 0.25
    enter: float = 0.938
    exit: float = 0.934
    min_hold_bars: int = 5
    stop_loss_rate: Decimal = Decimal("0.008")
    take_profit_rate: Decimal = Decimal("0.018")
    allow_short: bool = False
    weights: Weights = Weights()

    def __post_init__(self) -> None:
        findings = [*self._findings()]
        if findings:
            raise ValueError("bad coherence parameters: " + "; ".join(findings))

    @property
    def warm_up(self) -> int:
        """Bars up to the first defined value: a window of returns takes one close more than its length."""
        return max(self.short_window, self.medium_window, self.long_window) + 1

    @property
    def settling_bars(self) -> int:
        """Bars after which the field has forgotten where its recursion began, to one part in 10⁹."""
        weights = [self.echo_decay**age for age in range(self.echo_depth)]
        memory = [1.0] * self.echo_depth
        for bars in range(1, _SETTLING_LIMIT):
            echo = sum(w * y for w, y in zip(weights, memory, strict=True)) / sum(weights)
            memory = [self.observer_gain * memory[0] + self.echo_gain * echo, *memory[:-1]]
            if memory[0] < _FADED:
                return bars
        return _SETTLING_LIMIT

    def as_dict(self) -> dict[str, object]:
        """Return JSON values for a digest; fractions are text, in the one form Python gives them."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        weights = {
            field.name: str(float(getattr(self.weights, field.name))) for field in fields(self.weights)
        }
        texts = {name: str(value) for name, value in values.items() if isinstance(value, float | Decimal)}
        return {**values, **texts, "weights": weights}

    def _findings(self) -> Iterator[str]:
        # A single return does not deviate from its own mean: every z would be 0.
        smallest = {"short_window": 1, "medium_window": 1, "long_window": 2, "echo_depth": 1}
        for name, minimum in smallest.items():
            if getattr(self, name) < minimum:
                yield f"{name} must be at least {minimum}, was {getattr(self, name)}"
        if self.min_hold_bars < 0:
            yield f"min_hold_bars must not be negative, was {self.min_hold_bars}"
        gains = (self.substrate_gain, self.observer_gain, self.echo_gain)
        if not (self.substrate_gain > 0 and min(gains) >= 0 and isclose(sum(gains), 1, abs_tol=1e-12)):
            yield f"substrate, observer and echo gain must be shares that add up to 1, were {gains}"
        if not 0 < self.echo_decay <= 1:
            yield f"echo_decay must be above 0 and at most 1, was {self.echo_decay}"
        if not 0 < self.vote_min <= 1:
            yield f"vote_min must be above 0 and at most 1, was {self.vote_min}"
        if not 0 <= self.votes_required <= len(fields(Weights)):
            yield f"votes_required must be 0 to 9, was {self.votes_required}"
        if not 0 <= self.lambda_min <= 1:
            yield f"lambda_min must be 0 to 1, was {self.lambda_min}"
        if not 0 < self.exit <= self.enter < 1:
            yield f"thresholds must be 0 < exit <= enter < 1, were exit {self.exit}, enter {self.enter}"
        for name in ("stop_loss_rate", "take_profit_rate"):
            rate: Decimal = getattr(self, name)
            if not (rate.is_finite() and 0 < rate < 1):
                yield f"{name} must be between 0 and 1, was {rate}"
        if not all(isfinite(weight) and weight > 0 for weight in self.weights):
            yield f"weights must be positive, were {tuple(self.weights)}"
