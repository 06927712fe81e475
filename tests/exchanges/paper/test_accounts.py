"""Several accounts on one venue: they trade with each other, and know nothing of one another."""

from __future__ import annotations

import asyncio
import random
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from exchanges.paper import Exchange, PaperConfig, admin, serve
from exchanges.paper.venue import UnknownAccount
from tests.exchanges.paper.conftest import OpenVenue
from tests.exchanges.paper.placing import ORDER, events, inside, own_trades, queried, statuses
from tests.exchanges.paper.rest import Rest
from tests.exchanges.paper.test_ws_api import Api
from tests.exchanges.paper.venue import Venue, Wall, customer, sign

D = Decimal
MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")
FILTER = {"symbol": "BTCUSDT"}


@pytest.fixture
def other(venue: Venue) -> Venue:
    return customer(venue)


def held(*clients: Venue) -> dict[str, Decimal]:
    """Return what these have together, locked or not."""
    found: dict[str, Decimal] = {}
    for client in clients:
        for asset, (free, locked) in client.balances().items():
            found[asset] = found.get(asset, D(0)) + D(free) + D(locked)
    return found


def test_two_accounts_trade_with_each_other(venue: Venue, other: Venue) -> None:
    admin.set_fees(venue.exchange, D("0.0002"), D("0.0004"), account="other")
    price, before = inside(venue), held(venue, other)
    assert other.order("SELL", price=price, quantity="0.01").body["orderId"] == 1
    (level,) = venue.public("/api/v3/depth", symbol="BTCUSDT", limit=1).body["asks"]
    assert level == [f"{price}000000", "0.01000000"]
    taken = venue.order("BUY", price=price, quantity="0.004").body
    assert (taken["orderId"], taken["status"]) == (2, "FILLED")

    ((mine,), (theirs,)) = own_trades(venue), own_trades(other)
    assert mine["id"] == theirs["id"]
    assert (mine["isBuyer"], mine["isMaker"], mine["orderId"]) == (True, False, 2)
    assert (theirs["isBuyer"], theirs["isMaker"], theirs["orderId"]) == (False, True, 1)
    assert (mine["commissionAsset"], D(mine["commission"])) == ("BTC", D("0.000004"))
    assert (theirs["commissionAsset"], D(theirs["commission"])) == (
        "USDT",
        (D(price) * D("0.004") * D("0.0002")).quantize(D("1e-8"), "ROUND_UP"),
    )
    (public,) = venue.public("/api/v3/trades", symbol="BTCUSDT", limit=1).body
    assert (public["id"], public["price"], public["isBuyerMaker"]) == (mine["id"], mine["price"], False)
    assert D(other.balances()["BTC"][1]) == D("0.006")
    after = held(venue, other)
    fees = {"BTC": D(mine["commission"]), "USDT": D(theirs["commission"])}
    assert {asset: before[asset] - after[asset] for asset in before} == {
        asset: fees.get(asset, D(0)) for asset in before
    }


def test_price_comes_before_time_across_accounts(venue: Venue, other: Venue) -> None:
    third = customer(venue, "third")
    price, better = inside(venue), inside(venue, 2)
    venue.order("SELL", price=price, quantity="0.001")
    other.order("SELL", price=price, quantity="0.001")
    other.order("SELL", price=better, quantity="0.001")
    venue.order("SELL", price=price, quantity="0.001", newClientOrderId="last")
    assert D(venue.public("/api/v3/depth", symbol="BTCUSDT", limit=2).body["asks"][1][1]) == D("0.003")
    trades = third.order("BUY", price=price, quantity="0.0035").body["fills"]
    makers = {trade["id"]: trade["orderId"] for client in (venue, other) for trade in own_trades(client)}
    assert [makers[fill["tradeId"]] for fill in trades] == [3, 1, 2, 4]
    assert queried(venue, 4)["executedQty"] == "0.00050000"


@pytest.mark.parametrize("mode", MODES)
def test_self_trade_prevention_looks_at_one_account_alone(venue: Venue, other: Venue, mode: str) -> None:
    price = inside(venue)
    other.order("SELL", price=price, quantity="0.001", selfTradePreventionMode=mode)
    venue.order("BUY", price=price, quantity="0.001", selfTradePreventionMode=mode)
    assert (statuses(venue), statuses(other)) == (["FILLED"], ["FILLED"])
    for client in (venue, other):
        assert client.signed("GET", "/api/v3/myPreventedMatches", **FILTER, orderId=1).body == []


def test_between_ones_own_orders_those_of_others_are_traded_with(venue: Venue, other: Venue) -> None:
    price = inside(venue)
    venue.order("SELL", price=price, quantity="0.001")
    other.order("SELL", price=price, quantity="0.001")
    venue.order("BUY", price=price, quantity="0.001", selfTradePreventionMode="EXPIRE_MAKER")
    assert (statuses(venue), statuses(other)) == (["EXPIRED_IN_MATCH", "FILLED"], ["FILLED"])


def test_nobody_reaches_what_is_anothers(venue: Venue, other: Venue) -> None:
    price = inside(venue)
    assert venue.order("SELL", price=price, quantity="0.01", newClientOrderId="mine").status == 200
    pair = {"aboveType": "LIMIT_MAKER", "abovePrice": "150000.00", "belowType": "STOP_LOSS"}
    pair |= {"side": "SELL", "quantity": "0.01", "belowStopPrice": "50000.00", "listClientOrderId": "pair"}
    assert venue.signed("POST", "/api/v3/orderList/oco", **FILTER, **pair).status == 200

    named = ({"orderId": 1}, {"origClientOrderId": "mine"})
    for which in named:
        assert other.signed("GET", ORDER, **FILTER, **which).refusal == (400, -2013)
        assert other.signed("DELETE", ORDER, **FILTER, **which).refusal == (400, -2011)
        amend = other.signed("PUT", "/api/v3/order/amend/keepPriority", **FILTER, **which, newQty="0.005")
        assert amend.refusal == (400, -2038)
        history = other.signed("GET", "/api/v3/order/amendments", **FILTER, orderId=1)
        assert history.body == []
        replaced = other.signed(
            "POST",
            "/api/v3/order/cancelReplace",
            **FILTER,
            side="BUY",
            type="LIMIT",
            timeInForce="GTC",
            quantity="0.001",
            price="50000.00",
            cancelReplaceMode="STOP_ON_FAILURE",
            **{f"cancel{name[0].upper()}{name[1:]}": value for name, value in which.items()},
        )
        assert replaced.refusal == (400, -2022)
    assert other.signed("DELETE", "/api/v3/openOrders", **FILTER).refusal == (400, -2011)
    assert other.signed("GET", "/api/v3/orderList", orderListId=1).refusal == (400, -2018)
    assert other.signed("GET", "/api/v3/orderList", origClientOrderId="pair").refusal == (400, -2018)
    assert other.signed("DELETE", "/api/v3/orderList", **FILTER, orderListId=1).refusal == (400, -2011)
    for path in ("openOrders", "allOrders", "myTrades"):
        assert other.signed("GET", f"/api/v3/{path}", **FILTER).body == []
    for path in ("openOrderList", "allOrderList"):
        assert other.signed("GET", f"/api/v3/{path}").body == []
    assert statuses(venue) == ["NEW", "NEW", "NEW"]
    # A name is taken only within an account.
    assert other.order(quantity="0.001", price="50000.00", newClientOrderId="mine").body["orderId"] == 4
    assert queried(other, 4)["clientOrderId"] == "mine"


def test_an_account_finds_its_orders_by_time_where_others_have_the_ids_between(
    venue: Venue, other: Venue, wall: Wall
) -> None:
    placed: dict[int, int] = {}
    for client in (venue, other, other, venue, other):
        wall.forward(1_000)
        order_id = client.order(quantity="0.001", price="50000.00").body["orderId"]
        placed[order_id] = venue.exchange.now_ms()
    for client, own in ((venue, [1, 4]), (other, [2, 3, 5])):
        for order_id, time_ms in placed.items():
            since = client.signed("GET", "/api/v3/allOrders", **FILTER, startTime=time_ms).body
            assert [row["orderId"] for row in since] == [each for each in own if each >= order_id]
            until = client.signed("GET", "/api/v3/allOrders", **FILTER, endTime=time_ms).body
            assert [row["orderId"] for row in until] == [each for each in own if each <= order_id]


def test_the_tape_is_gapless_over_the_trades_of_all(venue: Venue, other: Venue, wall: Wall) -> None:
    for client in (venue, other, other, venue):
        client.order("BUY", "MARKET", quantity="0.001")
        wall.forward(10_000)
    own = sorted(own_trades(venue) + own_trades(other), key=lambda trade: trade["id"])
    first, last = own[0]["id"], own[-1]["id"]
    rows = venue.public(
        "/api/v3/historicalTrades", symbol="BTCUSDT", fromId=first - 2, limit=last - first + 5
    ).body
    assert [row["id"] for row in rows] == list(range(first - 2, last + 3))
    times = [row["time"] for row in rows]
    assert times == sorted(times)
    shown = {row["id"]: row["price"] for row in rows}
    assert [shown[trade["id"]] for trade in own] == [trade["price"] for trade in own]
    for trade in own:
        page = {"symbol": "BTCUSDT", "limit": 3}
        later = venue.public("/api/v3/historicalTrades", **page, fromId=trade["id"] + 1).body
        assert later[:2] == [row for row in rows if row["id"] > trade["id"]][:2]
        since = venue.public("/api/v3/aggTrades", **page, startTime=trade["time"]).body
        expected = [(row["id"], row["price"]) for row in rows if row["time"] >= trade["time"]]
        assert [(row["a"], row["p"]) for row in since][:2] == expected[:2]


def test_orders_of_an_account_fill_while_only_another_asks(venue: Venue, other: Venue, wall: Wall) -> None:
    best_bid, best_ask = venue.best()
    other.order("BUY", price=f"{D(best_bid):.2f}", quantity="0.001")
    stop = f"{D(best_ask) * D('1.0005'):.2f}"
    other.order("BUY", "STOP_LOSS", stopPrice=stop, quantity="0.001")
    for _ in range(200):
        wall.forward(60_000)
        venue.public("/api/v3/ping")
    assert statuses(other) == ["FILLED", "FILLED"]
    assert own_trades(venue) == []


def test_a_list_follows_when_another_account_trades_with_its_leg(venue: Venue, other: Venue) -> None:
    price = inside(venue)
    pair = {"aboveType": "LIMIT_MAKER", "abovePrice": price, "belowType": "STOP_LOSS"}
    pair |= {"side": "SELL", "quantity": "0.01", "belowStopPrice": "50000.00"}
    assert other.signed("POST", "/api/v3/orderList/oco", **FILTER, **pair).status == 200
    venue.order("BUY", price=price, quantity="0.01")
    assert statuses(other) == ["EXPIRED", "FILLED"]
    assert other.signed("GET", "/api/v3/openOrderList").body == []
    assert other.balances()["BTC"][1] == "0.00000000"


def test_each_counts_its_own_orders_and_all_share_the_address(venue: Venue, other: Venue) -> None:
    for _ in range(3):
        venue.order(quantity="0.001", price="50000.00")
    answer = other.order(quantity="0.001", price="50000.00")
    assert (answer.headers["X-MBX-ORDER-COUNT-10S"], answer.headers["X-MBX-ORDER-COUNT-1D"]) == ("1", "1")
    counts = [
        [row["count"] for row in client.signed("GET", "/api/v3/rateLimit/order").body]
        for client in (venue, other)
    ]
    assert counts == [[3, 3], [1, 1]]
    before = int(venue.public("/api/v3/ping").headers["X-MBX-USED-WEIGHT-1M"])
    after = int(other.signed("GET", "/api/v3/account").headers["X-MBX-USED-WEIGHT-1M"])
    assert after == before + 20


def test_a_wipe_wipes_all_and_keys_stay(venue: Venue, other: Venue) -> None:
    for client in (venue, other):
        client.order("BUY", "MARKET", quantity="0.001")
    uids = [client.signed("GET", "/api/v3/account").body["uid"] for client in (venue, other)]
    venue.exchange.reset()
    for client, uid in zip((venue, other), uids, strict=True):
        account = client.signed("GET", "/api/v3/account").body
        assert account["uid"] == uid
        assert client.balances()["USDT"] == ("10000.00000000", "0.00000000")
        assert own_trades(client) == []
    assert len(set(uids)) == 2
    assert other.order(quantity="0.001", price="50000.00").body["orderId"] == 1
    assert "RESET" in [event.kind for event in events(venue, "other")]


def test_money_and_fees_go_to_the_account_that_is_named(venue: Venue, other: Venue) -> None:
    admin.deposit(venue.exchange, "USDT", D(5), account="other")
    admin.set_bnb_fees(venue.exchange, enabled=True, account="other")
    assert (venue.balances()["USDT"][0], other.balances()["USDT"][0]) == ("10000.00000000", "10005.00000000")
    for client in (venue, other):
        client.order("BUY", "MARKET", quantity="0.001")
    paid_in = [own_trades(client)[0]["commissionAsset"] for client in (venue, other)]
    assert paid_in == ["BTC", "BNB"]
    with pytest.raises(UnknownAccount, match=r"there is no account 'nobody', there are: main, other"):
        admin.deposit(venue.exchange, "USDT", D(5), account="nobody")
    with pytest.raises(ValueError, match="a name is 1 to 32"):
        admin.create_key(venue.exchange, "spare", account="no name")


def test_another_process_and_another_market_know_the_account(
    venue: Venue, other: Venue, venues: OpenVenue
) -> None:
    other.order("SELL", price=inside(venue), quantity="0.001")
    second = venues()
    there = Venue(second.exchange, second.wall, api_key=other.api_key, secret=other.secret)
    assert statuses(there) == ["NEW"]
    key = admin.create_key(second.exchange, "late", account="late")
    late = Venue(venue.exchange, venue.wall, api_key=key.api_key, secret=key.secret)
    late.order("BUY", price=inside(venue, 0), quantity="0.001")
    assert (statuses(late), statuses(other)) == (["FILLED"], ["FILLED"])
    config, random_bytes = replace(venue.exchange.config, seed=8), random.Random(8).randbytes
    elsewhere = Exchange(config, wall_clock_ms=venue.wall, random_bytes=random_bytes)
    with closing(elsewhere):
        there = Venue(elsewhere, venue.wall, api_key=late.api_key, secret=late.secret)
        assert (statuses(there), there.balances()["BTC"][0]) == ([], "1.00000000")


async def subscribed(session: aiohttp.ClientSession, endpoint: Any, key: str, secret: str) -> Api:
    """Return a connection that hears the events of the key's account."""
    api = Api(endpoint, await session.ws_connect(endpoint.ws_api))
    params = {"apiKey": key, "timestamp": endpoint.now_ms()}
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    answer = await api.ask("userDataStream.subscribe.signature", **params, signature=sign(secret, payload))
    assert answer["status"] == 200
    return api


async def test_over_sockets_each_hears_its_own_side_of_a_trade(tmp_path: Path) -> None:
    config = PaperConfig(tmp_path / "state", seed=7, legacy_listen_key=True)
    random_bytes = random.Random(1).randbytes
    async with (
        serve(config, wall_clock_ms=Wall(), random_bytes=random_bytes) as endpoint,
        aiohttp.ClientSession() as session,
    ):
        with admin.opened(config, wall_clock_ms=Wall(), random_bytes=random_bytes) as exchange:
            key = admin.create_key(exchange, "other", account="other")
        async with Rest(endpoint) as rest, Rest(endpoint, key.api_key, key.secret) as their_rest:
            mine = await subscribed(session, endpoint, endpoint.api_key, endpoint.api_secret)
            theirs = await subscribed(session, endpoint, key.api_key, key.secret)
            trades = await session.ws_connect(f"{endpoint.stream}/ws/btcusdt@trade")
            book = await rest.public("ticker/bookTicker", symbol="BTCUSDT")
            price = f"{D(book['askPrice']) - D('0.01'):.2f}"
            sale = {"side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "price": price}
            placed = await their_rest.order(**sale, quantity="0.002")
            told = await theirs.told(2)
            assert [event["e"] for event in told] == ["executionReport", "outboundAccountPosition"]
            depth = await rest.public("depth", symbol="BTCUSDT", limit=1)
            assert D(depth["asks"][0][1]) == D("0.002")
            await rest.order(**sale | {"side": "BUY"}, quantity="0.002")

            bought, sold = await mine.told(3), await theirs.told(2)
            assert [event.get("x") for event in bought] == ["NEW", "TRADE", None]
            assert [event.get("x") for event in sold] == ["TRADE", None]
            trade, their_trade = bought[1], sold[0]
            sides = [(event["S"], event["m"]) for event in (trade, their_trade)]
            assert sides == [("BUY", False), ("SELL", True)]
            assert trade["t"] == their_trade["t"]
            assert their_trade["i"] == placed["orderId"]
            public = await asyncio.wait_for(trades.receive_json(), 5)
            assert (public["t"], public["m"]) == (trade["t"], False)
            # What follows is the first that either hears: nothing of the other was told in between.
            await rest.order(**sale | {"price": "150000.00"}, quantity="0.001")
            assert (await mine.told(1))[0]["p"] == "150000.00000000"
            await their_rest.order(**sale | {"price": "160000.00"}, quantity="0.001")
            assert (await theirs.told(1))[0]["p"] == "160000.00000000"
            await listen_keys_are_of_an_account(session, endpoint, rest, their_rest, key.api_key)
            await mine.socket.close()
            await theirs.socket.close()
            await trades.close()


async def listen_keys_are_of_an_account(
    session: aiohttp.ClientSession, endpoint: Any, rest: Rest, their_rest: Rest, their_key: str
) -> None:
    url = f"{endpoint.rest}/api/v3/userDataStream"
    headers = {"X-MBX-APIKEY": their_key}
    async with session.post(url, headers=headers) as response:
        listen_key = (await response.json())["listenKey"]
    params, mine = {"listenKey": listen_key}, {"X-MBX-APIKEY": endpoint.api_key}
    for ask in (session.put, session.delete):
        async with ask(url, params=params, headers=mine) as response:
            assert (await response.json())["code"] == -1125
    socket = await session.ws_connect(f"{endpoint.stream}/ws/{listen_key}")
    for each in (rest, their_rest):
        await each.order(side="BUY", type="MARKET", quantity="0.001")
    heard = await asyncio.wait_for(socket.receive_json(), 5)
    (own,) = await their_rest.signed("GET", "myTrades", symbol="BTCUSDT", limit=1)
    assert (heard["e"], heard["i"]) == ("executionReport", own["orderId"])
    await socket.close()
