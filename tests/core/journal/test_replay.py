"""Whatever happens, the tables are what replaying the events gives, and the chain verifies."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from core.account import AccountKey
from core.journal import Journal
from core.journal.audit_log import EXECUTED
from core.orders import AT_VENUE, TERMINAL, IllegalTransition, Intent, OrderStatus, Side
from core.stages import TradingState
from tests.core.journal.books import (
    CountedBytes,
    fill,
    open_account,
    open_journal,
    record_intent,
    report,
    request,
)

S = OrderStatus
REPORTABLE = sorted((AT_VENUE | TERMINAL) - {S.DENIED, S.ABANDONED, S.NEVER_ACCEPTED})
Step = Callable[[Journal, AccountKey, list[Intent]], None]


def an_intent(side: Side, steps: int, dry_run: bool, symbol: str) -> Step:
    def step(journal: Journal, account: AccountKey, sent: list[Intent]) -> None:
        wanted = request(side, str(Decimal(steps) / 1000), symbol=symbol, price="0.37")
        sent.append(record_intent(journal, account, wanted, dry_run=dry_run).intent)

    return step


def a_report(which: int, status: OrderStatus, parts: list[int], fee_asset: str) -> Step:
    def step(journal: Journal, account: AccountKey, sent: list[Intent]) -> None:
        intent = sent[which % len(sent)]
        fills = [
            fill(
                intent, intent.sequence * 10 + each, "0.001", price="0.37", fee="0.0001", fee_asset=fee_asset
            )
            for each in parts
        ]
        journal.record_report(intent, report(intent, status, *fills))

    return step


def an_outcome(which: int, kind: str) -> Step:
    def step(journal: Journal, account: AccountKey, sent: list[Intent]) -> None:
        intent = sent[which % len(sent)]
        if kind == "rejected":
            journal.record_rejected(intent, -2010, "no\nreally")
        elif kind == "unknown":
            journal.record_unknown(intent, "timeout")
        else:
            journal.record_abandoned(intent, "too old")

    return step


def an_end(which: int, kind: str, quantity: str) -> Step:
    """What a resolver or a human decides about an order."""

    def step(journal: Journal, account: AccountKey, sent: list[Intent]) -> None:
        intent = sent[which % len(sent)]
        told = report(intent, S.FILLED, fill(intent, intent.sequence * 10 + 5, quantity, price="0.37"))
        match kind:
            case "never accepted":
                journal.record_never_accepted(intent, (1, 2))
            case "asked again":
                journal.record_asked_again(intent)
            case "late find":
                journal.record_late_find(intent, told)
            case "imported":
                journal.record_imported(intent, told, told.fills, "seen at the venue")
            case "written off":
                journal.record_written_off(intent, "given up")

    return step


def a_release(symbol: str) -> Step:
    return lambda journal, account, sent: journal.release_quarantine(account, symbol, "looked")


def a_state(state: TradingState) -> Step:
    return lambda journal, account, sent: journal.set_trading_state(account, state, "drill")


def a_quarantine(symbol: str) -> Step:
    return lambda journal, account, sent: journal.quarantine(account, symbol, "doubt")


def a_note(payload: dict[str, object]) -> Step:
    return lambda journal, account, sent: journal.record_note("CHECK", account, payload)


which = st.integers(0, 20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
steps = st.one_of(
    st.builds(
        an_intent,
        st.sampled_from(Side),
        st.integers(1, 4),
        st.booleans(),
        st.sampled_from(["BTCUSDT", "BNBBTC"]),
    ),
    st.builds(
        a_report,
        which,
        st.sampled_from(REPORTABLE),
        st.lists(st.integers(0, 3), max_size=4, unique=True),
        st.sampled_from(["BTC", "USDT", "BNB"]),
    ),
    st.builds(an_outcome, which, st.sampled_from(["rejected", "unknown", "abandoned"])),
    st.builds(
        an_end,
        which,
        st.sampled_from(["never accepted", "asked again", "late find", "imported", "written off"]),
        st.sampled_from(["0.001", "0.009"]),
    ),
    st.builds(a_release, st.sampled_from(["BTCUSDT", "BNBBTC"])),
    st.builds(a_state, st.sampled_from(TradingState)),
    st.builds(a_quarantine, st.sampled_from(["BTCUSDT", "BNBBTC"])),
    st.builds(a_note, st.dictionaries(st.text(), json_values, max_size=3)),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, max_size=25))
def test_replaying_the_journal_gives_the_live_state(history: list[Step]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        open_journal(Path(folder) / "home", random_bytes=CountedBytes()) as journal,
    ):
        account = open_account(journal)
        journal.open_dry_run(account, {"USDT": Decimal(100)})
        sent: list[Intent] = []
        an_intent(Side.BUY, 4, False, "BTCUSDT")(journal, account, sent)
        for step in history:
            with contextlib.suppress(IllegalTransition):
                step(journal, account, sent)
        journal.record_note("END", None, {})  # the line of an intent comes with the next one
        assert journal.verify() == ()
        _refuse_inconsistent_books(journal, account, sent)
        written = journal.audit_log_path.read_bytes()
        journal.rebuild_audit_log()
        assert journal.audit_log_path.read_bytes() == written


def _refuse_inconsistent_books(journal: Journal, account: AccountKey, sent: list[Intent]) -> None:
    """Derive the same answers a second way, from the orders and fills."""
    ended_with_something = 0
    for symbol, base in (("BTCUSDT", "BTC"), ("BNBBTC", "BNB")):
        for dry_run in (False, True):
            own = [each for each in sent if each.request.symbol == symbol and each.dry_run is dry_run]
            expected = Decimal(0)
            for done in (done for intent in own for done in journal.fills(intent)):
                expected += done.quantity.value if done.side is Side.BUY else -done.quantity.value
                expected -= done.fee.amount if done.fee.currency == base else 0
            assert journal.position(account, symbol, dry_run=dry_run).quantity.value == expected
    for intent in sent:
        order = journal.order(intent.client_order_id)
        assert order is not None
        assert order.intent == intent
        filled = sum((each.quantity.value for each in journal.fills(intent)), Decimal(0))
        assert order.filled_quantity.value == filled
        ended_with_something += order.status in TERMINAL and order.executed_quantity.value > 0
    assert journal.audit_log_path.read_text().count(EXECUTED) == ended_with_something
