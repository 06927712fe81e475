"""What is old leaves the home, and only what an archive was seen to hold."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

import pytest

from core.audit.archive import pieces
from core.audit.places import Folder
from core.errors import ReconciliationBreak
from core.journal import Journal
from core.journal.audit_log import AUDIT_LOG
from core.journal.history import Selection
from core.journal.verification import verify_home
from core.operations.audit import archive
from core.operations.tidy import Tidied, tidy
from tests.core.journal.books import NOW_MS, SteppingClock, open_account, open_journal, record_intent

LATER_MS = NOW_MS + 10**9
OLD, YOUNG = "2026-11-19", "2026-11-21"


@pytest.fixture
def journal(own_home: Path) -> Iterator[Journal]:
    with open_journal(own_home) as opened:
        account = open_account(opened)
        for _ in range(5):
            record_intent(opened, account)
    with open_journal(own_home) as opened:
        yield opened


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "archive")


def archived(journal: Journal, place: Folder) -> None:
    archive(journal, place, SteppingClock(), lambda _: None)


def tidied(journal: Journal, place: Folder, before_ms: int = LATER_MS) -> Tidied:
    return tidy(journal, place, before_ms, SteppingClock(), lambda _: None)


def first_line(home: Path) -> str:
    return (home / AUDIT_LOG).read_text().splitlines()[0]


def findings(home: Path) -> list[str]:
    return [each.code for each in verify_home(home, SteppingClock()).findings]


def test_the_log_begins_where_the_archive_ends_and_still_verifies(journal: Journal, place: Folder) -> None:
    archived(journal, place)
    done = tidied(journal, place)
    (piece,) = pieces(place)
    assert done.log_from == piece.last + 1
    assert f"#{piece.last + 1} " in first_line(journal.home)
    assert findings(journal.home) == []
    record_intent(journal, journal.accounts()[0])
    archived(journal, place)
    assert tidied(journal, place).log_from is not None
    assert findings(journal.home) == []


def test_only_old_lines_go(journal: Journal, place: Folder) -> None:
    archived(journal, place)
    fourth = next(journal.history.events(Selection(since_ms=NOW_MS + 4))).stored
    assert tidied(journal, place, before_ms=fourth.time_ms).log_from == fourth.sequence
    assert tidied(journal, place, before_ms=fourth.time_ms).log_from is None
    assert findings(journal.home) == []


def test_a_line_that_was_taken_away_later_is_still_missed(journal: Journal, place: Folder) -> None:
    archived(journal, place)
    tidied(journal, place)
    record_intent(journal, journal.accounts()[0])
    journal.close()
    log = journal.home / AUDIT_LOG
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[1:]))
    assert findings(journal.home) == ["LOG_MISSING"]


def test_a_log_that_was_not_cut_after_all_is_no_finding(journal: Journal, place: Folder) -> None:
    """Killed between the journal's entry and the shorter log."""
    archived(journal, place)
    whole = (journal.home / AUDIT_LOG).read_bytes()
    tidied(journal, place)
    journal.close()
    (journal.home / AUDIT_LOG).write_bytes(whole)
    assert findings(journal.home) == []


def test_nothing_goes_that_no_archive_has(journal: Journal, place: Folder) -> None:
    archived(journal, place)
    before = [record_intent(journal, journal.accounts()[0]) for _ in range(2)]
    done = tidied(journal, place)
    assert done.log_from == pieces(place)[-1].last + 1
    log = (journal.home / AUDIT_LOG).read_text()
    assert all(each.intent.client_order_id in log for each in before)


def test_an_archive_or_a_log_that_does_not_verify_stops_it(journal: Journal, place: Folder) -> None:
    archived(journal, place)
    log = journal.home / AUDIT_LOG
    whole = log.read_bytes()
    log.write_bytes(whole.replace(b"Order intent", b"Other intent", 1))
    with pytest.raises(ReconciliationBreak, match="differs from the journal"):
        tidied(journal, place)
    log.write_bytes(whole)
    (piece,) = pieces(place)
    with place.reading(piece.file) as file:
        path = Path(file.name)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ReconciliationBreak):
        tidied(journal, place)
    assert log.read_bytes() == whole


def test_old_reports_are_read_back_from_the_archive_before_they_go(
    journal: Journal, place: Folder, tmp_path: Path
) -> None:
    for day in (OLD, YOUNG):
        folder = journal.home / "reports" / "reconcile" / day
        folder.mkdir(parents=True)
        (folder / "1.txt").write_text(f"books of {day}")
    kept = journal.home / f"{AUDIT_LOG}.{NOW_MS - 9 * 10**8}.kept"
    kept.write_text("an old log")
    os.utime(kept, (0, 0))  # older than a zip can say
    (journal.home / "reports" / "reconcile" / OLD / "link").symlink_to("/etc/hostname")
    archived(journal, place)
    done = tidied(journal, place, before_ms=NOW_MS)
    assert done.files == 2
    assert done.packed is not None
    with zipfile.ZipFile(tmp_path / "archive" / done.packed) as packed:
        assert packed.read(f"reports/reconcile/{OLD}/1.txt") == f"books of {OLD}".encode()
        assert packed.read(kept.name) == b"an old log"
    left = {path.name for path in (journal.home / "reports").rglob("*") if not path.is_dir()}
    assert left == {"1.txt", "link"}
    assert not kept.exists()


class Damaging(Folder):
    """Gives another copy of reports back than was written."""

    copy = b""

    def reading(self, name: str) -> AbstractContextManager[BinaryIO]:
        if not name.startswith("reports-"):
            return super().reading(name)
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as packed:
            packed.writestr(f"reports/reconcile/{OLD}/1.txt", self.copy)
        return made


@pytest.mark.parametrize("copy", [b"book", b"books and more", b"boots"])
def test_a_report_stays_that_is_otherwise_in_the_archive(
    journal: Journal, tmp_path: Path, copy: bytes
) -> None:
    place = Damaging(tmp_path / "archive")
    place.copy = copy
    folder = journal.home / "reports" / "reconcile" / OLD
    folder.mkdir(parents=True)
    (folder / "1.txt").write_text("books")
    archived(journal, place)
    with pytest.raises(ReconciliationBreak, match=r"1\.txt is not in reports-"):
        tidied(journal, place)
    assert (folder / "1.txt").read_text() == "books"
