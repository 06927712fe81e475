"""The envelope of the WebSocket API: a frame in, its parameters as the endpoints take them, an answer out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from exchanges.paper.dialects.binance.errors import ApiError
from exchanges.paper.dialects.binance.serving import HttpAnswer, Usage
from exchanges.paper.dialects.binance.wire import Json

LONGEST_ID = 36
INVALID_JSON = ApiError(-1135, "Invalid JSON Request")
RequestId = int | str | None


class _Number(str):
    """A number as the client wrote it, which is what it signed."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. `params` are texts, as the endpoints read them; `shows_limits` None: as the connection."""

    request_id: RequestId
    method: str
    params: dict[str, str]
    shows_limits: bool | None

    @property
    def payload(self) -> bytes:
        """What is signed: every parameter but the signature, by name."""
        rest = sorted((name, value) for name, value in self.params.items() if name != "signature")
        return "&".join(f"{name}={value}" for name, value in rest).encode()


def read(text: str) -> Asked:
    """Return what a frame asks. Raises ApiError when that cannot be told."""
    try:
        message = json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_Number)
    except (ValueError, RecursionError):
        raise INVALID_JSON from None
    if not isinstance(message, dict) or type(message.get("method")) is not str:
        raise INVALID_JSON
    params = message.get("params")
    if params is not None and not isinstance(params, dict):
        raise INVALID_JSON
    texts = {name: _text(value) for name, value in (params or {}).items() if value is not None}
    shows = texts.get("returnRateLimits")
    return Asked(
        request_id(message.get("id")),
        message["method"].removeprefix("v3/"),
        texts,
        None if shows is None else shows.lower() == "true",
    )


def id_of(text: str) -> RequestId:
    """Return the id of a frame whatever else is wrong with it, None where there is none."""
    try:
        return request_id(json.loads(text, parse_int=_Number, parse_float=_Number).get("id"))
    except (ValueError, RecursionError, AttributeError, ApiError):
        return None


def request_id(value: Any) -> RequestId:
    """Return an id as it is to be echoed. Raises ApiError for what cannot be one."""
    if isinstance(value, _Number):
        if value.lstrip("-").isdigit() and len(value) <= LONGEST_ID:
            return int(value)
    elif value is None or (isinstance(value, str) and len(value) <= LONGEST_ID):
        return value
    raise INVALID_JSON


def answered(asked_id: RequestId, answer: HttpAnswer, *, shows_limits: bool) -> bytes:
    """Put an endpoint's answer in an envelope; what is not JSON goes out as it is."""
    if not answer.content_type.startswith("application/json") or not answer.body:
        return answer.body
    envelope: Json = {"id": asked_id, "status": answer.status}
    if answer.status == 200:
        envelope["result"] = msgspec.Raw(answer.body)
    else:
        envelope["error"] = _error(answer)
    if shows_limits and answer.usage is not None:
        envelope["rateLimits"] = _rate_limits(
            answer.usage, with_orders="X-MBX-ORDER-COUNT-10S" in answer.headers
        )
    return msgspec.json.encode(envelope)


def refused(asked_id: RequestId, error: ApiError) -> bytes:
    """Return the answer to a frame that never became a request."""
    body = {"code": error.code, "msg": error.message}
    return msgspec.json.encode({"id": asked_id, "status": error.status, "error": body})


def _error(answer: HttpAnswer) -> Json:
    error: Json = msgspec.json.decode(answer.body)
    retry_after_s = answer.headers.get("Retry-After")
    if retry_after_s is not None and answer.usage is not None:
        now_ms = answer.usage.now_ms
        times = {"serverTime": now_ms, "retryAfter": now_ms + int(retry_after_s) * 1000}
        error["data"] = {**error.get("data", {}), **times}
    return error


def _rate_limits(usage: Usage, *, with_orders: bool) -> list[Json]:
    limits, orders = usage.limits, usage.orders
    order_limits = [
        _limit("ORDERS", "SECOND", 10, limits.orders_per_ten_seconds, orders.in_ten_seconds),
        _limit("ORDERS", "DAY", 1, limits.orders_per_day, orders.in_day),
    ]
    weight = _limit("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_per_minute, usage.weight)
    return [*(order_limits if with_orders else ()), weight]


def _limit(kind: str, interval: str, count: int, limit: int, used: int) -> Json:
    return {
        "rateLimitType": kind,
        "interval": interval,
        "intervalNum": count,
        "limit": limit,
        "count": used,
    }


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return msgspec.json.encode(_plain(value)).decode()


def _plain(value: Any) -> Any:
    """Return a list or object of parameters with its numbers as texts: only lists of names are ever read."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, _Number) else value
