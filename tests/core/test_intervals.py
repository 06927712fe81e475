from __future__ import annotations

import pytest

from core.intervals import INTERVALS_MS, interval_ms


@pytest.mark.parametrize(
    ("name", "milliseconds"),
    [
        ("1s", 1_000),
        ("1m", 60_000),
        ("15m", 900_000),
        ("1h", 3_600_000),
        ("1d", 86_400_000),
        ("1w", 604_800_000),
    ],
)
def test_interval(name: str, milliseconds: int) -> None:
    assert interval_ms(name) == milliseconds


def test_each_interval_says_its_own_length() -> None:
    units = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
    assert all(length == int(name[:-1]) * units[name[-1]] for name, length in INTERVALS_MS.items())


@pytest.mark.parametrize("name", ["1M", "15", "15M", "", "7m", "0m", "-1m", " 15m"])
def test_unknown_interval_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=f"unknown bar interval {name!r}; known: 1s, 1m"):
        interval_ms(name)
