"""A market that mirrors another exchange: a second paper exchange on loopback, and nothing else."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from exchanges.paper import Exchange, PaperConfig, PaperEndpoint, serve
from exchanges.paper.market import MINUTE_MS, STEP_MS, Market
from exchanges.paper.markets import mirrored_specs, synthetic_market
from exchanges.paper.mirror import following
from exchanges.paper.mirror.fetching import MirrorError
from exchanges.paper.mirror.following import Follower, new_session, prepare
from exchanges.paper.mirror.tape import Print
from exchanges.paper.symbols import SYMBOLS
from tests.exchanges.paper.venue import Venue, Wall

SEED = 11
SPECS = {name: spec for name, spec in mirrored_specs().items() if name in ("BTCUSDT", "ETHUSDT", "ETHBTC")}


class Upstream:
    """The exchange that is mirrored; it can go away and come back under the same address."""

    def __init__(self, folder: Path, wall: Wall) -> None:
        self._config = PaperConfig(folder, seed=SEED)
        self._wall = wall
        self._stack = AsyncExitStack()
        self._port = 0
        self.url = ""

    async def start(self) -> None:
        randomness = random.Random(1).randbytes
        endpoint: PaperEndpoint = await self._stack.enter_async_context(
            serve(self._config, port=self._port, wall_clock_ms=self._wall, random_bytes=randomness)
        )
        self.url = endpoint.rest
        self._port = int(endpoint.rest.rpartition(":")[2])

    async def stop(self) -> None:
        await self._stack.aclose()


@pytest.fixture
async def upstream(tmp_path: Path, wall: Wall, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Upstream]:
    monkeypatch.setattr(following, "HISTORY_MINUTES", 150)
    found = Upstream(tmp_path / "upstream", wall)
    await found.start()
    yield found
    await found.stop()


class Mirror:
    """The exchange that mirrors, in this process and without a socket of its own."""

    def __init__(self, folder: Path, url: str, wall: Wall) -> None:
        config = PaperConfig(folder, market=f"mirror:{url}")
        self.exchange = Exchange(config, wall_clock_ms=wall, random_bytes=random.Random(2).randbytes)
        self.venue = Venue(self.exchange, wall)
        assert self.exchange.tape is not None
        self.tape = self.exchange.tape
        self._follower = Follower(self.exchange, self.tape, SPECS)

    async def look(self) -> None:
        async with new_session() as session:
            await self._follower.look(session)

    def market(self, symbol: str = "BTCUSDT") -> Market:
        with self.exchange.transaction() as engine:
            return engine.ambient.markets[symbol]

    def price(self, symbol: str = "BTCUSDT") -> str:
        price: str = self.venue.public("/api/v3/ticker/price", symbol=symbol).body["price"]
        return price

    def status(self) -> str:
        (symbol,) = self.venue.public("/api/v3/exchangeInfo", symbol="BTCUSDT").body["symbols"]
        status: str = symbol["status"]
        return status


@pytest.fixture
async def mirror(upstream: Upstream, tmp_path: Path, wall: Wall) -> AsyncIterator[Mirror]:
    await prepare(tmp_path / "state", upstream.url, SPECS)
    opened = Mirror(tmp_path / "state", upstream.url, wall)
    yield opened
    opened.exchange.close()


def original(symbol: str = "BTCUSDT") -> Market:
    return synthetic_market(SYMBOLS[symbol], SEED)


def last_price(wall: Wall, symbol: str = "BTCUSDT") -> str:
    return f"{Decimal(original(symbol).price(wall.now_ms) * SYMBOLS[symbol].tick) / 10**8:.8f}"


async def test_history_is_the_other_exchanges_minute_bars(mirror: Mirror, wall: Wall) -> None:
    for symbol in SPECS:
        market = mirror.market(symbol)
        first, count = market.start_ms // MINUTE_MS, 149
        mirrored, there = market.minutes(first, count), original(symbol).minutes(first, count)
        for name in ("open", "high", "low", "close", "volume"):
            assert getattr(mirrored, name).tolist() == getattr(there, name).tolist()
    assert mirror.status() == "TRADING"
    assert mirror.market("SOLUSDT").start_ms < mirror.market().start_ms  # not mirrored: synthetic


async def test_what_is_seen_is_the_price_of_the_next_step(mirror: Mirror, wall: Wall) -> None:
    for _ in range(5):
        before, seen = mirror.price(), last_price(wall)
        await mirror.look()
        assert mirror.price() == before
        wall.forward(STEP_MS)
        assert mirror.price() == seen
    assert mirror.price("ETHBTC") != mirror.price("BTCUSDT")


async def test_volume_is_what_traded_between_two_looks(mirror: Mirror, wall: Wall) -> None:
    await mirror.look()
    begin = wall.now_ms
    for _ in range(45):
        wall.forward(STEP_MS)
        await mirror.look()
    last = wall.now_ms
    wall.forward(STEP_MS)
    there = original().extremes(begin, last)
    here = mirror.market().extremes(begin + STEP_MS, last + STEP_MS)
    assert there is not None
    assert here is not None
    assert here.volume == pytest.approx(there.volume, rel=0.01)
    assert there.low <= here.low <= here.high <= there.high


def answers(market: Market, times: range) -> list[Any]:
    seen: list[Any] = [(market.price(each), market.ordinal_at(each), market.is_open(each)) for each in times]
    seen += [market.book(each, 5) for each in times]
    seen += market.trades_from(market.ordinal_at(times[0]), len(times) - 2)
    return [*seen, market.bar(times[0], times[-1])]


async def test_an_instant_that_was_open_never_changes(mirror: Mirror, upstream: Upstream, wall: Wall) -> None:
    kept: list[tuple[range, list[Any]]] = []
    randomness = random.Random(3)
    for turn in range(30):
        wall.forward(randomness.choice([900, STEP_MS, 5 * STEP_MS, 90_000 if turn % 10 == 9 else 0]))
        if mirror.market().is_open(wall.now_ms):
            times = range(wall.now_ms // STEP_MS * STEP_MS - 20 * STEP_MS, wall.now_ms + 1, STEP_MS)
            if all(mirror.market().is_open(each) for each in times):
                kept.append((times, answers(mirror.market(), times)))
        if randomness.random() < 0.7:
            await mirror.look()
    assert len(kept) > 10
    for times, before in kept:
        assert answers(mirror.market(), times) == before


async def test_without_a_network_it_closes_and_is_filled_in_later(
    mirror: Mirror, upstream: Upstream, wall: Wall
) -> None:
    await mirror.look()
    open_until = mirror.tape.end_ms
    await upstream.stop()
    wall.forward(STEP_MS)
    with pytest.raises(MirrorError, match="cannot be reached"):
        await mirror.look()
    wall.forward(10 * MINUTE_MS)
    assert mirror.status() == "BREAK"
    refused = mirror.venue.order(price="50000", quantity="0.001")
    assert refused.body == {"code": -2010, "msg": "Market is closed."}
    await upstream.start()
    await mirror.look()
    assert mirror.status() == "TRADING"
    assert mirror.venue.order(price="50000", quantity="0.001").status == 200
    first, count = open_until // MINUTE_MS, (wall.now_ms - open_until) // MINUTE_MS
    assert count >= 8
    here, there = mirror.market().minutes(first, count), original().minutes(first, count)
    assert here.close.tolist() == there.close.tolist()
    assert here.volume.tolist() == there.volume.tolist()


async def test_the_tape_is_replayed_without_the_other_exchange(
    mirror: Mirror, upstream: Upstream, wall: Wall, tmp_path: Path
) -> None:
    for _ in range(10):
        await mirror.look()
        wall.forward(STEP_MS)
    times = range(wall.now_ms - 8 * STEP_MS, wall.now_ms, STEP_MS)
    before = answers(mirror.market(), times)
    await upstream.stop()
    await prepare(tmp_path / "state", upstream.url, SPECS)  # nothing has to be fetched
    again = Mirror(tmp_path / "state", upstream.url, wall)
    assert answers(again.market(), times) == before
    again.exchange.close()


async def test_old_prints_become_bars_and_the_minutes_stay_what_they_were(
    mirror: Mirror, upstream: Upstream, wall: Wall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PRINTS_KEPT_MINUTES", 2)
    monkeypatch.setattr(following, "FOLD_EVERY_MINUTES", 2)
    other = Mirror(tmp_path / "state", upstream.url, wall)
    first = wall.now_ms // MINUTE_MS
    before: list[Any] = []
    for turn in range(60):
        await mirror.look()
        wall.forward(2 * STEP_MS)
        if turn == 29:
            before = minutes(mirror.market(), first)
    again = Mirror(tmp_path / "state", upstream.url, wall)
    for each in (mirror, other, again):
        assert minutes(each.market(), first) == before
        kept = each.tape.prints["BTCUSDT"][:: len(Print._fields)]
        assert each.tape.folded_minute > first + 2
        assert min(kept) >= each.tape.folded_minute * MINUTE_MS // STEP_MS
        assert mirror.market().ordinal_at(wall.now_ms) == each.market().ordinal_at(wall.now_ms)
    other.exchange.close()
    again.exchange.close()


def minutes(market: Market, first: int) -> list[Any]:
    """Return open, high, low, close and volume of two minutes."""
    bars = market.minutes(first, 2)
    return [column.tolist() for column in (bars.open, bars.high, bars.low, bars.close, bars.volume)]


async def test_two_processes_see_one_market_and_one_of_them_looks(
    mirror: Mirror, upstream: Upstream, wall: Wall, tmp_path: Path
) -> None:
    other = Mirror(tmp_path / "state", upstream.url, wall)
    for _ in range(4):
        await mirror.look()
        await other.look()
        wall.forward(STEP_MS)
        assert other.price() == mirror.price()
        assert other.tape.known_step == mirror.tape.known_step == wall.now_ms // STEP_MS
    await other.look()
    wall.forward(STEP_MS)
    assert mirror.price() == other.price()
    other.exchange.close()


async def test_a_resting_order_is_filled_when_the_mirrored_price_passes(mirror: Mirror, wall: Wall) -> None:
    await mirror.look()
    trades = original().trades_from(original().ordinal_at(wall.now_ms), 200)
    lowest = min(trades, key=lambda trade: trade.price)
    price = Decimal(lowest.price + 1) / 100
    assert price < Decimal(mirror.price())
    mirror.venue.order(price=f"{price}", quantity="0.001")
    while wall.now_ms < lowest.time_ms + STEP_MS:
        wall.forward(STEP_MS)
        await mirror.look()
    wall.forward(STEP_MS)
    order = mirror.venue.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=1).body
    assert order["status"] == "FILLED"


async def test_served_it_looks_by_itself(
    upstream: Upstream, tmp_path: Path, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LOOK_EVERY_S", 0.02)
    config = PaperConfig(tmp_path / "served", market=f"mirror:{upstream.url}")
    async with (
        serve(config, wall_clock_ms=wall, random_bytes=random.Random(4).randbytes) as endpoint,
        aiohttp.ClientSession() as session,
    ):
        seen = set()
        for _ in range(200):
            wall.forward(STEP_MS)
            url = f"{endpoint.rest}/api/v3/ticker/price?symbol=BTCUSDT"
            async with session.get(url) as answer:
                seen.add((await answer.json())["price"])
            if len(seen) > 2:
                break
            await asyncio.sleep(0.02)
    assert len(seen) > 2


async def test_an_exchange_that_does_not_answer_is_named(tmp_path: Path, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    with pytest.raises(MirrorError, match=rf"{url} cannot be reached: [^\[\]]*\Z"):
        await prepare(tmp_path, url, SPECS)
    with pytest.raises(ValueError, match="nothing was fetched"):
        Exchange(PaperConfig(tmp_path, market=f"mirror:{url}"), wall_clock_ms=Wall(), random_bytes=bytes)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda: web.Response(status=502, text="<html>bad gateway"), "HTTP 502: <html>bad gateway"),
        (lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}), "HTTP 302"),
        (lambda: web.Response(text="<html>hello"), "no list of bars of BTCUSDT"),
        (lambda: web.json_response({"a": 1}), "no list of bars"),
        (lambda: web.json_response([[1, "1"]]), "no list of bars"),
        (lambda: web.json_response([[0, "1", "2", "3", "1", "1", 0, "0", 0, "0"]]), "no list of bars"),
        (lambda: web.json_response([[0, "nan", "2", "1", "1", "1", 0, "0", 0, "0"]]), "no list of bars"),
        (lambda: web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400), "lists none of"),
        (lambda: web.json_response({"code": -1100, "msg": "Illegal."}, status=400), "HTTP 400"),
    ],
)
async def test_an_answer_that_is_none_is_named(
    tmp_path: Path, answer: Callable[[], web.Response], said: str
) -> None:
    async def handle(_: web.BaseRequest) -> web.Response:
        return answer()

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        with pytest.raises(MirrorError, match=said):
            await prepare(tmp_path, f"http://127.0.0.1:{runner.addresses[0][1]}", SPECS)
    finally:
        await runner.cleanup()
