"""Which market the paper exchange plays: what `TRADER_PAPER_MARKET` may say."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

SYNTHETIC = "synthetic"
FORMS = "synthetic, data:, mirror:URL, file:PATH or file:SYMBOL=PATH,SYMBOL=PATH"
_NAMED_FILE = re.compile(r"([A-Z0-9]{2,30})=(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MarketChoice:
    """`files`: (symbol, path) of each, None for the symbol the operator trades; `url` of a mirror."""

    kind: Literal["synthetic", "file", "data", "mirror"]
    files: tuple[tuple[str | None, Path], ...] = ()
    url: str = ""

    def __str__(self) -> str:
        files = ",".join(str(path) if symbol is None else f"{symbol}={path}" for symbol, path in self.files)
        return SYNTHETIC if self.kind == SYNTHETIC else f"{self.kind}:{files}{self.url}"

    def with_paths(self, change: Callable[[Path], Path]) -> MarketChoice:
        return replace(self, files=tuple((symbol, change(path)) for symbol, path in self.files))


def market_choice(text: str) -> MarketChoice:
    """Read a choice. Raises ValueError."""
    text = text.strip()
    kind, _, rest = text.partition(":")
    if text == SYNTHETIC:
        return MarketChoice("synthetic")
    if text == "data:":
        return MarketChoice("data")
    if kind == "mirror" and rest:
        return MarketChoice("mirror", url=rest)
    if kind == "file" and rest and "\0" not in rest:
        return MarketChoice("file", _files(rest))
    raise ValueError(f"it takes {FORMS}")


def _files(text: str) -> tuple[tuple[str | None, Path], ...]:
    # A comma may also be part of a path: only `,SYMBOL=` begins another file.
    parts = re.split(r",(?=[A-Z0-9]{2,30}=)", text)
    named = [_NAMED_FILE.fullmatch(part) for part in parts]
    if len(parts) == 1 and not named[0]:
        return ((None, Path(text)),)
    files = [(found[1], Path(found[2])) for found in named if found]
    symbols = [symbol for symbol, _ in files]
    if len(files) < len(parts):
        raise ValueError("each of several files is SYMBOL=PATH")
    if twice := {symbol for symbol in symbols if symbols.count(symbol) > 1}:
        raise ValueError(f"{', '.join(sorted(twice))} has two files")
    return tuple(files)
