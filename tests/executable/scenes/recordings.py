"""Recorded bars, and what is done with them."""

from __future__ import annotations

import io
import sys
import zipfile
from contextlib import ExitStack
from functools import cache

import numpy as np

from tests.core.data.recordings import write_feather
from tests.core.strategies.installed import documented_strategy, install
from tests.executable.person import Person

MINUTE_MS, DAY_MINUTES = 60_000, 1_440
MONTHS = {"2024-01": (1_704_067_200_000, 31), "2024-02": (1_706_745_600_000, 29)}


def recorded(person: Person, ends: ExitStack) -> None:
    """Zips of recorded bars lie in the folder."""
    for month in MONTHS:
        (person.folder / f"BTCUSDT-1m-{month}.zip").write_bytes(_zip(month))


@cache
def _zip(month: str) -> bytes:
    start_ms, days = MONTHS[month]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr(f"BTCUSDT-1m-{month}.csv", _bars(start_ms, days * DAY_MINUTES))
    return content.getvalue()


def freqtrade(person: Person, ends: ExitStack) -> None:
    """As `recorded`, and a folder of freqtrade's."""
    recorded(person, ends)
    folder = person.folder / "user_data/data/binance"
    folder.mkdir(parents=True)
    for coin in ("BTC", "ETH"):
        write_feather(folder / f"{coin}_USDT-15m.feather", 1000, minutes=15)


def imported(person: Person, ends: ExitStack) -> None:
    """Recorded bars are in the home."""
    recorded(person, ends)
    person.words["trader sweep"] = "trader sweep --jobs 1"
    person.does("trader data import BTCUSDT-1m-2024-01.zip BTCUSDT-1m-2024-02.zip")


def own_strategy(person: Person, ends: ExitStack) -> None:
    """The package of docs/writing-a-strategy.md is installed, and bars are in the home."""
    imported(person, ends)
    folder = install(person.folder / "packages", "breakout", documented_strategy(), "Breakout")
    sys.path.insert(0, str(folder))
    ends.callback(sys.path.remove, str(folder))
    ends.callback(sys.modules.pop, "breakout", None)


def _bars(start_ms: int, count: int) -> str:
    """Return minute bars as Binance publishes them: a walk on which nobody has an edge."""
    steps = np.random.default_rng(start_ms).normal(0, 25, count)
    closes = (42_000 + np.cumsum(steps)).round(2).tolist()
    opens = [42_000.0, *closes[:-1]]
    return "\n".join(
        f"{start_ms + n * MINUTE_MS},{o:.2f},{max(o, c) + 9:.2f},{min(o, c) - 9:.2f},{c:.2f},12.5,"
        f"{start_ms + (n + 1) * MINUTE_MS - 1},{12.5 * c:.2f},90,6.25,{6.25 * c:.2f},0"
        for n, (o, c) in enumerate(zip(opens, closes, strict=True))
    )
