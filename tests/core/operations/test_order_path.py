"""The one way to the venue: what is on disk before and after, whatever the venue or the disk does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.desk import Desk
from core.errors import (
    ConfigError,
    OutcomeUnknown,
    Refused,
    RiskDenied,
    TraderError,
    VenueRejected,
    VenueUnavailable,
)
from core.journal import Journal
from core.operations.observe import observe, risk_facts
from core.operations.order_path import place
from core.orders import IllegalTransition, Intent, OrderReport, OrderStatus
from core.risk.sizing import size_entry
from core.stages import TradingState
from core.values import Base
from tests.core.operations.desks import D, Exchange, desk_at, fails, filled, partly, without_fills
from tests.core.risk.worlds import BTCUSDT

CONTEXT = {"stage": 1}


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
async def desk(exchange: Exchange, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(exchange, tmp_path / "home") as desk:
        yield desk


async def buy(desk: Desk, *, dry_run: bool = False) -> OrderReport:
    facts = risk_facts(desk, BTCUSDT, await observe(desk, "BTCUSDT"), dry_run=dry_run)
    request = size_entry(facts, desk.limits)
    return await place(desk, request, facts, dry_run=dry_run, context=CONTEXT)  # type: ignore[arg-type]  # sized


def only_order(desk: Desk, exchange: Exchange) -> OrderStatus:
    order = desk.journal.order(exchange.received[0].client_order_id)
    assert order
    return order.status


async def test_the_intent_is_on_disk_before_the_venue_sees_it(desk: Desk, exchange: Exchange) -> None:
    seen: list[OrderStatus] = []

    def look(exchange: Exchange, intent: Intent) -> OrderReport:
        with Journal.open(
            desk.journal.home, clock=desk.clock, random_bytes=lambda n: bytes(n), read_only=True
        ) as another:
            order = another.order(intent.client_order_id)
            assert order
            seen.append(order.status)
            assert order.intent == intent
        return filled(exchange, intent)

    exchange.script = [look]
    report = await buy(desk)
    assert seen == [OrderStatus.INITIALIZED]
    assert report.status is OrderStatus.FILLED
    assert desk.journal.unsettled() == ()


FAILURES: list[tuple[BaseException, type[BaseException], OrderStatus]] = [
    (VenueRejected("no", venue_code=-2010, venue_text="no"), VenueRejected, OrderStatus.REJECTED),
    (ConfigError("no", code="KEY_REFUSED"), ConfigError, OrderStatus.REJECTED),
    (VenueUnavailable("busy", code="VENUE_BUSY"), VenueUnavailable, OrderStatus.REJECTED),
    (VenueUnavailable("down", details={"sent": False}), VenueUnavailable, OrderStatus.ABANDONED),
    (
        VenueUnavailable("kept back", code="VENUE_BUSY", details={"sent": False}),
        VenueUnavailable,
        OrderStatus.ABANDONED,
    ),
    (OutcomeUnknown("who knows"), OutcomeUnknown, OrderStatus.SUBMITTED),
    (RuntimeError("a bug"), RuntimeError, OrderStatus.SUBMITTED),
    (asyncio.CancelledError(), asyncio.CancelledError, OrderStatus.SUBMITTED),
]


@pytest.mark.parametrize(
    ("failure", "raised", "status"), FAILURES, ids=[f"{type(f).__name__}-{s}" for f, _, s in FAILURES]
)
async def test_each_failure_becomes_its_outcome(
    desk: Desk,
    exchange: Exchange,
    failure: BaseException,
    raised: type[BaseException],
    status: OrderStatus,
) -> None:
    exchange.script = [fails(failure)]
    with pytest.raises(raised):
        await buy(desk)
    assert only_order(desk, exchange) is status
    assert len(desk.journal.unsettled()) == (status is OrderStatus.SUBMITTED)
    assert len(exchange.received) == 1


@pytest.mark.parametrize("failure", [OutcomeUnknown("?"), RuntimeError("a bug"), Refused("empty book")])
async def test_a_dry_run_never_leaves_an_unknown_order(
    desk: Desk, exchange: Exchange, failure: Exception
) -> None:
    exchange.script = [fails(failure)]
    with pytest.raises(type(failure)):
        await buy(desk, dry_run=True)
    assert only_order(desk, exchange) is OrderStatus.ABANDONED


async def test_an_unknown_outcome_names_the_order(desk: Desk, exchange: Exchange) -> None:
    exchange.script = [fails(OutcomeUnknown("the connection broke"))]
    with pytest.raises(OutcomeUnknown) as caught:
        await buy(desk)
    name = exchange.received[0].client_order_id
    assert name in caught.value.message
    assert "the connection broke" in caught.value.message
    assert caught.value.details["client_order_id"] == name


async def test_an_answer_without_its_fills_is_completed(desk: Desk, exchange: Exchange) -> None:
    exchange.script = [without_fills]
    report = await buy(desk)
    assert len(report.fills) == 2
    assert desk.journal.unsettled() == ()
    position = desk.journal.position(desk.account, "BTCUSDT")
    assert position.quantity == Base(report.executed_quantity.value * D("0.999"))


async def test_fills_that_cannot_be_learned_make_the_outcome_unknown(desk: Desk, exchange: Exchange) -> None:
    def forgotten(exchange: Exchange, intent: Intent) -> OrderReport:
        report = without_fills(exchange, intent)
        exchange.fills[report.venue_order_id] = ()
        return report

    exchange.script = [forgotten]
    with pytest.raises(OutcomeUnknown):
        await buy(desk)
    assert [each.order.status for each in desk.journal.unsettled()] == [OrderStatus.FILLED]


async def test_an_immediate_order_that_rests_makes_the_outcome_unknown(
    desk: Desk, exchange: Exchange
) -> None:
    def rests(exchange: Exchange, intent: Intent) -> OrderReport:
        return replace(partly("0")(exchange, intent), status=OrderStatus.ACCEPTED)

    exchange.script = [rests]
    with pytest.raises(OutcomeUnknown, match="ACCEPTED"):
        await buy(desk)


@pytest.mark.parametrize(
    "failure", [Refused("disk full", code="JOURNAL_UNWRITABLE"), IllegalTransition("it lies")]
)
async def test_an_answer_that_cannot_be_written_is_unknown_not_refused(
    desk: Desk, exchange: Exchange, failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise failure

    monkeypatch.setattr(desk.journal, "record_report", refuse)
    with pytest.raises(OutcomeUnknown):
        await buy(desk)
    assert only_order(desk, exchange) is OrderStatus.INITIALIZED
    assert len(desk.journal.unsettled()) == 1


async def test_what_the_venue_said_goes_before_what_the_journal_cannot_take(
    desk: Desk, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise Refused("disk full", code="JOURNAL_UNWRITABLE")

    monkeypatch.setattr(desk.journal, "record_unknown", refuse)
    exchange.script = [fails(OutcomeUnknown("who knows"))]
    with pytest.raises(OutcomeUnknown, match="who knows"):
        await buy(desk)


async def test_without_a_durable_intent_nothing_is_sent(
    desk: Desk, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise Refused("disk full", code="JOURNAL_UNWRITABLE")

    monkeypatch.setattr(desk.journal, "record_intent", refuse)
    with pytest.raises(Refused):
        await buy(desk)
    assert exchange.received == []


def slow_disk(desk: Desk, exchange: Exchange, monkeypatch: pytest.MonkeyPatch, ms: float) -> None:
    record = desk.journal.record_intent

    def slowly(*args: object, **kwargs: object) -> object:
        permission = record(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        exchange.clock.time_ms += ms
        return permission

    monkeypatch.setattr(desk.journal, "record_intent", slowly)


async def test_an_intent_that_slept_is_abandoned(
    desk: Desk, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_disk(desk, exchange, monkeypatch, 1_001)
    with pytest.raises(Refused) as caught:
        await buy(desk)
    assert caught.value.code == "INTENT_ABANDONED"
    assert exchange.received == []
    assert desk.journal.unsettled() == ()


async def test_the_age_of_an_intent_is_real_time_on_a_fast_clock(
    exchange: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk_at(exchange, tmp_path / "home", clock_speed=60) as desk:
        slow_disk(desk, exchange, monkeypatch, 1_001)
        assert (await buy(desk)).status is OrderStatus.FILLED


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.REDUCING])
async def test_an_entry_is_abandoned_when_trading_stops_meanwhile(
    desk: Desk, exchange: Exchange, monkeypatch: pytest.MonkeyPatch, state: TradingState
) -> None:
    facts = risk_facts(desk, BTCUSDT, await observe(desk, "BTCUSDT"), dry_run=False)
    request = size_entry(facts, desk.limits)
    desk.journal.set_trading_state(desk.account, state, "a test")
    with pytest.raises(Refused) as caught:
        await place(desk, request, facts, dry_run=False, context=CONTEXT)  # type: ignore[arg-type]  # sized
    assert caught.value.code == "INTENT_ABANDONED"
    assert exchange.received == []


async def test_a_denied_order_is_written_down_and_not_sent(desk: Desk, exchange: Exchange) -> None:
    facts = risk_facts(desk, BTCUSDT, await observe(desk, "BTCUSDT"), dry_run=False)
    request = size_entry(facts, desk.limits)
    halted = replace(facts, trading_state=TradingState.HALTED)
    with pytest.raises(RiskDenied) as caught:
        await place(desk, request, halted, dry_run=False, context=CONTEXT)  # type: ignore[arg-type]  # sized
    assert caught.value.code == "TRADING_HALTED"
    assert exchange.received == []
    assert "Order denied by our rules" in desk.journal.audit_log_path.read_text()


def test_every_failure_of_the_error_tree_has_an_outcome() -> None:
    """A new branch under VenueError must be given an outcome here first."""
    tested = {type(failure) for failure, _, _ in FAILURES}
    leaves = {VenueRejected, VenueUnavailable, OutcomeUnknown}
    assert leaves <= tested
    assert {c for c in TraderError.__subclasses__() if c.__name__ == "VenueError"} == {
        VenueRejected.__mro__[1]
    }
