"""Trades from bars: each bar's outline is walked through by trades of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from exchanges.paper.market.trades import Outline, Trades, fill

_TRADES_AT_ONCE = 1 << 15
"""Trades filled in one go: enough to make array operations cheap, few enough for the processor's cache."""


class BarSource(Protocol):
    """Gives the outlines of consecutive bars; `first` counts bars since 1970."""

    def __call__(self, first: int, count: int) -> Outline: ...


@dataclass(frozen=True)
class FilledBars:
    """The trades of bars from a source, each `bar_steps` long."""

    source: BarSource
    stream: np.uint64
    bar_steps: int

    def __call__(self, first: int, end: int) -> Iterator[Trades]:
        """Yield the trades of whole bars from step `first` to step `end`, piece by piece."""
        size = self.bar_steps
        at_once = max(1, _TRADES_AT_ONCE // size)
        outline = self.source(first // size, (end - first) // size)
        for done in range(0, len(outline.open), at_once):
            yield fill(outline.cut(done, done + at_once), self.stream, first + done * size, size)
