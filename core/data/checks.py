"""What may be wrong with recorded bars: counted and named; what cannot be a bar is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.bars import BoolArray, IntArray
from core.data.series import Row, is_aligned

Kind = Literal[
    "OUT_OF_ORDER", "DUPLICATE", "INCONSISTENT", "MISALIGNED", "CONFLICT", "GAP", "PARTIAL", "TRADES_MISSING"
]

MEANINGS: dict[Kind, str] = {
    "OUT_OF_ORDER": "came after a later one; sorted",
    "DUPLICATE": "the same again; kept once",
    "INCONSISTENT": "a price outside low and high or not above zero, or a volume below zero; left out",
    "MISALIGNED": "opens where no bar of its interval can; left out",
    "CONFLICT": "twice with different numbers",
    "GAP": "a stretch without bars",
    "PARTIAL": "only partly covered by the trades; left out",
    "TRADES_MISSING": "ids of trades are skipped",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """So many of one kind; `first_ms` is the open time of the first."""

    kind: Kind
    count: int
    first_ms: int


def cleaned(table: IntArray, interval: str) -> tuple[IntArray, list[Finding]]:
    """Return bars sorted and each once, and what was found; two of one time with other numbers both stay."""
    times = table[Row.OPEN_TIME]
    findings = found("OUT_OF_ORDER", times, _compared(times[1:] < times[:-1], len(times)))
    table = table[:, np.argsort(times, kind="stable")]
    looks: tuple[tuple[Kind, Callable[[IntArray], BoolArray]], ...] = (
        ("INCONSISTENT", _inconsistent),
        ("MISALIGNED", lambda table: ~is_aligned(table[Row.OPEN_TIME], interval)),
        ("DUPLICATE", _repeated),
    )
    for kind, look in looks:
        faulty = look(table)
        findings += found(kind, table[Row.OPEN_TIME], faulty)
        table = table[:, ~faulty]
    return table, findings


def found(kind: Kind, times: IntArray, faulty: BoolArray) -> list[Finding]:
    """Return the finding about these bars, none when there are none."""
    indexes = np.flatnonzero(faulty)
    return [Finding(kind, len(indexes), int(times[indexes[0]]))] if len(indexes) else []


def _inconsistent(table: IntArray) -> BoolArray:
    opened, high, low, close, volume = table[Row.OPEN : Row.QUOTE_VOLUME]
    faulty: BoolArray = (low <= 0) | (volume < 0) | (np.minimum(opened, close) < low)
    faulty |= np.maximum(opened, close) > high
    return faulty


def _repeated(table: IntArray) -> BoolArray:
    return _compared((table[:, 1:] == table[:, :-1]).all(axis=0), table.shape[1])


def _compared(with_the_one_before: BoolArray, count: int) -> BoolArray:
    """Return one answer for each bar; the first has none before it."""
    answers = np.zeros(count, dtype=np.bool_)
    answers[1:] = with_the_one_before
    return answers
