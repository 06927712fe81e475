"""A file of Binance klines, read strictly: replayed as it is, so the first fault refuses it.

Twelve columns (open time, open, high, low, close, volume, close time, then five that are not used), plain or
gzip, with or without a header line; times in milliseconds or microseconds. Bars are one minute to one day
long, all alike, in order, without gaps. What is not that clean, `trader data import` can bring in.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import cache, partial
from pathlib import Path

import numpy as np

from core.data.names import TRADES, named
from exchanges.paper.market.model import MINUTE_MS, STEP_MS, MarketFileError, SymbolSpec
from exchanges.paper.market.recorded import BAR_MINUTES, ROUNDING_LIMIT, Recording
from exchanges.paper.market.trades import Outline

_COLUMNS = 12
_COLUMNS_OF_TRADES = range(5, 9)
_GZIP_MAGIC = b"\x1f\x8b"
_FIRST_MICROSECOND_TIME = 10**15
_QUOTE_VOLUME_LIMIT = 1 << 62
_DIGITS_LIMIT = 18


def is_klines(path: Path) -> bool:
    """Return whether the file is one to be read here, though it may be wrong: not one of trades, or a zip."""
    if named(path.name).kind in TRADES or path.suffix.lower() in (".zip", ".feather"):
        return False
    lines = _lines(path)
    return not lines or lines[0].count(",") + 1 not in _COLUMNS_OF_TRADES


def read(path: Path, spec: SymbolSpec) -> Recording:
    """Read a file of klines. Raises MarketFileError."""
    lines = _lines(path)
    skipped = 1 if lines and _is_header(lines[0]) else 0
    if len(lines) == skipped:
        raise MarketFileError(path, None, "holds no bars")
    start_ms, bar_ms = _first_times(path, lines[skipped], skipped + 1)
    in_ticks = cache(partial(_in_ticks, tick=spec.tick))  # most prices of a file are in it many times
    rows = []
    for index, line in enumerate(lines[skipped:]):
        try:
            rows.append(_row(line, start_ms + index * bar_ms, bar_ms, in_ticks, spec.step))
        except ValueError as error:
            raise MarketFileError(path, skipped + 1 + index, str(error)) from None
    if sum(high * volume for _, high, _, _, volume in rows) > _QUOTE_VOLUME_LIMIT:
        raise MarketFileError(path, None, "quote volume in ticks × steps does not fit 64 bits")
    return Recording(path, start_ms, bar_ms // MINUTE_MS, Outline(*np.array(rows, dtype=np.int64).T))


def _lines(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP_MAGIC):
            content = gzip.decompress(content)
        return content.decode("ascii").splitlines()
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise MarketFileError(path, None, "is a damaged gzip file") from None
    except UnicodeDecodeError:
        raise MarketFileError(path, None, "is not a text file of klines") from None
    except OSError as error:
        raise MarketFileError(path, None, f"cannot be read: {error.strerror or error}") from None


def _is_header(line: str) -> bool:
    """Return whether the line has the columns of a kline and none of them is a number."""
    fields = line.split(",")
    for field in fields:
        try:
            Decimal(field)
        except InvalidOperation:
            continue
        return False
    return len(fields) == _COLUMNS


def _first_times(path: Path, line: str, number: int) -> tuple[int, int]:
    """Return open time and length of the first bar in milliseconds."""
    try:
        opened, closed = _times(_fields(line))
    except ValueError as error:
        raise MarketFileError(path, number, str(error)) from None
    length = closed + 1 - opened
    if length not in [minutes * MINUTE_MS for minutes in BAR_MINUTES]:
        raise MarketFileError(path, number, f"a bar of {length} ms is no kline interval up to a day")
    if opened % length:
        raise MarketFileError(path, number, f"open time {opened} is not a whole multiple of {length} ms")
    return opened, length


def _row(
    line: str, expected_ms: int, bar_ms: int, in_ticks: Callable[[str], int], step: Decimal
) -> tuple[int, int, int, int, int]:
    """Return open, high, low, close in ticks and volume in steps. Raises ValueError with the reason."""
    fields = _fields(line)
    opened, closed = _times(fields)
    if opened != expected_ms:
        raise ValueError(_misplaced(opened, expected_ms, bar_ms))
    if closed != opened + bar_ms - 1:
        raise ValueError(f"close time {closed} does not end the bar that opened at {opened}")
    first, high, low, last = map(in_ticks, fields[1:5])
    if not (low <= first <= high and low <= last <= high):
        raise ValueError(
            f"open {fields[1]} and close {fields[4]} are not within low {fields[3]} … high {fields[2]}"
        )
    volume = _number(fields[5], "volume")
    if volume < 0:
        raise ValueError(f"volume is {fields[5]}")
    return first, high, low, last, max(int(volume // step), bar_ms // STEP_MS)


def _fields(line: str) -> list[str]:
    fields = line.split(",")
    if len(fields) != _COLUMNS:
        raise ValueError(f"has {len(fields)} columns, a kline has {_COLUMNS}")
    return fields


def _times(fields: list[str]) -> tuple[int, int]:
    """Return open and close time in milliseconds."""
    for field in (fields[0], fields[6]):
        if not field.isdigit():
            raise ValueError(f"{field!r} is not a time")
    opened, closed = int(fields[0]), int(fields[6])
    if opened >= _FIRST_MICROSECOND_TIME:
        return opened // 1000, closed // 1000
    return opened, closed


def _misplaced(opened: int, expected_ms: int, bar_ms: int) -> str:
    if opened == expected_ms - bar_ms:
        return f"open time {opened} is there twice"
    if opened < expected_ms:
        return f"open time {opened} is out of order"
    return f"there is a gap from {expected_ms} to {opened}"


def _in_ticks(field: str, tick: Decimal) -> int:
    """Return a price in ticks, the nearest."""
    price = _number(field, "price")
    if price <= 0:
        raise ValueError(f"price is {field}")
    ticks = round(price / tick)
    if abs(ticks * tick - price) > price * ROUNDING_LIMIT:
        raise ValueError(f"tick {tick} is too coarse for price {field}: this is not a file of the symbol")
    return ticks


def _number(field: str, name: str) -> Decimal:
    try:
        number = Decimal(field)
    except InvalidOperation:
        raise ValueError(f"{name} {field!r} is not a number") from None
    if not number.is_finite() or number.adjusted() >= _DIGITS_LIMIT:
        raise ValueError(f"{name} is {field}")
    return number
