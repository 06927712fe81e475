"""Which strategies there are, what they need, and what can be set about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.strategies import Series, known_strategies, strategy
from core.strategies.parameters import Described, described
from core.strategies.protocol import Learning, Vectorized
from core.strategies.registry import BUILT_IN

ANY_SYMBOL = "SYMBOL"


@dataclass(frozen=True, slots=True)
class StrategyCard:
    """One strategy as a list shows it. `problem`: why it cannot be loaded, with everything else empty.

    `needs`: closed bars by series, with `ANY_SYMBOL` for what is traded. `vectorized`: whether a back-test
    can ask it about all bars at once. `learns`: whether it learns from its trades.
    """

    name: str
    built_in: bool
    summary: str = ""
    needs: Mapping[Series, int] | None = None
    parameters: tuple[Described, ...] = ()
    vectorized: bool = False
    learns: bool = False
    problem: str | None = None


def strategy_cards(interval: str, names: Sequence[str] = ()) -> tuple[StrategyCard, ...]:
    """Describe the named strategies, or all; one that cannot be loaded is described by its problem.

    `interval`: of the bars that would be traded. Raises ValueError for a name that there is not.
    """
    return tuple(_card(name, interval) for name in names or known_strategies())


def _card(name: str, interval: str) -> StrategyCard:
    built_in = name in BUILT_IN
    try:
        found = strategy(name)
        needs = found.needs(Series(ANY_SYMBOL, interval))
        parameters = described(found.parameters)
    except Exception as problem:
        if built_in:
            raise
        # Somebody else's code: whatever it does, the list of the others is still shown.
        return StrategyCard(name, built_in, problem=str(problem) or type(problem).__name__)
    return StrategyCard(
        name=name,
        built_in=built_in,
        summary=found.summary,
        needs=needs,
        parameters=parameters,
        vectorized=isinstance(found, Vectorized),
        learns=isinstance(found, Learning),
    )


def needs_text(needs: Mapping[Series, int], interval: str) -> str:
    """Return what a strategy needs, what is traded first: `15m × 300, 1h × 169, BTCUSDT 15m × 300`."""
    first = Series(ANY_SYMBOL, interval)
    ordered = sorted(needs, key=lambda series: (series != first, series.symbol != ANY_SYMBOL))
    return ", ".join(
        f"{'' if series.symbol == ANY_SYMBOL else f'{series.symbol} '}{series.interval} × {needs[series]}"
        for series in ordered
    )
