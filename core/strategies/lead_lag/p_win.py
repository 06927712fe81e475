"""The chance that a trade wins, learned from those that were closed: a logistic model, one step a trade.

    p = 1/(1 + e^−(b + Σ w·x));   e = p − y;   b ← b − η·e;   w ← w − η·(e·x + λ·w)

Its whole state is a mapping of names to numbers, so that a journal can hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp

FEATURES = ("sentiment", "correlation", "atr", "lag", "base_confidence", "side_long")
_WEIGHT = "weight."


def p_win(memory: Mapping[str, float], features: Mapping[str, float]) -> float:
    """Return the chance of a trade with these features, 0 … 1; 0.5 without memory."""
    sum_ = memory.get("bias", 0.0)
    for name, value in features.items():
        sum_ += memory.get(_WEIGHT + name, 0.0) * value
    # The side that does not overflow.
    return 1 / (1 + exp(-sum_)) if sum_ >= 0 else exp(sum_) / (1 + exp(sum_))


def learned(
    memory: Mapping[str, float],
    features: Mapping[str, float],
    *,
    won: bool,
    rate: float,
    regularization: float,
) -> dict[str, float]:
    """Return the memory after one more closed trade."""
    error = p_win(memory, features) - won
    result = dict(memory)
    result["bias"] = memory.get("bias", 0.0) - rate * error
    for name, value in features.items():
        weight = memory.get(_WEIGHT + name, 0.0)
        result[_WEIGHT + name] = weight - rate * (error * value + regularization * weight)
    result["seen"] = memory.get("seen", 0.0) + 1
    result["wins"] = memory.get("wins", 0.0) + won
    return result


def confidence_factor(memory: Mapping[str, float], features: Mapping[str, float], learn_after: int) -> float:
    """Return what memory makes of a confidence: (½ + ½·p) · (0.8 + 0.4·(wins + 1)/(trades + 2)).

    Until `learn_after` trades were seen, p counts as 0.5.
    """
    seen, wins = memory.get("seen", 0.0), memory.get("wins", 0.0)
    chance = p_win(memory, features) if seen >= learn_after else 0.5
    return (0.5 + 0.5 * chance) * (0.8 + 0.4 * (wins + 1) / (seen + 2))
