"""A disk that takes no more writes in mid-run: what reduces is written elsewhere, entries are refused."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from core.errors import Refused
from core.journal.emergency import EMERGENCY, take_in
from core.orders import OrderStatus, Purpose
from tests.core.journal.books import fill, open_account, open_journal, record_intent, report
from tests.core.journal.test_emergency import emergency, sell
from tests.simulation.power import Disk

CODES = pytest.mark.parametrize(
    "code",
    [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY],
    ids=["full", "io", "read-only"],
)


@CODES
def test_what_reduces_is_written_beside_the_journal_and_taken_in_later(own_home: Path, code: int) -> None:
    disk, said = Disk(), list[str]()
    with open_journal(own_home) as journal:
        account = open_account(journal)
    with open_journal(own_home, connect=disk.connect) as journal:
        bought = record_intent(journal, account).spend()
        journal.record_report(bought, report(bought, OrderStatus.FILLED, fill(bought, 50, "0.001")))
        books = emergency(journal, said, own_home)
        disk.fails = code
        sold = sell(books, account).spend()
        books.record_report(sold, report(sold, OrderStatus.FILLED, fill(sold, 60, "0.001")))
        with pytest.raises(Refused):
            record_intent(journal, account)
    kept = (own_home / EMERGENCY).read_text().split()
    assert [json.loads(line)["kind"] for line in kept] == ["INTENT", "REPORT"]
    assert len(said) == 1, "it says once where it writes"
    with open_journal(own_home) as journal:
        assert take_in(journal, own_home / EMERGENCY) == ()
        assert journal.position(account, "BTCUSDT").is_flat
        assert journal.verify() == ()


@CODES
def test_where_nothing_can_be_written_it_is_said_and_the_sale_goes_on(own_home: Path, code: int) -> None:
    disk, said = Disk(), list[str]()
    with open_journal(own_home) as journal:
        account = open_account(journal)
    with open_journal(own_home, connect=disk.connect) as journal:
        books = emergency(journal, said, own_home / "no" / "such" / "folder")
        disk.fails = code
        sold = sell(books, account).intent
        assert sold.request.purpose is Purpose.FLATTEN
        assert any(sold.client_order_id in line for line in said), said
