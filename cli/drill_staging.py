"""How the incidents of a drill come about: real orders on the paper exchange, then something goes wrong."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal

from cli.console import Console
from cli.invocation import Invocation
from cli.options import Options
from cli.paper_wiring import fault_plan, paper_config, paper_exchange, paper_faults, set_paper_faults
from cli.wiring import Wiring
from core.account import Environment
from core.desk import Desk
from core.drills.conditions import VenueSight
from core.gates import DEFAULT_STRATEGY
from core.ids import client_order_id
from core.matching import UNIT
from core.operations.holding import Book, holding_at_start
from core.operations.round_trip import OpenTrade, enter, leave
from core.orders import OrderStatus
from core.settings import Settings
from core.strategies import strategy
from exchanges.paper import Exchange, admin
from exchanges.paper.filters import OrderRequest
from exchanges.paper.placing import place

SYMBOL, BASE, QUOTE = "BTCUSDT", "BTC", "USDT"
BOOK = Book(False, {"stage": 1, "lambda": None, "gamma": None})
DRY_BOOK = Book(True, {"stage": 0, "lambda": None, "gamma": None})
UNREACHABLE_S, OUTAGE_S, LAG_S = 20.0, 45.0, 20.0
LOOK_S = 0.01
PING, TIME = "/api/v3/ping", "/api/v3/time"
FORGOTTEN = (901, 902, 903)
"""Sequences of orders that a killed program left: far above those that a scene's journal comes to."""
LOW, SMALL = 20_000 * UNIT, UNIT // 1000
"""A price far below the market, and a quantity of the base asset, both in the exchange's units."""


@dataclass(frozen=True)
class Stage:
    """Where an incident is staged: a scene's own settings and environment."""

    settings: Settings
    environ: Mapping[str, str]
    pace: float

    def go_wrong(self, *rules: Mapping[str, object]) -> None:
        """Have the exchange fail on purpose from now on (docs/faults.md)."""
        with _exchange(self.settings) as exchange:
            set_paper_faults(exchange, fault_plan(json.dumps({"rules": rules})))

    @asynccontextmanager
    async def desk(self, *, dry_run: bool = False) -> AsyncIterator[Desk]:
        """Open books and venue as a command that sends does."""
        silent, options = io.StringIO(), Options(quiet=True)
        console = Console(options, self.environ, io.StringIO(), silent, silent)
        run = Invocation(console, options, self.environ, self.settings.home)
        run.settings = self.settings
        wiring = Wiring(run)
        async with (
            wiring.venue(Environment.TESTNET) as venue,
            wiring.desk(venue, symbol=SYMBOL, strategy=strategy(DEFAULT_STRATEGY), dry_run=dry_run) as desk,
        ):
            with desk.lease.acquired():
                yield desk


async def _buy(desk: Desk, book: Book = BOOK) -> OpenTrade:
    instrument = await desk.venue.market_data.instrument(SYMBOL)
    opened = await enter(
        desk, holding_at_start(desk, instrument, dry_run=book.dry_run), book, bar=None, smallest=False
    )
    assert opened is not None  # noqa: S101 - None is for a stop that nobody asks for here
    return opened


async def _hold(stage: Stage) -> None:
    """Hold a position with its stop."""
    async with stage.desk() as desk:
        opened = await _buy(desk)
        price = opened.entry.average_price
        assert price is not None  # noqa: S101 - it has filled
        await opened.guard.protect(price, opened.entry.ts_event_ms)


async def _lose_an_answer(stage: Stage) -> None:
    """Buy, lose the answer, and die while asking what became of it."""
    async with stage.desk() as desk:
        stage.go_wrong(
            {"fault": "drop", "when": {"method": "POST", "path": "/api/v3/order", "times": 1}},
            {"fault": "lag", "seconds": LAG_S * stage.pace},
        )
        buying = asyncio.ensure_future(_buy(desk))
        while not _is_unknown(desk):
            if (await asyncio.wait({buying}, timeout=LOOK_S))[0]:
                break
        buying.cancel()
        with suppress(asyncio.CancelledError):
            await buying


def _is_unknown(desk: Desk) -> bool:
    return any(each.order.status is OrderStatus.SUBMITTED for each in desk.journal.unsettled(desk.account))


async def _forget_orders(stage: Stage) -> None:
    """Leave orders of ours open, then let nothing through for a while."""
    async with stage.desk() as desk:
        ours = desk.journal.installation_id
    for sequence in FORGOTTEN:
        _place(stage, client_order_id(ours, sequence), price=LOW, quantity=SMALL)
    stage.go_wrong(*_unreachable(UNREACHABLE_S * stage.pace))


async def _go_out(stage: Stage) -> None:
    """Hold a position, then let nothing through for a while."""
    await _hold(stage)
    stage.go_wrong(*_unreachable(OUTAGE_S * stage.pace))


def _unreachable(seconds: float) -> list[Mapping[str, object]]:
    """Return rules that break every connection but the question which environment it is: of a real venue that
    is known by its name."""
    hidden = ({"security": "USER_DATA"}, {"security": "TRADE"}, {"path": PING}, {"path": TIME})
    return [{"fault": "reset", "execute": False, "when": {**each, "to_s": seconds}} for each in hidden]


async def _let_a_stranger_in(stage: Stage) -> None:
    """Have somebody with the key trade, and leave an order open."""
    async with stage.desk():
        pass
    _place(stage, "web_7f3a01", quantity=SMALL)
    _place(stage, "web_7f3a02", quantity=SMALL, is_buy=False)
    _place(stage, "web_7f3a03", price=LOW, quantity=SMALL)


async def _run_dry(stage: Stage) -> None:
    """Open the books of a home that passed stage 0, with next to nothing on the account."""
    with _exchange(stage.settings) as exchange:
        with exchange.transaction() as engine:
            free = Decimal(engine.world.free(QUOTE)) / UNIT
        admin.deposit(exchange, QUOTE, Decimal(2) - free)
    async with stage.desk() as desk:
        desk.journal.open_dry_run(desk.account, {QUOTE: Decimal(10_000)})
    async with stage.desk(dry_run=True) as desk:
        await leave(desk, await _buy(desk, DRY_BOOK))


def _place(stage: Stage, name: str, *, quantity: int, price: int = 0, is_buy: bool = True) -> None:
    """Place an order at the exchange as its own; without a price at the market."""
    request = OrderRequest(
        SYMBOL, is_buy, "LIMIT" if price else "MARKET", name, price=price, quantity=quantity
    )
    with _exchange(stage.settings) as exchange, exchange.transaction() as engine:
        place(engine, request)


PLAYS: Mapping[str, Callable[[Stage], Coroutine[None, None, None]]] = {
    "halt": _hold,
    "cancel-all": _forget_orders,
    "flatten": _hold,
    "stuck-order": _lose_an_answer,
    "outage": _go_out,
    "suspicious-activity": _let_a_stranger_in,
    "balance-depleted": _run_dry,
}
"""Incident -> what brings it about."""


def _exchange(settings: Settings) -> AbstractContextManager[Exchange]:
    return paper_exchange(paper_config(settings, "testnet"))


def venue_key(settings: Settings) -> str:
    """Return the API key that commands of this home use."""
    with _exchange(settings) as exchange:
        return exchange.default_key().api_key


def venue_sight(settings: Settings, key: str) -> VenueSight:
    """Look at the exchange itself, past whatever goes wrong on purpose."""
    with _exchange(settings) as exchange:
        keys = {each.api_key for each in admin.list_keys(exchange)}
        plan = paper_faults(exchange)
        with exchange.transaction() as engine:
            names = tuple(order.client_order_id for order in engine.open_orders())
            held = {asset: (free, locked) for asset, free, locked in engine.world.balances()}
            now_ms = engine.now_ms
    ends_s = [rule.when.to_s or 0 for rule in plan.plan.rules] if plan else []
    return VenueSight(
        open_orders=names,
        total={asset: Decimal(free + locked) / UNIT for asset, (free, locked) in held.items()},
        free_quote=Decimal(held.get(QUOTE, (0, 0))[0]) / UNIT,
        answers=plan is None or all(now_ms >= plan.began_ms + end_s * 1000 for end_s in ends_s),
        key_works=key in keys,
    )
