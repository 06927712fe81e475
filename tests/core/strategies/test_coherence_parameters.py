from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from core.strategies.coherence import NODES, CoherenceParameters, field_from_nodes
from core.strategies.coherence.parameters import Weights


def test_defaults() -> None:
    assert CoherenceParameters().as_dict() == {
        "short_window": 5,
        "medium_window": 20,
        "long_window": 100,
        "substrate_gain": "0.5",
        "observer_gain": "0.3",
        "echo_gain": "0.2",
        "echo_decay": "0.9",
        "echo_depth": 5,
        "vote_min": "0.1",
        "votes_required": 6,
        "lambda_min": "0.25",
        "enter": "0.938",
        "exit": "0.934",
        "min_hold_bars": 5,
        "stop_loss_rate": "0.008",
        "take_profit_rate": "0.018",
        "allow_short": False,
        "weights": {
            "tiger": "1.2",
            "falcon": "1.1",
            "hummingbird": "0.9",
            "dolphin": "1.0",
            "deer": "0.8",
            "owl": "0.9",
            "panda": "0.7",
            "cargo_ship": "1.0",
            "clownfish": "0.7",
        },
    }


def test_as_dict_is_json_and_tells_parameters_apart() -> None:
    default = json.dumps(CoherenceParameters().as_dict())
    assert json.dumps(CoherenceParameters(min_hold_bars=6).as_dict()) != default
    assert json.dumps(CoherenceParameters(weights=Weights(owl=1)).as_dict()) != default


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"medium_window": 0}, "medium_window must be ≥ 1, was 0"),
        ({"long_window": 1}, "long_window must be ≥ 2, was 1"),
        ({"echo_depth": 0}, "echo_depth must be ≥ 1, was 0"),
        ({"min_hold_bars": -1}, "min_hold_bars must be ≥ 0, was -1"),
        ({"observer_gain": 0.4}, "gain must be shares that add up to 1"),
        ({"substrate_gain": 0.0, "observer_gain": 0.8}, "substrate_gain must be > 0, ≤ 1, was 0.0"),
        ({"observer_gain": -0.3, "echo_gain": 0.8}, "observer_gain must be ≥ 0, ≤ 1, was -0.3"),
        ({"observer_gain": float("nan")}, "observer_gain must be ≥ 0, ≤ 1, was nan"),
        ({"echo_decay": 0.0}, "echo_decay must be > 0, ≤ 1, was 0.0"),
        ({"vote_min": 0.0}, "vote_min must be > 0, ≤ 1, was 0.0"),
        ({"votes_required": 10}, "votes_required must be ≥ 0, ≤ 9, was 10"),
        ({"lambda_min": 1.5}, "lambda_min must be ≥ 0, ≤ 1, was 1.5"),
        ({"enter": 0.9}, "exit must not be above enter, were exit 0.934, enter 0.9"),
        ({"enter": 1.0}, "enter must be > 0, < 1, was 1.0"),
        ({"exit": float("nan")}, "exit must be > 0, < 1, was nan"),
        ({"stop_loss_rate": Decimal(0)}, "stop_loss_rate must be > 0, < 1, was 0"),
        ({"take_profit_rate": Decimal(2)}, "take_profit_rate must be > 0, < 1, was 2"),
        ({"stop_loss_rate": Decimal("NaN")}, "stop_loss_rate must be > 0, < 1, was NaN"),
    ],
)
def test_bad_value_is_refused(change: dict[str, Any], finding: str) -> None:
    with pytest.raises(ValueError, match=finding):
        CoherenceParameters(**change)


@pytest.mark.parametrize("weight", [0, float("inf")])
def test_bad_weight_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match=f"owl must be > 0, was {weight}"):
        Weights(owl=weight)


def test_every_bad_value_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"vote_min .*; votes_required .*"):
        CoherenceParameters(vote_min=2.0, votes_required=-1)


def test_memory_has_faded_after_the_settling_bars() -> None:
    parameters = CoherenceParameters()
    random = np.random.default_rng(1)
    nodes = random.uniform(-1, 1, (len(NODES), 400))
    whole = field_from_nodes(nodes, parameters).lambda_
    late = field_from_nodes(nodes[:, 100:], parameters).lambda_
    settled = parameters.settling_bars
    assert np.abs(late[settled:] - whole[100 + settled :]).max() < 1e-8
    assert np.abs(late[:5] - whole[100:105]).max() > 1e-3
