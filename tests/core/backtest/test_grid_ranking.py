"""Parameter sets, their order, and what luck alone would do."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backtest.grid import grid
from core.backtest.ranking import RANKINGS, Score, luck, ranked


def test_ranges_and_lists_make_every_combination() -> None:
    made = grid(["fast=8..12:2", "stop=0.01..0.02:0.005", "mode=a,b"])
    assert len(made) == 3 * 3 * 2
    assert made.changes(0) == {"fast": "8", "stop": "0.010", "mode": "a"}
    assert made.changes(1) == {"fast": "8", "stop": "0.010", "mode": "b"}
    assert made.changes(17) == {"fast": "12", "stop": "0.020", "mode": "b"}


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_every_set_is_there_once(sizes: list[int]) -> None:
    made = grid([f"p{number}=1..{size}" for number, size in enumerate(sizes)])
    assert (
        len({tuple(made.changes(index).values()) for index in range(len(made))})
        == len(made)
        == math.prod(sizes)
    )


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["fast"], "'fast'; it takes name=a..b:step"),
        (["=1"], "it takes name"),
        (["fast=1,1"], "empty or there twice"),
        (["fast=1,,2"], "empty or there twice"),
        (["fast=a..b"], "it takes numbers"),
        (["fast=5..4"], "makes 0 values"),
        (["fast=1..9:0"], "makes 0 values"),
        (["fast=0..1:0.000001"], "makes 1000001 values"),
        (["fast=1", "fast=2"], "names 'fast' twice"),
        (["a=1..2000", "b=1..2000"], "4000000 combinations"),
    ],
)
def test_what_is_no_grid(texts: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        grid(texts)


def score(profit: str, sharpe: float | None) -> Score:
    return Score(Decimal(profit), 0.0, 0.0, sharpe, None, None, None, None, 1)


def test_the_best_comes_first_and_nothing_measured_last() -> None:
    scores = {0: score("1", None), 1: score("3", 0.5), 2: score("2", 1.5), 3: score("3", 0.5)}
    assert ranked(scores, "profit") == [1, 3, 2, 0]
    assert ranked(scores, "sharpe") == [2, 1, 3, 0]
    assert set(ranked(scores, "calmar")) == {0, 1, 2, 3}
    with pytest.raises(ValueError, match="'size'; it takes one of profit"):
        ranked(scores, "size")
    assert "profit" in RANKINGS


def test_luck_is_the_expected_best_of_so_many() -> None:
    """Simulated: the best of 100 draws without skill, 2,000 times over."""
    draws = np.random.default_rng(7).normal(0, 2.0, (2_000, 100))
    expected = float(draws.max(axis=1).mean())
    assert luck(draws[0].tolist()) == pytest.approx(expected, rel=0.2)
    assert luck([1.0]) is None
