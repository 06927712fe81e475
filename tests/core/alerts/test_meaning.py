"""Every alert as a phone shows it: one sentence and a command. `UPDATE_GOLDEN=1` keeps what is told now."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.account import Environment
from core.alerts import standing
from core.alerts.alert import Alert
from core.alerts.meaning import TOLD_KINDS, alert_of
from core.alerts.queue import KeyTerms
from core.alerts.standing import Wanted
from core.clock import DAY_MS, HOUR_MS
from core.journal import Journal
from core.journal.chain import Event
from tests.core.journal.books import NOW_MS, CountedBytes, open_account, open_journal, record_intent

GOLDEN = Path(__file__).parent / "alerts.txt"
ACCOUNT = "binance:mainnet:api.binance.com:354937868:0"
ORDER = {"client_order_id": "tr0001-1", "symbol": "BTCUSDT"}
ENTRIES: Mapping[str, Mapping[str, object]] = {
    "DENIED": {
        **ORDER,
        "side": "BUY",
        "quantity": "0.001",
        "reason_code": "NOTIONAL_EXCEEDS_CAP",
        "message": "notional 30 USDT exceeds cap 25 USDT",
        "dry_run": False,
    },
    "REJECTED": {**ORDER, "venue_code": -2010, "venue_text": "Account has insufficient balance."},
    "UNKNOWN": {**ORDER, "reason": "no answer within 10 s"},
    "QUARANTINED": {"symbol": "BTCUSDT", "reason": "the venue's answers about tr0001-1 disagree"},
    "LATE_FIND": {**ORDER, "executed_quantity": "0.001", "status": "FILLED", "venue_order_id": 12},
    "REPORT": {**ORDER, "late": True, "executed_quantity": "0.001", "status": "CANCELED"},
    "BREAK": {
        "break_id": "ab12cd34",
        "class": "BALANCE",
        "explanation": "USDT: the venue has 5 less than our books say",
    },
    "INTRUDER_ALARM": {"breaks": {"b1": "order 99 on ETHUSDT is not ours", "b2": "trade 7 is not ours"}},
    "ADDRESS_CHANGED": {"coin": "USDT", "network": "TRX", "address": "TNEWADDRESSTHATISNOTOURS"},
    "TRADING_STATE": {"state": "HALTED", "reason": "storm"},
    "RESTORED": {"previous": "0001", "installation_id": "0002", "reason": "the disk died"},
    "BREAKER_LATCHED": {"breaker": "daily-drawdown", "reason": "equity fell by 3.2 %, 3 % is the limit"},
    "GATE_CLOSED": {
        "stage": 2,
        "gates": ["stage-1"],
        "symbol": "BTCUSDT",
        "why": "stage 2 is closed by gate stage-1: no evidence",
    },
    "KEY_UNPROVEN": {"old": "0123456789ab", "new": "ba9876543210", "old_worked": False},
    "KEY_EXPOSED": {"fingerprint": "0123456789ab", "reason": "pasted into a chat"},
    "EVIDENCE": {"evidence_id": "ev1", "stage": 1, "symbol": "BTCUSDT", "trades": 3},
}
URGENT = {
    "OUTCOME_UNKNOWN",
    "QUARANTINED",
    "LATE_FIND",
    "LATE_FILL",
    "INTRUDER",
    "ADDRESS_CHANGED",
    "POSITION_OPEN",
    "RESTORED",
    "QUEUE_DAMAGED",
}


def nothing(_: str) -> None:
    return None


def journaled(kind: str, payload: Mapping[str, object], account: str | None = ACCOUNT) -> Alert | None:
    return alert_of(Event(7, NOW_MS, kind, account, payload), nothing)


def every_alert() -> list[Alert]:
    found = [told for kind, payload in ENTRIES.items() if (told := journaled(kind, payload))]
    wanted = Wanted("binance", Environment.MAINNET, 26 * HOUR_MS, 48 * HOUR_MS, 90 * DAY_MS)
    found += standing.silent(ACCOUNT, NOW_MS - 27 * HOUR_MS, wanted, NOW_MS)
    found += standing.idle(ACCOUNT, NOW_MS - 49 * HOUR_MS, wanted, NOW_MS)
    key = KeyTerms("0123456789ab", NOW_MS - 81 * DAY_MS, NOW_MS + 3 * DAY_MS)
    found += standing.keys_ending(ACCOUNT, key, wanted, NOW_MS)
    for is_protected, cover in (
        (True, "protected by STOP_LOSS 0.001 at 29000"),
        (False, "protected by nothing"),
    ):
        what = f"0.001 BTCUSDT is open, {cover}"
        found.append(standing.unwatched(what, ACCOUNT, "BTCUSDT", is_protected=is_protected, now_ms=NOW_MS))
    return [*found, standing.queue_damaged(NOW_MS)]


def test_every_alert_is_a_sentence_and_a_command() -> None:
    told = "".join(
        f"{'!' if each.urgent else ' '} {each.code}\n  trader: {each.title}\n  {each.text}\n\n"
        for each in every_alert()
    )
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(told, encoding="utf-8")
    assert told == GOLDEN.read_text(encoding="utf-8")
    assert set(ENTRIES) == set(TOLD_KINDS)


def test_what_no_limit_may_hold_back_is_urgent() -> None:
    assert {each.code for each in every_alert() if each.urgent} == URGENT


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("FILL", {}),
        ("TRADING_STATE", {"state": "ACTIVE"}),
        ("REPORT", {**ORDER, "late": False}),
        ("BREAK", {"class": "TIMING"}),
        ("DENIED", {"dry_run": True}),
    ],
)
def test_everyday_entries_mean_nothing(kind: str, payload: dict[str, object]) -> None:
    assert journaled(kind, payload) is None


def test_a_halt_for_another_reason_is_another_thing_to_tell() -> None:
    first, again, other = (
        journaled("TRADING_STATE", {"state": "HALTED", "reason": reason}) for reason in ("a", "a", "b")
    )
    assert first
    assert again
    assert other
    assert first.subject == again.subject != other.subject


@pytest.mark.parametrize("kind", [kind for kind in TOLD_KINDS if kind not in ("REPORT", "BREAK")])
def test_an_entry_of_another_version_is_told_all_the_same(kind: str) -> None:
    for payload in ({}, {"breaks": None, "gates": 3}):
        told = journaled(kind, payload, account=None)
        assert told is not None
        assert "Next: `trader " in told.text


def test_an_order_is_named_by_what_it_does_and_a_simulated_one_not_at_all(own_home: Path) -> None:
    with open_journal(own_home, random_bytes=CountedBytes()) as journal:
        account = open_account(journal)
        real, simulated = (record_intent(journal, account, dry_run=dry).intent for dry in (False, True))
        told = alert_of(_unknown(journal, real.client_order_id), journal.order)
        assert told is not None
        assert told.text.startswith(f"Nobody knows whether BUY 0.001 BTCUSDT (order {real.client_order_id})")
        assert alert_of(_unknown(journal, simulated.client_order_id), journal.order) is None


def _unknown(journal: Journal, name: str) -> Event:
    return Event(9, NOW_MS, "UNKNOWN", None, {"client_order_id": name, "reason": "timeout"})
