"""Which alerts get into the queue, and that its file survives."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from core.alerts.alert import AGAIN_AFTER_MS, LONGEST_TEXT, Alert, sentence
from core.alerts.queue import (
    MOST_IN_WINDOW,
    MOST_OF_A_KIND,
    MOST_URGENT_WAITING,
    MOST_WAITING,
    WINDOW_MS,
    Queue,
    add,
    in_order,
    told,
    without_told,
)
from core.alerts.queue_file import QueueFile

NOW = 1_800_000_000_000


def alert(subject: str, *, urgent: bool = False, code: str = "CODE") -> Alert:
    return Alert(code, "title", f"text of {subject}", urgent, subject, NOW)


def codes(queue: Queue) -> list[str]:
    return [each.code for each in queue.waiting]


def test_one_subject_is_one_alert_for_a_while() -> None:
    queue = add(Queue(), [alert("a"), alert("a")], NOW)
    assert len(queue.waiting) == 1
    assert len(add(queue, [alert("a")], NOW + AGAIN_AFTER_MS - 1).waiting) == 1
    assert len(add(queue, [alert("a")], NOW + AGAIN_AFTER_MS).waiting) == 2


def test_a_clock_that_was_set_back_silences_nothing() -> None:
    ahead = add(Queue(), [alert(f"n{number}") for number in range(MOST_OF_A_KIND)], NOW + 365 * 86_400_000)
    assert len(add(ahead, [alert("n0"), alert("other")], NOW).waiting) == MOST_OF_A_KIND + 2


def test_each_kind_and_all_of_them_have_their_limit() -> None:
    storm = [alert(f"{code}{number}", code=code) for code in "ABC" for number in range(MOST_OF_A_KIND + 2)]
    queue = add(Queue(), storm, NOW)
    assert codes(queue) == ["A"] * MOST_OF_A_KIND + ["B"] * MOST_OF_A_KIND
    assert len(queue.waiting) == MOST_IN_WINDOW
    assert queue.held == {"A": 2, "B": 2, "C": MOST_OF_A_KIND + 2}


def test_a_storm_of_a_thousand_hides_nothing_urgent() -> None:
    storm = [alert(f"n{number}") for number in range(1_000)]
    urgent = [alert(f"u{number}", urgent=True, code="URGENT") for number in range(300)]
    queue = add(Queue(), [*storm[:500], *urgent, *storm[500:]], NOW)
    assert {each.text for each in queue.waiting if each.urgent} == {each.text for each in urgent}
    assert [each.urgent for each in in_order(queue.waiting)][:300] == [True] * 300
    assert queue.held == {"CODE": 1_000 - MOST_OF_A_KIND}


def test_what_was_held_back_is_told_as_one_line_though_the_storm_goes_on() -> None:
    queue = Queue()
    for minute in range(WINDOW_MS // 60_000 + 2):
        queue = add(queue, [alert(f"{minute}-{each}") for each in range(3)], NOW + minute * 60_000)
    (summary,) = [each for each in queue.waiting if each.code == "HELD_BACK"]
    assert summary.text.startswith("25 more alert(s) were held back: 25 CODE.")


def test_the_queue_is_bounded_whatever_happens() -> None:
    queue = Queue()
    for hour in range(40):
        storm = [alert(f"{hour}-{each}", urgent=each % 2 == 0) for each in range(400)]
        queue = add(queue, storm, NOW + hour * 3_600_000)
    assert sum(each.urgent for each in queue.waiting) == MOST_URGENT_WAITING
    assert sum(not each.urgent for each in queue.waiting) <= MOST_WAITING + 40
    assert queue.held["CODE"] > 0


def test_an_alert_waits_until_every_receiver_has_it() -> None:
    queue = add(Queue(), [alert("a"), alert("b")], NOW)
    first, second = (each.key for each in queue.waiting)
    queue = told(queue, "one", {first}, {second})
    assert [(each.told_to, each.tries) for each in queue.waiting] == [(("one",), 0), ((), 1)]
    assert [each.key for each in in_order(queue.waiting)] == [first, second]
    assert len(without_told(queue, ["one", "two"]).waiting) == 2
    assert [each.key for each in without_told(queue, ["one"]).waiting] == [second]
    assert len(without_told(queue, []).waiting) == 2, "nobody was told"


def test_a_long_text_keeps_its_command() -> None:
    text = sentence("word " * 500, "paper:testnet:127.0.0.1:80:7:0", "trader status")
    assert len(text) == LONGEST_TEXT
    assert text.endswith("… (paper testnet …7). Next: `trader status`")


def test_the_file_survives_and_a_damaged_one_is_kept_beside_it(tmp_path: Path) -> None:
    file = QueueFile(tmp_path)
    assert file.read() is None
    kept = file.change(lambda _: add(Queue(), [alert("a")], NOW))
    assert QueueFile(tmp_path).read() == kept
    assert (tmp_path / "alerts.json").stat().st_mode & 0o777 == 0o600
    (tmp_path / "alerts.json").write_text("{half")
    assert file.read() == Queue(was_damaged=True)
    file.change(lambda _: kept)
    assert (tmp_path / "alerts.damaged").read_text() == "{half"
    assert file.read() == kept


def test_what_does_not_change_is_not_written_again(tmp_path: Path) -> None:
    file = QueueFile(tmp_path)
    file.change(lambda _: add(Queue(), [alert("a")], NOW))
    before = (tmp_path / "alerts.json").stat().st_ino
    file.change(lambda queue: queue or Queue())
    assert (tmp_path / "alerts.json").stat().st_ino == before


def test_on_a_full_disk_the_process_goes_on_from_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    file = QueueFile(tmp_path)
    file.change(lambda _: Queue(sequence=3))
    with monkeypatch.context() as disk:
        disk.setattr("core.alerts.queue_file.os.fsync", full)
        file.change(lambda queue: add(queue or Queue(), [alert("a")], NOW))
        read = file.read()
        assert read is not None
        assert len(read.waiting) == 1
    assert QueueFile(tmp_path).read() == Queue(sequence=3)
    file.change(lambda queue: queue or Queue())
    assert QueueFile(tmp_path).read() == read
    assert file.unwritten is None


def test_a_home_that_vanished_is_not_made_again(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        QueueFile(tmp_path / "gone").change(lambda _: Queue())
    assert not (tmp_path / "gone").exists()
