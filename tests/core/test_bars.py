from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.bars import Bars, Row, aggregate, closed, interval_ms

MINUTE = interval_ms("1m")
HOUR = interval_ms("1h")
START_MS = 1_640_995_200_000  # 2022-01-01 00:00 UTC, a Saturday


def minutes(count: int, start_ms: int = START_MS) -> Bars:
    index = np.arange(count, dtype=np.float64)
    close = 100 + index % 7
    return Bars(
        open_time_ms=start_ms + np.arange(count) * MINUTE,
        open=close - 0.5,
        high=close + 1 + index % 3,
        low=close - 1 - index % 5,
        close=close,
        volume=index % 11,
        interval_ms=MINUTE,
    )


def columns(bars: Bars) -> dict[str, Any]:
    names = ("open_time_ms", "open", "high", "low", "close", "volume")
    return {name: getattr(bars, name).copy() for name in names}


def with_value(name: str, index: int, value: float) -> dict[str, Any]:
    changed = columns(minutes(5))
    changed[name][index] = value
    return changed


@pytest.mark.parametrize(
    ("arrays", "finding"),
    [
        pytest.param(
            with_value("open_time_ms", 2, START_MS + MINUTE),
            f"times not increasing at index 2: open_time_ms {START_MS + MINUTE}",
            id="duplicate",
        ),
        pytest.param(
            with_value("open_time_ms", 3, START_MS),
            f"times not increasing at index 3: open_time_ms {START_MS}",
            id="unsorted",
        ),
        pytest.param(
            with_value("open_time_ms", 4, START_MS + 9 * MINUTE),
            f"gap: not 60000 ms after the bar before at index 4: open_time_ms {START_MS + 9 * MINUTE}",
            id="gap",
        ),
        pytest.param(
            with_value("close", 1, np.nan), "close is not a finite number at index 1: close nan", id="NaN"
        ),
        pytest.param(
            with_value("volume", 1, np.inf), "volume is not a finite number at index 1", id="infinity"
        ),
        pytest.param(
            with_value("open", 0, 0.0), "open is not positive at index 0: open 0.0", id="zero price"
        ),
        pytest.param(
            with_value("low", 2, -1.0), "low is not positive at index 2: low -1.0", id="negative price"
        ),
        pytest.param(
            with_value("volume", 2, -1.0), "volume is negative at index 2: volume -1.0", id="volume"
        ),
        pytest.param(
            with_value("high", 2, 1.0), "high below low at index 2: high 1.0, low 99.0", id="high below low"
        ),
        pytest.param(
            with_value("close", 3, 500.0),
            r"open or close outside low\.\.high at index 3: open 102.5, high 104.0, low 99.0, close 500.0",
            id="close above high",
        ),
        pytest.param(
            with_value("open", 3, 1.0), r"open or close outside low\.\.high at index 3", id="open below low"
        ),
    ],
)
def test_malformed_bars_are_refused_with_index_and_values(arrays: dict[str, Any], finding: str) -> None:
    with pytest.raises(ValueError, match=f"malformed bars: .*{finding}"):
        Bars(**arrays, interval_ms=MINUTE)


def test_every_kind_of_fault_is_named_with_its_number() -> None:
    arrays = with_value("close", 1, np.nan)
    arrays["volume"][[0, 2, 4]] = -3
    with pytest.raises(
        ValueError, match=r"close is not .*; volume is negative at index 0: volume -3.0 \(and 2 more\)"
    ):
        Bars(**arrays, interval_ms=MINUTE)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"close": np.ones(4)}, r"lengths differ: .*open \(5,\).*close \(4,\)"),
        ({name: np.ones((5, 1)) for name in columns(minutes(5))}, "open_time_ms must be integers"),
        ({"interval_ms": 0}, "interval_ms must be positive, was 0"),
        ({"open_time_ms": np.arange(5.0)}, "open_time_ms must be integers, was float64"),
        ({"close": ["1", "2", "x", "4", "5"]}, "could not convert string to float: 'x'"),
    ],
)
def test_wrong_shape_or_type_is_refused(change: dict[str, Any], finding: str) -> None:
    with pytest.raises(ValueError, match=finding):
        Bars(**{**columns(minutes(5)), "interval_ms": MINUTE, **change})


def test_two_dimensions_are_refused() -> None:
    square = np.ones((2, 2))
    with pytest.raises(ValueError, match=r"one dimension, shape was \(2, 2\)"):
        Bars(np.ones((2, 2), dtype=np.int64), square, square, square, square, square, MINUTE)


def test_bars_cannot_be_changed_from_outside() -> None:
    arrays = columns(minutes(5))
    bars = Bars(**arrays, interval_ms=MINUTE)
    arrays["close"][0] = -1.0
    assert bars.close[0] == 100.0
    with pytest.raises(ValueError, match="read-only"):
        bars.close[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        bars.open_time_ms[0] = 1


def test_slice_keeps_the_bars_and_refuses_to_skip_any() -> None:
    bars = minutes(10)
    assert bars[2:4].open_time_ms.tolist() == [START_MS + 2 * MINUTE, START_MS + 3 * MINUTE]
    assert len(bars[-3:]) == 3
    for step in (2, -1):
        with pytest.raises(ValueError, match=f"without gaps, step was {step}"):
            bars[::step]
    with pytest.raises(ValueError, match="read-only"):
        bars[2:4].close[0] = 1


def test_rows() -> None:
    rows: list[Row] = [(0, 1.0, 3.0, 0.5, 2.0, 10.0), (MINUTE, 2.0, 4.0, 1.5, 3.0, 0.0)]
    bars = Bars.from_rows(rows, MINUTE)
    assert bars.open_time_ms.tolist() == [0, MINUTE]
    assert (bars.open[1], bars.high[1], bars.low[1], bars.close[1], bars.volume[1]) == (2, 4, 1.5, 3, 0)
    assert bars.end_ms == 2 * MINUTE


@pytest.mark.parametrize("rows", [[(0, 1.0)], [(0, 1, 1, 1, 1, 1), (1, 1)], [(0.5, 1, 1, 1, 1, 1)]])
def test_malformed_rows_are_refused(rows: list[Any]) -> None:
    with pytest.raises(ValueError):
        Bars.from_rows(rows, MINUTE)


def test_no_bars_are_bars_without_an_end() -> None:
    bars = Bars.from_rows([], MINUTE)
    assert len(bars) == 0
    assert len(closed(bars, START_MS)) == 0
    assert len(aggregate(bars, HOUR)) == 0
    with pytest.raises(ValueError, match="no bars"):
        bars.end_ms  # noqa: B018


@pytest.mark.parametrize(
    ("now_ms", "count"),
    [(START_MS, 0), (START_MS + MINUTE - 1, 0), (START_MS + MINUTE, 1), (START_MS + HOUR, 5)],
)
def test_bar_is_closed_from_its_end_on(now_ms: int, count: int) -> None:
    assert len(closed(minutes(5), now_ms)) == count


def test_aggregate_of_whole_hours() -> None:
    bars = minutes(120)
    hours = aggregate(bars, HOUR)
    assert hours.interval_ms == HOUR
    assert hours.open_time_ms.tolist() == [START_MS, START_MS + HOUR]
    for hour, part in ((0, bars[:60]), (1, bars[60:])):
        assert hours.open[hour] == part.open[0]
        assert hours.high[hour] == part.high.max()
        assert hours.low[hour] == part.low.min()
        assert hours.close[hour] == part.close[-1]
        assert hours.volume[hour] == part.volume.sum()


def test_aggregate_drops_incomplete_groups_at_both_ends() -> None:
    hours = aggregate(minutes(150, START_MS + 59 * MINUTE), HOUR)
    assert hours.open_time_ms.tolist() == [START_MS + HOUR, START_MS + 2 * HOUR]


def test_aggregate_without_a_complete_group_is_empty() -> None:
    assert len(aggregate(minutes(60, START_MS + MINUTE), HOUR)) == 0


def test_weeks_start_on_monday() -> None:
    days = [(START_MS + day * 24 * HOUR, 1.0, 1.0, 1.0, 1.0, 1.0) for day in range(14)]
    weeks = aggregate(Bars.from_rows(days, interval_ms("1d")), interval_ms("1w"))
    assert weeks.open_time_ms.tolist() == [START_MS + 2 * 24 * HOUR]  # 2022-01-03


def test_same_interval_changes_nothing() -> None:
    bars = minutes(5)
    assert np.array_equal(aggregate(bars, MINUTE).close, bars.close)


@pytest.mark.parametrize("interval", [MINUTE // 2, MINUTE + 1, 90_000, 0, -MINUTE])
def test_aggregate_to_no_multiple_is_refused(interval: int) -> None:
    with pytest.raises(ValueError, match="not a multiple"):
        aggregate(minutes(5), interval)


def test_aggregate_of_bars_off_their_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="not aligned to 60000 ms"):
        aggregate(minutes(5, START_MS + 1), HOUR)


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(0, 100))
def test_aggregating_twice_is_aggregating_once(count: int, offset: int) -> None:
    bars = minutes(count, START_MS + offset * MINUTE)
    at_once = aggregate(bars, HOUR)
    in_steps = aggregate(aggregate(bars, interval_ms("15m")), HOUR)
    for name, values in columns(at_once).items():
        assert np.array_equal(values, getattr(in_steps, name)), name
