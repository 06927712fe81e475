from __future__ import annotations

import subprocess
import sys

import pytest

from core.strategies import strategy
from core.strategies.registry import BUILT_IN


@pytest.mark.parametrize("name", BUILT_IN)
def test_strategy_carries_the_name_it_is_found_by(name: str) -> None:
    assert strategy(name).name == name


def test_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        ValueError, match=r"unknown strategy 'Coherance'; did you mean 'coherence'\? \(known: coh"
    ):
        strategy("Coherance")


def test_name_like_no_other_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown strategy 'x' \(known: coherence, "):
        strategy("x")


def test_listing_the_strategies_does_not_load_numpy() -> None:
    code = "import sys, core.strategies, core.intervals; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
