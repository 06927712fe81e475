"""Anchors in files, orders by name, logs made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.account import AccountKey
from core.audit.anchor_files import anchors_in, anchors_named
from core.errors import ConfigError, ReconciliationBreak
from core.journal import Journal
from core.journal.history import Selection
from core.operations.audit import anchor, find, rebuild_log
from core.orders import OrderStatus
from tests.core.journal.books import SteppingClock, fill, open_journal, record_intent, report


def test_anchors_are_added_never_written_over(journal: Journal, account: AccountKey, tmp_path: Path) -> None:
    file = tmp_path / "anchors"
    first = anchor(journal, SteppingClock(), file)
    assert anchor(journal, SteppingClock(), file) is not None  # nothing new: no second line
    record_intent(journal, account)
    second = anchor(journal, SteppingClock(), file)
    assert anchors_in(file) == (first, second)
    assert anchors_named("anchors", tmp_path) == (first, second)
    assert file.stat().st_mode & 0o077 == 0


def test_a_line_that_was_cut_off_does_not_spoil_the_next(
    journal: Journal, account: AccountKey, tmp_path: Path
) -> None:
    file = tmp_path / "anchors"
    anchor(journal, SteppingClock(), file)
    file.write_text(file.read_text().removesuffix("\n"))
    record_intent(journal, account)
    anchor(journal, SteppingClock(), file)
    assert len(anchors_in(file)) == 2


def test_anchors_of_another_journal_are_refused(journal: Journal, tmp_path: Path) -> None:
    file = tmp_path / "anchors"
    with open_journal(tmp_path / "other") as other:
        anchor(other, SteppingClock(), file)
    before = file.read_bytes()
    with pytest.raises(ReconciliationBreak) as refused:
        anchor(journal, SteppingClock(), file)
    assert refused.value.code == "JOURNAL_DAMAGED"
    assert file.read_bytes() == before


def test_a_file_of_something_else_is_not_added_to(journal: Journal, tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_text("dear diary\n")
    with pytest.raises(ConfigError) as refused:
        anchor(journal, SteppingClock(), file)
    assert refused.value.code == "FILE_UNREADABLE"
    assert file.read_text() == "dear diary\n"


def test_an_empty_home_has_no_anchor(tmp_path: Path) -> None:
    with open_journal(tmp_path / "none", read_only=True) as journal:
        assert anchor(journal, SteppingClock(), tmp_path / "anchors") is None
    assert not (tmp_path / "anchors").exists()


def test_one_order_is_found_by_either_name(journal: Journal, account: AccountKey) -> None:
    intents = [record_intent(journal, account).intent for _ in range(12)]
    for intent in intents:
        done = fill(intent, intent.sequence, "0.001")
        journal.record_report(intent, report(intent, OrderStatus.FILLED, done))
    for name in (intents[0].client_order_id, "901"):
        life = find(journal, Selection(), name, 50)
        assert [each.stored.kind for each in life] == ["INTENT", "FILL", "REPORT"]
        assert {each.stored.event().payload["client_order_id"] for each in life} == {
            intents[0].client_order_id  # and not that of order 10, 11 or 12
        }
    with pytest.raises(ConfigError) as refused:
        find(journal, Selection(), "77", 50)
    assert refused.value.code == "ORDER_UNKNOWN"


def test_events_are_chosen_by_kind_and_time(journal: Journal, account: AccountKey) -> None:
    for _ in range(5):
        record_intent(journal, account)
    every = list(journal.history.events(Selection()))
    middle = every[4].stored.time_ms
    chosen = Selection(since_ms=middle, until_ms=every[-1].stored.time_ms, kinds=("INTENT",))
    expected = [each for each in every[:-1] if each.stored.time_ms >= middle and each.stored.kind == "INTENT"]
    assert list(journal.history.events(chosen)) == expected
    assert find(journal, chosen, None, 2) == expected[-2:]


def test_the_old_log_is_kept(journal: Journal) -> None:
    path = journal.audit_log_path
    whole = path.read_text()
    path.write_text("forged\n")
    kept = rebuild_log(journal, 7)
    assert kept is not None
    assert (kept.read_text(), path.read_text()) == ("forged\n", whole)
    path.unlink()
    assert rebuild_log(journal, 8) is None
    assert path.read_text() == whole
