"""An archive: pieces of the chain, compressed, each with a manifest; a piece counts when it has one.

Every run adds the events since the last piece, reads them back from where they were written, and only then
writes the manifest. Nothing is ever deleted or overwritten.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import BinaryIO

from core.audit.copies import CopyCheck
from core.audit.places import Place
from core.audit.records import ndjson_line, parsed
from core.errors import ConfigError, ReconciliationBreak
from core.journal.anchors import Anchor
from core.journal.history import History, Link, Selection
from core.journal.records import Finding

SCHEMA = 1
_PREFIX, _EVENTS, _MANIFEST = "events-", ".ndjson.gz", ".json"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """What a manifest says. `previous`, `head`: the hashes before the first event and of the last, in hex.

    `bytes`, `sha256`: of the compressed file.
    """

    file: str
    installation_id: str
    first: int
    last: int
    events: int
    previous: str
    head: str
    bytes: int
    sha256: str
    made_ms: int
    schema: int = SCHEMA

    @property
    def manifest(self) -> str:
        return self.file.removesuffix(_EVENTS) + _MANIFEST


def add_piece(
    history: History,
    installation_id: str,
    place: Place,
    now_ms: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Piece | None:
    """Archive what came since the last piece, and return the new piece; None when nothing did.

    Raises ReconciliationBreak JOURNAL_DAMAGED when the archive knows another history than the journal, or
    what was read back is not what was written; ConfigError FILE_UNREADABLE, FILE_EXISTS, FILE_UNWRITABLE.
    """
    known = pieces(place)
    after = known[-1].last if known else 0
    if known and history.hash_of(after) != bytes.fromhex(known[-1].head):
        raise ReconciliationBreak(
            f"the archive at {place.name} holds an event {after} that the journal does not have",
            code="JOURNAL_DAMAGED",
            hint="after a restore, begin another one; else either was altered or is of another home: "
            "`trader audit verify` examines both",
        )
    head = history.head()
    if head is None or head.sequence <= after:
        return None
    name = f"{_PREFIX}{after + 1:012d}-{head.sequence:012d}{_EVENTS}"
    links = history.events(Selection(), after=after, upto=head.sequence)
    if name not in place.names():  # an earlier run may have got as far as here
        _write_events(place, name, (ndjson_line(link) for link in links), progress)
    piece = _read_back(place, name, installation_id, now_ms)
    if (piece.first, piece.last, piece.head) != (after + 1, head.sequence, head.hash.hex()):
        raise _not_as_written(place, name, "it ends elsewhere than the journal did")
    with place.writing(piece.manifest) as file:
        file.write(f"{json.dumps(asdict(piece), indent=2)}\n".encode())
    if _manifest(place, piece.manifest) != piece:
        raise _not_as_written(place, piece.manifest, "it says something else")
    return piece


def _write_events(place: Place, name: str, lines: Iterable[str], progress: Callable[[int], None]) -> None:
    with (
        place.writing(name) as file,
        # Without a time and a name inside, the same events make the same bytes.
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        io.BufferedWriter(packed, _CHUNK) as buffered,
    ):
        for number, line in enumerate(lines, start=1):
            buffered.write(line.encode())
            if number % 10_000 == 0:
                progress(number)


def _read_back(place: Place, name: str, installation_id: str, now_ms: int) -> Piece:
    size, digest = _digest(place, name)
    check = CopyCheck()
    for finding in check.wrong_with(_events_of(place, name)):
        raise _not_as_written(place, name, finding.detail)
    if check.gaps:
        raise _not_as_written(place, name, "events are missing in it")
    return Piece(
        file=name,
        installation_id=installation_id,
        first=check.first,
        last=check.last,
        events=check.events,
        previous=check.previous.hex(),
        head=check.head.hex(),
        bytes=size,
        sha256=digest,
        made_ms=now_ms,
    )


def _not_as_written(place: Place, name: str, why: str) -> ReconciliationBreak:
    return ReconciliationBreak(
        f"{name} at {place.name} does not verify: {why}",
        code="JOURNAL_DAMAGED",
        hint="`trader audit verify` examines the journal; move the file away to write it anew",
    )


def _digest(place: Place, name: str) -> tuple[int, str]:
    size, digest = 0, sha256()
    with place.reading(name) as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            digest.update(chunk)
    return size, digest.hexdigest()


def _events_of(place: Place, name: str) -> Iterator[Link]:
    with place.reading(name) as file:
        yield from parsed(_text_of(file))


def _text_of(file: BinaryIO) -> Iterator[str]:
    with gzip.open(file, "rt", encoding="utf-8", newline="\n") as text:
        yield from text


def pieces(place: Place) -> tuple[Piece, ...]:
    """Return the pieces that are complete, in order. Raises ConfigError FILE_UNREADABLE."""
    manifests = [name for name in place.names() if name.startswith(_PREFIX) and name.endswith(_MANIFEST)]
    return tuple(sorted((_manifest(place, name) for name in manifests), key=lambda piece: piece.first))


def _manifest(place: Place, name: str) -> Piece:
    try:
        with place.reading(name) as file:
            told = json.loads(file.read())
        piece = Piece(**told)
        bytes.fromhex(piece.head)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(
            f"{name} at {place.name} is not the manifest of an archive: {error}", code="FILE_UNREADABLE"
        ) from None
    return piece


def archive_findings(place: Place, anchors: Sequence[Anchor], check: CopyCheck) -> Iterator[Finding]:
    """Yield what is wrong with an archive: every file against its manifest, every event against the chain."""
    for piece in pieces(place):
        try:
            size, digest = _digest(place, piece.file)
        except OSError as error:
            yield Finding("COPY_UNREADABLE", f"{piece.file}: {error}")
            continue
        if (size, digest) != (piece.bytes, piece.sha256):
            yield Finding("COPY_ALTERED", f"{piece.file} is not the file that its manifest describes")
        before = check.events
        yield from check.wrong_with(_events_of(place, piece.file))
        told = (check.events - before, check.last, check.head.hex())
        if told != (piece.events, piece.last, piece.head):
            yield Finding("COPY_ALTERED", f"{piece.manifest} does not describe the events of its file")
    for anchor in anchors:
        if anchor.sequence > check.last:
            yield Finding("EVENTS_CUT_OFF", f"the archive ends at event {check.last}; {anchor} saw more")
