"""What holds of the field on any bars: bounds, scale freedom, and blindness to the future."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from core.bars import Bars, FloatArray
from core.strategies.coherence import (
    NODES,
    Coherence,
    CoherenceParameters,
    Field,
    coherence_field,
    field_from_nodes,
)
from core.strategies.market import MarketView
from tests.core.markets import markets, scaled

PARAMETERS = CoherenceParameters()

unhurried = settings(deadline=None)  # a busy machine is no failure


def assert_bounded(field: Field) -> None:
    known = np.isfinite(field.gamma)
    assert (np.abs(field.nodes[:, known]) <= 1).all()
    assert (np.abs(field.lambda_[known]) <= field.magnitude[known]).all()
    assert (field.magnitude[known] <= 1 + 1e-12).all()
    assert ((field.gamma[known] >= 0) & (field.gamma[known] <= 1)).all()
    assert ((field.votes >= 0) & (field.votes <= 9)).all()


def node_matrices(min_value: float = -1.0) -> st.SearchStrategy[FloatArray]:
    return npst.arrays(
        np.float64, st.tuples(st.just(len(NODES)), st.integers(1, 30)), elements=st.floats(min_value, 1.0)
    )


@given(markets())
@unhurried
def test_bounds_hold_and_all_is_defined_after_the_warm_up(bars: Bars) -> None:
    field = coherence_field(bars, PARAMETERS)
    assert np.isnan(field.gamma[:100]).all()
    assert np.isfinite(field.gamma[100:]).all()
    assert_bounded(field)


@given(node_matrices())
@unhurried
def test_bounds_hold_for_any_nodes(nodes: FloatArray) -> None:
    assert_bounded(field_from_nodes(nodes, PARAMETERS))


@given(node_matrices())
@unhurried
def test_turning_every_node_turns_the_field_and_keeps_gamma(nodes: FloatArray) -> None:
    field, turned = field_from_nodes(nodes, PARAMETERS), field_from_nodes(-nodes, PARAMETERS)
    assert np.array_equal(turned.lambda_, -field.lambda_)
    assert np.array_equal(turned.gamma, field.gamma)
    assert np.array_equal(turned.votes, field.votes)


@given(node_matrices(min_value=0.001))
@unhurried
def test_gamma_is_1_when_all_nodes_always_agreed(nodes: FloatArray) -> None:
    assert (field_from_nodes(nodes, PARAMETERS).gamma == 1).all()


@given(markets(), st.floats(1e-3, 1e3), st.floats(1e-6, 1e6))
@unhurried
def test_unit_of_price_and_volume_does_not_matter(bars: Bars, price: float, volume: float) -> None:
    field, other = coherence_field(bars, PARAMETERS), coherence_field(scaled(bars, price, volume), PARAMETERS)
    for name in ("nodes", "lambda_", "magnitude"):
        assert np.allclose(getattr(field, name), getattr(other, name), rtol=0, atol=1e-9, equal_nan=True), (
            name
        )
    strong = field.magnitude > 1e-3  # Γ divides by M: in a field that has all but faded it magnifies rounding
    assert np.allclose(field.gamma[strong], other.gamma[strong], rtol=0, atol=1e-6)


@given(markets(), markets(), st.data())
@settings(max_examples=50, deadline=None)
def test_future_bars_do_not_change_past_values(past: Bars, future: Bars, data: st.DataObject) -> None:
    cut = data.draw(st.integers(101, len(past)))
    opens, highs, lows, closes, volumes = (
        np.concatenate([getattr(past, name)[:cut], getattr(future, name)])
        for name in ("open", "high", "low", "close", "volume")
    )
    other = Bars(np.arange(cut + len(future)), opens, highs, lows, closes, volumes, interval_ms=1)
    field, changed = coherence_field(past, PARAMETERS), coherence_field(other, PARAMETERS)
    for name in ("nodes", "lambda_", "magnitude", "gamma", "votes"):
        before, after = getattr(field, name)[..., :cut], getattr(changed, name)[..., :cut]
        assert np.allclose(before, after, rtol=1e-12, atol=1e-12, equal_nan=True), name
    strategy = Coherence()
    live = strategy.decide(MarketView.of(past[:cut]))
    assert live.action == strategy.evaluate(MarketView.of(other)).decide(cut - 1).action
