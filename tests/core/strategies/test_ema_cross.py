"""The crossing averages: where they cross, and that live, history and arrays say the same."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from core.bars import Bars
from core.strategies import (
    FLAT,
    Action,
    EntryTerms,
    MarketView,
    PositionState,
    Series,
    Standing,
    self_test,
    strategy,
)
from core.strategies.ema_cross import EmaCross, EmaCrossParameters
from tests.core.strategies.equality import assert_agreement

BAR_MS = 60_000


def bars(close: np.ndarray) -> Bars:
    opened = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(opened, close) + 0.1, np.minimum(opened, close) - 0.1
    return Bars(np.arange(len(close)) * BAR_MS, opened, high, low, close, np.ones(len(close)), BAR_MS)


def waves(count: int = 700) -> MarketView:
    t = np.arange(count)
    return MarketView.of(bars(100 + 3 * np.sin(t / 9) + np.sin(t / 2.3)), "BTCUSDT", "1m")


def test_it_enters_where_the_fast_average_comes_from_below() -> None:
    """Worked by hand: EMA 2 and 3 of a step down and up, each begun with its simple mean."""
    close = np.array([10.0, 10.0, 10.0, 4.0, 4.0, 10.0, 10.0])
    chosen = EmaCross(EmaCrossParameters(fast=2, slow=3))
    evaluation = chosen.evaluate(MarketView.of(bars(close)))
    # fast: –, 10, 10, 6, 4.67, 8.22, 9.41; slow: –, –, 10, 7, 5.5, 7.75, 8.875
    assert evaluation.readings["fast"][5] == pytest.approx(74 / 9)
    assert evaluation.readings["slow"][5] == pytest.approx(7.75)
    actions = [evaluation.decide(index).action for index in range(7)]
    assert [index for index, action in enumerate(actions) if action is Action.ENTER_LONG] == [5]
    assert evaluation.decide(5).terms == EntryTerms(Decimal("0.02"), Decimal("0.04"))
    held = Standing(PositionState(Decimal("4.1"), 1, terms=EntryTerms(Decimal("0.5"))))
    assert evaluation.decide(4, held).reason == "FAST_BELOW_SLOW"


def test_live_history_and_arrays_say_the_same() -> None:
    view = waves()
    terms = EntryTerms(Decimal("0.02"), Decimal("0.04"))
    standings = [
        FLAT,
        *(Standing(PositionState(Decimal(price), 3, terms=terms)) for price in ("97", "100", "104")),
    ]
    assert_agreement(EmaCross(), view, list(range(0, 700, 7)), standings)


def test_the_future_changes_nothing_of_the_past() -> None:
    view = waves()
    whole = EmaCross().evaluate(view)
    for cut in (27, 300, 650):
        part = EmaCross().evaluate(view.until(cut))
        assert part.decide(cut) == whole.decide(cut)
    assert self_test(EmaCross(), view).ok


def test_bad_parameters_are_named() -> None:
    with pytest.raises(ValueError, match="fast must be below slow, were 26 and 12"):
        strategy("ema-cross", {"fast": "26", "slow": "12"})
    with pytest.raises(ValueError, match="stop_loss_rate must be > 0, < 1, was 0"):
        strategy("ema-cross", {"stop_loss_rate": "0"})


def test_it_needs_enough_bars_to_forget_where_its_averages_began() -> None:
    assert EmaCross().needs(Series("BTCUSDT", "1m")) == {Series("BTCUSDT", "1m"): 260}
