"""Anchors: short enough to type, hard to mistype, and proof of what the chain alone cannot prove."""

from __future__ import annotations

import base64
import re
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.journal import Journal
from core.journal.anchors import Anchor, make_anchor, parse_file, parse_text
from core.journal.files import DATABASE
from core.journal.verification import verify_home
from tests.core.journal.books import SteppingClock, open_account, open_journal, record_intent

HASH = bytes(range(32))
ANCHOR = make_anchor(1234, HASH, 1_795_219_200_000, "00" * 8)
CONTRADICTION = ANCHOR.line().replace('"sequence": 1234', '"sequence": 1235')


@given(st.integers(1, 10**15), st.binary(min_size=32, max_size=32))
def test_text_and_line_give_the_same_anchor_back(sequence: int, event_hash: bytes) -> None:
    anchor = make_anchor(sequence, event_hash, 7, "ab")
    typed = parse_text(anchor.text)
    assert (typed.sequence, typed.letters, typed.hash) == (sequence, anchor.letters, None)
    assert typed.is_of(event_hash)
    assert parse_file(f"{anchor.line()}\n{anchor.text}\n") == (anchor, typed)


@given(st.binary(min_size=32, max_size=32))
def test_another_hash_is_not_the_anchored_one(event_hash: bytes) -> None:
    assert ANCHOR.is_of(event_hash) == (event_hash == HASH)
    assert not ANCHOR.is_of(None)
    assert not ANCHOR.is_of("text")


def test_the_letters_are_the_hash_in_base_32() -> None:
    standard, crockford = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    expected = base64.b32encode(HASH).decode()[:25].translate(str.maketrans(standard, crockford))
    assert ANCHOR.letters == expected
    assert re.fullmatch(r"1234(-[0-9A-Z]{5}){5}-[0-9A-Z]{2}", ANCHOR.text)


@pytest.mark.parametrize(
    "typed",
    [
        ANCHOR.text.lower(),
        ANCHOR.text.replace("-", "").replace("1234", "1234-", 1),
        f" {ANCHOR.text.replace('-', ' - ')} ",
        ANCHOR.text[:5] + ANCHOR.text[5:].replace("0", "O").replace("1", "l"),
    ],
)
def test_common_ways_of_typing_are_understood(typed: str) -> None:
    assert parse_text(typed).letters == ANCHOR.letters


def test_a_wrong_letter_is_caught() -> None:
    caught = tried = 0
    for at, letter in enumerate(ANCHOR.text):
        for wrong in "23456789ABCDEFGHJKMNPQRSTVWXYZ":
            if letter == "-" or wrong == letter:
                continue
            tried += 1
            try:
                parse_text(ANCHOR.text[:at] + wrong + ANCHOR.text[at + 1 :])
            except ValueError:
                caught += 1
    assert caught > tried * 0.99


@pytest.mark.parametrize("text", ["-", "hello", "12", "{}", '{"anchor": 7}', CONTRADICTION])
def test_what_is_no_anchor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"anchor|contradicts"):
        parse_file(text)


def anchored(journal: Journal) -> Anchor:
    head = journal.history.head()
    assert head is not None
    return make_anchor(head.sequence, head.hash, 7, journal.installation_id)


def codes(home: Path, *anchors: Anchor) -> list[str]:
    return [finding.code for finding in verify_home(home, SteppingClock(), anchors=anchors).findings]


def test_only_an_anchor_shows_that_the_end_was_cut_off(own_home: Path) -> None:
    """Somebody careful removes the last event, its row in every table, and its line in the log."""
    with open_journal(own_home) as journal:
        account = open_account(journal)
        earlier = anchored(journal)
        log = journal.audit_log_path.read_bytes()
        record_intent(journal, account)
        newest = anchored(journal)
    db = sqlite3.connect(own_home / DATABASE, isolation_level=None)
    guard = db.execute("SELECT sql FROM sqlite_master WHERE name = 'events_stay'").fetchone()[0]
    db.execute("DROP TRIGGER events_stay")
    db.execute("DELETE FROM events WHERE sequence = (SELECT max(sequence) FROM events)")
    db.execute("DELETE FROM orders")
    db.execute(guard)
    db.close()
    journal.audit_log_path.write_bytes(log)
    assert codes(own_home) == []
    assert codes(own_home, earlier) == []
    assert codes(own_home, parse_text(newest.text)) == ["EVENTS_CUT_OFF"]


def test_only_an_anchor_shows_that_all_was_written_anew(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        open_account(journal)
        anchor = anchored(journal)
    for file in own_home.iterdir():
        file.unlink()
    with open_journal(own_home) as journal:
        open_account(journal)
    assert codes(own_home) == []
    assert codes(own_home, anchor) == ["CHAIN_REWRITTEN"]
    assert codes(own_home, parse_text(anchor.text)) == ["CHAIN_REWRITTEN"]


def test_a_journal_that_is_gone_is_a_finding(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        anchor = anchored(journal)
    (own_home / DATABASE).unlink()
    assert codes(own_home, anchor) == ["JOURNAL_GONE", "EVENTS_CUT_OFF", "LOG_AHEAD"]
    assert codes(own_home / "elsewhere") == []
