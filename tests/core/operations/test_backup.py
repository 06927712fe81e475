"""Backups are whole and verified, restores make another installation, and a kill leaves neither half done."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, BinaryIO, cast

import pytest

from core.audit.places import Folder
from core.backup import MANIFEST, Manifest, pack, unpack
from core.errors import ConfigError, ReconciliationBreak, Refused, TraderError
from core.journal import latch
from core.journal.audit_log import AUDIT_LOG
from core.journal.emergency import EMERGENCY
from core.journal.files import DATABASE, RESERVE_BYTES, installations
from core.journal.verification import verify_home
from core.operations.backup import Contents, back_up
from core.operations.entry_check import foreign_among
from core.operations.restore import Restored, restore
from core.orders import OrderStatus, Side
from core.stages import TradingState
from tests.core.journal.books import (
    CountedBytes,
    SteppingClock,
    open_account,
    open_journal,
    record_intent,
    report,
)
from tests.core.operations.killed import killed_before

if TYPE_CHECKING:
    from core.desk import Desk

SETTINGS = "TRADER_VENUE=paper\n"
NAME = "b.zip"
OTHER_BYTES = bytes(range(8))


def backed_up(home: Path, folder: Path) -> Manifest:
    contents = Contents(SETTINGS, has_secrets=False, emergency_folders=(home,), program="1")
    return back_up(home, Folder(folder), NAME, contents, SteppingClock(), lambda _: None)


def restored(folder: Path, home: Path) -> Restored:
    return restore(
        Folder(folder),
        NAME,
        home,
        "the disk died",
        clock=SteppingClock(),
        random_bytes=lambda count: OTHER_BYTES[:count],
        progress=lambda _: None,
    )


def is_sound(home: Path) -> bool:
    found = verify_home(home, SteppingClock())
    return found.findings == () and found.events > 0


@pytest.fixture
def home(own_home: Path) -> Path:
    with open_journal(own_home) as journal:
        record_intent(journal, open_account(journal))
    return own_home


@pytest.fixture
def packed(home: Path, tmp_path: Path) -> Path:
    """The folder of a backup."""
    backed_up(home, tmp_path / "backups")
    return tmp_path / "backups"


def test_a_backup_is_private_and_comes_back_as_another_installation(
    home: Path, packed: Path, tmp_path: Path
) -> None:
    assert (packed / NAME).stat().st_mode & 0o077 == 0
    with open_journal(home) as journal:
        (account,) = journal.accounts()
        before = journal.installation_id
        lost = record_intent(journal, account).intent  # after the backup
    new = tmp_path / "new"
    made = restored(packed, new)
    assert is_sound(new)
    assert (new / ".env").read_text() == SETTINGS
    assert installations(new) == (before, OTHER_BYTES.hex())
    assert latch.is_set(new)
    for path in new.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    with open_journal(new) as journal:
        assert journal.installation_id == made.installation_id == OTHER_BYTES.hex()
        assert journal.trading_state(account) is TradingState.HALTED
        mine = record_intent(journal, account).intent
    assert mine.sequence == lost.sequence
    assert mine.client_order_id != lost.client_order_id
    assert "Restored from a backup" in (new / AUDIT_LOG).read_text()


def test_open_orders_of_the_earlier_id_are_no_second_machine_once_they_are_known(
    packed: Path, tmp_path: Path
) -> None:
    restored(packed, tmp_path / "new")
    with open_journal(tmp_path / "new") as journal:
        (account,) = journal.accounts()
        known = report(journal.unsettled(account)[0].order.intent, OrderStatus.ACCEPTED)
        later = replace(known, client_order_id=known.client_order_id.replace("-1", "-777"))
        desk = cast("Desk", SimpleNamespace(journal=journal))
        assert foreign_among(desk, [known, later]) == (later.client_order_id,)
        journal.restores.adopt(account, later, "seen at the venue")
        assert foreign_among(desk, [known, later]) == ()


def test_the_copy_is_of_one_moment_while_others_write(home: Path, packed: Path) -> None:
    with open_journal(home) as journal:
        record_intent(journal, journal.accounts()[0])
        (packed / NAME).unlink()
        made = backed_up(home, packed)  # the journal is open, and its log not moved into the file
        head = journal.history.head()
        assert head is not None
        assert (made.events, made.head) == (head.sequence, head.hash.hex())


def test_what_an_emergency_wrote_down_comes_with_it(home: Path, tmp_path: Path) -> None:
    with open_journal(home) as journal:
        (account,) = journal.accounts()
        kept = record_intent(journal, account).intent
    line = next(json.loads(text) for text in _payloads(home) if kept.client_order_id in text)
    told = {**line, "client_order_id": kept.client_order_id.replace("-2", "-777"), "sequence": 777}
    entry = json.dumps({"kind": "INTENT", "account": str(account), "payload": told})
    (home / EMERGENCY).write_text(f"\n{entry}\n")
    backed_up(home, tmp_path)
    made = restored(tmp_path, tmp_path / "new")
    assert made.not_taken_in == ()
    with open_journal(tmp_path / "new") as journal:
        assert journal.order(told["client_order_id"]) is not None


def _payloads(home: Path) -> list[str]:
    with open_journal(home, read_only=True) as journal:
        return [row["payload"] for row in journal._store.rows("SELECT payload FROM events")]


def test_a_damaged_journal_gives_no_backup(home: Path, tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(home / DATABASE) as db:
        db.execute("UPDATE orders SET side = 'SELL'")
    with pytest.raises(ReconciliationBreak, match="PROJECTION_ALTERED"):
        backed_up(home, tmp_path / "backups")
    assert not (tmp_path / "backups").exists()


def test_a_backup_takes_no_disk_from_those_who_trade(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=RESERVE_BYTES + 1))
    with pytest.raises(ConfigError, match="has 4 MiB of free disk, and a backup is prepared there with 5"):
        backed_up(home, tmp_path / "backups")
    assert not (home / "backup.draft").exists()


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file can grow beyond what the manifest takes: a disk that is full is not at hand everywhere."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("packed", "small_files")
def test_a_restore_without_room_names_the_home_and_not_the_backup(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="new cannot take the backup: File too large"):
        restored(packed, tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"restore.lock"}


def test_nothing_is_overwritten(home: Path, packed: Path) -> None:
    before = (packed / NAME).read_bytes()
    with pytest.raises(ConfigError, match="is not overwritten"):
        backed_up(home, packed)
    assert (packed / NAME).read_bytes() == before


def test_a_home_without_a_journal_has_no_backup(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no journal to back up"):
        backed_up(tmp_path, tmp_path)


def _files(home: Path) -> dict[str, bytes]:
    # A reader of the database makes its shared memory and an empty log.
    beside = ("restore.lock", f"{DATABASE}-wal", f"{DATABASE}-shm")
    return {path.name: path.read_bytes() for path in home.iterdir() if path.name not in beside}


def _newer(home: Path) -> None:
    with open_journal(home) as journal:
        record_intent(journal, journal.accounts()[0])


def _other(home: Path) -> None:
    shutil.rmtree(home)
    with open_journal(home, random_bytes=CountedBytes()) as journal:
        open_account(journal)


def _damaged(home: Path) -> None:
    (home / DATABASE).write_bytes(b"rubbish" * 1_000)


def _lost_by_another(home: Path) -> None:
    _other(home)
    (home / DATABASE).unlink()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda home: None, "the same as the backup"),
        (_newer, "newer than the backup"),
        (_other, "of another installation"),
        (_damaged, "cannot be read"),
        (_lost_by_another, "which this is no backup of"),
    ],
)
def test_a_home_with_a_journal_is_left_alone(
    home: Path, packed: Path, change: Callable[[Path], None], said: str
) -> None:
    change(home)
    before = _files(home)
    with pytest.raises(Refused, match=said):
        restored(packed, home)
    assert _files(home) == before


def test_a_home_that_lost_its_journal_keeps_the_log_of_what_came_later(home: Path, packed: Path) -> None:
    _newer(home)
    log = (home / AUDIT_LOG).read_text()
    (home / DATABASE).unlink()
    made = restored(packed, home)
    assert made.kept_log is not None
    assert made.kept_log.read_text() == log
    assert is_sound(home)


def _rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    with zipfile.ZipFile(path) as packed:
        pieces = {name: packed.read(name) for name in packed.namelist()}
    change(pieces)
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in pieces.items():
            packed.writestr(name, content)


@pytest.mark.parametrize(
    "change",
    [
        lambda pieces: pieces.update({DATABASE: pieces[DATABASE].replace(b"BUY", b"BYU", 1)}),
        lambda pieces: pieces.update({DATABASE: pieces[DATABASE] + b"more"}),
        lambda pieces: pieces.update({"../evil": b"x"}),
        lambda pieces: pieces.pop(DATABASE),
        lambda pieces: pieces.pop(MANIFEST),
        lambda pieces: pieces.update({MANIFEST: pieces[MANIFEST].replace(b'"schema": 1', b'"schema": 9')}),
        lambda pieces: pieces.update({MANIFEST: pieces[MANIFEST].replace(b'"events": ', b'"events": 9')}),
    ],
)
def test_an_altered_backup_restores_nothing(
    packed: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], None]
) -> None:
    _rewritten(packed / NAME, change)
    with pytest.raises(TraderError) as refused:
        restored(packed, tmp_path / "new")
    assert refused.value.code in ("JOURNAL_DAMAGED", "FILE_UNREADABLE")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"restore.lock"}
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("installations", []),
        ("installations", ["../x"]),
        ("installations", [OTHER_BYTES.hex() + "\n"]),
        ("head", "zz"),
        ("events", "1"),
        ("made_ms", 10**30),
        ("pieces", []),
        ("pieces", {DATABASE: {"bytes": -5, "sha256": "0" * 64}}),
    ],
)
def test_a_manifest_that_says_nonsense_is_no_backup_of_a_home_with_a_journal(
    home: Path, packed: Path, name: str, told: object
) -> None:
    def say(pieces: dict[str, bytes]) -> None:
        pieces[MANIFEST] = json.dumps({**json.loads(pieces[MANIFEST]), name: told}).encode()

    _rewritten(packed / NAME, say)
    with pytest.raises(ConfigError, match="is not a backup of trader"):
        restored(packed, home)


def test_a_backup_is_packed_where_the_clock_stands_at_1970(packed: Path, tmp_path: Path) -> None:
    with (packed / NAME).open("rb") as file:
        (tmp_path / "pieces").mkdir()
        manifest = unpack(file, NAME, tmp_path / "pieces")
    for piece in (tmp_path / "pieces").iterdir():
        os.utime(piece, (0, 0))
    (packed / NAME).unlink()
    pack(manifest, tmp_path / "pieces", packed / NAME)
    restored(packed, tmp_path / "new")


def test_an_error_of_a_url_shows_no_login(tmp_path: Path) -> None:
    class Gone(Folder):
        def reading(self, name: str) -> AbstractContextManager[BinaryIO]:
            raise FileNotFoundError(f"https://user:p@ss@backups.example/{name}")

    with pytest.raises(ConfigError) as refused:
        restore(
            Gone(tmp_path),
            NAME,
            tmp_path / "new",
            "moved",
            clock=SteppingClock(),
            random_bytes=lambda count: OTHER_BYTES[:count],
            progress=lambda _: None,
        )
    assert refused.value.message.endswith("cannot be read: https://backups.example/b.zip")


def test_a_cut_off_backup_restores_nothing(packed: Path, tmp_path: Path) -> None:
    whole = (packed / NAME).read_bytes()
    (packed / NAME).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReconciliationBreak):
        restored(packed, tmp_path / "new")


def test_killed_before_any_change_a_backup_is_there_whole_or_not_at_all(home: Path, tmp_path: Path) -> None:
    target, nth = tmp_path / "backups", 1
    while killed_before(nth, lambda: backed_up(home, target)):
        if (target / NAME).exists():
            restored(target, tmp_path / f"new{nth}")
            (target / NAME).unlink()
        nth += 3
    assert nth > 10
    assert is_sound(home)
    assert {path.name for path in target.iterdir() if not path.name.startswith(".")} == {NAME}
    assert not (home / "backup.draft").exists()


def test_killed_before_any_change_a_restore_made_a_whole_halted_home_or_none(
    packed: Path, tmp_path: Path
) -> None:
    nth, whole = 1, 0
    while killed_before(nth, partial(restored, packed, tmp_path / "new")):
        new = tmp_path / "new"
        if (new / DATABASE).exists():
            whole += 1
            assert latch.is_set(new)
            with open_journal(new) as journal:
                assert journal.installation_id == OTHER_BYTES.hex()
                assert record_intent(journal, journal.accounts()[0]).intent.request.side is Side.BUY
            assert is_sound(new)
        elif nth % 5 == 0:  # as it goes on from any of them
            restored(packed, new)
            assert is_sound(new)
        shutil.rmtree(new, ignore_errors=True)
        nth += 1
    assert nth > 20
    assert whole > 0
