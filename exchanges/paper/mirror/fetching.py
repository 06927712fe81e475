"""Minute bars over the other exchange's public REST."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import aiohttp

from exchanges.paper.market import MINUTE_MS, TRADES_PER_MINUTE, SymbolSpec
from exchanges.paper.mirror.tape import TapeBar

TIMEOUT_S = 10.0
_UNKNOWN_SYMBOL = -1121
_SHOWN = 80


class MirrorError(Exception):
    """The other exchange did not answer, or not as it should. `wait_s`: how long it asks to be left alone."""

    def __init__(self, text: str, wait_s: float = 0) -> None:
        super().__init__(text)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Seen:
    """A bar, its volume as told, and how much of that takers bought, in steps."""

    bar: TapeBar
    volume: int
    bought: int


async def bars(
    session: aiohttp.ClientSession, url: str, spec: SymbolSpec, *, limit: int, **bounds: int
) -> list[Seen]:
    """Return the newest bars, the last still open; none of a symbol not listed. Raises MirrorError."""
    params = {"symbol": spec.symbol, "interval": "1m", "limit": str(limit)}
    params |= {name: str(value) for name, value in bounds.items()}
    try:
        async with session.get(f"{url}/api/v3/klines", params=params, allow_redirects=False) as answer:
            body = await answer.read()
            if answer.status == 400 and _code(body) == _UNKNOWN_SYMBOL:
                return []
            if answer.status != 200:
                text = body[:_SHOWN].decode("utf-8", "replace")
                wait_s = answer.headers.get("Retry-After", "")
                raise MirrorError(
                    f"{url} answered HTTP {answer.status}: {text}", float(wait_s) if wait_s.isdigit() else 0
                )
        rows = json.loads(body, parse_float=Decimal)
        return [_seen(row, spec) for row in rows]
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise MirrorError(f"{url} cannot be reached: {_reason(error)}") from None
    except (ValueError, TypeError, LookupError, InvalidOperation, ArithmeticError):
        raise MirrorError(f"{url} answered something that is no list of bars of {spec.symbol}") from None


def _seen(row: Sequence[Any], spec: SymbolSpec) -> Seen:
    opened, high, low, close = (round(Decimal(row[index]) / spec.tick) for index in range(1, 5))
    volume, bought = (int(Decimal(row[index]) // spec.step) for index in (5, 9))
    if not 0 < low <= min(opened, close) <= max(opened, close) <= high or volume < 0:
        raise ValueError(f"no bar: {row}")
    minute = int(row[0]) // MINUTE_MS
    return Seen(TapeBar(minute, opened, high, low, close, max(volume, TRADES_PER_MINUTE)), volume, bought)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:.0f} s"
    # aiohttp adds how it was configured to what the system said.
    said = error.os_error.strerror if isinstance(error, aiohttp.ClientConnectorError) else str(error)
    return said or type(error).__name__


def _code(body: bytes) -> object:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return answer.get("code") if isinstance(answer, dict) else None
