"""A paper exchange under a clock that the test moves, asked in bytes as a client would, without a socket."""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
from multidict import CIMultiDict

from exchanges.paper import Exchange, PaperConfig, Persona, admin
from exchanges.paper.dialects import binance
from exchanges.paper.dialects.binance import HttpAnswer, HttpRequest

START_MS = 1_795_222_745_785


@dataclass
class Wall:
    """The wall clock of a test."""

    now_ms: int = START_MS

    def __call__(self) -> int:
        return self.now_ms

    def forward(self, milliseconds: int) -> None:
        self.now_ms += milliseconds


@dataclass
class Answer:
    """An answer, decoded."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> int:
        code: int = self.body["code"]
        return code

    @property
    def refusal(self) -> tuple[int, int]:
        """Return HTTP status and code."""
        return self.status, self.code


@dataclass
class Venue:
    """An exchange and a client with a key of its; by default its default one."""

    exchange: Exchange
    wall: Wall
    ip: str = "127.0.0.1"
    api_key: str = ""
    secret: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        key = self.exchange.default_key()
        self.api_key, self.secret = self.api_key or key.api_key, self.secret or key.secret

    def send(self, method: str, path: str, *, query: str = "", body: str = "", **headers: str) -> Answer:
        """Send a request as given."""
        raw = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
        request = HttpRequest(method, path, query.encode(), body.encode(), raw, self.ip)
        with self.exchange.transaction() as engine:
            return decoded(binance.answer(self.exchange, engine, request))

    def public(self, path: str, **params: Any) -> Answer:
        return self.send("GET", path, query=urlencode(params))

    def signed(self, method: str, path: str, **params: Any) -> Answer:
        """Send a signed request, parameters in the query."""
        timestamp = params.pop("timestamp", self.exchange.now_ms())
        query = urlencode({**params, "timestamp": timestamp})
        query += f"&signature={sign(self.secret, query)}"
        return self.send(method, path, query=query, X_MBX_APIKEY=self.api_key)

    def order(self, side: str = "BUY", kind: str = "LIMIT", **params: Any) -> Answer:
        """Place an order for BTCUSDT unless told otherwise."""
        defaults = {"timeInForce": "GTC"} if kind == "LIMIT" else {}
        fields = {"symbol": "BTCUSDT", "side": side, "type": kind, **defaults, **params}
        return self.signed("POST", "/api/v3/order", **fields)

    def best(self, symbol: str = "BTCUSDT") -> tuple[str, str]:
        """Return best bid and best ask."""
        body = self.public("/api/v3/ticker/bookTicker", symbol=symbol).body
        return body["bidPrice"], body["askPrice"]

    def balances(self) -> dict[str, tuple[str, str]]:
        rows = self.signed("GET", "/api/v3/account", omitZeroBalances="true").body["balances"]
        return {row["asset"]: (row["free"], row["locked"]) for row in rows}


def customer(venue: Venue, account: str = "other") -> Venue:
    """Return a client of another account on the same exchange."""
    key = admin.create_key(venue.exchange, account, account=account)
    return Venue(venue.exchange, venue.wall, api_key=key.api_key, secret=key.secret)


def sign(secret: str, payload: str) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def decoded(answer: HttpAnswer) -> Answer:
    is_json = answer.content_type.startswith("application/json")
    body = msgspec.json.decode(answer.body) if is_json else answer.body
    return Answer(answer.status, body, answer.headers)


def open_venue(state_dir: Path, wall: Wall, persona: Persona = "testnet", **settings: Any) -> Venue:
    """Open an exchange with deterministic randomness."""
    config = PaperConfig(state_dir, seed=7, persona=persona, **settings)
    seed = random.Random(f"{persona} {settings}")
    return Venue(Exchange(config, wall_clock_ms=wall, random_bytes=seed.randbytes), wall)
