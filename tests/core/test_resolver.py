"""What answers make of an order of unknown fate: each boundary, and what no answers can lead to."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.account import AccountKey, Environment
from core.orders import (
    Fill,
    Intent,
    Liquidity,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
)
from core.resolver import (
    BACKOFF_MS,
    GRACE_MS,
    ROUNDS_APART_MS,
    AskAgain,
    Found,
    NeverAccepted,
    Quarantine,
    Round,
    ask_again,
    believable_from,
    decide,
)
from core.values import Base, Money, Quote

SENT_MS = 1_700_000_000_000
INTENT = Intent(
    client_order_id="tr0123456789abcdef-1",
    sequence=1,
    account=AccountKey("paper", Environment.TESTNET, "paper", "7"),
    request=OrderRequest(
        symbol="BTCUSDT",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Base(Decimal("0.0025")),
        price=Decimal("10010"),
        time_in_force=TimeInForce.IOC,
        purpose=Purpose.ENTRY,
        decision_price=Decimal("10000"),
    ),
    timestamp_ms=SENT_MS,
    recv_window_ms=5_000,
    created_ms=SENT_MS,
    dry_run=False,
)
BELIEVABLE_MS = SENT_MS + 5_000 + 30_000
OURS = OrderReport(
    symbol="BTCUSDT",
    client_order_id=INTENT.client_order_id,
    venue_order_id=41,
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    status=OrderStatus.FILLED,
    quantity=Base(Decimal("0.0025")),
    price=Decimal("10010"),
    executed_quantity=Base(Decimal("0.0025")),
    executed_quote=Quote(Decimal("25")),
    ts_event_ms=SENT_MS + 20,
)
STRAY = Fill(
    symbol="BTCUSDT",
    trade_id=900,
    venue_order_id=77,
    side=Side.BUY,
    price=Decimal("10000"),
    quantity=Base(Decimal("0.0025")),
    fee=Money(Decimal("0.0000025"), "BTC"),
    liquidity=Liquidity.TAKER,
    ts_event_ms=SENT_MS + 20,
)


def silent(asked_ms: int, *, took_ms: int = 0, complete: bool = True) -> Round:
    return Round(asked_ms, asked_ms + took_ms, complete=complete)


def seen(*reports: OrderReport, at_ms: int = SENT_MS + 500) -> Round:
    return Round(at_ms, at_ms, sightings=reports)


def test_not_found_is_believable_35_seconds_after_the_timestamp() -> None:
    assert believable_from(INTENT) == BELIEVABLE_MS
    assert GRACE_MS == 30_000


def test_what_was_never_asked_is_asked_at_once() -> None:
    assert decide(INTENT, None, []) == AskAgain(0)


@pytest.mark.parametrize(
    ("first_ms", "took_ms", "second_ms", "believed"),
    [
        (BELIEVABLE_MS + 1, 0, BELIEVABLE_MS + 10_001, True),
        (BELIEVABLE_MS + 1, 0, BELIEVABLE_MS + 10_000, False),
        (BELIEVABLE_MS, 0, BELIEVABLE_MS + 10_001, False),
        (BELIEVABLE_MS + 1, 700, BELIEVABLE_MS + 10_001, False),
        (BELIEVABLE_MS + 1, 700, BELIEVABLE_MS + 10_701, True),
        (SENT_MS + 1_000, 0, BELIEVABLE_MS + 60_000, False),
    ],
    ids=[
        "both late enough",
        "a millisecond too close",
        "the first a millisecond early",
        "counted from the last answer of the first",
        "10 s after that answer",
        "an early round never counts",
    ],
)
def test_two_late_rounds_10_s_apart_are_believed(
    first_ms: int, took_ms: int, second_ms: int, believed: bool
) -> None:
    verdict = decide(INTENT, None, [silent(first_ms, took_ms=took_ms), silent(second_ms)])
    assert (verdict == NeverAccepted((first_ms, second_ms))) is believed
    assert isinstance(verdict, NeverAccepted | AskAgain)


def test_a_round_that_did_not_ask_everything_is_no_evidence() -> None:
    rounds = [silent(BELIEVABLE_MS + 1, complete=False), silent(BELIEVABLE_MS + 60_000)]
    assert isinstance(decide(INTENT, None, rounds), AskAgain)


def test_the_next_question_comes_when_it_can_first_be_believed() -> None:
    early = silent(SENT_MS + 34_900, complete=False)
    assert decide(INTENT, None, [early] * 6) == AskAgain(SENT_MS + 34_900 + BACKOFF_MS[0])
    asked_ms = BELIEVABLE_MS + 1
    assert decide(INTENT, None, [silent(asked_ms)]) == AskAgain(asked_ms + ROUNDS_APART_MS)


def test_early_questions_are_asked_less_and_less_often() -> None:
    asked = [silent(SENT_MS + 10, complete=False)]
    pauses = [ask_again(asked * count).at_ms - asked[0].answered_ms for count in range(1, 9)]
    assert pauses == [*BACKOFF_MS, BACKOFF_MS[-1], BACKOFF_MS[-1]]


@pytest.mark.parametrize("status", [OrderStatus.FILLED, OrderStatus.ACCEPTED, OrderStatus.EXPIRED])
def test_the_order_as_it_was_signed_is_adopted(status: OrderStatus) -> None:
    assert decide(INTENT, None, [seen(replace(OURS, status=status))]) == Found(replace(OURS, status=status))


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"side": Side.SELL}, "side SELL, not BUY"),
        ({"order_type": OrderType.MARKET}, "type MARKET, not LIMIT"),
        ({"quantity": Base(Decimal("0.0026"))}, "quantity 0.0026, not 0.0025"),
        ({"price": Decimal("10010.01")}, "price 10010.01, not 10010"),
    ],
)
def test_an_order_that_is_not_the_one_we_signed_waits_for_a_human(
    changed: dict[str, object], named: str
) -> None:
    verdict = decide(INTENT, None, [seen(replace(OURS, **changed))])  # type: ignore[arg-type]  # one field
    assert verdict == Quarantine(f"order 41: {named}")


def test_a_market_order_has_no_price_to_differ_in() -> None:
    market = replace(INTENT, request=replace(INTENT.request, order_type=OrderType.MARKET, price=None))
    told = replace(OURS, order_type=OrderType.MARKET, price=Decimal(0))
    assert decide(market, None, [seen(told)]) == Found(told)


def test_two_orders_under_one_name_wait_for_a_human() -> None:
    twin = replace(OURS, venue_order_id=42)
    both = "the venue has 2 orders under this name: 41, 42"
    assert decide(INTENT, None, [seen(OURS, twin)]) == Quarantine(both)
    assert decide(INTENT, None, [seen(OURS), seen(twin)]) == Quarantine(both)
    assert decide(INTENT, 42, [seen(OURS)]) == Quarantine(both)


def test_of_two_sightings_the_one_that_knows_more_counts() -> None:
    partial = replace(OURS, status=OrderStatus.PARTIALLY_FILLED, executed_quantity=Base(Decimal("0.001")))
    assert decide(INTENT, None, [seen(partial, OURS)]) == Found(OURS)
    assert decide(INTENT, None, [seen(OURS, partial)]) == Found(OURS)


def test_found_once_and_then_gone_waits_for_a_human() -> None:
    gone = [silent(BELIEVABLE_MS + 1), silent(BELIEVABLE_MS + 20_000)]
    doubt = Quarantine("the venue no longer knows an order that it had accepted")
    assert decide(INTENT, 41, gone) == doubt
    assert decide(INTENT, None, [seen(OURS), *gone]) == doubt
    assert isinstance(decide(INTENT, 41, gone[:1]), AskAgain)


def test_trades_of_no_known_order_wait_for_a_human_when_they_stay() -> None:
    strays = [replace(silent(BELIEVABLE_MS + ms), unexplained=(STRAY,)) for ms in (1, 20_000)]
    assert decide(INTENT, None, strays) == Quarantine(
        "the venue does not know the order, but trades of no known order: 900"
    )
    assert isinstance(decide(INTENT, None, strays[:1]), AskAgain)


def test_trades_that_were_explained_meanwhile_start_the_count_anew() -> None:
    stray = replace(silent(BELIEVABLE_MS + 1), unexplained=(STRAY,))
    clean = [silent(BELIEVABLE_MS + 20_000), silent(BELIEVABLE_MS + 40_000)]
    assert isinstance(decide(INTENT, None, [stray, clean[0]]), AskAgain)
    assert isinstance(decide(INTENT, None, [stray, *clean]), NeverAccepted)


ROUNDS = st.lists(
    st.builds(
        lambda asked_ms, took_ms, sightings, unexplained, complete: Round(
            asked_ms, asked_ms + took_ms, sightings, unexplained, complete
        ),
        st.integers(SENT_MS, SENT_MS + 120_000),
        st.integers(0, 3_000),
        st.sampled_from([(), (), (), (OURS,), (replace(OURS, side=Side.SELL),)]),
        st.sampled_from([(), (), (STRAY,)]),
        st.booleans(),
    ),
    max_size=8,
).map(lambda rounds: sorted(rounds, key=lambda each: each.asked_ms))


@given(rounds=ROUNDS, known=st.sampled_from([None, 41, 42]))
def test_no_answers_lead_to_a_hasty_verdict(rounds: list[Round], known: int | None) -> None:
    verdict = decide(INTENT, known, rounds)
    sighted = [report for each in rounds for report in each.sightings]
    match verdict:
        case NeverAccepted((first_ms, last_ms)):
            assert known is None
            assert not sighted
            assert first_ms > BELIEVABLE_MS
            assert last_ms - first_ms >= ROUNDS_APART_MS
        case Found(report):
            assert report in rounds[-1].sightings
            assert report == OURS
            assert known in (None, 41)
        case AskAgain(at_ms) if rounds:
            assert at_ms > rounds[-1].answered_ms
