"""The journal's history: proven, anchored, searched, exported and archived."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.audit.anchor_files import anchors_in, append_anchor
from core.audit.archive import Piece, add_piece, archive_findings
from core.audit.copies import CopyCheck
from core.audit.places import Place, without_login
from core.audit.records import parsed
from core.clock import Clock
from core.errors import ConfigError, ReconciliationBreak
from core.journal.anchors import Anchor, make_anchor
from core.journal.audit_log import AUDIT_LOG
from core.journal.history import Link, Selection
from core.journal.log_check import MENDABLE
from core.journal.records import Finding
from core.journal.verification import Progress, verify_home

if TYPE_CHECKING:
    from core.journal import Journal


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What was checked, a journal or a copy of one, and what is wrong with it.

    `events`: how many there are; `first`, `last`: their sequences, 0 when there are none. `log_behind`: lines
    that the audit log lacks at its end, which is no finding. `gaps`: how often a copy leaves events out.
    """

    what: str
    findings: tuple[Finding, ...]
    events: int
    first: int
    last: int
    log_behind: int = 0
    gaps: int = 0

    @property
    def only_log_differs(self) -> bool:
        return bool(self.findings) and {finding.code for finding in self.findings} <= MENDABLE

    def raise_if_found(self) -> None:
        """Raise ReconciliationBreak JOURNAL_DAMAGED, or CHECK_FAILED when only the audit log differs."""
        if not self.findings:
            return
        if self.only_log_differs:
            raise ReconciliationBreak(
                f"{AUDIT_LOG} differs from the journal, which verifies: {len(self.findings)} finding(s)",
                code="CHECK_FAILED",
                hint="`trader audit verify --rebuild-log` keeps the old one and makes it again",
            )
        raise ReconciliationBreak(
            f"{self.what} does not verify: {len(self.findings)} finding(s)",
            code="JOURNAL_DAMAGED",
            hint="it was left untouched; keep it, and compare with an anchor or an archive",
        )


def verify(home: Path, clock: Clock, anchors: Sequence[Anchor], progress: Progress) -> AuditResult:
    """Check the journal of a home, also a damaged one, without changing anything."""
    found = verify_home(home, clock, anchors=anchors, progress=progress)
    return AuditResult(
        what=f"the journal in {home}",
        findings=found.findings,
        events=found.events,
        first=min(1, found.events),
        last=found.events,
        log_behind=found.log_behind,
    )


def verify_export(path: Path, anchors: Sequence[Anchor]) -> AuditResult:
    """Check a file that `audit export` wrote. Raises ConfigError FILE_UNREADABLE."""
    check = CopyCheck(anchors=anchors)
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            findings = tuple(check.wrong_with(parsed(file)))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", code="FILE_UNREADABLE") from None
    return _copy_result(str(path), check, findings)


def verify_archive(place: Place, anchors: Sequence[Anchor]) -> AuditResult:
    """Check all pieces of an archive. Raises ConfigError FILE_UNREADABLE."""
    check = CopyCheck(anchors=anchors, whole=True)
    try:
        findings = tuple(archive_findings(place, anchors, check))
    except OSError as error:
        raise ConfigError(
            f"{place.name} cannot be read: {without_login(error)}", code="FILE_UNREADABLE"
        ) from None
    return _copy_result(place.name, check, findings)


def _copy_result(what: str, check: CopyCheck, findings: tuple[Finding, ...]) -> AuditResult:
    if not (check.events or findings):  # nothing is no proof: it may be the wrong place
        raise ConfigError(
            f"{what} holds no events of a journal: nothing was verified",
            code="FILE_UNREADABLE",
            hint="name the file of `trader audit export`, or the folder or URL of `trader audit archive`",
        )
    return AuditResult(what, findings, check.events, check.first, check.last, gaps=check.gaps)


def rebuild_log(journal: Journal, now_ms: int) -> Path | None:
    """Make the audit log again; return under which name the old one was kept, None when there was none."""
    path = journal.audit_log_path
    kept: Path | None = path.with_name(f"{path.name}.{now_ms}.kept")
    try:
        os.link(path, str(kept), follow_symlinks=False)
    except FileNotFoundError:
        kept = None
    except OSError as error:
        raise ConfigError(f"{path} cannot be kept: {error.strerror}", code="FILE_UNWRITABLE") from error
    try:
        journal.rebuild_audit_log()
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", code="FILE_UNWRITABLE") from error
    return kept


def anchor(journal: Journal, clock: Clock, file: Path | None) -> Anchor | None:
    """Return an anchor of the newest event, added to a file of anchors; None when the journal is empty.

    Raises ReconciliationBreak JOURNAL_DAMAGED when an anchor in the file is not of this journal.
    """
    head = journal.history.head()
    earlier = () if file is None else anchors_in(file)
    for known in earlier:
        if not known.is_of(journal.history.hash_of(known.sequence)):
            raise ReconciliationBreak(
                f"the journal in {journal.home} does not have the event that {known} saw",
                code="JOURNAL_DAMAGED",
                hint=f"`trader audit verify --anchor {file}` says more; nothing was added to the file",
            )
    if head is None:
        return None
    made = make_anchor(head.sequence, head.hash, clock.now_ms(), journal.installation_id)
    if file is not None and all(known.sequence != made.sequence for known in earlier):
        append_anchor(file, made)
    return made


def find(journal: Journal, chosen: Selection, order: str | None, limit: int) -> list[Link]:
    """Return the last events, or all of one order by its client_order_id or the venue's id, oldest first.

    Raises ConfigError ORDER_UNKNOWN.
    """
    history = journal.history
    if order is None:
        return history.newest(chosen, limit)
    names = history.orders_named(order)
    if not names:
        raise ConfigError(
            f"the journal in {journal.home} has no order {order}",
            code="ORDER_UNKNOWN",
            hint="give its client_order_id or the venue's order id; --home names another journal",
        )
    return history.newest(Selection(chosen.since_ms, chosen.until_ms, chosen.kinds, names), limit)


@dataclass(slots=True)
class Exported:
    """Counts what passes on its way out, and names what does not match its hash."""

    events: int = 0
    first: int = 0
    last: int = 0
    damaged: int = 0

    def counting(self, links: Iterator[Link]) -> Iterator[Link]:
        for link in links:
            self.events += 1
            self.first = self.first or link.stored.sequence
            self.last = link.stored.sequence
            self.damaged += not link.stored.follows(link.previous)
            yield link

    def raise_if_damaged(self) -> None:
        if self.damaged:
            raise ReconciliationBreak(
                f"{self.damaged} of the {self.events} events that were exported do not match their hash",
                code="JOURNAL_DAMAGED",
                hint="`trader audit verify` names them",
            )


def archive(journal: Journal, place: Place, clock: Clock, progress: Callable[[int], None]) -> Piece | None:
    """Add what is new to an archive, read it back, and return the new piece; None when nothing is new."""
    try:
        return add_piece(journal.history, journal.installation_id, place, clock.now_ms(), progress)
    except OSError as error:
        raise ConfigError(
            f"{place.name} cannot be written: {without_login(error)}", code="FILE_UNWRITABLE"
        ) from error
