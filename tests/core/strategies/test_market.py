"""The view of the market: nothing of the future, nothing stale, no more than asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.bars import Bars
from core.strategies import FLAT, LiveMarket, MarketView, Series
from core.strategies.market import same_interval, spread_in

MINUTE_MS = 60_000
FAST, SLOW, LEAD = Series("X", "1m"), Series("X", "5m"), Series("Y", "1m")


def bars_of(count: int, interval_ms: int, start_ms: int = 0) -> Bars:
    price = np.arange(1.0, count + 1)
    return Bars(start_ms + np.arange(count) * interval_ms, price, price, price, price, price, interval_ms)


def view_of(fast: int = 20, slow: int = 4, lead: int = 20, lead_start: int = 0) -> MarketView:
    return MarketView(
        FAST,
        {
            FAST: bars_of(fast, MINUTE_MS),
            SLOW: bars_of(slow, 5 * MINUTE_MS),
            LEAD: bars_of(lead, MINUTE_MS, lead_start * MINUTE_MS),
        },
    )


def test_coarser_bars_are_those_that_had_closed() -> None:
    assert view_of().aligned(SLOW).tolist() == [-1] * 4 + [0] * 5 + [1] * 5 + [2] * 5 + [3]


def test_bars_that_stopped_coming_are_missing() -> None:
    assert view_of(slow=2).aligned(SLOW).tolist() == [-1] * 4 + [0] * 5 + [1] * 5 + [-1] * 6
    assert view_of(lead=18).aligned(LEAD).tolist() == [*range(18), -1, -1]


def test_series_that_begin_late_or_not_at_all_are_missing() -> None:
    assert view_of(lead_start=3, lead=10).aligned(LEAD).tolist() == [-1] * 3 + [*range(10)] + [-1] * 7
    assert (view_of().aligned(Series("Z", "1m")) == -1).all()
    assert (view_of(lead=0).aligned(LEAD) == -1).all()


def test_finer_bars_are_the_newest_closed() -> None:
    coarse = replace(view_of(), traded=SLOW)
    assert coarse.aligned(FAST).tolist() == [4, 9, 14, 19]


@given(st.integers(0, 19), st.integers(0, 6), st.integers(1, 8))
def test_an_earlier_view_holds_nothing_later(index: int, lead_start: int, needed: int) -> None:
    whole = view_of(lead_start=lead_start)
    part = whole.until(index)
    assert len(part.bars) == index + 1
    assert all(bars.end_ms <= part.now_ms for bars in part.series.values() if len(bars))
    for series in (FAST, SLOW, LEAD):
        at = whole.aligned(series)[index]
        assert len(part.series[series]) == at + 1
        assert part.aligned(series)[-1] == at
    window = whole.window(index, {FAST: needed, SLOW: 2})
    assert len(window.bars) == min(needed, index + 1)
    assert window.now_ms == part.now_ms
    assert len(window.series[LEAD]) == 0
    last = part.last({FAST: needed, SLOW: 2})
    assert [len(each) for each in last.series.values()] == [len(each) for each in window.series.values()]


def test_arrays_are_shared_and_read_only() -> None:
    view = view_of()
    part = view.until(5)
    assert np.shares_memory(part.bars.close, view.bars.close)
    with pytest.raises(ValueError, match="read-only"):
        part.bars.close[0] = 1


def test_what_is_live_is_of_now_only() -> None:
    live = replace(view_of(), live=LiveMarket(0))
    assert live.until(19).live is None
    assert live.last({FAST: 5}).live is live.live


@pytest.mark.parametrize("index", [-1, 20])
def test_bar_that_does_not_exist_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match=f"no bar {index} among 20"):
        view_of().until(index)


def test_view_without_what_is_traded_is_refused() -> None:
    with pytest.raises(ValueError, match="the view has no bars of Z 1m"):
        replace(view_of(), traded=Series("Z", "1m"))


def test_values_are_spread_to_the_bars_that_know_them() -> None:
    spread = spread_in(np.array([7.0, 8.0]), np.array([-1, 0, 1, 1]))
    assert spread == pytest.approx([np.nan, 7, 8, 8], nan_ok=True)
    assert np.isnan(spread_in(np.empty(0), np.array([-1, -1]))).all()


def test_traded_interval_is_always_among_them_once() -> None:
    assert same_interval(Series("X", "15m"), ("1h", "5m")) == ("5m", "15m", "1h")
    assert same_interval(Series("X", "5m"), ("1h", "5m")) == ("5m", "1h")


def test_name_of_an_interval_is_found() -> None:
    assert MarketView.of(bars_of(1, 15 * MINUTE_MS)).traded == Series("", "15m")
    assert MarketView.of(bars_of(1, 7)).traded.interval == "7ms"


def test_freshness_is_measured_to_now() -> None:
    live = LiveMarket(ts_ms=5_000)
    assert live.is_fresh(0, 5_000)
    assert not live.is_fresh(0, 4_999)
    assert not live.is_fresh(None, 5_000)


def test_standing_is_flat_by_default() -> None:
    assert (FLAT.position, FLAT.last_stop_ms, FLAT.memory) == (None, None, {})
