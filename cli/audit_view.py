"""How the journal's events, findings and anchors look to a person, and in the JSON document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cli.console import Console
from cli.drill_view import drill_sentence
from core.audit.archive import Piece
from core.audit.records import shown
from core.clock import iso_utc
from core.drills.record import DRILL
from core.journal.anchors import Anchor
from core.journal.audit_log import line_of
from core.journal.chain import canonical_json
from core.journal.history import Link
from core.operations.audit import AuditResult

UNPROVEN = (
    "not proven without --anchor: that no events were cut off at the end, and that the whole chain was not"
    " written anew"
)
_DETAIL_LETTERS = 200


def verify_result(console: Console, result: AuditResult, anchors: Sequence[Anchor]) -> None:
    """Show every finding; what was checked only on a terminal or with -v, as cron stays silent when well."""
    console.result(
        checked=result.what,
        events=result.events,
        first=result.first,
        last=result.last,
        gaps=result.gaps,
        log_behind=result.log_behind,
        anchors=[anchor.text for anchor in anchors],
        end_proven=bool(anchors) and not result.findings,
        findings=result.findings,
    )
    if result.findings:
        console.table(["finding", "detail"], [[each.code, each.detail] for each in result.findings])
    elif console.shows_all:
        gaps = f", with {result.gaps} gap(s)" if result.gaps else ""
        held = f"; {len(anchors)} anchor(s) hold" if anchors else ""
        console.line(f"✓ {result.what}: events {result.first} to {result.last}{gaps} verify{held}")
    if result.log_behind:
        console.say(f"trade_audit.log lacks its last {result.log_behind} line(s); the next order adds them")
    if not anchors:
        console.say(UNPROVEN)


def events_result(console: Console, links: Sequence[Link]) -> None:
    """Show events as a table, each on one line, or as they are stored in the document."""
    events = [shown(link) for link in links]
    console.result(events=events)
    if events:
        console.table(
            ["event", "time", "kind", "what"],
            [
                [each["sequence"], _time(each["time_ms"]), each["kind"], _what(each["kind"], each["payload"])]
                for each in events
            ],
        )


def _time(time_ms: object) -> str:
    return iso_utc(time_ms) if isinstance(time_ms, int) else str(time_ms)


def _what(kind: object, payload: object) -> str:
    """Return the plain parts of a payload that say something; the document has all of it."""
    if not isinstance(payload, dict):
        return _plain(payload)
    if kind == DRILL:
        with suppress(KeyError, TypeError, AttributeError):  # a damaged one is shown as it is stored
            return drill_sentence(payload)
    told = {name: value for name, value in payload.items() if not isinstance(value, dict | list)}
    text = ", ".join(
        f"{name} {_plain(value)}" for name, value in told.items() if value not in (None, "", False)
    )
    return text if len(text) <= _DETAIL_LETTERS else text[:_DETAIL_LETTERS] + "…"


def _plain(value: object) -> str:
    text = canonical_json(value)
    return text[1:-1] if isinstance(value, str) else text


def log_line(link: Link) -> str:
    """Return an event as trade_audit.log shows it."""
    try:
        return line_of(link.stored.event())
    except (ValueError, KeyError, TypeError):
        return f"event {link.stored.sequence} cannot be read: {json.dumps(shown(link), default=repr)}"


def anchor_result(console: Console, anchor: Anchor, file: Path | None) -> None:
    console.result(
        anchor=anchor.text,
        sequence=anchor.sequence,
        hash=anchor.hash,
        time_ms=anchor.time_ms,
        installation_id=anchor.installation_id,
        file=file,
    )
    console.line(f"anchor        {anchor.text}")
    console.line(f"event         {anchor.sequence}")
    console.line(f"hash          {anchor.hash}")
    console.line(f"made          {_time(anchor.time_ms)}")
    console.line(f"installation  {anchor.installation_id}")


def archive_result(console: Console, piece: Piece | None, place: str) -> None:
    console.result(place=place, piece=piece)
    if piece is None:
        console.say(f"{place} holds every event already")
    else:
        console.line(f"{place}: {piece.file}, events {piece.first} to {piece.last}, sha256 {piece.sha256}")
        console.say("written, read back and verified")
