"""A connection to the WebSocket API: requests in envelopes, a session, and the account's events.

Requests go the way of all others, faults included; only who asks may be settled once, by `session.logon`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import msgspec
from multidict import CIMultiDict

from exchanges.paper.dialects.binance import ws_envelope
from exchanges.paper.dialects.binance.errors import ApiError
from exchanges.paper.dialects.binance.faulty import Delivery
from exchanges.paper.dialects.binance.serving import Frame, HttpAnswer, HttpRequest, Usage, failure
from exchanges.paper.dialects.binance.session_routes import SESSION
from exchanges.paper.dialects.binance.streams.account_feed import AccountEvents
from exchanges.paper.dialects.binance.streams.times import in_microseconds
from exchanges.paper.dialects.binance.wire import Json
from exchanges.paper.dialects.binance.ws_envelope import Asked
from exchanges.paper.dialects.binance.ws_methods import METHODS
from exchanges.paper.sockets.hub import Hub, Told

AT_ONCE = 64
MOST_SUBSCRIPTIONS = 65_535
_BANNED = 418
_ALREADY = ApiError(-2035, "User data stream subscription already active.")
_NOT_ACTIVE = ApiError(-2036, "User data stream subscription not active.")
_TOO_MANY = ApiError(-2042, "Maximum subscription ID reached for this connection.")
_NO_SESSION = ApiError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
_UNSUPPORTED = ApiError(-1020, "This operation is not supported.")
_KIND_NAMES = {"HMAC": "HMAC_SHA256", "RSA": "RSA"}
"""Of keys that cannot log on, as the venue's refusal calls them."""

Ask = Callable[..., Awaitable[HttpAnswer | Delivery]]


@dataclass(frozen=True)
class ApiOptions:
    """How a connection wants things: set in its URL, or by the server."""

    microseconds: bool = False
    shows_limits: bool = True
    hmac_may_log_on: bool = False


@dataclass
class _Subscription:
    """`stream`: the name of the account's events in the hub."""

    of_session: bool
    stream: str
    listener: Callable[[Told], None]


@dataclass
class ApiSession:
    """One connection. `ask` serves a request as the HTTP side does, `abort` cuts the connection off.

    `send`: a frame, None to end the connection after those before.
    """

    hub: Hub
    send: Callable[[bytes | None], None]
    abort: Callable[[], None]
    ask: Ask
    now_ms: Callable[[], int]
    ip: str
    connected_ms: int
    options: ApiOptions
    _api_key: str | None = None
    _account: int | None = None
    _authorized_ms: int | None = None
    _subscriptions: dict[int, _Subscription] = field(default_factory=dict)
    _next_subscription: int = 0
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def receive(self, text: str) -> None:
        """Serve one frame: those about the session before the next is read, others side by side."""
        try:
            asked = ws_envelope.read(text)
        except ApiError as error:
            self.send(ws_envelope.refused(ws_envelope.id_of(text), error))
            return
        if asked.method not in METHODS:
            self.send(ws_envelope.refused(asked.request_id, _UNSUPPORTED))
        elif METHODS[asked.method][0] == SESSION:
            await self._serve(asked)
        else:
            await self._room.acquire()
            task = asyncio.create_task(self._serve(asked))
            self._running.add(task)
            task.add_done_callback(self._done)

    def close(self) -> None:
        """Tell nobody anything any more."""
        for number in tuple(self._subscriptions):
            self._drop(number)

    def farewell(self, now_ms: int) -> bytes:
        """Return what is said before the server goes."""
        return msgspec.json.encode({"event": self._timed({"e": "serverShutdown", "E": now_ms})})

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._room.release()
        if not task.cancelled():
            task.result()

    async def _serve(self, asked: Asked) -> None:
        request = self._request(asked)
        reply = await self.ask(request)
        if isinstance(reply, Delivery) and reply.manner == "hold":
            await asyncio.sleep(reply.seconds)
            reply = await self.ask(request, unharmed=True)
        if isinstance(reply, Delivery):
            await self._deliver_badly(asked, reply)
            return
        self._answer(asked, self._after(asked, reply))

    def _request(self, asked: Asked) -> HttpRequest:
        method, path = METHODS[asked.method]
        values = dict(asked.params)
        values.pop("returnRateLimits", None)
        api_key = values.pop("apiKey", None)
        vouched = api_key is None and "signature" not in values and self._api_key is not None
        headers = CIMultiDict({"X-MBX-APIKEY": (self._api_key if vouched else api_key) or ""})
        if self.options.microseconds:
            headers["X-MBX-TIME-UNIT"] = "MICROSECOND"
        frame = Frame(values, None if vouched else asked.payload)
        return HttpRequest(method, path, b"", b"", headers, self.ip, frame)

    def _answer(self, asked: Asked, answer: HttpAnswer) -> None:
        shows = self.options.shows_limits if asked.shows_limits is None else asked.shows_limits
        self.send(ws_envelope.answered(asked.request_id, answer, shows_limits=shows))
        self._tell_ended(asked, answer)
        if answer.status == _BANNED:
            self.send(None)

    async def _deliver_badly(self, asked: Asked, delivery: Delivery) -> None:
        match delivery.manner, delivery.answer:
            case (("delay" | "slow"), HttpAnswer() as answer):
                await asyncio.sleep(delivery.seconds)
                self._answer(asked, self._after(asked, answer))
                return
            case "silence", _:
                await asyncio.sleep(delivery.seconds)
        self.abort()

    # the session and what it changes

    def _after(self, asked: Asked, answer: HttpAnswer) -> HttpAnswer:
        """Let an accepted session request change the session; return what is answered."""
        if METHODS[asked.method][0] != SESSION or answer.status != 200 or answer.usage is None:
            return answer
        try:
            result = self._change(asked, msgspec.json.decode(answer.body), answer.usage)
        except ApiError as error:
            refused = failure(error.code, error.message, error.status)
            return HttpAnswer(refused.status, refused.body, usage=answer.usage)
        return HttpAnswer(200, msgspec.json.encode(result), usage=answer.usage)

    def _change(self, asked: Asked, who: Json, usage: Usage) -> Json | list[Json]:
        match asked.method:
            case "session.logon":
                if who["kind"] != "ED25519" and not self.options.hmac_may_log_on:
                    raise ApiError(-4056, f"{_KIND_NAMES[who['kind']]} API key is not supported.")
                self._api_key, self._authorized_ms = who["apiKey"], usage.now_ms
                self._account = who["account"]
            case "session.subscriptions":
                return [{"subscriptionId": number} for number in self._subscriptions]
            case "userDataStream.subscribe":
                if self._account is None:
                    raise _NO_SESSION
                return self._subscribe(self._account, of_session=True)
            case "userDataStream.subscribe.signature":
                return self._subscribe(who["account"], of_session=False)
            case "userDataStream.unsubscribe":
                self._check_active(asked)
                return {}
            case "session.logout":
                self._api_key = self._authorized_ms = self._account = None
        return self._status(usage)

    def _status(self, usage: Usage) -> Json:
        status: Json = {
            "apiKey": self._api_key,
            "authorizedSince": self._authorized_ms,
            "connectedSince": self.connected_ms,
            "returnRateLimits": self.options.shows_limits,
            "serverTime": usage.now_ms,
            "userDataStream": any(each.of_session for each in self._subscriptions.values()),
        }
        return status

    def _subscribe(self, account: int, *, of_session: bool) -> Json:
        stream = f"account {account}"
        if any(each.stream == stream for each in self._subscriptions.values()):
            raise _ALREADY
        number = self._next_subscription
        if number >= MOST_SUBSCRIPTIONS:
            raise _TOO_MANY
        self._next_subscription += 1

        def tell(told: Told) -> None:
            self._tell(number, told.payload)

        self._subscriptions[number] = _Subscription(of_session, stream, tell)
        self.hub.listen({stream: partial(AccountEvents, account)}, tell)
        return {"subscriptionId": number}

    def _check_active(self, asked: Asked) -> None:
        number = asked.params.get("subscriptionId")
        if not self._subscriptions or (number is not None and number not in map(str, self._subscriptions)):
            raise _NOT_ACTIVE

    def _tell_ended(self, asked: Asked, answer: HttpAnswer) -> None:
        """End the subscriptions that an accepted request ended, and say so."""
        if answer.status != 200 or asked.method not in ("session.logout", "userDataStream.unsubscribe"):
            return
        named = asked.params.get("subscriptionId")
        for number, subscription in tuple(self._subscriptions.items()):
            if asked.method == "session.logout" and not subscription.of_session:
                continue
            if named is not None and named != str(number):
                continue
            self._drop(number)
            self._tell(number, {"e": "eventStreamTerminated", "E": self.now_ms()})

    def _drop(self, number: int) -> None:
        subscription = self._subscriptions.pop(number)
        self.hub.leave(subscription.stream, subscription.listener)

    def _tell(self, number: int, event: Json) -> None:
        self.send(msgspec.json.encode({"subscriptionId": number, "event": self._timed(event)}))

    def _timed(self, event: Json) -> Json:
        finer: Json = in_microseconds(event) if self.options.microseconds else event
        return finer
