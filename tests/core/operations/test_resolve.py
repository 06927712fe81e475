"""What becomes of orders of unknown fate: asked about, adopted, given up, or left to a human."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from core.desk import Desk
from core.errors import ConfigError, OutcomeUnknown, Refused
from core.operations.observe import observe, risk_facts
from core.operations.order_path import place
from core.operations.resolve import ResolveResult, Wanted, resolve
from core.operations.settle import ask_once_more
from core.orders import Fill, Intent, OrderReport, OrderStatus, Side
from core.resolver import Found, NeverAccepted, Quarantine
from core.risk.sizing import size_entry
from core.values import Base
from tests.core.operations.desks import D, Exchange, desk_at, filled
from tests.core.risk.worlds import BTCUSDT

LOST = OutcomeUnknown("the connection broke")


@dataclass
class Ledger(Exchange):
    """An exchange that remembers orders, and tells of them only from a time on."""

    kept: list[OrderReport] = field(default_factory=list)
    tells_from_ms: float = 0

    def _told(self) -> tuple[OrderReport, ...]:
        return tuple(self.kept) if self.clock.time_ms >= self.tells_from_ms else ()

    async def order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        named = [each for each in self._told() if each.client_order_id == client_order_id]
        return replace(named[-1], fills=()) if named else None

    async def all_orders(self, symbol: str, start_ms: int, end_ms: int) -> tuple[OrderReport, ...]:
        return self._told()

    async def order_by_id(self, symbol: str, venue_order_id: int) -> OrderReport | None:
        return next((each for each in self._told() if each.venue_order_id == venue_order_id), None)

    async def fills_between(self, symbol: str, start_ms: int, end_ms: int) -> tuple[Fill, ...]:
        return tuple(fill for fills in self.fills.values() for fill in fills)

    async def fill(self, symbol: str, trade_id: int) -> Fill | None:
        return next(
            (each for each in await self.fills_between(symbol, 0, 0) if each.trade_id == trade_id), None
        )


def reply_lost(exchange: Exchange, intent: Intent) -> OrderReport:
    assert isinstance(exchange, Ledger)
    exchange.kept.append(filled(exchange, intent))
    raise LOST


def never_arrives(exchange: Exchange, intent: Intent) -> OrderReport:
    raise LOST


@pytest.fixture
def exchange() -> Ledger:
    return Ledger()


@pytest.fixture
async def desk(exchange: Ledger, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(exchange, tmp_path / "home") as desk:
        yield desk


async def left_unknown(desk: Desk) -> str:
    """Send one order, and learn nothing of it; return its client_order_id."""
    facts = risk_facts(desk, BTCUSDT, await observe(desk, "BTCUSDT"), dry_run=False)
    request = size_entry(facts, desk.limits)
    with pytest.raises(OutcomeUnknown) as unknown:
        await place(desk, request, facts, dry_run=False, context={"stage": 1})  # type: ignore[arg-type]  # sized
    return str(unknown.value.details["client_order_id"])


async def lost(desk: Desk, exchange: Ledger) -> str:
    """Leave an order that was filled, of which the venue tells nothing for 20 s."""
    exchange.script = [reply_lost]
    exchange.tells_from_ms = exchange.clock.time_ms + 20_000
    return await left_unknown(desk)


async def resolved(desk: Desk, **wanted: object) -> ResolveResult:
    result = ResolveResult()
    await resolve(desk, Wanted(**wanted), result)  # type: ignore[arg-type]  # a test names its fields
    return result


def status(desk: Desk, name: str) -> OrderStatus:
    order = desk.journal.order(name)
    assert order
    return order.status


async def test_what_the_venue_tells_late_is_adopted_with_its_fills(desk: Desk, exchange: Ledger) -> None:
    name = await lost(desk, exchange)
    result = await resolved(desk, wait_s=120)
    (case,) = result.asked
    assert isinstance(case.verdict, Found)
    assert status(desk, name) is OrderStatus.FILLED
    order = desk.journal.order(name)
    assert order
    assert order.filled_quantity == order.executed_quantity == exchange.kept[0].executed_quantity
    result.raise_if_unsettled()


async def test_too_short_a_wait_leaves_it_unsettled(desk: Desk, exchange: Ledger) -> None:
    name = await lost(desk, exchange)
    result = await resolved(desk, wait_s=5)
    with pytest.raises(OutcomeUnknown, match=name) as left:
        result.raise_if_unsettled()
    assert left.value.code == "UNSETTLED"
    assert left.value.hint == "do not repeat the order; `trader resolve --wait 2m` asks longer"


async def test_what_never_arrived_is_believed_late_and_asked_twice_more(desk: Desk, exchange: Ledger) -> None:
    exchange.script = [never_arrives]
    name = await left_unknown(desk)
    sent_ms = exchange.clock.time_ms
    (case,) = (await resolved(desk, wait_s=120)).asked
    assert isinstance(case.verdict, NeverAccepted)
    assert exchange.clock.time_ms - sent_ms > 30_000
    assert status(desk, name) is OrderStatus.NEVER_ACCEPTED
    assert [len(await ask_once_more(desk)) for _ in range(3)] == [1, 1, 0]
    assert len(exchange.received) == 1


async def test_a_late_find_is_recorded_and_stops_entries(desk: Desk, exchange: Ledger) -> None:
    exchange.script = [never_arrives]
    name = await left_unknown(desk)
    await resolved(desk, wait_s=120)
    exchange.kept.append(filled(exchange, exchange.received[0]))
    (case,) = await ask_once_more(desk)
    assert isinstance(case.verdict, Found)
    order = desk.journal.order(name)
    assert order
    assert order.filled_quantity == exchange.kept[0].executed_quantity
    assert desk.journal.is_quarantined(desk.account, "BTCUSDT")
    assert await ask_once_more(desk) == ()


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"side": Side.SELL}, "side SELL"), ({"quantity": Base(D("0.9"))}, "quantity 0.9")],
)
async def test_an_order_that_is_not_as_signed_waits_for_a_human(
    desk: Desk, exchange: Ledger, changed: dict[str, object], named: str
) -> None:
    name = await lost(desk, exchange)
    exchange.kept = [replace(each, **changed) for each in exchange.kept]  # type: ignore[arg-type]  # one field
    result = await resolved(desk, wait_s=120)
    (case,) = result.asked
    assert isinstance(case.verdict, Quarantine)
    assert named in case.detail
    assert status(desk, name) is OrderStatus.SUBMITTED
    with pytest.raises(OutcomeUnknown, match="BTCUSDT is quarantined"):
        result.raise_if_unsettled()


async def twins(desk: Desk, exchange: Ledger) -> str:
    """Leave an order that a proxy sent twice: two at the venue under one name."""
    name = await lost(desk, exchange)
    exchange.kept.append(filled(exchange, exchange.received[0]))
    result = await resolved(desk, wait_s=120)
    assert isinstance(result.asked[0].verdict, Quarantine)
    return name


async def test_a_human_assigns_trades_that_are_read_from_the_venue(desk: Desk, exchange: Ledger) -> None:
    name = await twins(desk, exchange)
    first = tuple(fill.trade_id for fill in exchange.fills[exchange.kept[0].venue_order_id])
    result = await resolved(desk, order=name, import_trades=first, reason="the page shows it", wait_s=0)
    assert tuple(fill.trade_id for fill in result.imported) == first
    assert status(desk, name) is OrderStatus.FILLED
    assert result.released == ["BTCUSDT"]
    assert not desk.journal.is_quarantined(desk.account, "BTCUSDT")


async def test_trades_that_cannot_be_its_own_are_not_booked(desk: Desk, exchange: Ledger) -> None:
    name = await twins(desk, exchange)
    number = exchange.kept[0].venue_order_id
    fill = exchange.fills[number][0]
    cases = {"the account has no trade 999": 999, "is a SELL": 998}
    exchange.fills[77] = (replace(fill, trade_id=998, side=Side.SELL, venue_order_id=77),)
    for said, trade in cases.items():
        with pytest.raises(Refused, match=said):
            await resolved(desk, order=name, import_trades=(trade,), reason="a guess", wait_s=0)
    exchange.kept[0] = replace(exchange.kept[0], status=OrderStatus.PARTIALLY_FILLED)
    with pytest.raises(Refused, match="still open at the venue"):
        await resolved(desk, order=name, import_trades=(fill.trade_id,), reason="a guess", wait_s=0)
    order = desk.journal.order(name)
    assert order
    assert order.filled_quantity == Base(D(0))


async def test_giving_an_order_up_books_no_fill(desk: Desk, exchange: Ledger) -> None:
    name = await twins(desk, exchange)
    before = desk.journal.position(desk.account, "BTCUSDT")
    result = await resolved(desk, order=name, write_off=True, reason="the page shows nothing", wait_s=0)
    assert result.written_off == name
    assert desk.journal.position(desk.account, "BTCUSDT") == before
    assert desk.journal.unsettled(desk.account) == ()
    assert desk.journal.verify() == ()


async def test_there_is_nothing_to_decide_about_a_settled_order(desk: Desk, exchange: Ledger) -> None:
    name = await lost(desk, exchange)
    await resolved(desk, wait_s=120)
    for decision in ({"write_off": True}, {"import_trades": (10,)}):
        with pytest.raises(Refused) as refused:
            await resolved(desk, order=name, reason="to be sure", **decision)
        assert refused.value.code == "NOT_UNSETTLED"


async def test_an_order_that_is_not_ours_is_named(desk: Desk) -> None:
    with pytest.raises(ConfigError, match="has no order 'tr1-1'") as unknown:
        await resolved(desk, order="tr1-1")
    assert unknown.value.code == "ORDER_UNKNOWN"


async def test_another_account_is_never_asked_about_it(desk: Desk, exchange: Ledger) -> None:
    name = await lost(desk, exchange)
    elsewhere = replace(desk, account=replace(desk.account, uid="8"))
    with pytest.raises(ConfigError) as refused:
        await resolved(elsewhere, order=name)
    assert refused.value.code == "WRONG_ACCOUNT"
    result = await resolved(elsewhere)
    assert [each.order.client_order_id for each in result.elsewhere] == [name]
    with pytest.raises(OutcomeUnknown, match=name):
        result.raise_if_unsettled()
