"""A curve in block characters, for a terminal. What is exact stands in the tables beside it."""

from __future__ import annotations

from collections.abc import Sequence

_BLOCKS = " ▁▂▃▄▅▆▇█"
_EIGHTHS = 8


def chart(values: Sequence[float], labels: tuple[str, str], *, width: int, height: int) -> list[str]:
    """Return the lines of a chart, its area filled from the lowest value up.

    `labels`: what to write beside the highest and the lowest value.
    """
    margin = max(map(len, labels)) + 1
    columns = _columns(values, max(2, width - margin - 1))
    low, high = min(columns), max(columns)
    steps = height * _EIGHTHS - 1
    levels = [1 + round((value - low) / (high - low) * steps) if high > low else 1 for value in columns]
    rows = []
    for row in range(height - 1, -1, -1):
        label = labels[0] if row == height - 1 else labels[1] if row == 0 else ""
        blocks = "".join(_BLOCKS[min(_EIGHTHS, max(0, level - row * _EIGHTHS))] for level in levels)
        rows.append(f"{label:>{margin}} {blocks}".rstrip())
    return rows


def _columns(values: Sequence[float], count: int) -> list[float]:
    """Spread the values over columns, the first and the last one at the edges."""
    return [values[round(at * (len(values) - 1) / (count - 1))] for at in range(count)]
