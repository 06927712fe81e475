"""Which alerts get into the queue, and that it survives."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.alerts.meaning import Alert, alert_of
from core.alerts.queue import AGAIN_AFTER_MS, MOST_IN_WINDOW, WINDOW_MS, Queue, add, opened
from core.journal.chain import Event

NOW = 1_800_000_000_000


def alert(subject: str, *, urgent: bool = False) -> Alert:
    return Alert("CODE", "title", "text", urgent, subject, NOW)


def test_one_subject_is_one_alert_for_a_while() -> None:
    queue = add(Queue(), [alert("a"), alert("a")], 5, NOW)
    assert (len(queue.waiting), queue.sequence) == (1, 5)
    assert len(add(queue, [alert("a")], 6, NOW + AGAIN_AFTER_MS - 1).waiting) == 1
    assert len(add(queue, [alert("a")], 6, NOW + AGAIN_AFTER_MS).waiting) == 2


def test_a_storm_is_held_back_and_counted_but_urgent_things_get_through() -> None:
    storm = [alert(f"n{number}") for number in range(MOST_IN_WINDOW + 7)]
    queue = add(Queue(), [*storm, alert("u", urgent=True)], 1, NOW)
    assert len(queue.waiting) == MOST_IN_WINDOW + 1
    assert queue.waiting[-1].urgent
    assert queue.held == 7
    later = add(queue, [], 2, NOW + WINDOW_MS)
    assert later.waiting[-1].code == "HELD_BACK"
    assert later.waiting[-1].text.startswith("7 more alert(s)")
    assert later.held == 0


@pytest.mark.parametrize(
    ("kind", "payload", "code", "urgent"),
    [
        ("UNKNOWN", {"client_order_id": "tr1"}, "OUTCOME_UNKNOWN", True),
        ("INTRUDER_ALARM", {"breaks": {"b": "x"}}, "INTRUDER", True),
        ("QUARANTINED", {"symbol": "BTCUSDT"}, "QUARANTINED", True),
        ("REJECTED", {"symbol": "BTCUSDT", "code": -2010}, "ORDER_REJECTED", False),
        ("TRADING_STATE", {"state": "HALTED", "reason": "x"}, "TRADING_STOPPED", False),
        ("BREAKER_LATCHED", {"breaker": "daily-drawdown", "reason": "x"}, "BREAKER_LATCHED", False),
        ("EVIDENCE", {"stage": 1}, "STAGE_PASSED", False),
    ],
)
def test_entries_of_the_journal_have_their_meaning(
    kind: str, payload: dict[str, object], code: str, urgent: bool
) -> None:
    told = alert_of(Event(1, NOW, kind, "paper", payload))
    assert told is not None
    assert (told.code, told.urgent) == (code, urgent)
    assert "paper" in told.text


@pytest.mark.parametrize(("kind", "payload"), [("FILL", {}), ("TRADING_STATE", {"state": "ACTIVE"})])
def test_everyday_entries_have_none(kind: str, payload: dict[str, object]) -> None:
    assert alert_of(Event(1, NOW, kind, "paper", payload)) is None


def test_the_queue_survives_and_a_damaged_one_is_moved_aside(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        assert file.read() is None
        file.write(add(Queue(), [alert("a")], 3, NOW))
    with opened(tmp_path) as file:
        queue = file.read()
        assert queue is not None
        assert queue.waiting[0].text == "text"
    (tmp_path / "alerts.json").write_text("{half")
    with opened(tmp_path) as file:
        assert file.read() is None
    assert (tmp_path / "alerts.damaged").read_text() == "{half"
    assert not (tmp_path / "alerts.json").exists()
