"""A file that is not a good journal is refused and left exactly as it was."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import ReconciliationBreak
from core.journal.files import DATABASE
from tests.core.journal.books import open_account, open_journal, record_intent


@pytest.fixture
def path(own_home: Path) -> Path:
    """A good journal with some orders, closed."""
    with open_journal(own_home) as journal:
        account = open_account(journal)
        for _ in range(50):
            record_intent(journal, account)
    return own_home / DATABASE


def empty(path: Path) -> None:
    path.write_bytes(b"")


def rubbish(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 40)


def text(path: Path) -> None:
    path.write_text("my notes\n")


def cut_in_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def cut_in_page(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def cut_in_half(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 8192 * 4096])


def other_program(path: Path) -> None:
    path.unlink()
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE notes (text)")
    db.commit()
    db.close()


def newer_schema(path: Path) -> None:
    _edit(path, "PRAGMA user_version = 99")


def older_than_any(path: Path) -> None:
    _edit(path, "PRAGMA user_version = 0")


def no_tables(path: Path) -> None:
    _edit(path, "DROP TABLE events")


def head_altered(path: Path) -> None:
    _edit(
        path,
        "DROP TRIGGER events_keep",
        "UPDATE events SET payload = '{}' WHERE sequence = (SELECT max(sequence) FROM events)",
    )


def head_page_overwritten(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)


def _edit(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        db.execute(statement)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (empty, "JOURNAL_DAMAGED"),
        (rubbish, "JOURNAL_FOREIGN"),
        (text, "JOURNAL_FOREIGN"),
        (cut_in_header, "JOURNAL_DAMAGED"),
        (cut_in_page, "JOURNAL_DAMAGED"),
        (cut_in_half, "JOURNAL_DAMAGED"),
        (other_program, "JOURNAL_FOREIGN"),
        (newer_schema, "JOURNAL_FOREIGN"),
        (older_than_any, "JOURNAL_DAMAGED"),
        (no_tables, "JOURNAL_DAMAGED"),
        (head_altered, "JOURNAL_DAMAGED"),
        (head_page_overwritten, "JOURNAL_DAMAGED"),
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_strange_file_is_refused_untouched(
    path: Path, spoil: Callable[[Path], None], code: str, read_only: bool
) -> None:
    spoil(path)
    before = _contents(path.parent)
    with pytest.raises(ReconciliationBreak) as refused:
        open_journal(path.parent, read_only=read_only)
    assert refused.value.code == code
    assert _contents(path.parent) == before


@pytest.mark.parametrize("spoil", [head_page_overwritten, rubbish, empty])
def test_strange_file_with_a_log_beside_it_is_refused_untouched(
    own_home: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        record_intent(journal, account)
        killed = tmp_path / "killed"  # what a killed process leaves: a log that nobody moved into the file
        shutil.copytree(own_home, killed)
    (killed / "journal.sqlite3-shm").unlink()
    spoil(killed / DATABASE)
    if spoil is head_page_overwritten:
        damage_log(killed / f"{DATABASE}-wal")
    before = _contents(killed)
    with pytest.raises(ReconciliationBreak):
        open_journal(killed)
    after = _contents(killed)
    after.pop("journal.sqlite3-shm", None)  # an index of the log, made by looking
    assert after == before


def damage_log(path: Path) -> None:
    """Keep the log's pages but let none of them pass its checksum."""
    data = bytearray(path.read_bytes())
    data[24] ^= 0xFF
    path.write_bytes(data)


def test_log_of_a_killed_process_is_taken_in(own_home: Path, tmp_path: Path) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        permission = record_intent(journal, account)
        killed = tmp_path / "killed"
        shutil.copytree(own_home, killed)
    with open_journal(killed) as again:
        assert [each.order.client_order_id for each in again.unsettled()] == [
            permission.intent.client_order_id
        ]
        assert again.verify() == ()


@pytest.mark.parametrize("name", [DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"])
def test_link_in_place_of_a_file_is_refused(path: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / "target"
    if name == DATABASE:
        path.rename(target)
    else:
        target.write_bytes(b"precious")
    path.with_name(name).symlink_to(target)
    before = target.read_bytes()
    with pytest.raises(ReconciliationBreak) as refused:
        open_journal(path.parent)
    assert refused.value.code == "JOURNAL_FOREIGN"
    assert target.read_bytes() == before


def test_folder_in_place_of_the_file_is_refused(own_home: Path) -> None:
    (own_home / DATABASE).mkdir(parents=True)
    with pytest.raises(ReconciliationBreak):
        open_journal(own_home)


def test_message_names_the_way_out_for_a_newer_journal(path: Path) -> None:
    newer_schema(path)
    with pytest.raises(ReconciliationBreak, match="schema is 99") as refused:
        open_journal(path.parent)
    assert refused.value.hint == "a newer trader wrote it: install that one again; it was left untouched"


def _contents(home: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in home.iterdir()}
