"""The parameters of a request: from the bytes received to checked values, with Binance's own complaints."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import unquote_plus

import msgspec

from core.matching import UNIT
from exchanges.paper.dialects.binance.errors import (
    BAD_COMBINATION,
    INVALID_SYMBOL,
    TOO_LONG_A_SPAN,
    ApiError,
    illegal,
    missing,
    not_valid,
)
from exchanges.paper.symbols import SYMBOLS, Symbol

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
_IS_TIME_ZONE = re.compile(r"([+-]?)([0-9]{1,2})(?::([0-5][0-9]))?", re.ASCII)
_DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_INTEGER = r"^[0-9]{1,20}$"
_CLIENT_ID = r"^[a-zA-Z0-9-_]{1,36}$"
_SYMBOL = r"^[\w\-._&&[^a-z]]{1,50}$"  # as the venue prints it, in another language's notation
_IS_SYMBOL = re.compile(r"(?![^a-z]*[a-z])[\w\-.]{1,50}")
_IS_DECIMAL, _IS_INTEGER, _IS_CLIENT_ID = (
    re.compile(legal.strip("^$"), re.ASCII) for legal in (_DECIMAL, _INTEGER, _CLIENT_ID)
)
_LARGEST_INTEGER = 2**63 - 1
_FIRST_MICROSECOND_TIME = 10**14
_STATUSES = ("TRADING", "HALT", "BREAK", "CANCEL_ONLY", "END_OF_DAY")


def split(query: bytes, body: bytes) -> dict[str, str]:
    """Merge query string and form body; on a clash the query wins. Raises ApiError for a repeated name."""
    if not query or not body:
        return _pairs(query or body)
    return {**_pairs(body), **_pairs(query)}


def _pairs(text: bytes) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in text.decode("utf-8", "replace").split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if "%" in part or "+" in part:
            name, value = unquote_plus(name), unquote_plus(value)
        if name in pairs:
            raise ApiError(-1101, "Duplicate values for a parameter detected.")
        pairs[name] = value
    return pairs


class Params:
    """Checked access to parameters by name. Every getter returns None for what was not sent."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    @property
    def names_sent(self) -> Collection[str]:
        return self._values.keys()

    def __len__(self) -> int:
        return len(self._values)

    def require(self, names: Collection[str]) -> None:
        """Raise ApiError for the first of the names that was not sent, or sent empty."""
        for name in names:
            if not self._values.get(name):
                raise missing(name)

    def refuse_others(self, known: Collection[str]) -> None:
        """Raise ApiError when something was sent that the endpoint does not read."""
        unread = [name for name in self._values if name not in known]
        if unread and not known:
            raise ApiError(-1101, f"Too many parameters; expected '0' and received '{len(self._values)}'.")
        if unread:
            read = len(self._values) - len(unread)
            raise ApiError(
                -1104,
                f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(self)}'.",
            )

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value == "":
            raise ApiError(-1105, f"Parameter '{name}' was empty.")
        return value

    def symbol(self) -> Symbol:
        """Return the symbol's rules; the parameter is mandatory wherever it is read so."""
        found = self.optional_symbol()
        if found is None:
            raise missing("symbol")
        return found

    def optional_symbol(self) -> Symbol | None:
        name = self.text("symbol")
        return None if name is None else _listed("symbol", name)

    def symbols(self) -> list[Symbol] | None:
        """Return the symbols of a JSON array, in its order."""
        names = self.names("symbols")
        if names is None:
            return None
        if len(set(names)) < len(names):
            raise ApiError(-1151, "Symbol is present multiple times in the list.")
        if len(names) > 100:
            raise ApiError(-1101, "Too many values sent for parameter 'symbols', maximum allowed up to 100.")
        return [_listed("symbols", name) for name in names]

    def names(self, name: str) -> list[str] | None:
        """Return the texts of a JSON array."""
        text = self.text(name)
        if text is None:
            return None
        try:
            names = msgspec.json.decode(text, type=list[str])
        except (msgspec.DecodeError, UnicodeEncodeError):
            raise illegal(name, r'^\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\]$') from None
        if not names:
            raise missing(name)
        return names

    def decimal(self, name: str) -> int | None:
        """Return an amount in units."""
        text = self.text(name)
        if text is None:
            return None
        if not _IS_DECIMAL.fullmatch(text):
            raise illegal(name, _DECIMAL)
        whole, _, fraction = text.partition(".")
        if len(fraction) > 8:
            raise ApiError(-1111, f"Parameter '{name}' has too much precision.")
        return int(whole) * UNIT + int(fraction.ljust(8, "0"))

    def integer(self, name: str) -> int | None:
        text = self.text(name)
        if text is None:
            return None
        if not _IS_INTEGER.fullmatch(text):
            raise illegal(name, _INTEGER)
        value = int(text)
        if value > _LARGEST_INTEGER:
            raise ApiError(-1108, f"Parameter '{name}' overflowed.")
        return value

    def limit(self, default: int, largest: int) -> int:
        """Return how many rows are wanted; more than the venue gives is cut to what it gives."""
        value = self.integer("limit")
        if value == 0:
            raise not_valid("limit")
        return default if value is None else min(value, largest)

    def client_id(self, name: str) -> str | None:
        text = self.text(name)
        if text is not None and not _IS_CLIENT_ID.fullmatch(text):
            raise illegal(name, _CLIENT_ID)
        return text

    def choice(self, name: str, choices: Collection[str], error: tuple[int, str] | None = None) -> str | None:
        text = self.text(name)
        if text is not None and text not in choices:
            raise ApiError(*error) if error else not_valid(name)
        return text

    def flag(self, name: str, default: bool) -> bool:
        text = self.choice(name, ("true", "false", "TRUE", "FALSE"))
        return default if text is None else text.lower() == "true"

    def time_ms(self, name: str, now_ms: int) -> int | None:
        """Return a time in milliseconds, cut to what has been; microseconds are understood."""
        value = self.integer(name)
        if value is None:
            return None
        if value >= _FIRST_MICROSECOND_TIME:
            value //= 1000
        return min(value, now_ms)

    def time_zone_ms(self) -> int:
        """Return how far local time is ahead of UTC; 0 when nothing was sent."""
        offset_ms = zone_offset_ms(self.text("timeZone") or "0")
        if offset_ms is None:
            raise not_valid("timeZone")
        return offset_ms

    def span(self, now_ms: int) -> tuple[int | None, int | None]:
        """Return startTime and endTime, at most a day apart."""
        start_ms, end_ms = self.time_ms("startTime", now_ms), self.time_ms("endTime", now_ms)
        if start_ms is not None and end_ms is not None:
            if end_ms < start_ms:
                raise ApiError(*BAD_COMBINATION)
            if end_ms - start_ms > DAY_MS:
                raise ApiError(*TOO_LONG_A_SPAN)
        return start_ms, end_ms

    def status(self) -> str | None:
        return self.choice("symbolStatus", _STATUSES, (-1122, "Invalid symbolStatus."))


def zone_offset_ms(text: str) -> int | None:
    """Return the offset of a time zone such as `8` or `-05:30`, None for what is none."""
    found = _IS_TIME_ZONE.fullmatch(text)
    if found is None:
        return None
    sign, hours, minutes = found.groups(default="0")
    offset_ms = (-1 if sign == "-" else 1) * (int(hours) * HOUR_MS + int(minutes) * MINUTE_MS)
    return offset_ms if -12 * HOUR_MS <= offset_ms <= 14 * HOUR_MS else None


def _listed(parameter: str, name: str) -> Symbol:
    if not _IS_SYMBOL.fullmatch(name):
        raise illegal(parameter, _SYMBOL)
    if name not in SYMBOLS:
        raise ApiError(*INVALID_SYMBOL)
    return SYMBOLS[name]
