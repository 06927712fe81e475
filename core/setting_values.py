"""From the text of a setting to its value: one function a kind, ValueError saying what was expected.

Messages complete the sentence "NAME …" and never repeat a text that could be a secret.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from core.intervals import interval_ms
from core.paper_market import market_choice
from core.secrets import Secret
from core.values import Quote, canonical_symbol, parse_decimal

SHOWN_LENGTH = 40
LONGEST_SECRET = 4096
MOST_TRADES = 10_000
MOST_LOSSES = 100
MOST_SIGMAS = 1_000
FASTEST_PAPER_CLOCK = 100_000
LARGEST_SEED = 2**63 - 1

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)\Z", re.ASCII)
_WHOLE_NUMBER = re.compile(r"[0-9]{1,19}\Z", re.ASCII)
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_PRINTABLE = re.compile(r"[!-~]+\Z", re.ASCII)


def shown(text: str) -> str:
    """Return a wrong value as one short line for a message."""
    line = text.encode("unicode_escape").decode("ascii")
    return line if len(line) <= SHOWN_LENGTH else line[:SHOWN_LENGTH] + "…"


def boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text.strip().lower()]
    except KeyError:
        raise ValueError(f"was {shown(text)}; it takes true or false") from None


def duration_ms(text: str) -> int:
    """Return milliseconds of `500ms`, `90s`, `15m`, `1h`, `7d` or `0s`."""
    match = _DURATION.match(text.strip())
    if match is None:
        raise ValueError(f"was {shown(text)}; it takes a duration such as 500ms, 90s, 15m, 1h or 7d")
    return int(match[1]) * _UNITS_MS[match[2]]


def positive_duration_ms(text: str) -> int:
    result = duration_ms(text)
    if result == 0:
        raise ValueError(f"was {shown(text)}; it must be longer than 0s")
    return result


def whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not _WHOLE_NUMBER.match(text.strip()) or not lowest <= int(text) <= highest:
            raise ValueError(f"was {shown(text)}; it takes a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def fraction(text: str) -> Decimal:
    """Return a share of something: above 0, at most 1."""
    result = _decimal(text)
    if not 0 < result <= 1:
        raise ValueError(f"was {shown(text)}; it must be above 0 and at most 1 (0.02 is 2 %)")
    return result


def positive_quote(text: str) -> Quote:
    result = _decimal(text)
    if result <= 0:
        raise ValueError(f"was {shown(text)}; it must be above 0")
    return Quote(result)


def clock_speed(text: str) -> Decimal:
    result = _decimal(text)
    if not 0 < result <= FASTEST_PAPER_CLOCK:
        raise ValueError(f"was {shown(text)}; it must be above 0 and at most {FASTEST_PAPER_CLOCK}")
    return result


def _decimal(text: str) -> Decimal:
    try:
        return parse_decimal(text.strip(), "the value")
    except ValueError:
        raise ValueError(f"was {shown(text)}; it takes a plain decimal number") from None


def symbol(text: str) -> str:
    try:
        return canonical_symbol(text)
    except ValueError:
        raise ValueError(f"was {shown(text)}; symbols look like BTCUSDT") from None


def symbols(text: str) -> tuple[str, ...]:
    """Return the symbols of a list separated by commas, without repeats, sorted."""
    return tuple(sorted({symbol(part) for part in text.split(",")}))


def bar_interval(text: str) -> str:
    try:
        interval_ms(text.strip())
    except ValueError:
        raise ValueError(f"was {shown(text)}; it takes a bar length such as 1m, 15m, 1h or 1d") from None
    return text.strip()


def one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.strip().lower() not in choices:
            raise ValueError(f"was {shown(text)}; it takes {' or '.join(choices)}")
        return text.strip().lower()

    return parse


def path(text: str) -> Path:
    if "\0" in text:
        raise ValueError("holds a zero byte, so it is not a path")
    return Path(text)


def paper_market(text: str) -> str:
    """Return what the paper exchange plays, see `core.paper_market`."""
    try:
        choice = market_choice(text)
    except ValueError as error:
        raise ValueError(f"was {shown(text)}; {error}") from None
    return str(replace(choice, url=http_root(choice.url)) if choice.url else choice)


def secret(text: str) -> Secret:
    if not _PRINTABLE.match(text) or len(text) > LONGEST_SECRET:
        raise ValueError("holds a space, a line end or another letter that no key has")
    return Secret(text)


def secret_urls(text: str) -> Secret:
    """Return URLs separated by commas or spaces; they often contain passwords."""
    if not text.isprintable() or len(text) > LONGEST_SECRET:
        raise ValueError("holds a letter that no URL has")
    return Secret(text)


def http_root(text: str) -> str:
    """Return the root URL of an HTTP API, without a closing slash; TLS except on loopback."""
    return _root(text, "https", "http")


def websocket_root(text: str) -> str:
    """Return the root URL of a WebSocket API, without a closing slash; TLS except on loopback."""
    return _root(text, "wss", "ws")


def _root(text: str, with_tls: str, without_tls: str) -> str:
    # The text is not repeated: people paste URLs with passwords in them.
    url = text.strip().rstrip("/")
    parts = _split(url)
    if parts.scheme not in (with_tls, without_tls) or not parts.hostname:
        raise ValueError(f"must be a URL such as {with_tls}://host")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("must be a plain root URL, without user, password, ? or #")
    if parts.scheme == without_tls and not is_loopback(parts.hostname):
        raise ValueError(f"must begin with {with_tls}:// (only this machine is reached without TLS)")
    return url


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("must be a URL, with a host and perhaps a port") from None
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("must be a URL, in plain letters without spaces")
    return parts


def is_loopback(host: str) -> bool:
    """Tell whether the host is this machine by its very spelling; names are not looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
