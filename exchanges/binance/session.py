"""python-binance, pinned, with its own way of building and sending requests replaced.

As it comes, the library replaces the caller's timestamp and recvWindow, signs values before they are encoded,
renders decimals with an exponent, follows redirects with the key in the header, lets aiohttp send a DELETE
again, returns {} for an empty answer, reads JSON numbers as floats, raises errors that show the key and the
signed address, and sends wallet requests to the live venue whatever the environment. Kept are its map of
methods to paths and its signatures.

Importing this module is slow (the library loads all of itself at once): only the opening of a venue does it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import msgspec
import yarl

from core.budget import BANNED, Budget
from core.clock import Clock
from core.errors import ConfigError
from core.keys.signing import SigningKey
from core.ports import HostFacts
from exchanges.binance.errors import TOO_MANY, Reached, RequestFailed, not_admitted
from exchanges.binance.once import never_again
from exchanges.binance.weights import weight_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports a name that websockets is giving up
    from binance import AsyncClient, __version__

SUPPORTED_VERSION: Final = "1.0.37"
TOO_MANY_ORDERS: Final = -1015  # of one account; cancels and reads go on
BAN_WITHOUT_TERM_S: Final = 120  # the shortest ban that Binance gives
# Shorter than common proxies keep a connection, so that no order meets a dying one.
IDLE_CONNECTION_S: Final = 10
TEXT_MAX: Final = 200
HIDDEN: Final = "****"

T = TypeVar("T")

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")
_TOKEN = re.compile(r"[A-Za-z0-9+/%=_-]{48,}")  # keys and signatures are longer, words are not
_BANNED_UNTIL = re.compile(r"IP banned until (\d{13})\b")
_SIGNATURE = re.compile(r"signature(=|%3[dD]|\W{1,5})[^&\s\"'<>]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """`order_s` is longer than the 10 s after which Binance gives up, so that its own answer arrives."""

    connect_s: float = 5.0
    read_s: float = 10.0
    order_s: float = 15.0


class BinanceSession(AsyncClient):  # type: ignore[misc]  # python-binance ships no types
    """Requests to one root, each written at most once. Made inside a running event loop.

    `budget`: what may still be asked of this host; without one the session counts for itself.
    """

    def __init__(
        self,
        host: HostFacts,
        key: SigningKey | None,
        clock: Clock,
        timeouts: Timeouts,
        budget: Budget | None = None,
    ) -> None:
        if __version__ != SUPPORTED_VERSION:
            raise ConfigError(
                f"python-binance {SUPPORTED_VERSION} is required, was {__version__}",
                hint="install the versions of requirements.lock",
            )
        self._root = host.root
        self._clock = clock
        self._timeouts = timeouts
        self.budget = budget or Budget(clock)
        secret = key and key.secret
        pem = key and key.private_key_pem
        super().__init__(
            api_key=key.api_key.reveal() if key else None,
            api_secret=secret.reveal() if secret else None,
            private_key=_normal_pem(pem.reveal()) if pem else None,
        )
        self.ws_api = self.ws_future = None  # theirs point at fixed hosts

    def _init_private_key(self, private_key: str | None, private_key_pass: str | None = None) -> object:
        try:
            key = super()._init_private_key(private_key, private_key_pass)
        except (ValueError, IndexError, TypeError):
            key = None
        if private_key and (key is None or not (self._is_rsa or getattr(key, "curve", "") == "Ed25519")):
            raise ConfigError(
                "the private key is neither an Ed25519 nor an RSA key in PEM text",
                hint="it begins with -----BEGIN PRIVATE KEY-----; one with a passphrase cannot be used",
            ) from None
        return key

    def _init_session(self) -> aiohttp.ClientSession:
        marks = aiohttp.TraceConfig()
        marks.on_connection_create_end.append(_mark_connected)
        marks.on_connection_reuseconn.append(_mark_connected)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(keepalive_timeout=IDLE_CONNECTION_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": "application/json", "User-Agent": "trader"},
            middlewares=(never_again,),
            trace_configs=[marks],
            trust_env=False,
        )

    def _create_api_uri(self, path: str, signed: bool = True, version: str = "v3") -> str:
        return f"{self._root}/api/{version}/{path}"

    def _create_margin_api_uri(self, path: str, version: int = 1) -> str:
        return f"{self._root}/sapi/v{version}/{path}"

    async def get_exchange_info(self, **params: str) -> Any:
        """As the library's own, for one `symbol` instead of several megabytes."""
        return await self._get("exchangeInfo", data=params)

    async def get_rows(self, path: str, shape: msgspec.json.Decoder[T], **params: object) -> T:
        """Ask for a signed list, read from its bytes straight into a shape: there may be a million rows."""
        rows: T = await self._get(path, True, data=params, shape=shape)
        return rows

    async def create_order_pair(self, **params: object) -> Any:
        """Place an OCO; the library knows its former address only."""
        return await self._post("orderList/oco", True, data=params)

    async def cancel_order_list(self, **params: object) -> Any:
        return await self._delete("orderList", True, data=params)

    async def _request(
        self, method: str, uri: str, signed: bool, force_params: bool = False, **kwargs: Any
    ) -> Any:
        """Send one request once, and return what its JSON answer says, with numbers as int or Decimal.

        `shape`: what the answer is read with instead, unless it is an error.
        A signed request carries the caller's `timestamp` and `recvWindow`, as given. Raises RequestFailed.
        """
        if not uri.startswith(self._root + "/"):
            raise ValueError(f"a session for {self._root} was asked for {urlsplit(uri).hostname}")
        request = f"{method.upper()} {urlsplit(uri).path}"
        data = kwargs.get("data") or {}
        params = _encoded(data)
        headers = {}
        if signed:
            if not self.API_KEY:
                raise ConfigError("this needs a Binance key, and none is configured", code="KEY_MISSING")
            if "timestamp" not in data or "recvWindow" not in data:
                raise ValueError("a signed request needs its caller's timestamp and recvWindow")
            headers["X-MBX-APIKEY"] = self.API_KEY
            params = f"{params}&signature={quote(self._signature(params), safe='')}"
        if method == "get":
            url, body = f"{uri}?{params}" if params else uri, None
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            url, body = uri, params.encode()
        self._admit(method, request, weight_of(method, uri.removeprefix(self._root), data))
        shape = kwargs.get("shape", _decoder)
        answer = await self._exchange(method, request, url, headers, body, shape)
        if isinstance(answer, RequestFailed):
            raise answer
        return answer

    def _signature(self, payload: str) -> str:
        if self.PRIVATE_KEY is None:
            return str(self._hmac_signature(payload))
        return str(self._rsa_signature(payload) if self._is_rsa else self._ed25519_signature(payload))

    async def _exchange(
        self,
        method: str,
        request: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        shape: msgspec.json.Decoder[Any],
    ) -> object:
        """Return the decoded answer or the failure. Returned, not raised: aiohttp's errors, which show the
        signed address and the headers, must not hang on to ours as their context."""
        total_s = self._timeouts.read_s if method == "get" else self._timeouts.order_s
        connection = SimpleNamespace(made=False)
        try:
            async with self.session.request(
                method,
                yarl.URL(url, encoded=True),
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=total_s, sock_connect=self._timeouts.connect_s),
                trace_request_ctx=connection,
            ) as response:
                self._learn_used(response.headers)
                content = await response.read()
        except Exception as error:  # whatever it is: once connected, the order may have been written
            return self._broken(request, error, connection.made, total_s)
        return self._judged(request, response.status, response.headers, content, shape)

    def _broken(self, request: str, error: Exception, connected: bool, total_s: float) -> RequestFailed:
        if not connected:
            return RequestFailed(Reached.NOT_SENT, request, _why_not_connected(error))
        if isinstance(error, TimeoutError):
            return RequestFailed(Reached.TIMED_OUT, request, f"no answer within {total_s:g} s")
        if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientResponseError):
            return RequestFailed(Reached.LOST, request, "the answer was cut off or malformed")
        return RequestFailed(Reached.LOST, request, "the connection broke before a whole answer came")

    def _judged(
        self,
        request: str,
        status: int,
        headers: Mapping[str, str],
        content: bytes,
        shape: msgspec.json.Decoder[Any],
    ) -> object:
        try:
            answer = (shape if status == 200 else _decoder).decode(content)
        except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError):
            answer = None
        if status == 200:
            if answer is not None:
                return answer
            shown = self._shown(content) or "nothing"
            return RequestFailed(Reached.UNREADABLE, request, f"HTTP 200 with {shown}", status=status)

        code, text = None, ""
        if isinstance(answer, dict) and type(answer.get("code")) is int:
            code, text = answer["code"], self._shown(str(answer.get("msg", "")).encode())
        retry_after_s = _whole_number(headers.get("Retry-After"))
        self._note_wait(status, code, text, retry_after_s)
        said = f"code {code} {text!r}" if code is not None else "no code"
        return RequestFailed(
            Reached.ANSWERED,
            request,
            f"HTTP {status}, {said}",
            status=status,
            code=code,
            text=text,
            retry_after_s=retry_after_s,
        )

    def _shown(self, content: bytes) -> str:
        """Return the beginning of an answer for a screen: a relay may echo the request with its secrets."""
        text = _UNPRINTABLE.sub(" ", content.decode("ascii", "replace"))
        for secret in (self.API_KEY, self.API_SECRET):
            if secret:
                text = text.replace(secret, HIDDEN)
        return _TOKEN.sub(HIDDEN, _SIGNATURE.sub(f"signature={HIDDEN}", text))[:TEXT_MAX].strip()

    def _note_wait(self, status: int, code: int | None, text: str, retry_after_s: int | None) -> None:
        """Tell every process when the venue asked this address to wait."""
        if status == BANNED and retry_after_s is None:
            until = _BANNED_UNTIL.search(text)
            until_s = (int(until[1]) - self._clock.now_ms()) // 1000 if until else 0
            retry_after_s = max(until_s, BAN_WITHOUT_TERM_S)
        if status in (TOO_MANY, BANNED) and code != TOO_MANY_ORDERS and retry_after_s:
            self.budget.close_for(retry_after_s, status)

    def _admit(self, method: str, request: str, weight: int) -> None:
        """Count the request. Raises RequestFailed while it may not be sent, on any process's account."""
        wait = self.budget.admit(weight, reducing=method == "delete")
        if wait is not None:
            raise not_admitted(request, wait)

    def _learn_used(self, headers: Mapping[str, str]) -> None:
        used = _whole_number(headers.get("X-MBX-USED-WEIGHT-1M"))
        if used is not None:
            self.budget.learn_used(used)


async def _mark_connected(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
    context.trace_request_ctx.made = True


def _why_not_connected(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "its name could not be resolved"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "its TLS certificate was refused or TLS failed"
        case TimeoutError():
            return "connecting took too long"
        case OSError(strerror=str(words)):
            return f"no connection ({words})"
    return "no connection"


def _encoded(params: Mapping[str, object]) -> str:
    """Return the parameters as they are signed and sent: percent-encoded, in the caller's order."""
    pairs = [(name, _wire_text(name, value)) for name, value in params.items() if value is not None]
    return urlencode(pairs, quote_via=quote, safe="")


def _wire_text(name: str, value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal() if value.is_finite():
            return format(value, "f")
    raise TypeError(f"{name} was {type(value).__name__}, which has no exact text")


def _normal_pem(text: str) -> str:
    """Return PEM text without stray white space: by its length the library tells Ed25519 from RSA."""
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())


def _whole_number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 8 else None
