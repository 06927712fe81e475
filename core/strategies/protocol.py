"""What a strategy is.

A strategy answers one question, `decide(view, standing)`, the same live and in a back-test. It is a pure
function of both arguments: it reads no clock, no account and no network. What it may do beside that is
optional, and found by asking `isinstance(strategy, Vectorized)` and so on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from core.strategies.decision import FLAT, NOTHING, Decision, SelfTest, Standing
from core.strategies.market import MarketView, Observed, Series

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from core.bars import BoolArray, FloatArray


class Strategy(Protocol):
    """A strategy with its parameters.

    `name`: what it is found by. `summary`: one line about it. `parameters`: None, or a frozen dataclass whose
    fields are made with `core.strategies.parameters.parameter`; they are shown, checked, and part of the
    evidence of a stage. One that has parameters is a frozen dataclass itself, so that they can be changed.
    """

    @property
    def name(self) -> str: ...

    @property
    def summary(self) -> str: ...

    @property
    def parameters(self) -> Any: ...

    @property
    def stop_loss_rate(self) -> Decimal:
        """The loss, as a fraction of the entry price, at which a position ends that has no terms."""
        ...

    @property
    def take_profit_rate(self) -> Decimal | None:
        """The gain, as a fraction of the entry price, at which such a position ends; None: no target."""
        ...

    def needs(self, traded: Series) -> Mapping[Series, int]:
        """Return how many closed bars of each series a decision is made of; `traded` is among them.

        More bars change nothing: `decide` looks at the last ones only.
        """
        ...

    def decide(self, view: MarketView, standing: Standing = FLAT) -> Decision:
        """Decide at the close of the last bar of the view. Raises ValueError when it has none."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """A strategy's decisions over all bars of what is traded, as arrays of shape (n,); nothing looks ahead.

    When flat at the close of bar `t`: enter toward `entry[t]` (1 long, −1 short, 0 not at all), with the
    terms of that bar; after a stop only if `rearm` was true at least once since the stop's own bar, that
    bar included (None: at once).

    When in a position, in this order: its stop, its target, `exit_long` or `exit_short`, and `exit_held`
    once it was held for `min_hold_bars` (`PositionState.bars_held`). A bar that exits never enters. Stop and
    target count as reached when the bar's low or high touches them (`stops_on_close`: when its close does).

    `stop_loss_rate`, `take_profit_rate` (NaN: no target), `fraction` (NaN: the operator's), `leverage`: the
    terms of a position entered at `t`. `confirm`: an entry takes place only if `decide` says so as well,
    because it also depends on `Standing` (drawdown, the time since the last entry, what was learned).
    `gates`: by code, whether each condition of an entry holds. `classes`: by label, whether the signal is of
    that class.
    """

    entry: npt.NDArray[np.int8]
    exit_long: BoolArray
    exit_short: BoolArray
    stop_loss_rate: FloatArray
    take_profit_rate: FloatArray
    exit_held: BoolArray | None = None
    min_hold_bars: int = 0
    stops_on_close: bool = False
    rearm: BoolArray | None = None
    fraction: FloatArray | None = None
    leverage: npt.NDArray[np.int64] | None = None
    confirm: bool = False
    gates: Mapping[str, BoolArray] = field(default_factory=lambda: NOTHING)
    classes: Mapping[str, BoolArray] = field(default_factory=lambda: NOTHING)


class Evaluation(Protocol):
    """A strategy computed once over all bars of a view, to be asked about any of them."""

    def decide(self, index: int, standing: Standing = FLAT) -> Decision:
        """Decide at the close of bar `index`, from it and those before it."""
        ...

    def signals(self) -> Signals:
        """Return the decisions about all bars: `decide` bar by bar takes the same actions."""
        ...


@runtime_checkable
class Vectorized(Protocol):
    """A strategy whose decisions about many bars can be computed at once.

    What it says of a bar agrees with `decide` of that bar's window, but for rounding in the readings:
    recursive averages remember how many bars came before.
    """

    def evaluate(self, view: MarketView) -> Evaluation: ...


@runtime_checkable
class Learning(Protocol):
    """A strategy that learns from its closed trades."""

    def learn(self, memory: Mapping[str, float], entry: Decision, *, won: bool) -> Mapping[str, float]:
        """Return the memory after one more closed trade; `Standing.memory` gives it back at decisions.

        A pure step: the memory of a journal is that of its trades in order.
        """
        ...


@runtime_checkable
class Observing(Protocol):
    """A strategy that looks at more than bars. Live it is given that; a back-test has news at most."""

    def observes(self) -> Observed: ...


def observed_by(strategy: Strategy) -> Observed:
    """Return what a strategy looks at beside bars."""
    return strategy.observes() if isinstance(strategy, Observing) else Observed()


@runtime_checkable
class SelfTesting(Protocol):
    """A strategy with a self-test of its own; for others, see `core.strategies.self_test`."""

    def self_test(self, view: MarketView) -> SelfTest:
        """Show on these bars that the strategy can be trusted with them. Never raises for their content."""
        ...
