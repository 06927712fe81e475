"""An order's life as the journal tells it, and what follows for positions and limits."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.account import AccountKey
from core.clock import DAY_MS
from core.ids import is_ours
from core.journal import Journal
from core.orders import (
    TRANSITIONS,
    AlreadySent,
    IllegalTransition,
    Intent,
    OrderStatus,
    Purpose,
    Side,
)
from tests.core.journal.books import (
    NOW_MS,
    TODAY,
    fill,
    open_account,
    open_journal,
    record_intent,
    report,
    request,
)

S = OrderStatus


def status_of(journal: Journal, intent: Intent) -> OrderStatus:
    order = journal.order(intent.client_order_id)
    assert order is not None
    return order.status


def test_intent_is_recorded_whole_and_sent_once(journal: Journal, account: AccountKey) -> None:
    wanted = replace(request(), stop_price=Decimal("29000.10"))
    permission = record_intent(journal, account, wanted, context={"stage": 1, "lambda": 0.25})
    intent = permission.intent
    order = journal.order(intent.client_order_id)
    assert order is not None
    assert order.intent == intent
    assert intent.request == wanted
    assert is_ours(intent.client_order_id, journal.installation_id)
    assert order.context == {"stage": 1, "lambda": "0.25"}
    assert permission.spend() == intent
    with pytest.raises(AlreadySent):
        permission.spend()


def test_sequence_goes_on_after_a_restart(journal: Journal, account: AccountKey) -> None:
    first = record_intent(journal, account).intent
    with open_journal(journal.home) as other:
        second = record_intent(other, account).intent
    third = record_intent(journal, account).intent
    assert [each.sequence for each in (first, second, third)] == [1, 2, 3]
    assert len({each.client_order_id for each in (first, second, third)}) == 3


def test_intent_without_an_outcome_is_unsettled(journal: Journal, account: AccountKey) -> None:
    intent = record_intent(journal, account).intent
    (unsettled,) = journal.unsettled(account)
    assert unsettled.order.intent == intent
    assert unsettled.since_ms == intent.created_ms
    assert "may have been sent" in unsettled.what
    assert journal.in_flight(account, "BTCUSDT") == (intent.client_order_id,)
    assert journal.in_flight(account, "BNBBTC") == ()
    assert journal.unsettled(replace(account, uid="other")) == ()


def test_unknown_outcome_stays_unsettled_until_reported(journal: Journal, account: AccountKey) -> None:
    intent = record_intent(journal, account).intent
    journal.record_unknown(intent, "timeout after 10 s")
    assert [each.what for each in journal.unsettled()] == ["outcome unknown: timeout after 10 s"]
    journal.record_report(intent.client_order_id, report(intent, S.EXPIRED))
    assert journal.unsettled() == ()


def test_abandoned_and_rejected_are_settled(journal: Journal, account: AccountKey) -> None:
    unsent, refused = (record_intent(journal, account).intent for _ in range(2))
    journal.record_abandoned(unsent, "the lease was lost")
    journal.record_rejected(refused, -2010, "insufficient balance")
    assert (status_of(journal, unsent), status_of(journal, refused)) == (S.ABANDONED, S.REJECTED)
    assert journal.unsettled() == ()
    order = journal.order(refused.client_order_id)
    assert order is not None
    assert order.outcome == "-2010: insufficient balance"


def test_abandoning_what_may_have_been_sent_is_illegal(journal: Journal, account: AccountKey) -> None:
    intent = record_intent(journal, account).intent
    journal.record_unknown(intent, "timeout")
    with pytest.raises(IllegalTransition):
        journal.record_abandoned(intent, "it was not sent, really")
    assert len(journal.unsettled()) == 1


def test_fills_are_recorded_once_whatever_their_source(journal: Journal, account: AccountKey) -> None:
    intent = record_intent(journal, account).intent
    first = fill(intent, 50, "0.0004", fee="0.0000004", fee_asset="BTC")
    second = fill(intent, 51, "0.0006", fee="0.0000006", fee_asset="BTC")
    assert journal.record_report(intent, report(intent, S.PARTIALLY_FILLED, first)) == (first,)
    swept = replace(first, ts_event_ms=NOW_MS + 900)  # another source knows another time
    done = report(intent, S.FILLED, swept, second)
    assert journal.record_report(intent, done) == (second,)
    assert journal.record_report(intent, done) == ()
    assert journal.fills(intent) == (first, second)
    position = journal.position(account, "BTCUSDT")
    assert position.quantity.value == Decimal("0.000999")
    assert position.fees == {"BTC": Decimal("0.000001")}


def test_repeated_report_adds_no_event(journal: Journal, account: AccountKey) -> None:
    intent = record_intent(journal, account).intent
    done = report(intent, S.FILLED, fill(intent, 50, "0.001"))
    journal.record_report(intent, done)
    lines = journal.audit_log_path.read_text()
    journal.record_report(intent, done)
    assert journal.audit_log_path.read_text() == lines


def test_executed_without_fills_is_unsettled_until_they_come(journal: Journal, account: AccountKey) -> None:
    intent = record_intent(journal, account).intent
    journal.record_report(intent, report(intent, S.FILLED, executed=("0.001", "30")))
    (unsettled,) = journal.unsettled()
    assert unsettled.what == "0.001 executed, but fills of 0 are recorded"
    journal.record_report(intent, report(intent, S.FILLED, fill(intent, 50, "0.001")))
    assert journal.unsettled() == ()
    assert journal.position(account, "BTCUSDT").quantity.value == Decimal("0.001")


def test_late_fill_is_recorded_and_flagged_and_does_not_reopen(journal: Journal, account: AccountKey) -> None:
    intent = record_intent(journal, account).intent
    journal.record_report(intent, report(intent, S.EXPIRED))
    late = fill(intent, 60, "0.001")
    assert journal.record_report(intent, report(intent, S.FILLED, late)) == (late,)
    order = journal.order(intent.client_order_id)
    assert order is not None
    assert (order.status, order.late_fill) == (S.EXPIRED, True)
    assert order.executed_quantity.value == Decimal("0.001")
    assert journal.position(account, "BTCUSDT").quantity.value == Decimal("0.001")
    assert journal.open_orders(account) == ()


@pytest.mark.parametrize("ended", [S.CANCELED, S.EXPIRED, S.REJECTED])
def test_late_fill_is_taken_after_every_end_that_the_table_names(
    journal: Journal, account: AccountKey, ended: OrderStatus
) -> None:
    intent = record_intent(journal, account).intent
    journal.record_report(intent, report(intent, ended))
    journal.record_report(intent, report(intent, S.PARTIALLY_FILLED, fill(intent, 60, "0.0005")))
    assert status_of(journal, intent) is ended


REPORTED = (S.ACCEPTED, S.PARTIALLY_FILLED, S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED, S.PENDING_CANCEL)


@pytest.mark.parametrize("current", REPORTED)
@pytest.mark.parametrize("new", REPORTED)
def test_reports_follow_the_transition_table(
    journal: Journal, account: AccountKey, current: OrderStatus, new: OrderStatus
) -> None:
    intent = record_intent(journal, account).intent
    executed = ("0.0005", "15") if current is S.PARTIALLY_FILLED else None
    full = ("0.001", "30")
    before = report(intent, current, executed=full if current is S.FILLED else executed)
    journal.record_report(intent, before)
    after = report(intent, new, executed=full if current is S.FILLED else executed)
    if new is current or new in TRANSITIONS[current]:
        journal.record_report(intent, after)
        assert status_of(journal, intent) is new
    else:
        with pytest.raises(IllegalTransition):
            journal.record_report(intent, after)
        assert status_of(journal, intent) is current


def test_report_on_an_abandoned_order_is_illegal(journal: Journal, account: AccountKey) -> None:
    intent = record_intent(journal, account).intent
    journal.record_abandoned(intent, "too old")
    with pytest.raises(IllegalTransition):
        journal.record_report(intent, report(intent, S.FILLED, fill(intent, 50, "0.001")))
    assert journal.fills(intent) == ()
    assert journal.position(account, "BTCUSDT").is_flat


def test_refused_report_writes_nothing(journal: Journal, account: AccountKey) -> None:
    intent = record_intent(journal, account).intent
    good = report(intent, S.FILLED, fill(intent, 50, "0.001"))
    strange = [
        replace(good, symbol="BNBBTC"),
        replace(good, side=Side.SELL),
        replace(good, client_order_id="tr00-1"),
        replace(good, status=S.SUBMITTED),
        replace(good, status=S.ABANDONED),
        report(intent, S.FILLED, executed=("0.002", "60")),
        replace(good, fills=(replace(good.fills[0], side=Side.SELL),)),
        replace(good, fills=(replace(good.fills[0], symbol="BNBBTC"),)),
    ]
    for each in strange:
        with pytest.raises(IllegalTransition):
            journal.record_report(intent, each)
    assert status_of(journal, intent) is S.INITIALIZED
    assert journal.fills(intent) == ()
    journal.record_report(intent, good)


def test_second_order_under_our_name_is_refused(journal: Journal, account: AccountKey) -> None:
    intent = record_intent(journal, account).intent
    journal.record_report(intent, report(intent, S.ACCEPTED))
    again = replace(report(intent, S.ACCEPTED), venue_order_id=999)
    with pytest.raises(IllegalTransition, match="about 999"):
        journal.record_report(intent, again)


def test_trade_id_of_another_order_is_refused(journal: Journal, account: AccountKey) -> None:
    first, second = (record_intent(journal, account).intent for _ in range(2))
    journal.record_report(first, report(first, S.FILLED, fill(first, 50, "0.001")))
    with pytest.raises(IllegalTransition, match="trade 50"):
        journal.record_report(second, report(second, S.FILLED, fill(second, 50, "0.001")))
    assert status_of(journal, second) is S.INITIALIZED


def test_same_trade_id_on_another_account_is_another_fill(journal: Journal, account: AccountKey) -> None:
    for owner in (account, open_account(journal, uid="8")):
        intent = record_intent(journal, owner).intent
        assert journal.record_report(intent, report(intent, S.FILLED, fill(intent, 50, "0.001")))
        assert journal.position(owner, "BTCUSDT").quantity.value == Decimal("0.001")


def test_order_that_the_journal_does_not_have_is_a_bug(journal: Journal) -> None:
    with pytest.raises(LookupError):
        journal.record_unknown("tr0000000000000000-1", "?")


def test_open_orders_rest_until_they_end(journal: Journal, account: AccountKey) -> None:
    intent = record_intent(journal, account).intent
    journal.record_report(intent, report(intent, S.ACCEPTED))
    (resting,) = journal.open_orders(account, symbol="BTCUSDT")
    assert resting.venue_order_id == 901
    assert journal.in_flight(account, "BTCUSDT") == ()
    assert journal.open_orders(account, symbol="BNBBTC") == ()
    journal.record_report(intent, report(intent, S.CANCELED))
    assert journal.open_orders(account) == ()


def test_round_trip_realizes_proceeds_less_cost_and_quote_fee(journal: Journal, account: AccountKey) -> None:
    buy = record_intent(journal, account).intent
    bought = fill(buy, 50, "0.001", fee="0.000001", fee_asset="BTC")
    journal.record_report(buy, report(buy, S.FILLED, bought))
    sell = record_intent(journal, account, request(Side.SELL, "0.000999", price="31000")).intent
    sold = fill(sell, 51, "0.000999", price="31000", fee="0.030969", fee_asset="USDT")
    journal.record_report(sell, report(sell, S.FILLED, sold))
    position = journal.position(account, "BTCUSDT")
    assert position.is_flat
    assert position.average_cost is None
    assert position.realized.value == Decimal("30.969") - Decimal("0.030969") - Decimal(30)
    assert journal.realized_today(account, TODAY, "USDT") == position.realized.value
    assert journal.realized_today(account, TODAY, "BTC") == 0
    assert journal.realized_today(account, TODAY - 1, "USDT") == 0
    assert [each.symbol for each in journal.positions(account)] == ["BTCUSDT"]


def test_fee_in_a_third_asset_is_listed_only(journal: Journal, account: AccountKey) -> None:
    intent = record_intent(journal, account).intent
    journal.record_report(intent, report(intent, S.FILLED, fill(intent, 50, "0.001", fee="0.01")))
    position = journal.position(account, "BTCUSDT")
    assert (position.quantity.value, position.cost.value) == (Decimal("0.001"), Decimal(30))
    assert position.fees == {"BNB": Decimal("0.01")}


def test_fee_asset_is_told_apart_by_the_symbols_assets(journal: Journal, account: AccountKey) -> None:
    wanted = request(quantity="2", symbol="BNBBTC", price="0.01")
    intent = record_intent(journal, account, wanted).intent
    paid_in_base = fill(intent, 50, "2", price="0.01", fee="0.002", fee_asset="BNB")
    journal.record_report(intent, report(intent, S.FILLED, paid_in_base))
    assert journal.position(account, "BNBBTC").quantity.value == Decimal("1.998")


def test_entries_count_by_day_unless_nothing_came_of_them(journal: Journal, account: AccountKey) -> None:
    filled, abandoned, rejected, expired, pending = (record_intent(journal, account).intent for _ in range(5))
    journal.record_report(filled, report(filled, S.FILLED, fill(filled, 50, "0.001")))
    journal.record_abandoned(abandoned, "too old")
    journal.record_rejected(rejected, -1013, "filter")
    journal.record_report(expired, report(expired, S.EXPIRED))
    journal.record_unknown(pending, "timeout")
    record_intent(journal, account, request(Side.SELL))
    record_intent(journal, account, request(purpose=Purpose.FLATTEN))
    record_intent(journal, account, dry_run=True)
    record_intent(journal, account, timestamp_ms=NOW_MS - 1)
    record_intent(journal, account, timestamp_ms=NOW_MS + DAY_MS)
    assert [journal.entries_today(account, TODAY + day) for day in (-1, 0, 1, 2)] == [1, 2, 1, 0]
    assert journal.entries_today(open_account(journal, uid="8"), TODAY) == 0


def test_dry_run_is_a_book_of_its_own(journal: Journal, account: AccountKey) -> None:
    journal.open_dry_run(account, {"USDT": Decimal("100.5")})
    journal.open_dry_run(account, {"USDT": Decimal(999)})
    intent = record_intent(journal, account, dry_run=True).intent
    assert journal.in_flight(account, "BTCUSDT", dry_run=True) == (intent.client_order_id,)
    simulated = fill(intent, 50, "0.001", fee="0.000001", fee_asset="BTC")
    journal.record_report(intent, report(intent, S.FILLED, simulated))
    real = record_intent(journal, account).intent
    journal.record_report(real, report(real, S.FILLED, fill(real, 50, "0.001", fee="0.0003")))
    assert journal.dry_run_balances(account) == {"USDT": Decimal("70.5"), "BTC": Decimal("0.000999")}
    assert journal.dry_run_free(account, "USDT") == Decimal("70.5")
    assert journal.dry_run_free(account, "ETH") == 0
    assert journal.position(account, "BTCUSDT").fees == {"BNB": Decimal("0.0003")}
    assert journal.position(account, "BTCUSDT", dry_run=True).quantity.value == Decimal("0.000999")
    stuck = record_intent(journal, account, dry_run=True).intent
    assert journal.unsettled() == ()
    assert journal.in_flight(account, "BTCUSDT") == ()
    assert journal.in_flight(account, "BTCUSDT", dry_run=True) == (stuck.client_order_id,)


def test_dry_run_fee_in_a_third_asset_is_taken_from_it(journal: Journal, account: AccountKey) -> None:
    journal.open_dry_run(account, {"USDT": Decimal(100), "BNB": Decimal(1)})
    intent = record_intent(journal, account, dry_run=True).intent
    journal.record_report(intent, report(intent, S.FILLED, fill(intent, 50, "0.001", fee="0.25")))
    assert journal.dry_run_balances(account) == {
        "BNB": Decimal("0.75"),
        "BTC": Decimal("0.001"),
        "USDT": Decimal(70),
    }
