"""trade_audit.log: the human's view of the journal, one line an event, `timestamp [LEVEL] #sequence message`.

Lines are written after the commit and made from the events alone: a lost line is written by the next process,
and the whole file can be made again. Nothing here may stop an order: every failure becomes a warning.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from core.clock import iso_utc
from core.journal import statements as sql
from core.journal.chain import Event, StoredEvent, canonical_json
from core.journal.store import Store

AUDIT_LOG = "trade_audit.log"
EXECUTED = "✅ Trade executed"

_BATCH = 1_000
_TAIL_BYTES = 64 * 1024
SEQUENCE = re.compile(rb"^\S+ \[[A-Z]+\] #([0-9]{1,18}) ", re.MULTILINE)
_LOCK_ATTEMPTS = 100
_LOCK_PAUSE_S = 0.002

_TITLES = {
    "CREATED": ("INFO", "Journal created"),
    "OPENED": ("INFO", "Account opened"),
    "SYMBOL_NOTED": ("INFO", "Symbol first used"),
    "SYMBOL_DELISTED": ("WARNING", "Symbol delisted, says a human"),
    "DENIED": ("WARNING", "Order denied by our rules, not sent"),
    "INTENT": ("INFO", "Order intent"),
    "ABANDONED": ("WARNING", "Order abandoned, not sent"),
    "UNKNOWN": ("ERROR", "Order outcome unknown"),
    "REJECTED": ("ERROR", "Order rejected by the venue"),
    "REPORT": ("INFO", "Order report"),
    "FILL": ("INFO", "Fill"),
    "DRY_RUN_OPENED": ("INFO", "Dry-run book opened"),
    "TRADING_STATE": ("WARNING", "Trading state set"),
    "LATCH_LIFTED": ("WARNING", "Halt lifted"),
    "NEVER_ACCEPTED": ("WARNING", "Order never accepted by the venue"),
    "ASKED_AGAIN": ("INFO", "Order asked about again, still not at the venue"),
    "LATE_FIND": ("ERROR", "Order found after all"),
    "IMPORTED": ("WARNING", "Trades assigned to an order by a human"),
    "WRITTEN_OFF": ("WARNING", "Order written off by a human"),
    "QUARANTINED": ("ERROR", "Symbol quarantined"),
    "QUARANTINE_RELEASED": ("WARNING", "Quarantine released by a human"),
    "BREAKER_LATCHED": ("ERROR", "Breaker latched: nothing is bought"),
    "BREAKER_RESET": ("WARNING", "Breaker reset"),
    "DAY_OPENED": ("INFO", "Day opened"),
    "EQUITY_PEAK": ("INFO", "Equity higher than ever"),
    "EVIDENCE": ("INFO", "Evidence recorded"),
    "GATE_CLOSED": ("WARNING", "Stage refused by a gate"),
    "DECISIONS": ("INFO", "Decisions begin"),
    "DECISION": ("INFO", "Decision"),
    "ADDRESS_PINNED": ("WARNING", "Deposit address confirmed by a human"),
    "ADDRESS_CHANGED": ("ERROR", "Deposit address changed at the venue"),
    "KEY_USED": ("INFO", "Key first used"),
    "KEY_TERMS": ("INFO", "Key's age and end learned"),
    "KEY_ROTATION": ("WARNING", "Key rotation begun"),
    "KEY_SWAPPED": ("WARNING", "New key configured"),
    "KEY_CONFIGURED": ("INFO", "New key works as configured"),
    "KEY_DEAD": ("INFO", "Old key proven dead"),
    "KEY_UNPROVEN": ("ERROR", "Old key not proven dead"),
    "KEY_EXPOSED": ("WARNING", "Key exposed: never used again"),
    "COVERED": ("INFO", "Books compared so far"),
    "BREAK": ("ERROR", "Reconciliation break"),
    "BREAK_ENDED": ("INFO", "Reconciliation break is no more"),
    "BREAK_ACCEPTED": ("WARNING", "Reconciliation break accepted by a human"),
    "RECONCILED": ("INFO", "Books compared"),
    "RESTORED": ("WARNING", "Restored from a backup, as another installation"),
    "LOG_ROTATED": ("INFO", "Older lines removed from this log; the archive has their events"),
    "RUNBOOK_STEP": ("INFO", "Runbook step done, says a human"),
    "DRILL": ("INFO", "Incident rehearsed"),
}
# What earlier programs wrote by its kind, because it had no title yet; their lines still stand.
_TITLED_LATER = frozenset({"GATE_CLOSED", "KEY_TERMS"})


def is_line_of(event: Event, line: bytes) -> bool:
    """Tell whether a line, its end included, is what this program or an earlier one says of an event."""
    if line == f"{line_of(event)}\n".encode():
        return True
    return event.kind in _TITLED_LATER and line == f"{_line(event, 'INFO', event.kind)}\n".encode()


def line_of(event: Event) -> str:
    """Return the line of an event, without its end. JSON escapes every control and non-ASCII character."""
    return _line(event, *_TITLES.get(event.kind, ("INFO", event.kind)))


def _line(event: Event, level: str, title: str) -> str:
    told = event.payload
    details: dict[str, object] = dict(told)
    if event.kind == "REPORT":
        details.pop("trade", None)
        if told["trade"]:
            title = EXECUTED
            details = {"timestamp": iso_utc(event.time_ms), **told["trade"], "status": told["status"]}
        if told["late"]:
            level = "ERROR"
            details["late"] = True
    elif event.account is not None:
        details["account"] = event.account
    if event.kind == "DECISION":
        # The bars it was made of would hide everything else, and are in the event.
        details["bars"] = {name: window["count"] for name, window in told["bars"].items()}
    return f"{iso_utc(event.time_ms)} [{level}] #{event.sequence} {title} {canonical_json(details)}"


class AuditLog:
    """Appends to the log what is committed and not yet in it, also what other processes left out.

    The sequence of the last line says how far the log is; it is remembered for as long as nobody else wrote.
    """

    def __init__(self, home: Path, store: Store) -> None:
        self.path = home / AUDIT_LOG
        self.warnings: list[str] = []
        self._store = store
        self._file: IO[bytes] | None = None
        self._seen = (0, 0)  # (length in bytes, sequence of the last line)

    def add(self, events: Sequence[Event]) -> None:
        """Write the lines of events that were committed, which may have others between them; never waits.

        When another process holds the log, or lines before these are missing, a later call writes them.
        """

        def missing(last: int) -> Iterable[Sequence[Event]]:
            expected = range(last + 1, last + 1 + len(events))
            are_next = all(event.sequence == each for event, each in zip(events, expected, strict=True))
            return [events] if are_next else self._batches(last, limit=1)

        if events:
            self._write(missing)

    def catch_up(self, *, batches: int | None = None) -> None:
        """Write the missing lines, all or some batches of them, waiting a little for other processes."""
        self._write(lambda last: self._batches(last, batches), attempts=_LOCK_ATTEMPTS)

    def _write(self, missing: Callable[[int], Iterable[Sequence[Event]]], *, attempts: int = 1) -> None:
        try:
            file = self._opened()
            with _locked(file, attempts) as held:
                if held:
                    self._append(file, missing)
        except Exception as error:
            self.warn(f"{self.path} was not written: {error}")

    def rebuild(self, after: int = 0) -> None:
        """Make the log again from the events that come after one. Raises OSError."""
        draft = self.path.with_name(f"{AUDIT_LOG}.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
            for batch in self._batches(after):
                file.write(_text(batch))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)
        self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._seen = None, (0, 0)

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _opened(self) -> IO[bytes]:
        if self._file is not None and not _is_same(self._file, self.path):
            self.close()
        if self._file is None:
            # Without O_NONBLOCK a pipe put in its place would hold up every order.
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            file = os.fdopen(os.open(self.path, flags, 0o600), "r+b", buffering=0)
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                file.close()
                raise OSError(f"{self.path.name} is not a regular file")
            self._file = file
        return self._file

    def _append(self, file: IO[bytes], missing: Callable[[int], Iterable[Sequence[Event]]]) -> None:
        length, last = self._seen
        if os.fstat(file.fileno()).st_size != length:
            length, last = _end_of(file)
        for batch in missing(last):
            text = _text(batch)
            _write_all(file, text)
            length, last = length + len(text), batch[-1].sequence
        self._seen = (length, last)

    def _batches(self, after: int, limit: int | None = None) -> Iterator[list[Event]]:
        head = self._store.row(sql.HEAD)
        if head is not None and after > head["sequence"]:
            self.warn(f"{self.path} is of another journal: its last line is #{after}; rebuild it")
        while (limit is None or limit > 0) and (rows := self._store.rows(sql.EVENTS_AFTER, (after, _BATCH))):
            yield [StoredEvent(*row).event() for row in rows]
            after = rows[-1]["sequence"]
            limit = None if limit is None else limit - 1


def _text(events: Iterable[Event]) -> bytes:
    return "".join(line_of(event) + "\n" for event in events).encode()


def _is_same(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _locked(file: IO[bytes], attempts: int) -> Iterator[bool]:
    """Hold the log against other processes; give False when another one has it, whose turn it then is."""
    for attempt in range(attempts):
        if attempt:
            time.sleep(_LOCK_PAUSE_S)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        try:
            yield True
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
        return
    yield False


def _end_of(file: IO[bytes]) -> tuple[int, int]:
    """Return (length, sequence of the last line), after cutting off a line that a killed process began."""
    length = os.fstat(file.fileno()).st_size
    reach, found = _TAIL_BYTES, None
    while not found:
        start = max(0, length - reach)
        file.seek(start)
        tail = file.read(length - start)
        complete = tail.rfind(b"\n") + 1
        found = SEQUENCE.findall(tail[:complete])
        if start == 0:
            break
        reach *= 4
    if complete < len(tail):
        file.truncate(start + complete)
    return start + complete, int(found[-1]) if found else 0


def _write_all(file: IO[bytes], text: bytes) -> None:
    written = 0
    while written < len(text):
        written += file.write(text[written:])
