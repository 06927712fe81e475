"""Parameters to try: `fast=8..16:2` or `fast=8,12,16`, and every combination of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

SETS_MAX = 1_000_000
_VALUES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Grid:
    """`values[i]`: the texts that parameter `names[i]` takes. The last name changes fastest."""

    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return math.prod(map(len, self.values))

    def changes(self, index: int) -> dict[str, str]:
        """Return the parameters of one set, `index` from 0."""
        chosen: list[str] = []
        for values in reversed(self.values):
            index, at = divmod(index, len(values))
            chosen.append(values[at])
        return dict(zip(self.names, reversed(chosen), strict=True))


def grid(texts: Sequence[str]) -> Grid:
    """Read `name=a..b:step`, `name=a..b` (step 1) and `name=a,b,c`. Raises ValueError naming the text."""
    names: list[str] = []
    values: list[tuple[str, ...]] = []
    for text in texts:
        name, sign, rest = (part.strip() for part in text.partition("="))
        if not (name and sign and rest):
            raise ValueError(f"--set was {text!r}; it takes name=a..b:step, or name=a,b,c")
        if name in names:
            raise ValueError(f"--set names {name!r} twice")
        names.append(name)
        values.append(_range(text, rest) if ".." in rest else _list(text, rest))
    made = Grid(tuple(names), tuple(values))
    if len(made) > SETS_MAX:
        raise ValueError(f"--set asks for {len(made)} combinations, more than {SETS_MAX}: widen the steps")
    return made


def _list(text: str, rest: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in rest.split(","))
    if not all(found) or len(set(found)) != len(found):
        raise ValueError(f"--set was {text!r}; its values are empty or there twice")
    return found


def _range(text: str, rest: str) -> tuple[str, ...]:
    first, _, beyond = rest.partition("..")
    last, _, step = beyond.partition(":")
    try:
        low, high, by = Decimal(first), Decimal(last), Decimal(step or 1)
        count = int((high - low) // by) + 1 if by > 0 else 0
    except (InvalidOperation, OverflowError, ValueError):
        raise ValueError(f"--set was {text!r}; it takes numbers, as fast=8..16:2") from None
    if not 0 < count <= _VALUES_MAX:
        raise ValueError(f"--set was {text!r}; that makes {max(count, 0)} values, not 1 to {_VALUES_MAX}")
    return tuple(format(low + by * number, "f") for number in range(count))
