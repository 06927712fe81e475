"""Power cut behind every write and every sync of a journal at work: what it promised is there afterwards."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from core.errors import Refused
from core.journal.files import DATABASE
from core.orders import OrderStatus, Side
from tests.core.journal.books import fill, open_account, open_journal, record_intent, report, request
from tests.simulation.power import Disk, Durable, Sync, Write, cut

ORDERS = 2
SELL = request(Side.SELL)


def test_power_cut_anywhere_keeps_every_intent_that_was_durable(tmp_path: Path) -> None:
    disk, home = Disk(), tmp_path / "home"
    with open_journal(home) as journal:
        account = open_account(journal)
    before = files_of(home)
    with open_journal(home, connect=disk.connect) as journal:
        for number in range(ORDERS):
            intent = record_intent(journal, account).intent
            disk.steps.append(Durable(intent.client_order_id))
            journal.record_report(intent, report(intent, OrderStatus.FILLED, fill(intent, number, "0.001")))
    assert sum(isinstance(step, Sync) for step in disk.steps) >= 2 * ORDERS
    assert sum(isinstance(step, Write) for step in disk.steps) >= 2 * ORDERS
    for length in range(len(disk.steps) + 1):
        steps = disk.steps[:length]
        place = tmp_path / str(length)
        place.mkdir(mode=0o700)
        for path, content in cut(before, steps, random.Random(length)).items():
            (place / Path(path).name).write_bytes(content)
        promised = {step.what for step in steps if isinstance(step, Durable)}
        with open_journal(place, read_only=True) as journal:
            assert journal.verify() == (), length
            assert not {name for name in promised if journal.order(name) is None}, length
        if steps and isinstance(steps[-1], Sync):
            with open_journal(place) as journal:
                record_intent(journal, account)
                assert journal.verify() == (), length


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY])
def test_disk_that_takes_no_more_writes_gives_no_permission(tmp_path: Path, code: int) -> None:
    disk, home = Disk(), tmp_path / "home"
    open_journal(home).close()
    with open_journal(home, connect=disk.connect) as journal:
        account = open_account(journal)
        record_intent(journal, account)
        disk.fails = code
        for wanted in (request(), SELL):
            with pytest.raises(Refused) as caught:
                record_intent(journal, account, wanted)
            assert caught.value.code == "JOURNAL_UNWRITABLE"
        disk.fails = None
        record_intent(journal, account)
        assert recorded(home) == 2
        assert journal.verify() == ()


def files_of(home: Path) -> dict[str, bytes]:
    """Return the database and its log; nothing else is written through SQLite."""
    names = (DATABASE, f"{DATABASE}-wal")
    return {str(home / name): (home / name).read_bytes() for name in names if (home / name).exists()}


def recorded(home: Path) -> int:
    db = sqlite3.connect(f"file:{home / DATABASE}?mode=ro", uri=True)
    try:
        return int(db.execute("SELECT count(*) FROM orders").fetchone()[0])
    finally:
        db.close()
