"""The calendar of kline intervals."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.paper.market.klines import INTERVALS, index_at, open_ms


@pytest.mark.parametrize(
    ("interval", "opened", "following"),
    [
        ("1m", "2024-02-29 23:59", "2024-03-01 00:00"),
        ("8h", "2024-02-29 16:00", "2024-03-01 00:00"),
        ("1d", "2024-02-29 00:00", "2024-03-01 00:00"),
        ("3d", "2024-02-29 00:00", "2024-03-03 00:00"),
        ("1w", "2024-02-26 00:00", "2024-03-04 00:00"),
        ("1M", "2024-02-01 00:00", "2024-03-01 00:00"),
    ],
)
def test_where_an_interval_begins_and_ends(interval: str, opened: str, following: str) -> None:
    index = index_at(interval, milliseconds("2024-02-29 23:59") + 59_999)
    assert open_ms(interval, index) == milliseconds(opened)
    assert open_ms(interval, index + 1) == milliseconds(following)


@given(st.sampled_from(INTERVALS), st.integers(0, 4_102_444_800_000))
def test_every_time_is_in_its_interval(interval: str, time_ms: int) -> None:
    index = index_at(interval, time_ms)
    assert open_ms(interval, index) <= time_ms < open_ms(interval, index + 1)


def milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000
