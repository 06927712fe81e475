"""The coherence strategy's parameters and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from math import isclose

from core.strategies.parameters import as_dict, check, parameter

# The memory of the field never ends, it fades. After `settling_bars` less than this fraction of it is left.
_FADED = 1e-9
_SETTLING_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Weights:
    """Relative weight of each node in the field."""

    tiger: float = parameter(1.2, "weight of: place in the range", above=0)
    falcon: float = parameter(1.1, "weight of: speed", above=0)
    hummingbird: float = parameter(0.9, "weight of: stability", above=0)
    dolphin: float = parameter(1.0, "weight of: phase of the change", above=0)
    deer: float = parameter(0.8, "weight of: short mean", above=0)
    owl: float = parameter(0.9, "weight of: long memory", above=0)
    panda: float = parameter(0.7, "weight of: volume-weighted price", above=0)
    cargo_ship: float = parameter(1.0, "weight of: signed volume", above=0)
    clownfish: float = parameter(0.7, "weight of: body of the bar", above=0)

    def __post_init__(self) -> None:
        check(self, "coherence")

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

    short_window: int = parameter(5, "bars of the short change and mean", low=1)
    medium_window: int = parameter(20, "bars of range, path, mean and volume", low=1)
    # A single return does not deviate from its own mean: every z would be 0.
    long_window: int = parameter(100, "bars of the deviation and of the long change", low=2)
    substrate_gain: float = parameter(0.5, "share of the nodes in the field", above=0, high=1)
    observer_gain: float = parameter(0.3, "share of the previous field", low=0, high=1)
    echo_gain: float = parameter(0.2, "share of the remembered field", low=0, high=1)
    echo_decay: float = parameter(0.9, "what each step of age leaves of a memory", above=0, high=1)
    echo_depth: int = parameter(5, "values of the field remembered", low=1)
    vote_min: float = parameter(0.1, "smallest response of a node that votes", above=0, high=1)
    votes_required: int = parameter(6, "nodes that must agree", low=0, high=9)
    lambda_min: float = parameter(0.25, "smallest field that may enter", low=0, high=1)
    enter: float = parameter(0.938, "coherence above which it enters", above=0, below=1)
    exit: float = parameter(0.934, "coherence below which it leaves, at most `enter`", above=0, below=1)
    min_hold_bars: int = parameter(5, "bars before falling coherence may end a position", low=0)
    stop_loss_rate: Decimal = parameter(Decimal("0.008"), "loss that ends a position", above=0, below=1)
    take_profit_rate: Decimal = parameter(Decimal("0.018"), "gain that ends a position", above=0, below=1)
    allow_short: bool = parameter(False, "whether it may sell what it does not have")
    weights: Weights = Weights()

    def __post_init__(self) -> None:
        check(self, "coherence", *self._findings())

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
        return as_dict(self)

    def _findings(self) -> Iterator[str]:
        gains = (self.substrate_gain, self.observer_gain, self.echo_gain)
        if not isclose(sum(gains), 1, abs_tol=1e-12):
            yield f"substrate, observer and echo gain must be shares that add up to 1, were {gains}"
        if self.exit > self.enter:
            yield f"exit must not be above enter, were exit {self.exit}, enter {self.enter}"
