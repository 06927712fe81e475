"""The coherence field: nine nodes, their weighted sum with memory, and Γ, its agreement with itself.

    S = Σ ŵ x,  A = Σ ŵ |x|                         (ŵ: weights that add up to 1)
    Λ_t = a·S_t + b_O·Λ_{t-1} + b_E·mem(Λ)           net field
    M_t = a·A_t + b_O·M_{t-1} + b_E·mem(M)           its gross magnitude
    Γ_t = |Λ_t| / M_t                                in [0, 1]

The nodes and the loop are those of the published Aureon system, with each node made signed and bounded, the
loop's gain made 1, and Γ a ratio that can reach its thresholds (docs/strategies.md).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, fields
from math import isnan

import numpy as np

from core.bars import Bars, FloatArray, IntArray
from core.indicators import (
    NEAR_ZERO,
    divide,
    lagged,
    log_returns,
    path_length,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_std,
    rolling_sum,
)
from core.strategies.coherence.parameters import CoherenceParameters, Weights

NODES = tuple(field.name for field in fields(Weights))


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """The field at every bar. NaN, and 0 votes, where it is undefined.

    `nodes`: shape (9, n), rows in the order of `NODES`; all others: shape (n,).
    """

    nodes: FloatArray
    substrate: FloatArray
    gross: FloatArray
    observer: FloatArray
    echo: FloatArray
    lambda_: FloatArray
    magnitude: FloatArray
    gamma: FloatArray
    votes: IntArray


def coherence_field(bars: Bars, parameters: CoherenceParameters, spread: FloatArray | float = 0.0) -> Field:
    """Compute the field over all bars; a value at `t` depends on bars up to `t` only.

    `spread`: ask − bid in quote, one value or one a bar, 0 when unknown; ValueError when it is negative
    or not finite.
    """
    return field_from_nodes(node_responses(bars, parameters, spread), parameters)


def node_responses(
    bars: Bars, parameters: CoherenceParameters, spread: FloatArray | float = 0.0
) -> FloatArray:
    """Return the nine responses, shape (9, n), each in [−1, 1]; NaN before a node's own window is full."""
    spread = np.broadcast_to(np.asarray(spread, dtype=np.float64), len(bars))
    if not (np.isfinite(spread) & (spread >= 0)).all():
        raise ValueError("spread must be finite and not negative")

    medium, long, short = parameters.medium_window, parameters.long_window, parameters.short_window
    close, volume = bars.close, bars.volume
    returns = log_returns(close)
    sigma = rolling_std(returns, long)

    def z(steps: int) -> FloatArray:
        """Log change over `steps` bars in units of its own standard deviation."""
        return divide(np.log(close / lagged(close, steps)), sigma * np.sqrt(steps), otherwise=0.0)

    low = rolling_min(bars.low, medium)
    height = rolling_max(bars.high, medium) - low
    volume_share = divide(volume, volume + rolling_mean(volume, long), otherwise=0.0)
    volume_sum = rolling_sum(volume, medium)
    vwap = divide(rolling_sum(close * volume, medium), volume_sum, otherwise=close)
    scale = sigma * close * np.sqrt(medium) / 2
    scale[scale < NEAR_ZERO] = 0.0
    efficiency = divide(close - lagged(close, medium), path_length(close, medium), otherwise=0.0)

    responses = {
        "tiger": (2 * divide(close - low, height, otherwise=0.5) - 1)
        * divide(height, height + spread, otherwise=0.0),
        "falcon": np.tanh(z(short)) * (0.7 + 0.3 * volume_share),
        # along a straight path the net change is the path, up to the rounding of its sum
        "hummingbird": np.clip(efficiency, -1, 1),
        "dolphin": np.sin(np.pi / 2 * np.clip(z(medium) / 2, -1, 1)),
        "deer": np.tanh(
            divide(rolling_mean(close, short) - rolling_mean(close, medium), scale, otherwise=0.0)
        ),
        "owl": np.tanh(z(long)),
        "panda": np.tanh(divide(close - vwap, scale, otherwise=0.0)),
        "cargo_ship": divide(rolling_sum(np.sign(returns) * volume, medium), volume_sum, otherwise=0.0),
        "clownfish": divide(close - bars.open, bars.high - bars.low, otherwise=0.0),
    }
    return np.stack([responses[name] for name in NODES])


def field_from_nodes(nodes: FloatArray, parameters: CoherenceParameters) -> Field:
    """Compute the field from given node responses, shape (9, n), each in [−1, 1].

    A bar with a NaN among its nodes is undefined, and the memory begins anew after it.
    """
    if nodes.ndim != 2 or len(nodes) != len(NODES):
        raise ValueError(f"nodes must have shape ({len(NODES)}, n), was {nodes.shape}")
    substrate = _weighted_sum(nodes, parameters.weights)
    gross = _weighted_sum(np.abs(nodes), parameters.weights)
    # Λ and M take the same operations in the same order, and rounding is monotonic: |Λ| ≤ M and Γ ≤ 1 hold to
    # the last bit.
    lambda_, observer, echo = _with_memory(substrate, parameters)
    magnitude, _, _ = _with_memory(gross, parameters)
    gamma = divide(np.abs(lambda_), np.where(magnitude < NEAR_ZERO, 0.0, magnitude), otherwise=0.0)
    voting = (np.sign(nodes) == np.sign(lambda_)) & (np.abs(nodes) >= parameters.vote_min)
    return Field(
        nodes=nodes,
        substrate=substrate,
        gross=gross,
        observer=observer,
        echo=echo,
        lambda_=lambda_,
        magnitude=magnitude,
        gamma=gamma,
        votes=np.count_nonzero(voting, axis=0).astype(np.int64),
    )


def _weighted_sum(nodes: FloatArray, weights: Weights) -> FloatArray:
    total = np.zeros(nodes.shape[1])
    for weight, response in zip(weights, nodes, strict=True):
        total += weight * response
    return total / sum(weights)


def _with_memory(
    drive: FloatArray, parameters: CoherenceParameters
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (y, observer part, echo part) of y_t = a·drive_t + b_O·y_{t-1} + b_E·mem(y)."""
    decay = parameters.echo_decay
    weight_sums = [sum(decay**age for age in range(count)) for count in range(parameters.echo_depth + 1)]
    past: deque[float] = deque(maxlen=parameters.echo_depth)
    result = np.full((3, len(drive)), np.nan)
    for t, value in enumerate((parameters.substrate_gain * drive).tolist()):
        if isnan(value):
            past.clear()
            continue
        observer = echo = 0.0
        if past:
            for y in past:  # oldest first: each step ages what came before it
                echo = echo * decay + y
            echo *= parameters.echo_gain / weight_sums[len(past)]
            observer = parameters.observer_gain * past[-1]
        y = value + observer + echo
        past.append(y)
        result[:, t] = y, observer, echo
    return result[0], result[1], result[2]
