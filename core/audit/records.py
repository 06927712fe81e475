"""Events as lines of a copy, NDJSON or CSV, and back. Each carries its hash and that of the event before.

So every line can be verified by itself: hash = SHA-256(previous ‖ canonical JSON of account, kind, payload,
sequence and time_ms). `docs/report.md` is about money; the record is described in `runbooks/audit.md`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

from core.clock import iso_utc
from core.csv_text import csv_text, unguarded
from core.journal.chain import StoredEvent, canonical_json
from core.journal.history import Link

CSV_COLUMNS = ("sequence", "time", "time_ms", "kind", "account", "payload", "previous", "hash")


class Format(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"


def lines(links: Iterable[Link], form: Format) -> Iterator[str]:
    """Yield the events as lines with their ends, in CSV after a line with the names of the columns."""
    if form is Format.CSV:
        yield csv_text([CSV_COLUMNS])
    for link in links:
        yield ndjson_line(link) if form is Format.NDJSON else _csv_line(link)


def shown(link: Link) -> dict[str, Any]:
    """Return an event as an object. A damaged event is shown as it is stored."""
    event = link.stored
    return {
        "sequence": event.sequence,
        "time_ms": event.time_ms,
        "kind": event.kind,
        "account": event.account,
        "payload": _payload(event.payload),
        "previous": _hex(link.previous),
        "hash": _hex(event.hash),
    }


def ndjson_line(link: Link) -> str:
    return json.dumps(shown(link), separators=(",", ":"), default=repr) + "\n"


def _csv_line(link: Link) -> str:
    event = link.stored
    cells = (
        event.sequence,
        iso_utc(event.time_ms) if isinstance(event.time_ms, int) else "",
        event.time_ms,
        event.kind,
        "" if event.account is None else event.account,
        event.payload,
        _hex(link.previous),
        _hex(event.hash),
    )
    return csv_text([[str(cell) for cell in cells]])


def _payload(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else repr(text)
    except ValueError:
        return text


def _hex(stored: object) -> str:
    return stored.hex() if isinstance(stored, bytes) else repr(stored)


def parsed(text: Iterable[str]) -> Iterator[Link]:
    """Yield the events of a copy in either format. Raises ValueError, naming the line, for anything else."""
    rows = iter(text)
    first = next(rows, "")
    if first.startswith(f"{CSV_COLUMNS[0]},"):
        records: Iterator[dict[str, Any]] = (_from_csv(row) for row in csv.reader(rows))
    else:
        records = (json.loads(line) for line in _again(first, rows) if line.strip())
    number = 0
    while True:
        number += 1
        try:
            record = next(records)
            link = _link(record)
        except StopIteration:
            return
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise ValueError(f"record {number} is not an event: {type(error).__name__}: {error}") from None
        yield link


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _from_csv(row: list[str]) -> dict[str, Any]:
    named = dict(zip(CSV_COLUMNS, map(unguarded, row), strict=True))
    return {
        **named,
        "sequence": int(named["sequence"]),
        "time_ms": int(named["time_ms"]),
        "account": named["account"] or None,
        "payload": json.loads(named["payload"]),
    }


def _link(record: dict[str, Any]) -> Link:
    stored = StoredEvent(
        sequence=record["sequence"],
        time_ms=record["time_ms"],
        kind=record["kind"],
        account=record["account"],
        payload=canonical_json(record["payload"]),
        hash=bytes.fromhex(record["hash"]),
    )
    if not isinstance(stored.sequence, int):
        raise TypeError("the sequence is not a number")
    return Link(stored, bytes.fromhex(record["previous"]))
