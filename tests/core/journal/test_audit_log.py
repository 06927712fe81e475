"""trade_audit.log: what a human greps, and how it mends itself."""

from __future__ import annotations

import fcntl
import json
import os
import re
from pathlib import Path

import pytest

from core.account import AccountKey
from core.journal import Journal
from core.journal.audit_log import AUDIT_LOG, EXECUTED
from core.orders import OrderStatus
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
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[(INFO|WARNING|ERROR)\] #(\d+) .+\Z")
CONTEXT = {"stage": 1, "lambda": 0.123456789, "gamma": 0.95}


def lines(journal: Journal) -> list[str]:
    return journal.audit_log_path.read_text().split("\n")[:-1]


def test_golden_lines(journal: Journal, account: AccountKey) -> None:
    intent = record_intent(journal, account, context=CONTEXT).intent
    bought = fill(intent, 50, "0.001", fee="0.000001", fee_asset="BTC")
    journal.record_report(intent, report(intent, S.FILLED, bought))
    refused = record_intent(journal, account).intent
    journal.record_rejected(refused, -2010, "Account has insufficient balance.")
    journal.record_denied(account, request(), "STALE_QUOTE", "quote is 9 s old", dry_run=False)
    journal.set_trading_state(account, TradingState.HALTED, "drill")
    assert [_without_numbers(line) for line in lines(journal)[4:]] == [
        "[INFO] #5 Order intent",
        "[INFO] #6 Fill",
        "[INFO] #7 ✅ Trade executed",
        "[INFO] #8 Order intent",
        "[ERROR] #9 Order rejected by the venue",
        "[WARNING] #10 Order denied by our rules, not sent",
        "[WARNING] #11 Trading state set",
    ]
    assert all(LINE.match(line) for line in lines(journal))
    assert lines(journal)[6] == (
        "2026-11-21T00:00:00.006Z [INFO] #7 ✅ Trade executed "
        '{"clientOrderId":"tr0000000000000002-1","dryRun":false,"gamma":"0.95","lambda":"0.123456789",'
        '"orderId":901,"price":"30000","quantity":"0.001","quoteQty":"30","side":"BUY","stage":1,'
        '"status":"FILLED","symbol":"BTCUSDT","timestamp":"2026-11-21T00:00:00.006Z"}'
    )


def _without_numbers(line: str) -> str:
    return line.partition(" ")[2].partition(" {")[0]


def executed(journal: Journal) -> list[dict[str, object]]:
    return [json.loads(line.partition(EXECUTED)[2]) for line in lines(journal) if EXECUTED in line]


def test_one_executed_line_an_order_however_many_fills(journal: Journal, account: AccountKey) -> None:
    full, part, none, resting = (record_intent(journal, account, context=CONTEXT).intent for _ in range(4))
    first = fill(full, 50, "0.0004")
    journal.record_report(full, report(full, S.PARTIALLY_FILLED, first))
    journal.record_report(full, report(full, S.FILLED, first, fill(full, 51, "0.0006", price="30003")))
    journal.record_report(part, report(part, S.EXPIRED, fill(part, 52, "0.0002")))
    journal.record_report(none, report(none, S.EXPIRED))
    journal.record_report(resting, report(resting, S.PARTIALLY_FILLED, fill(resting, 53, "0.0002")))
    told = [
        (each["orderId"], each["quantity"], each["price"], each["quoteQty"]) for each in executed(journal)
    ]
    assert told == [(901, "0.001", "30001.8", "30.0018"), (902, "0.0002", "30000", "6")]


def test_late_fill_is_an_error_line_and_counts_once(journal: Journal, account: AccountKey) -> None:
    empty, part = (record_intent(journal, account).intent for _ in range(2))
    journal.record_report(empty, report(empty, S.EXPIRED))
    journal.record_report(part, report(part, S.EXPIRED, fill(part, 52, "0.0002")))
    before = len(executed(journal))
    journal.record_report(empty, report(empty, S.FILLED, fill(empty, 60, "0.001")))
    late = [fill(part, 52, "0.0002"), fill(part, 61, "0.0001")]
    journal.record_report(part, report(part, S.FILLED, *late))
    assert len(executed(journal)) == before + 1
    assert sum("[ERROR]" in line and '"late":true' in line for line in lines(journal)) == 2


def test_dry_run_orders_are_marked(journal: Journal, account: AccountKey) -> None:
    journal.open_dry_run(account, {})
    intent = record_intent(journal, account, dry_run=True, context={"stage": 0}).intent
    journal.record_report(intent, report(intent, S.FILLED, fill(intent, 50, "0.001")))
    (told,) = executed(journal)
    assert (told["dryRun"], told["stage"], told["lambda"]) == (True, 0, None)


@pytest.mark.parametrize(
    "text",
    [
        "no\n2026-11-21T00:00:00.000Z [INFO] #99 ✅ Trade executed {}",
        "no\r\x85\u2028\u2029\x0b\x0c\x1b[2Jgone",
        "\ud800 is no text",
        "✅ Trade executed",
    ],
)
def test_text_from_the_venue_cannot_make_lines(journal: Journal, account: AccountKey, text: str) -> None:
    before = len(lines(journal))
    intent = record_intent(journal, account).intent
    journal.record_rejected(intent, -1, text)
    journal.record_note("CHECK", account, {text: text})
    assert len(lines(journal)) == before + 3
    assert EXECUTED not in journal.audit_log_path.read_text()
    assert journal.audit_log_path.read_bytes().isascii()
    assert journal.verify() == ()


def test_lines_lost_by_a_kill_are_written_at_the_next_open(own_home: Path) -> None:
    with open_journal(own_home, random_bytes=CountedBytes()) as journal:
        account = open_account(journal)
        for _ in range(3):
            record_intent(journal, account)
    log = own_home / AUDIT_LOG
    complete = log.read_bytes()
    for kept in (0, 1, 50, complete.rfind(b"#5"), len(complete) - 10, len(complete) - 1):
        log.write_bytes(complete[:kept])
        open_journal(own_home).close()
        assert log.read_bytes() == complete
    log.unlink()
    open_journal(own_home).close()
    assert log.read_bytes() == complete


def test_line_longer_than_the_part_that_is_looked_at(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        journal.record_note("LONG", None, {"text": "x" * 300_000})
    with open_journal(own_home) as journal:
        journal.record_note("SHORT", None, {})
        written = lines(journal)
    assert [line.split(" ")[2] for line in written] == ["#1", "#2", "#3"]
    log = own_home / AUDIT_LOG
    log.write_bytes(log.read_bytes() + b"2026 torn" + b"x" * 200_000)
    with open_journal(own_home) as journal:
        assert lines(journal) == written


def test_two_processes_write_every_line_once_and_in_order(own_home: Path) -> None:
    with open_journal(own_home) as one, open_journal(own_home) as other:
        account = open_account(one)
        for _ in range(5):
            record_intent(one, account)
            record_intent(other, account)
            record_intent(other, account)
        written = lines(one)
    assert [int(line.split(" ")[2][1:]) for line in written] == list(range(1, len(written) + 1))


def test_log_held_by_another_process_delays_no_order(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        before = lines(journal)
        with (own_home / AUDIT_LOG).open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            journal.record_unknown(record_intent(journal, account).intent, "no answer")
            assert lines(journal) == before
        journal.record_unknown(record_intent(journal, account).intent, "no answer")
        assert len(lines(journal)) == len(before) + 4


def test_line_of_an_intent_comes_with_its_outcome(journal: Journal, account: AccountKey) -> None:
    before = lines(journal)
    intent = record_intent(journal, account).intent
    assert lines(journal) == before
    journal.record_unknown(intent, "no answer")
    intent_line, outcome_line = lines(journal)[len(before) :]
    assert "Order intent" in intent_line
    assert "Order outcome unknown" in outcome_line


@pytest.mark.parametrize("other_log_is_held", [False, True])
def test_another_process_writes_between_intent_and_outcome(own_home: Path, other_log_is_held: bool) -> None:
    with open_journal(own_home) as journal, open_journal(own_home) as other:
        intent = record_intent(journal, open_account(journal)).intent
        with (own_home / AUDIT_LOG).open("rb") as held:
            if other_log_is_held:
                fcntl.flock(held, fcntl.LOCK_EX)
            other.record_note("BETWEEN", None, {})
        journal.record_unknown(intent, "no answer")
        written = (own_home / AUDIT_LOG).read_bytes()
        journal.rebuild_audit_log()
        assert (own_home / AUDIT_LOG).read_bytes() == written


def test_rotated_log_goes_on_in_the_new_file(journal: Journal) -> None:
    journal.audit_log_path.rename(journal.audit_log_path.with_suffix(".1"))
    journal.record_note("AFTER", None, {})
    assert lines(journal)[-1].split(" ")[2] == "#2"


@pytest.mark.parametrize("obstacle", ["folder", "link", "pipe"])
def test_log_that_cannot_be_written_is_a_warning(own_home: Path, tmp_path: Path, obstacle: str) -> None:
    own_home.mkdir(mode=0o700)
    log = own_home / AUDIT_LOG
    target = tmp_path / "target"
    target.write_text("precious")
    if obstacle == "folder":
        log.mkdir()
    elif obstacle == "link":
        log.symlink_to(target)
    else:
        os.mkfifo(log)
    with open_journal(own_home) as journal:
        account = open_account(journal)
        record_intent(journal, account)
        assert len(journal.unsettled()) == 1
        assert len(journal.warnings) == 1
        assert AUDIT_LOG in journal.warnings[0]
    assert target.read_text() == "precious"


def test_log_of_another_journal_is_not_continued_silently(own_home: Path) -> None:
    own_home.mkdir(mode=0o700)
    log = own_home / AUDIT_LOG
    log.write_text("2026-11-21T00:00:00.000Z [INFO] #500 Order intent {}\n")
    with open_journal(own_home) as journal:
        open_account(journal)
        assert any("another journal" in warning for warning in journal.warnings)
        journal.rebuild_audit_log()
        assert lines(journal)[0].split(" ")[2] == "#1"


def test_notes_have_kinds_of_their_own(journal: Journal, account: AccountKey) -> None:
    journal.record_note("STAGE_STARTED", account, {"stage": 1, "gamma": 0.9, "gates": [{"name": "clock"}]})
    assert '#5 STAGE_STARTED {"account":"' in lines(journal)[-1]
    for kind in ("INTENT", "FILL", "DENIED", "lower", "A B", "X\n", ""):
        with pytest.raises(ValueError, match="kind of a note"):
            journal.record_note(kind, account, {})
