"""The strategies by name. A strategy's modules, and numpy with them, are loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from core.strategies.decision import Strategy


def _coherence() -> Strategy:
    from core.strategies.coherence import Coherence

    return Coherence()


STRATEGIES: Mapping[str, Callable[[], Strategy]] = MappingProxyType({"coherence": _coherence})


def strategy(name: str) -> Strategy:
    """Return the named strategy with default parameters. Raises ValueError naming the nearest known one."""
    if name not in STRATEGIES:
        from difflib import get_close_matches

        nearest = get_close_matches(name.lower(), STRATEGIES, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise ValueError(f"unknown strategy {name!r}{hint} (known: {', '.join(STRATEGIES)})")
    return STRATEGIES[name]()
