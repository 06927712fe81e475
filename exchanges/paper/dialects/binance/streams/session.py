"""A stream connection: which streams it hears, in which form, and what it may ask for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from exchanges.paper.dialects.binance.streams.names import MakeFeed
from exchanges.paper.dialects.binance.streams.times import in_microseconds
from exchanges.paper.sockets.hub import Hub, Told

MOST_STREAMS = 1024
LONGEST_ID = 36
SHUTDOWN_STREAM = "!serverShutdown"
_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_LARGEST_ID = 2**63 - 1


class ControlError(Exception):
    """A control message that cannot be followed."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code} {message}")


@dataclass
class StreamSession:
    """What one client of `/ws` (bare events) or `/stream` (wrapped ones) listens to.

    `feed_of` knows the streams; a name nobody knows is taken and stays silent, as on the venue.
    """

    hub: Hub
    send: Callable[[bytes], None]
    feed_of: Callable[[str], MakeFeed | None]
    is_combined: bool
    microseconds: bool
    _heard: dict[str, bool] = field(default_factory=dict)

    def subscribe(self, names: Sequence[str]) -> None:
        """Hear these streams from now on. Raises ControlError when they are too many."""
        new = [name for name in dict.fromkeys(names) if name not in self._heard]
        if len(self._heard) + len(new) > MOST_STREAMS:
            raise ControlError(2, f"Invalid request: more than {MOST_STREAMS} streams")
        feeds = {name: make for name in new if (make := self.feed_of(name)) is not None}
        self._heard.update((name, name in feeds) for name in new)
        self.hub.listen(feeds, self._tell)

    def close(self) -> None:
        """Hear nothing any more."""
        self._unsubscribe(list(self._heard))

    def answer(self, text: str) -> bytes:
        """Do what a control message says, and return the answer to it."""
        request_id = None
        try:
            message = _decoded(text)
            request_id = _checked_id(message.get("id"))
            result = self._done(message, text)
        except ControlError as error:
            return msgspec.json.encode({"code": error.code, "msg": error.message, "id": request_id})
        return msgspec.json.encode({"result": result, "id": request_id})

    def farewell(self, now_ms: int) -> bytes:
        """Return what is said before the server goes."""
        return self._text(Told(SHUTDOWN_STREAM, {"e": "serverShutdown", "E": now_ms}))

    def _done(self, message: dict[str, Any], text: str) -> Any:
        method = message.get("method")
        if method is None:
            raise ControlError(2, f"Invalid request: missing field `method` at line 1 column {len(text)}")
        if method not in _METHODS:
            expected = ", ".join(f"`{name}`" for name in _METHODS)
            raise ControlError(
                2,
                f"Invalid request: unknown variant `{method}`, expected one of {expected} "
                f"at line 1 column {len(text)}",
            )
        params = message.get("params", [])
        if not isinstance(params, list):
            raise ControlError(2, "Invalid request: params must be an array")
        match method:
            case "LIST_SUBSCRIPTIONS":
                return list(self._heard)
            case "SUBSCRIBE":
                self.subscribe(_names(params))
            case "UNSUBSCRIBE":
                self._unsubscribe(_names(params))
            case "SET_PROPERTY":
                self._set_property(params)
            case "GET_PROPERTY":
                _check_property(params, 1)
                return self.is_combined
        return None

    def _set_property(self, params: list[Any]) -> None:
        _check_property(params, 2)
        if len(params) < 2 or not isinstance(params[1], bool):
            raise ControlError(1, "Invalid value type: expected Boolean")
        self.is_combined = params[1]

    def _unsubscribe(self, names: Sequence[str]) -> None:
        for name in names:
            if self._heard.pop(name, False):
                self.hub.leave(name, self._tell)

    def _tell(self, told: Told) -> None:
        self.send(self._text(told))

    def _text(self, told: Told) -> bytes:
        form = self.is_combined, self.microseconds
        if form not in told.texts:
            payload = in_microseconds(told.payload) if self.microseconds else told.payload
            wrapped = {"stream": told.stream, "data": payload} if self.is_combined else payload
            told.texts[form] = msgspec.json.encode(wrapped)
        return told.texts[form]


def _decoded(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
        raise ControlError(3, f"Invalid JSON: expected value at line {line} column {column}") from None
    if not isinstance(message, dict):
        raise ControlError(2, "Invalid request: expected an object")
    return message


def _checked_id(request_id: Any) -> int | str | None:
    if request_id is None or (isinstance(request_id, str) and len(request_id) <= LONGEST_ID):
        return request_id
    if isinstance(request_id, int) and not isinstance(request_id, bool) and abs(request_id) <= _LARGEST_ID:
        return request_id
    raise ControlError(2, "Invalid request: request ID must be an unsigned integer")


def _names(params: list[Any]) -> list[str]:
    names = [name for name in params if isinstance(name, str)]
    if len(names) < len(params):
        raise ControlError(2, "Invalid request: a stream name must be a string")
    return names


def _check_property(params: list[Any], most: int) -> None:
    if len(params) > most:
        raise ControlError(2, "Invalid request: too many parameters")
    if not params or not isinstance(params[0], str):
        raise ControlError(2, "Invalid request: property name must be a string")
    if params[0] != "combined":
        raise ControlError(0, "Unknown property")
