"""Requests in bytes to answers in bytes, within a transaction of the exchange.

Checks come in the venue's order: route (404), limits of the IP (418, 429), parameters sent (-1102), key
format (-2014), key known and allowed (-2015), timestamp (-1021), signature (-1022), then the handler's: form
of the parameters, filters (-1013), engine (-2010, -2011).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from exchanges.paper.dialects.binance import auth, wire
from exchanges.paper.dialects.binance.call import Call
from exchanges.paper.dialects.binance.errors import ApiError, from_refusal, from_too_many
from exchanges.paper.dialects.binance.params import Params, split
from exchanges.paper.dialects.binance.route import Route, Security
from exchanges.paper.dialects.binance.routes import LEGACY_ROUTES, REMOVED, ROUTES, SAPI_ROUTES
from exchanges.paper.dialects.binance.session_routes import SESSION_ROUTES
from exchanges.paper.engine import Engine
from exchanges.paper.exchange import Exchange
from exchanges.paper.faults.tampering import NOTHING, Tampering
from exchanges.paper.keys import ApiKey
from exchanges.paper.limits import Limits, OrderCount, charge, refund
from exchanges.paper.refusals import Refused

_JSON = "application/json;charset=UTF-8"
_UNITS = {"": False, "MILLISECOND": False, "MICROSECOND": True}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as received. `query` and `body` are the raw bytes: signatures are made over these.

    `headers` finds names in any case. `frame`: what a WebSocket frame asked instead of query and body.
    """

    method: str
    path: str
    query: bytes
    body: bytes
    headers: Mapping[str, str]
    ip: str
    frame: Frame | None = None

    def values(self) -> dict[str, str]:
        """Return the parameters by name. Raises ApiError for a repeated one."""
        if self.frame is not None:
            return self.frame.values
        # A body belongs to POST, PUT and DELETE; whatever its content type says, it is read as a form.
        return split(self.query, b"" if self.method == "GET" else self.body)


@dataclass(frozen=True, slots=True)
class Frame:
    """The parameters of a WebSocket API request. `payload`: what is signed; None: the session vouches."""

    values: dict[str, str]
    payload: bytes | None


@dataclass(frozen=True, slots=True)
class Usage:
    """The limits after a request, and how much of each is used."""

    weight: int
    orders: OrderCount
    limits: Limits
    now_ms: int


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer. `usage` is None where the request was not served as one of an endpoint."""

    status: int
    body: bytes
    content_type: str = _JSON
    headers: dict[str, str] = field(default_factory=dict)
    usage: Usage | None = None


def answer(
    exchange: Exchange, engine: Engine, request: HttpRequest, tampering: Tampering = NOTHING
) -> HttpAnswer:
    """Serve one request; whatever was asked, the answer is one the venue could give.

    It may be sent only once the transaction is committed.
    """
    route = find_route(exchange, request)
    if route is None:
        return _gone() if request.path == REMOVED else _unknown_path(request)
    return _Serving(exchange, engine, request, route, tampering).answer()


def find_route(exchange: Exchange, request: HttpRequest) -> Route | None:
    route = ROUTES.get((request.method, request.path))
    if route is None and exchange.config.legacy_listen_key:
        route = LEGACY_ROUTES.get((request.method, request.path))
    if route is None and request.frame is not None:
        return SESSION_ROUTES.get((request.method, request.path))
    if route is None and exchange.config.persona == "mainnet":
        route = SAPI_ROUTES.get((request.method, request.path))
    return route


def failure(code: int, message: str, status: int) -> HttpAnswer:
    """Return an answer about the exchange itself rather than about the request."""
    return HttpAnswer(status, msgspec.json.encode({"code": code, "msg": message}))


@dataclass(slots=True)
class _Serving:
    """One request. `engine`: the main account's, and from when it is known who asks, theirs."""

    exchange: Exchange
    engine: Engine
    request: HttpRequest
    route: Route
    tampering: Tampering
    headers: dict[str, str] = field(default_factory=dict)

    def answer(self) -> HttpAnswer:
        state, engine, route = self.engine.state, self.engine, self.route
        failure: ApiError | None = None
        values: dict[str, str] = {}
        try:
            values = self.request.values()
        except ApiError as error:
            failure = error
        weight = route.weigh(values)
        limits = engine.world.account.limits
        usage, too_many = charge(state.access.ip_usage(self.request.ip), weight, engine.now_ms, limits)
        if too_many is not None:
            failure = from_too_many(too_many, limits)
        result: Any = None
        if failure is None:
            try:
                result = self._call(Params(values))
                if route.free_on_success:
                    usage = refund(usage, weight)
            except Refused as refused:
                failure = from_refusal(refused)
            except ApiError as error:
                failure = error
        state.access.save_ip_usage(usage)
        used = str(usage.weight)
        if self.request.path.startswith("/sapi/"):
            self.headers["X-SAPI-USED-IP-WEIGHT-1M"] = used
        self.headers["X-MBX-USED-WEIGHT"] = self.headers["X-MBX-USED-WEIGHT-1M"] = used
        count = self.engine.world.account.order_count
        used_up = Usage(usage.weight, count, limits, engine.now_ms)
        if failure is not None:
            return self._failed(failure, used_up)
        if route.places:
            self.headers["X-MBX-ORDER-COUNT-10S"] = str(count.in_ten_seconds)
            self.headers["X-MBX-ORDER-COUNT-1D"] = str(count.in_day)
        return HttpAnswer(200, msgspec.json.encode(result), headers=self.headers, usage=used_up)

    def _call(self, params: Params) -> Any:
        request, route, engine = self.request, self.route, self.engine
        if self._time_unit not in _UNITS:
            raise ApiError(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")
        vouched = request.frame is not None and request.frame.payload is None
        params.require(route.required_in_session if vouched else route.required)
        key = None
        if route.security is not Security.NONE:
            api_key = request.headers.get("X-MBX-APIKEY", "")
            auth.check_key_format(api_key)
            key = auth.check_key(
                engine.state.access.find_key(engine.world.account.persona, api_key),
                request.ip,
                trades=route.security is Security.TRADE,
                now_ms=engine.now_ms,
            )
            self.engine = engine.of(engine.venue.named(key.account))
        if key is not None and route.needs_signature:
            auth.check_time(params, engine.now_ms + self.tampering.clock_ms, self.exchange.speed)
            self._check_signature(key, params)
        params.refuse_others(route.known)
        exchange = self.exchange
        result = route.handler(
            Call(
                self.engine,
                params,
                key,
                exchange.random_bytes,
                self.tampering,
                exchange.listen_keys,
                over_socket=request.frame is not None,
            )
        )
        return self._timed(result)

    def _check_signature(self, key: ApiKey, params: Params) -> None:
        request = self.request
        if request.frame is None:
            auth.check_signature(key, params, request.query, b"" if request.method == "GET" else request.body)
        elif request.frame.payload is not None:
            auth.check_payload(key, params, request.frame.payload)

    def _failed(self, failure: ApiError, usage: Usage) -> HttpAnswer:
        if failure.retry_after_s:
            self.headers["Retry-After"] = str(failure.retry_after_s)
        body = msgspec.json.encode(self._timed(failure.body()))
        return HttpAnswer(failure.status, body, headers=self.headers, usage=usage)

    @property
    def _time_unit(self) -> str:
        return self.request.headers.get("X-MBX-TIME-UNIT", "").upper()

    def _timed(self, answer: Any) -> Any:
        """Return an answer with its times in the unit that was asked for."""
        return wire.in_microseconds(answer) if _UNITS.get(self._time_unit) else answer


def _gone() -> HttpAnswer:
    page = b"<html><head><title>410 Gone</title></head><body><center><h1>410 Gone</h1></center></body></html>"
    return HttpAnswer(410, page, "text/html")


def _unknown_path(request: HttpRequest) -> HttpAnswer:
    if "text/html" in request.headers.get("Accept", ""):
        return HttpAnswer(404, b"<html><body><h1>404 Not found</h1></body></html>", "text/html")
    return HttpAnswer(404, msgspec.json.encode({"status": 404, "error": "Not Found", "path": request.path}))
