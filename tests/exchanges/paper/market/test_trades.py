"""Whatever the bar, its trades make it up exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.paper.market import TRADES_PER_MINUTE, hashing
from exchanges.paper.market.trades import Outline, fill, to_minutes, to_single

STREAM = hashing.key(1, "trades")


@st.composite
def outlines(draw: st.DrawFn) -> tuple[Outline, int]:
    """One to five bars of one to five minutes, from a single tick to a very wide range."""
    minutes = draw(st.sampled_from([1, 3, 5]))
    bars = []
    for _ in range(draw(st.integers(1, 5))):
        low = draw(st.integers(1, 10**9))
        high = low + draw(st.sampled_from([0, 1, 2, 50, 10**6]))
        opened, closed = draw(st.integers(low, high)), draw(st.integers(low, high))
        volume = minutes * TRADES_PER_MINUTE + draw(st.integers(0, 10**9))
        bars.append((opened, high, low, closed, volume))
    return Outline(*np.array(bars, dtype=np.int64).T), minutes


@given(outlines(), st.integers(0, 10**10))
def test_trades_make_up_their_bar_exactly(case: tuple[Outline, int], first_step: int) -> None:
    outline, minutes = case
    trades = fill(outline, STREAM, first_step, minutes * TRADES_PER_MINUTE)
    assert trades.price[0].tolist() == outline.open.tolist()
    assert trades.price[-1].tolist() == outline.close.tolist()
    assert trades.price.max(axis=0).tolist() == outline.high.tolist()
    assert trades.price.min(axis=0).tolist() == outline.low.tolist()
    assert trades.quantity.sum(axis=0).tolist() == outline.volume.tolist()
    assert trades.quantity.min() >= 1


@given(outlines(), st.integers(0, 10**6))
def test_a_bar_filled_alone_has_the_same_trades(case: tuple[Outline, int], first_bar: int) -> None:
    outline, minutes = case
    size = minutes * TRADES_PER_MINUTE
    together = fill(outline, STREAM, first_bar * size, size)
    for index in range(len(outline.open)):
        alone = fill(outline.cut(index, index + 1), STREAM, (first_bar + index) * size, size)
        assert alone.price[:, 0].tolist() == together.price[:, index].tolist()
        assert alone.quantity[:, 0].tolist() == together.quantity[:, index].tolist()
        assert alone.taker_buys[:, 0].tolist() == together.taker_buys[:, index].tolist()


@given(outlines())
def test_minutes_are_aggregates_of_single_trades(case: tuple[Outline, int]) -> None:
    outline, minutes = case
    trades = fill(outline, STREAM, 0, minutes * TRADES_PER_MINUTE)
    single, whole = to_single(trades), to_minutes(trades)
    for minute in range(len(whole)):
        mine = slice(minute * TRADES_PER_MINUTE, (minute + 1) * TRADES_PER_MINUTE)
        price, quantity = single.close[mine], single.volume[mine]
        bought = single.taker_buy_volume[mine]
        assert [int(column[minute]) for column in whole.columns] == [
            price[0],
            price.max(),
            price.min(),
            price[-1],
            quantity.sum(),
            (price * quantity).sum(),
            TRADES_PER_MINUTE,
            bought.sum(),
            (price * bought).sum(),
        ]


@pytest.mark.parametrize("direction", [1, -1])
def test_taker_side_follows_the_price(direction: int) -> None:
    opened, closed = (1000, 900_000)[::direction]
    outline = Outline(*(np.array([[opened], [900_000], [1000], [closed], [10**6]])))
    trades = fill(outline, STREAM, 0, TRADES_PER_MINUTE)
    moves = np.diff(trades.price[:, 0])
    assert trades.taker_buys[1:, 0][moves > 0].all()
    assert not trades.taker_buys[1:, 0][moves < 0].any()
