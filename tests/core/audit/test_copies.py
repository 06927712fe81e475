"""Exports and archives: every copy proves itself, and what was done to it is named."""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.account import AccountKey
from core.audit.archive import add_piece, pieces
from core.audit.places import Folder, place_of
from core.audit.records import Format, lines, parsed
from core.errors import ConfigError, ReconciliationBreak
from core.journal import Journal
from core.journal.anchors import make_anchor
from core.journal.chain import StoredEvent, canonical_json, link, plain
from core.journal.history import Link, Selection
from core.operations.audit import verify_archive, verify_export
from core.orders import OrderStatus
from tests.core.journal.books import NOW_MS, fill, record_intent, report


def trade(journal: Journal, account: AccountKey, count: int = 1) -> None:
    for _ in range(count):
        intent = record_intent(journal, account).intent
        done = fill(intent, intent.sequence, "0.001")
        journal.record_report(intent, report(intent, OrderStatus.FILLED, done))


# --- records


@given(
    st.sampled_from(Format),
    st.lists(
        st.tuples(
            st.from_regex(r"[A-Z][A-Z0-9_]{1,39}", fullmatch=True),
            st.none() | st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1),
            st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.booleans())),
        ),
        max_size=5,
    ),
)
def test_any_events_come_back_as_they_were(
    form: Format, told: list[tuple[str, str | None, dict[str, object]]]
) -> None:
    previous, links = bytes(32), []
    for sequence, (kind, account, payload) in enumerate(told, start=1):
        text = canonical_json(plain(payload))
        made = link(previous, sequence=sequence, time_ms=7, kind=kind, account=account, payload=text)
        links.append(Link(StoredEvent(sequence, 7, kind, account, text, made), previous))
        previous = made
    back = list(parsed(io.StringIO("".join(lines(links, form)), newline="\n")))
    assert back == links
    assert all(each.stored.follows(each.previous) for each in back)


@pytest.mark.parametrize("text", ["[]\n", "{}\n", "rubbish\n", "sequence,\n1\n", '{"sequence": "1"}\n'])
def test_what_is_no_copy_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="record 1 is not an event"):
        list(parsed([*text.splitlines(keepends=True)]))


# --- exports


@pytest.fixture
def exported(journal: Journal, account: AccountKey, tmp_path: Path) -> Path:
    trade(journal, account, 3)
    path = tmp_path / "copy.ndjson"
    path.write_text("".join(lines(journal.history.events(Selection()), Format.NDJSON)))
    return path


def codes(path: Path) -> list[str]:
    return [finding.code for finding in verify_export(path, ()).findings]


def test_a_whole_export_verifies(exported: Path) -> None:
    result = verify_export(exported, ())
    assert (result.findings, result.events, result.first, result.last, result.gaps) == ((), 13, 1, 13, 0)


@pytest.mark.parametrize("form", Format)
def test_a_chosen_export_verifies_record_by_record(
    journal: Journal, account: AccountKey, tmp_path: Path, form: Format
) -> None:
    trade(journal, account, 3)
    path = tmp_path / "copy"
    path.write_text("".join(lines(journal.history.events(Selection(kinds=("FILL",))), form)))
    result = verify_export(path, ())
    assert (result.findings, result.events, result.gaps) == ((), 3, 2)
    path.write_text(path.read_text().replace("30000", "30001", 1))
    assert codes(path) == ["EVENT_ALTERED"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda rows: [*rows[:5], rows[6], rows[5], *rows[7:]], ["EVENT_MOVED", "EVENT_MOVED"]),
        (lambda rows: [*rows, rows[-1]], ["EVENT_MOVED"]),
        (lambda rows: [*rows[:5], rows[5].replace('"kind":"', '"kind":"A'), *rows[6:]], ["EVENT_ALTERED"]),
        (lambda rows: [*rows[:5], "cut off", *rows[6:]], ["COPY_UNREADABLE"]),
    ],
)
def test_what_was_done_to_an_export_is_named(
    exported: Path, change: Callable[[list[str]], list[str]], expected: list[str]
) -> None:
    rows = exported.read_text().splitlines()
    exported.write_text("\n".join(change(rows)) + "\n")
    assert set(codes(exported)) == set(expected)


def test_a_copy_rewritten_with_right_hashes_is_told_by_an_anchor(
    journal: Journal, account: AccountKey, exported: Path
) -> None:
    anchor = make_anchor(5, bytes(32), NOW_MS, "")
    assert [each.code for each in verify_export(exported, (anchor,)).findings] == ["CHAIN_REWRITTEN"]


# --- archives


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "archive")


def archive(journal: Journal, place: Folder) -> int:
    piece = add_piece(journal.history, journal.installation_id, place, NOW_MS)
    return 0 if piece is None else piece.events


def test_each_run_adds_what_is_new(journal: Journal, account: AccountKey, place: Folder) -> None:
    assert archive(journal, place) == 4
    assert archive(journal, place) == 0
    trade(journal, account)
    assert archive(journal, place) == 3
    first, second = pieces(place)
    assert (first.last, second.first, second.previous) == (4, 5, first.head)
    result = verify_archive(place, ())
    assert (result.findings, result.events, result.last) == ((), 7, 7)


def test_an_archive_holds_the_events_and_no_more(
    journal: Journal, account: AccountKey, place: Folder
) -> None:
    trade(journal, account)
    archive(journal, place)
    (piece,) = pieces(place)
    assert place.names() == [piece.manifest, piece.file]
    with place.reading(piece.file) as file:
        text = gzip.decompress(file.read()).decode()
    assert text == "".join(lines(journal.history.events(Selection()), Format.NDJSON))


def test_the_same_events_make_the_same_bytes(journal: Journal, account: AccountKey, tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        piece = add_piece(journal.history, journal.installation_id, Folder(tmp_path / name), NOW_MS)
        assert piece is not None
        digests.add(piece.sha256)
    assert len(digests) == 1


def test_a_run_that_was_killed_before_its_manifest_is_finished(
    journal: Journal, account: AccountKey, place: Folder, tmp_path: Path
) -> None:
    archive(journal, place)
    (piece,) = pieces(place)
    (tmp_path / "archive" / piece.manifest).unlink()
    assert archive(journal, place) == 4
    assert verify_archive(place, ()).findings == ()


def test_a_file_that_is_not_what_was_written_is_refused_and_left(
    journal: Journal, account: AccountKey, place: Folder, tmp_path: Path
) -> None:
    archive(journal, place)
    (piece,) = pieces(place)
    (tmp_path / "archive" / piece.manifest).unlink()
    (tmp_path / "archive" / piece.file).write_bytes(b"rubbish")
    with pytest.raises(ReconciliationBreak, match="does not verify"):
        archive(journal, place)
    assert place.names() == [piece.file]


def test_an_archive_of_another_journal_is_refused(
    journal: Journal, account: AccountKey, place: Folder, tmp_path: Path
) -> None:
    archive(journal, place)
    (piece,) = pieces(place)
    changed = {**asdict(piece), "head": "00" * 32}
    (tmp_path / "archive" / piece.manifest).write_text(json.dumps(changed))
    with pytest.raises(ReconciliationBreak, match="that the journal does not have"):
        archive(journal, place)


def reworded(packed: bytes) -> bytes:
    return gzip.compress(gzip.decompress(packed).replace(b'"quote_asset":"USDT"', b'"quote_asset":"EUR"'))


def damaged(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def spoil(file: Path) -> None:
        file.write_bytes(change(file.read_bytes()))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (damaged(lambda data: data[:-100]), {"COPY_ALTERED", "COPY_UNREADABLE", "EVENT_MISSING"}),
        (
            damaged(lambda data: data[:50] + b"\0\0\0\0" + data[54:]),
            {"COPY_ALTERED", "COPY_UNREADABLE", "EVENT_MISSING"},
        ),
        (damaged(reworded), {"COPY_ALTERED", "EVENT_ALTERED"}),
        (lambda file: file.unlink(), {"COPY_UNREADABLE", "EVENT_MISSING"}),
    ],
)
def test_what_was_done_to_an_archive_is_named(
    journal: Journal,
    account: AccountKey,
    place: Folder,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    expected: set[str],
) -> None:
    archive(journal, place)
    trade(journal, account)
    archive(journal, place)
    spoil(tmp_path / "archive" / pieces(place)[0].file)
    assert {finding.code for finding in verify_archive(place, ()).findings} == expected


def test_a_piece_that_is_gone_with_its_manifest_is_missed(
    journal: Journal, account: AccountKey, place: Folder, tmp_path: Path
) -> None:
    for _ in range(3):
        trade(journal, account)
        archive(journal, place)
    head = journal.history.head()
    assert head is not None
    anchor = make_anchor(head.sequence, head.hash, NOW_MS, "")
    middle, last = pieces(place)[1:]
    (tmp_path / "archive" / last.manifest).unlink()
    assert verify_archive(place, ()).findings == ()
    assert [each.code for each in verify_archive(place, (anchor,)).findings] == ["EVENTS_CUT_OFF"]
    (tmp_path / "archive" / middle.manifest).unlink()
    (tmp_path / "archive" / pieces(place)[0].manifest).rename(tmp_path / "away")
    assert [each.code for each in verify_archive(place, (anchor,)).findings] == ["EVENTS_CUT_OFF"]


def test_a_place_without_events_does_not_verify(place: Folder, tmp_path: Path) -> None:
    empty = tmp_path / "copy.ndjson"
    empty.touch()
    for checked in (lambda: verify_archive(place, ()), lambda: verify_export(empty, ())):
        with pytest.raises(ConfigError, match="holds no events of a journal") as refused:
            checked()
        assert refused.value.code == "FILE_UNREADABLE"


def test_the_middle_piece_cannot_be_left_out(
    journal: Journal, account: AccountKey, place: Folder, tmp_path: Path
) -> None:
    for _ in range(3):
        trade(journal, account)
        archive(journal, place)
    (tmp_path / "archive" / pieces(place)[1].manifest).unlink()
    assert [each.code for each in verify_archive(place, ()).findings] == ["EVENT_MISSING"]


def test_rubbish_for_a_manifest_is_named(place: Folder, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "events-1.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"events-1\.json .* is not the manifest") as refused:
        pieces(place)
    assert refused.value.code == "FILE_UNREADABLE"


# --- places behind a URL


def test_a_url_without_the_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ConfigError, match="optional extra `archive`") as refused:
        place_of("s3://key:secret@bucket/folder", tmp_path)
    assert refused.value.code == "EXTRA_MISSING"
    assert "secret" not in str(refused.value)


def test_a_url_is_a_place_like_a_folder(journal: Journal, account: AccountKey, tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    place = place_of(f"file://{tmp_path}/remote", tmp_path)
    assert place.names() == []
    trade(journal, account)
    piece = add_piece(journal.history, journal.installation_id, place, NOW_MS)
    assert piece is not None
    assert add_piece(journal.history, journal.installation_id, place, NOW_MS) is None
    assert verify_archive(place, ()).findings == ()
    assert verify_archive(Folder(tmp_path / "remote"), ()).events == piece.events
