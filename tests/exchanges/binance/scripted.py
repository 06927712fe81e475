"""A server that does what a test scripts, byte by byte, and counts what really arrived."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal
from urllib.parse import parse_qsl

from core.account import AccountKey, Environment
from core.keys.signing import SigningKey
from core.orders import Intent, OrderRequest, OrderType, Purpose, Side, TimeInForce
from core.ports import HostFacts, Venue
from core.secrets import Secret
from core.values import Base
from exchanges.binance.client import open_binance
from exchanges.binance.session import Timeouts

API_KEY = "markedKEY" + "k" * 55
API_SECRET = "markedSECRET" + "s" * 52
SIGNING_KEY = SigningKey(Secret(API_KEY), Secret(API_SECRET))
PATIENT = Timeouts(connect_s=20, read_s=20, order_s=20)
HURRIED = Timeouts(connect_s=20, read_s=0.1, order_s=0.1)
NOW_MS = 1_700_000_000_000


@dataclass
class FixedClock:
    """A clock that only moves when somebody sleeps on it."""

    time_ms: float = NOW_MS
    slept_s: list[float] = field(default_factory=list)

    def now_ms(self) -> int:
        return int(self.time_ms)

    def monotonic_ms(self) -> float:
        return self.time_ms

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.time_ms += seconds * 1000


@dataclass(frozen=True)
class Received:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def payload(self) -> str:
        """Query and body without the signature: the text that must have been signed."""
        return (self.target.partition("?")[2] + self.body.decode()).partition("&signature=")[0]

    @property
    def params(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2] + self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True)
class Reply:
    """What the server writes after a request (or before reading one), and what it does then."""

    data: bytes = b""
    then: Literal["keep", "close", "hang"] = "keep"
    unread: bool = False

    @property
    def timeouts(self) -> Timeouts:
        """Fit for a test that waits for this reply: short only where the wait is sure to end by timeout."""
        return HURRIED if self.then == "hang" else PATIENT


def http(status: int, body: str | bytes = b"", *, headers: Mapping[str, str] | None = None) -> Reply:
    content = body.encode() if isinstance(body, str) else body
    lines = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return Reply(head.encode() + b"\r\n" + content)


def answer(payload: object, status: int = 200) -> Reply:
    return http(status, json.dumps(payload))


def refusal(status: int, code: int, text: str) -> Reply:
    return answer({"code": code, "msg": text}, status)


class ScriptedServer:
    """Answers the n-th request with the n-th reply, and every further one with `otherwise`."""

    def __init__(self) -> None:
        self.script: list[Reply] = []
        self.otherwise: Reply | Callable[[Received], Reply] = answer({})
        self.received: list[Received] = []
        self.connections = 0
        self.port = 0
        self.closed_by_client = asyncio.Event()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def host(self) -> HostFacts:
        return self.host_as(Environment.TESTNET)

    def host_as(self, environment: Environment) -> HostFacts:
        return HostFacts(self.root, f"127.0.0.1:{self.port}", False, environment, True, "a test says so")

    def count(self, method: str) -> int:
        return sum(request.method == method for request in self.received)

    def _usual_reply(self) -> Reply:
        return self.otherwise if isinstance(self.otherwise, Reply) else self.otherwise(self.received[-1])

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                if self.script and self.script[0].unread:
                    reply = self.script.pop(0)
                else:
                    self.received.append(await _read_request(reader))
                    reply = self.script.pop(0) if self.script else self._usual_reply()
                writer.write(reply.data)
                await writer.drain()
                if reply.then == "close":
                    return
                if reply.then == "hang":
                    await asyncio.Event().wait()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed_by_client.set()
        finally:
            writer.close()


async def _read_request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, target, headers, body)


@asynccontextmanager
async def serve() -> AsyncIterator[ScriptedServer]:
    scripted = ScriptedServer()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(scripted.handle(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    scripted.port = server.sockets[0].getsockname()[1]
    try:
        yield scripted
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@asynccontextmanager
async def open_venue(
    server: ScriptedServer,
    *,
    key: SigningKey | None = SIGNING_KEY,
    clock: FixedClock | None = None,
    environment: Environment = Environment.TESTNET,
    timeouts: Timeouts = PATIENT,
) -> AsyncIterator[Venue]:
    host = server.host_as(environment)
    async with open_binance(host, key, clock or FixedClock(), timeouts=timeouts) as venue:
        yield venue


REQUEST = OrderRequest(
    symbol="BTCUSDT",
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    quantity=Base(Decimal("0.00100")),
    price=Decimal("25000.10"),
    time_in_force=TimeInForce.IOC,
    purpose=Purpose.ENTRY,
    decision_price=Decimal("25000"),
)


def make_intent(request: OrderRequest = REQUEST, *, dry_run: bool = False) -> Intent:
    return Intent(
        client_order_id="tr0123456789abcdef-7",
        sequence=7,
        account=AccountKey("binance", Environment.TESTNET, "127.0.0.1", "42"),
        request=request,
        timestamp_ms=1_699_999_999_123,
        recv_window_ms=4_321,
        created_ms=NOW_MS,
        dry_run=dry_run,
    )


FILLED_REPLY: dict[str, object] = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "orderListId": -1,
    "clientOrderId": "tr0123456789abcdef-7",
    "transactTime": 1_700_000_000_050,
    "price": "25000.10000000",
    "origQty": "0.00100000",
    "executedQty": "0.00100000",
    "origQuoteOrderQty": "0.000000",
    "cummulativeQuoteQty": "25.00000000",
    "status": "FILLED",
    "timeInForce": "IOC",
    "type": "LIMIT",
    "side": "BUY",
    "workingTime": 1_700_000_000_050,
    "selfTradePreventionMode": "NONE",
    "fills": [
        {
            "price": "25000.00000000",
            "qty": "0.00100000",
            "commission": "0.00000100",
            "commissionAsset": "BTC",
            "tradeId": 56,
        }
    ],
}
