"""Who asks: API key, address, timestamp and signature of a signed request, checked in the venue's order."""

from __future__ import annotations

import re
from fractions import Fraction

from exchanges.paper import keys
from exchanges.paper.dialects.binance.errors import ApiError, illegal, missing, not_valid
from exchanges.paper.dialects.binance.params import Params
from exchanges.paper.keys import ApiKey

DEFAULT_RECV_WINDOW_MS = 5_000
LARGEST_RECV_WINDOW_MS = 60_000
AHEAD_MS = 1_000
FAR_AHEAD_MS = 10_000
EARLIEST_MS = 1_483_228_800_000
_FIRST_MICROSECOND_TIME = 10**14
_KEY_FORMAT = re.compile(r"[A-Za-z0-9]{64}")
_RECV_WINDOW = re.compile(r"[0-9]{1,20}(\.[0-9]{1,3})?", re.ASCII)

BAD_KEY = ApiError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)


def check_key(found: ApiKey | None, ip: str, *, trades: bool, now_ms: int) -> ApiKey:
    """Return the key if it may do this from here. The venue has one text for everything that can be wrong."""
    if found is None or not found.allows_ip(ip):
        raise BAD_KEY
    if trades and not found.allows_trading(now_ms):
        raise BAD_KEY
    if not trades and not found.permissions.reading:
        raise BAD_KEY
    return found


def check_key_format(api_key: str) -> None:
    if not _KEY_FORMAT.fullmatch(api_key):
        raise ApiError(-2014, "API-key format invalid.", status=401)


def check_time(params: Params, now_ms: int, speed: Fraction) -> None:
    """Raise ApiError when the request is too old or from the future.

    On a clock that runs fast, being late is measured in real time: a request takes no longer to arrive there.
    """
    timestamp = params.integer("timestamp")
    if timestamp is None:
        raise missing("timestamp")
    timestamp_us = timestamp if timestamp >= _FIRST_MICROSECOND_TIME else timestamp * 1000
    age_us = now_ms * 1000 - timestamp_us
    if speed > 1:
        age_us = age_us * speed.denominator // speed.numerator
    if timestamp_us < EARLIEST_MS * 1000 or age_us < -FAR_AHEAD_MS * 1000:
        raise not_valid("timestamp")
    recv_window_us = _recv_window_us(params)
    if age_us <= -AHEAD_MS * 1000:
        raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if age_us > recv_window_us:
        raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")


def _recv_window_us(params: Params) -> int:
    text = params.text("recvWindow")
    if text is None:
        return DEFAULT_RECV_WINDOW_MS * 1000
    if not _RECV_WINDOW.fullmatch(text):
        raise illegal("recvWindow", r"^[0-9]{1,20}(\.[0-9]{1,3})?$")
    whole, _, fraction = text.partition(".")
    window_us = int(whole) * 1000 + int(fraction.ljust(3, "0"))
    if window_us > LARGEST_RECV_WINDOW_MS * 1000:
        raise ApiError(-1131, "'recvWindow' must be less than 60000.")
    return window_us


def check_signature(key: ApiKey, params: Params, query: bytes, body: bytes) -> None:
    """Raise ApiError unless the signature fits the bytes as received, without the signature's own pair."""
    check_payload(key, params, _without_signature(query) + _without_signature(body))


def check_payload(key: ApiKey, params: Params, payload: bytes) -> None:
    """Raise ApiError unless the signature fits these bytes."""
    if not keys.verify(key, payload, params.text("signature") or ""):
        raise ApiError(-1022, "Signature for this request is not valid.")


def _without_signature(raw: bytes) -> bytes:
    if not raw:
        return raw
    rest, separator, last = raw.rpartition(b"&signature=")
    if separator and b"&" not in last and b"signature=" not in rest:
        return rest  # where every client puts it
    return b"&".join([pair for pair in raw.split(b"&") if not pair.startswith(b"signature=")])
