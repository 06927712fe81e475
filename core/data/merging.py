"""Bars put together: what two tables both have must agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.bars import IntArray
from core.data.series import NOT_RECORDED, Row


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """The bars of both. `conflicts`: open times at which they differ; then the newer numbers are in `table`.

    `changed` counts bars of the older that now have other numbers, or more of them.
    """

    table: IntArray
    added: int
    same: int
    changed: int
    conflicts: tuple[int, ...]


def merged(old: IntArray, new: IntArray) -> Merged:
    """Put the bars of `new` to those of `old`; both sorted, `old` with each time once."""
    new, twice = _last_of_each_time(new)
    common, in_old, in_new = np.intersect1d(
        old[Row.OPEN_TIME], new[Row.OPEN_TIME], assume_unique=True, return_indices=True
    )
    before, after = old[:, in_old], new[:, in_new]
    # What one source did not record is no difference: the other's number stands.
    differ = ((before != after) & (before != NOT_RECORDED) & (after != NOT_RECORDED)).any(axis=0)
    after = np.where(after == NOT_RECORDED, before, after)
    changed = (after != before).any(axis=0)
    rest = np.delete(old, in_old, axis=1), after, np.delete(new, in_new, axis=1)
    table = np.concatenate(rest, axis=1)
    table = table[:, np.argsort(table[Row.OPEN_TIME], kind="stable")]
    return Merged(
        table=table,
        added=new.shape[1] - len(common),
        same=len(common) - int(changed.sum()),
        changed=int(changed.sum()),
        conflicts=tuple(sorted({*common[differ].tolist(), *twice})),
    )


def _last_of_each_time(table: IntArray) -> tuple[IntArray, list[int]]:
    times = table[Row.OPEN_TIME]
    followed = np.zeros(len(times), dtype=np.bool_)
    followed[:-1] = times[1:] == times[:-1]
    return table[:, ~followed], times[followed].tolist()
