"""The worked numbers of the coherence strategy: nodes, field, crossings, and the recursion alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from core.bars import Bars, FloatArray
from core.indicators import (
    lagged,
    log_returns,
    path_length,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_std,
    rolling_sum,
)
from core.strategies.coherence import NODES, CoherenceParameters, Field, coherence_field, field_from_nodes

PARAMETERS = CoherenceParameters()

NODE_VALUES = {  # node: t = 100 (the first defined), 101, 200, 239
    "tiger": (-0.76201869, -0.60807266, -0.89440264, 0.92985726),
    "falcon": (-0.15243696, 0.58850623, -0.85882388, 0.77228573),
    "hummingbird": (-0.85587028, -0.72775638, -0.86186145, 1.00000000),
    "dolphin": (-1.00000000, -1.00000000, -1.00000000, 1.00000000),
    "deer": (-0.98846796, -0.97266735, -0.99447425, 0.99032950),
    "owl": (-0.36922799, -0.45119409, 0.89240589, 0.87068384),
    "panda": (-0.94919610, -0.76452503, -0.99762554, 0.99873752),
    "cargo_ship": (-0.72310404, -0.58369781, -0.62162351, 1.00000000),
    "clownfish": (0.33794700, 0.39327610, -0.20927165, 0.39950278),
}
FIELD_VALUES = {
    "substrate": (-0.61764389, -0.45362551, -0.63283498, 0.89397473),
    "gross": (0.67464700, 0.67595084, 0.82636879, 0.89397473),
    "observer": (0, -0.09264658, -0.14126937, 0.25489244),
    "echo": (0, -0.06176439, -0.06159695, 0.16397523),
    "lambda_": (-0.30882195, -0.38122373, -0.51928382, 0.86585504),
    "magnitude": (0.33732350, 0.50663717, 0.77494990, 0.86773613),
    "gamma": (0.91550676, 0.75245906, 0.67008696, 0.99783218),
    "votes": (8, 7, 8, 9),
}
AT = [100, 101, 200, 239]


@pytest.fixture(scope="module")
def field(f1: Bars) -> Field:
    return coherence_field(f1, PARAMETERS)


def test_fixture_is_the_one_the_numbers_were_computed_from(f1: Bars) -> None:
    bar_200 = [f1.open[200], f1.high[200], f1.low[200], f1.close[200], f1.volume[200]]
    expected = [103.19207729, 103.46834211, 102.83601370, 103.05974888, 1498.04526419]
    assert bar_200 == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("node", NODES)
def test_nodes(field: Field, node: str) -> None:
    assert field.nodes[NODES.index(node)][AT] == pytest.approx(NODE_VALUES[node], rel=1e-6, abs=5e-9)


@pytest.mark.parametrize("name", FIELD_VALUES)
def test_field(field: Field, name: str) -> None:
    assert getattr(field, name)[AT] == pytest.approx(FIELD_VALUES[name], rel=1e-6, abs=5e-9)


def test_nothing_is_defined_before_101_closes(field: Field) -> None:
    assert np.isnan(field.gamma[:100]).all()
    assert np.isfinite(field.gamma[100:]).all()
    assert not field.votes[:100].any()


def test_intermediate_values(f1: Bars) -> None:
    close, volume = f1.close, f1.volume
    sigma = rolling_std(log_returns(close), 100)
    intermediate = {
        "sigma": (sigma, 0.0028817125, 0.0028718007),
        "HH": (rolling_max(f1.high, 20), 107.07352821, 108.01241169),
        "LL": (rolling_min(f1.low, 20), 102.83601370, 102.15001585),
        "VWAP20": (rolling_sum(close * volume, 20) / rolling_sum(volume, 20), 105.29604220, 105.25670635),
        "MA5": (rolling_mean(close, 5), 103.55050002, 107.20658817),
        "MA20": (rolling_mean(close, 20), 105.50580903, 105.36269329),
        "u": (volume / (volume + rolling_mean(volume, 100)), 0.56114166, 0.41161002),
    }
    for name, (values, at_200, at_239) in intermediate.items():
        assert values[[200, 239]] == pytest.approx((at_200, at_239), rel=1e-6), name


def test_threshold_crossings(field: Field) -> None:
    expected = [
        (117, 0.955014, 1, 132, 0.819121),
        (157, 0.955381, -1, 162, 0.779641),
        (174, 0.952876, 1, 184, 0.886165),
        (190, 0.949536, 1, 192, 0.900741),
        (211, 0.954205, -1, 213, 0.929466),
        (230, 0.949829, 1, None, None),
    ]
    found: list[tuple[int | float | None, ...]] = []
    entry: tuple[int, float, float] | None = None
    for t, gamma in enumerate(field.gamma):
        if entry is None and gamma > PARAMETERS.enter:
            entry = (t, gamma, np.sign(field.lambda_[t]))
        elif entry is not None and gamma < PARAMETERS.exit:
            found.append((*entry, t, gamma))
            entry = None
    if entry is not None:
        found.append((*entry, None, None))
    assert len(found) == len(expected)
    for was, should in zip(found, expected, strict=True):
        assert was == pytest.approx(should, abs=5e-7)


def steps(*values: float) -> FloatArray:
    """Nodes that all have the same value at each step."""
    return np.tile(np.array(values), (len(NODES), 1))


@pytest.mark.parametrize(
    ("nodes", "lambda_", "gamma"),
    [
        pytest.param(
            steps(*[1.0] * 7),
            (0.5, 0.75, 0.85131579, 0.89792727, 0.92268504, 0.93773860, 0.95754001),
            [1.0] * 7,
            id="all nodes +1",
        ),
        pytest.param(
            steps(1, 1, -1, 1),
            (0.5, 0.75, -0.14868421, 0.52412653),
            (1, 1, 0.17465224, 0.58370711),
            id="one unanimous reversal",
        ),
        pytest.param(steps(0.0), (0.0,), (0.0,), id="all nodes 0"),
        pytest.param(steps(0.01), (0.005,), (1.0,), id="tiny but unanimous"),
        pytest.param(steps(1e-12), (5e-13,), (0.0,), id="too small to tell"),
    ],
)
def test_recursion_alone(nodes: FloatArray, lambda_: Sequence[float], gamma: Sequence[float]) -> None:
    field = field_from_nodes(nodes, PARAMETERS)
    assert field.lambda_ == pytest.approx(lambda_, rel=1e-6)
    assert field.gamma == pytest.approx(gamma, rel=1e-6)


def test_recursion_of_one_opposing_node() -> None:
    nodes = steps(1.0)
    nodes[NODES.index("clownfish")] = -1.0
    field = field_from_nodes(nodes, PARAMETERS)
    assert field.substrate == pytest.approx([0.83132530], rel=1e-6)
    assert field.gross == pytest.approx([1.0], rel=1e-6)
    assert field.lambda_ == pytest.approx([0.41566265], rel=1e-6)
    assert field.magnitude == pytest.approx([0.5], rel=1e-6)
    assert field.gamma == pytest.approx([0.83132530], rel=1e-6)
    assert field.votes == [8]


def test_undefined_nodes_are_not_carried_forward() -> None:
    nodes = steps(1.0, 1.0, 1.0, 1.0)
    nodes[3, 1] = np.nan
    field = field_from_nodes(nodes, PARAMETERS)
    assert field.lambda_ == pytest.approx([0.5, np.nan, 0.5, 0.75], nan_ok=True)
    assert field.gamma == pytest.approx([1.0, np.nan, 1.0, 1.0], nan_ok=True)
    assert field.votes.tolist() == [9, 0, 9, 9]


def test_constant_price_without_volume_is_a_field_of_zero() -> None:
    price, nothing = np.full(130, 100.0), np.zeros(130)
    bars = Bars(np.arange(130), price, price, price, price, nothing, interval_ms=1)
    field = coherence_field(bars, PARAMETERS)
    assert not field.nodes[:, 100:].any()
    assert not field.gamma[100:].any()
    assert not field.votes.any()


def test_price_that_moves_without_volume_leaves_the_nodes_of_volume_at_zero(f1: Bars) -> None:
    quiet = Bars(f1.open_time_ms, f1.open, f1.high, f1.low, f1.close, np.zeros(240), f1.interval_ms)
    field = coherence_field(quiet, PARAMETERS)
    assert not field.nodes[NODES.index("panda"), 100:].any()
    assert not field.nodes[NODES.index("cargo_ship"), 100:].any()
    assert field.nodes[NODES.index("falcon"), 239] == pytest.approx(0.7 * np.tanh(1.71971227), rel=1e-6)


def test_scale_below_the_smallest_leaves_its_nodes_at_zero(f1: Bars) -> None:
    k = 1e-12
    tiny = Bars(
        f1.open_time_ms, f1.open * k, f1.high * k, f1.low * k, f1.close * k, f1.volume, f1.interval_ms
    )
    field = coherence_field(tiny, PARAMETERS)
    assert not field.nodes[NODES.index("deer"), 100:].any()
    assert not field.nodes[NODES.index("panda"), 100:].any()


def test_straight_path_is_no_longer_than_itself() -> None:
    """Summed step by step, some of these paths come out shorter than their net change, by rounding."""
    close = np.exp(np.arange(4_000.0) / 10)
    bars = Bars(np.arange(4_000), close, close, close, close, np.ones(4_000), interval_ms=1)
    assert ((close - lagged(close, 20)) > path_length(close, 20))[100:].any()
    assert coherence_field(bars, PARAMETERS).nodes[NODES.index("hummingbird"), 100:].max() == 1.0


def test_spread_damps_the_tiger_and_nothing_else(f1: Bars, field: Field) -> None:
    spread = 0.5
    damped = coherence_field(f1, PARAMETERS, spread)
    height = (rolling_max(f1.high, 20) - rolling_min(f1.low, 20))[100:]
    tiger = NODES.index("tiger")
    assert damped.nodes[tiger, 100:] == pytest.approx(
        field.nodes[tiger, 100:] * height / (height + spread), rel=1e-12
    )
    others = [row for row in range(len(NODES)) if row != tiger]
    assert np.array_equal(damped.nodes[others], field.nodes[others], equal_nan=True)


@pytest.mark.parametrize("spread", [-0.1, np.nan, np.inf])
def test_impossible_spread_is_refused(f1: Bars, spread: float) -> None:
    with pytest.raises(ValueError, match="spread must be finite and not negative"):
        coherence_field(f1, PARAMETERS, spread)


def test_nodes_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(9, n\)"):
        field_from_nodes(np.zeros((8, 3)), PARAMETERS)
