"""What a back-test did, in integers: both engines give this, and the same numbers in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType

import numpy as np

from core.bars import IntArray
from core.strategies.protocol import Signals

STILL_OPEN = -1


class Exit(IntEnum):
    """What ended a trade. DUST: nothing could be sold, what was bought stays in the inventory. TIME: it was
    held as long as the rules allow.
    """

    OPEN = 0
    SIGNAL = 1
    STOP = 2
    TARGET = 3
    DUST = 4
    TIME = 5


class Column(IntEnum):
    """The columns of a table of trades. Bars are counted from the first of the run; prices in ticks,
    quantities in steps, amounts in units of 1e-8: fees of what was received, the rest in quote.
    """

    SYMBOL = 0
    ENTRY_BAR = 1
    ENTRY_PRICE = 2
    BOUGHT = 3
    ENTRY_FEE = 4
    SPENT = 5
    EXIT_BAR = 6
    EXIT_PRICE = 7
    SOLD = 8
    EXIT_FEE = 9
    RECEIVED = 10
    REALIZED = 11
    EXIT = 12


@dataclass(frozen=True, slots=True)
class Counts:
    """How often an order did not do what the strategy wanted.

    `missed_entries`, `missed_exits`: the price had moved beyond the limit; an exit is tried again at the
    next bar. `denied_entries`: the risk rules sized no order. `shorts`: entries toward a short position,
    which a spot account cannot hold.
    """

    missed_entries: int = 0
    denied_entries: int = 0
    missed_exits: int = 0
    shorts: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """`trades`: shape (n_trades, 13), in the order of entry. `equity`: shape (n_bars,), at the close of each
    bar, in units of quote. `reasons`: how often each reason, block and class was given; empty where
    decisions were not made one by one, as in the quick engines. `signals`: what those went by, one a lane.
    """

    trades: IntArray
    equity: IntArray
    counts: Counts
    engine: str
    reasons: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    signals: tuple[Signals, ...] = ()

    def column(self, column: Column) -> IntArray:
        values: IntArray = self.trades[:, column]
        return values

    @property
    def closed(self) -> IntArray:
        """The rows of trades that have ended."""
        rows: IntArray = self.trades[self.trades[:, Column.EXIT_BAR] != STILL_OPEN]
        return rows

    def agrees_with(self, other: Outcome) -> bool:
        """Tell whether the other has the same trades, equity and counts, to the last unit."""
        return (
            np.array_equal(self.trades, other.trades)
            and np.array_equal(self.equity, other.equity)
            and self.counts == other.counts
        )
