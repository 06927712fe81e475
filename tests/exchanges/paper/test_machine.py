"""Everything two accounts can do to the engine, in any order and by two processes, under a clock that moves:
the books agree.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from msgspec.structs import replace

from exchanges.paper import Exchange, admin, canceling, lists, placing
from exchanges.paper.engine import Engine
from exchanges.paper.filters import OrderRequest
from exchanges.paper.limits import Limits
from exchanges.paper.market import STEP_MS
from exchanges.paper.placing import ListRequest
from exchanges.paper.records import Event
from exchanges.paper.refusals import Refused
from exchanges.paper.symbols import SYMBOLS
from tests.exchanges.paper.books import (
    UNIT,
    Queue,
    check_book,
    check_fills,
    check_lists,
    check_money,
    check_orders,
)
from tests.exchanges.paper.venue import Wall, open_venue

NAMES = ("BTCUSDT", "ETHBTC")
KINDS = (
    "LIMIT",
    "MARKET",
    "LIMIT_MAKER",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")

ACCOUNTS = ("main", "other")

symbols = st.sampled_from(NAMES)
accounts = st.sampled_from(ACCOUNTS)
sides = st.booleans()
distances = st.integers(-60, 60)
"""From the last price, in 1/10,000."""
sizes = st.integers(1, 40)
"""In times the smallest order."""


class Books(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory()
        self._wall = Wall()
        self._exchange = open_venue(Path(self._directory.name), self._wall).exchange
        self._others: list[Exchange] = []
        self._number, self._sequence, self._names = 0, 0, 0
        self._queue = Queue()
        admin.set_limits(self._exchange, Limits(10**9, 10**9, 10**9, 10**9))
        self._exchange.open_account("other")
        for account in ACCOUNTS:
            for asset, amount in (("BTC", 2), ("ETH", 20), ("USDT", 50_000)):
                admin.deposit(self._exchange, asset, Decimal(amount), account=account)

    def teardown(self) -> None:
        for exchange in (self._exchange, *self._others):
            exchange.close()
        self._directory.cleanup()

    @rule(
        account=accounts,
        symbol=symbols,
        is_buy=sides,
        kind=st.sampled_from(KINDS),
        time_in_force=st.sampled_from(("GTC", "GTC", "IOC", "FOK")),
        distance=distances,
        beyond=distances,
        size=sizes,
        mode=st.sampled_from(MODES),
        parts=st.sampled_from((0, 0, 3)),
        trailing=st.sampled_from((0, 0, 10, 40)),
        by_quote=st.booleans(),
        aims=st.sampled_from(("from last", "inside", "beside", "across")),
    )
    def place(self, account: str, by_quote: bool, **asked: Any) -> None:
        with admin.as_account(self._exchange, account) as engine:
            request = self._request(engine, **asked)
            if by_quote and request.type == "MARKET":
                request = _in_quote(engine, request)
            _try(lambda: placing.place(engine, request))

    @rule(
        account=accounts,
        symbol=symbols,
        is_buy=sides,
        size=sizes,
        gap=st.integers(1, 40),
        both_stops=st.booleans(),
    )
    def place_pair(
        self, account: str, symbol: str, is_buy: bool, size: int, gap: int, both_stops: bool
    ) -> None:
        with admin.as_account(self._exchange, account) as engine:
            legs = self._pair(engine, symbol, is_buy, size, gap, both_stops)
            _try(lambda: placing.place_list(engine, ListRequest(self._name(), legs)))

    @rule(
        account=accounts,
        symbol=symbols,
        is_buy=sides,
        distance=distances,
        size=sizes,
        mode=st.sampled_from(MODES),
        pending=st.sampled_from(("pair", *KINDS)),
        gap=st.integers(1, 40),
        is_paid=st.booleans(),
    )
    def place_after(
        self,
        account: str,
        symbol: str,
        is_buy: bool,
        distance: int,
        size: int,
        mode: str,
        pending: str,
        gap: int,
        is_paid: bool,
    ) -> None:
        is_buy = is_buy or is_paid
        with admin.as_account(self._exchange, account) as engine:
            working = self._request(
                engine, symbol=symbol, is_buy=is_buy, kind="LIMIT", distance=distance, size=size, mode=mode
            )
            if pending == "pair":
                legs = self._pair(engine, symbol, not is_buy, size, gap, both_stops=False)
            else:
                legs = (
                    self._request(
                        engine, symbol=symbol, is_buy=not is_buy, kind=pending, distance=gap, size=size
                    ),
                )
            if is_paid:
                legs = tuple(replace(leg, quantity=0) for leg in legs)
            _try(lambda: placing.place_list(engine, ListRequest(self._name(), legs, working)))

    @rule(account=accounts, which=st.integers(0, 30))
    def cancel(self, account: str, which: int) -> None:
        with admin.as_account(self._exchange, account) as engine:
            if orders := engine.open_orders():
                canceling.cancel(engine, orders[which % len(orders)], self._name())

    @rule(account=accounts, which=st.integers(0, 30))
    def cancel_list(self, account: str, which: int) -> None:
        with admin.as_account(self._exchange, account) as engine:
            if open_lists := list(engine.world.lists.values()):
                lists.cancel(engine, open_lists[which % len(open_lists)], self._name())

    @rule(account=accounts, which=st.integers(0, 30), share=st.integers(1, 99), renames=st.booleans())
    def amend(self, account: str, which: int, share: int, renames: bool) -> None:
        with admin.as_account(self._exchange, account) as engine:
            if orders := engine.open_orders():
                order = orders[which % len(orders)]
                step = SYMBOLS[order.symbol].step
                quantity = order.quantity * share // 100 * step
                name = self._name() if renames else order.client_order_id
                _try(lambda: canceling.amend(engine, order, quantity, name))

    @rule(milliseconds=st.integers(1, 3 * 3_600_000))
    def wait(self, milliseconds: int) -> None:
        self._wall.forward(milliseconds)

    @rule(milliseconds=st.integers(1, 5_000))
    def wait_a_moment(self, milliseconds: int) -> None:
        self._wall.forward(milliseconds)

    @rule()
    def let_another_process_go_on(self) -> None:
        """What it knows was read from the state, and what it kept from before is stale."""
        if not self._others:
            self._others.append(open_venue(Path(self._directory.name), self._wall).exchange)
        self._exchange, self._others[0] = self._others[0], self._exchange

    @rule(symbol=symbols, status=st.sampled_from(("TRADING", "TRADING", "HALT", "CANCEL_ONLY")))
    def set_status(self, symbol: str, status: Any) -> None:
        """While a symbol is halted its market moves on, and past our orders: they meet at the next step."""
        admin.set_symbol_status(self._exchange, symbol, status)
        self._wall.forward(STEP_MS)

    @rule(account=accounts, enabled=st.booleans())
    def pay_in_bnb(self, account: str, enabled: bool) -> None:
        admin.set_bnb_fees(self._exchange, enabled, account=account)

    @invariant()
    def everything_agrees(self) -> None:
        with self._exchange.transaction() as engine:
            own = [engine.of(world) for world in engine.venue.worlds.values()]
            for each in own:
                check_money(each)
            for name in NAMES:
                if engine.status_of(name) == "TRADING":
                    check_book(engine, name)
            self._queue.follow(self._news(own))
            for name in NAMES:
                fills = [
                    fill for each in own for fill in each.state.fills.page(number(each), name, limit=10_000)
                ]
                check_fills(fills)
                for each in own:
                    orders = each.state.orders.page(number(each), name, limit=10_000)
                    check_orders(orders, fills)
                    check_lists(each, orders)

    def _news(self, own: list[Engine]) -> list[Event]:
        """Return what happened to the orders of all accounts since the last time, in the order it did."""
        rows = [row for each in own for row in each.state.events_after(number(each), self._sequence, 1000)]
        self._sequence = max((sequence for sequence, _ in rows), default=self._sequence)
        return sorted((event for _, events in rows for event in events), key=lambda each: each.execution_id)

    def _name(self) -> str:
        self._names += 1
        return f"n{self._names}"

    def _request(
        self,
        engine: Engine,
        *,
        symbol: str,
        is_buy: bool,
        kind: Any,
        distance: int,
        size: int,
        mode: Any = "EXPIRE_MAKER",
        time_in_force: Any = "GTC",
        beyond: int = 0,
        parts: int = 0,
        trailing: int = 0,
        aims: str = "from last",
    ) -> OrderRequest:
        rules = SYMBOLS[symbol]
        last = engine.ambient.markets[symbol].price(engine.now_ms)
        smallest = 2 * rules.min_notional // rules.scale.quote(last, 1)
        quantity = max(1, smallest) * size
        level = last * (10_000 + distance) // 10_000
        if aims != "from last" and (best := self._best(engine, symbol, is_bid=is_buy is (aims != "across"))):
            level = best + (0 if aims != "inside" else 1 if is_buy else -1)
        stops, limits = kind.startswith(("STOP", "TAKE")), kind.endswith(("LIMIT", "LIMIT_MAKER"))
        limit = level * (10_000 + beyond) // 10_000 if stops else level
        return OrderRequest(
            symbol=symbol,
            is_buy=is_buy,
            type=kind,
            client_order_id=self._name(),
            time_in_force=time_in_force if kind.endswith("LIMIT") else "GTC",
            price=limit * rules.tick if limits else 0,
            quantity=quantity * rules.step,
            stop_price=level * rules.tick if stops and not (trailing and beyond % 2) else 0,
            self_trade=mode,
            trailing_delta=trailing if stops else 0,
            iceberg=-(-quantity // parts) * rules.step if parts and limits and time_in_force == "GTC" else 0,
        )

    def _best(self, engine: Engine, symbol: str, *, is_bid: bool) -> int:
        offer = next(engine.book_side(symbol, is_bid=is_bid), None)
        return 0 if offer is None else offer.price

    def _pair(
        self, engine: Engine, symbol: str, is_buy: bool, size: int, gap: int, both_stops: bool
    ) -> tuple[OrderRequest, ...]:
        away = gap if is_buy else -gap
        stop = self._request(
            engine, symbol=symbol, is_buy=is_buy, kind="STOP_LOSS", distance=away, size=size, trailing=0
        )
        kind = "TAKE_PROFIT_LIMIT" if both_stops else "LIMIT_MAKER"
        other = self._request(engine, symbol=symbol, is_buy=is_buy, kind=kind, distance=-away, size=size)
        return stop, other


def number(engine: Engine) -> int:
    return engine.world.account.account


def _in_quote(engine: Engine, request: OrderRequest) -> OrderRequest:
    price = engine.ambient.price(request.symbol, engine.now_ms)
    return OrderRequest(
        symbol=request.symbol,
        is_buy=request.is_buy,
        type="MARKET",
        client_order_id=request.client_order_id,
        quote_quantity=price * request.quantity // UNIT,
        self_trade=request.self_trade,
    )


def _try(action: Any) -> None:
    with suppress(Refused):
        action()


def run(examples: int, steps: int) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks
        ),
    )


def test_the_books_agree_after_every_step() -> None:
    run(examples=20, steps=25)


@pytest.mark.slow
def test_the_books_agree_after_very_many_steps() -> None:
    run(examples=400, steps=60)
