"""Make a home of a backup: as another installation, halted, and until it is compared in doubt.

Everything is prepared and verified in a folder of its own; the journal comes into the home last, as one link.
Killed at any step, the home has no journal and is halted, or has the whole one and is halted.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.audit.places import Place, without_login
from core.backup import SETTINGS, Manifest, head_of, unpack
from core.clock import Clock, iso_utc
from core.draft_folder import draft_folder
from core.errors import ConfigError, ReconciliationBreak, Refused, TraderError
from core.ids import RandomBytes
from core.journal import Journal, latch
from core.journal.audit_log import AUDIT_LOG
from core.journal.emergency import EMERGENCY, take_in
from core.journal.files import (
    DATABASE,
    installations,
    journal_exists,
    keep_installation,
    log_is_pending,
    prepare_home,
)
from core.journal.verification import Progress, verify_home
from core.run_lock import only_run
from core.settings_file import FILE_NAME

DRAFT = "restore.draft"
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Restored:
    """What was made. `settings`: the file that was written, None where one was there or none was kept.

    `kept_log`: where the audit log of a lost journal was put. `not_taken_in`: of an emergency, and why.
    """

    manifest: Manifest
    installation_id: str
    settings: Path | None
    kept_log: Path | None
    not_taken_in: tuple[str, ...]


def restore(
    place: Place,
    name: str,
    home: Path,
    reason: str,
    *,
    clock: Clock,
    random_bytes: RandomBytes,
    progress: Progress,
) -> Restored:
    """Restore a backup into a home without a journal.

    Raises Refused JOURNAL_EXISTS or RESTORE_RUNNING, ConfigError FILE_UNREADABLE, FILE_UNWRITABLE or
    HOME_UNUSABLE, ReconciliationBreak JOURNAL_DAMAGED.
    """
    prepare_home(home)
    with only_run(home, "restore", "RESTORE_RUNNING"), draft_folder(home / DRAFT) as draft:
        manifest = _unpacked(place, name, draft)
        _refuse_other_journal(home, manifest, clock, random_bytes)
        _verify(draft, manifest, clock, progress)
        told = {"file": name, "made_ms": manifest.made_ms, "events": manifest.events, "head": manifest.head}
        try:
            with Journal.open(draft, clock=clock, random_bytes=random_bytes) as journal:
                # Only the installation that made these orders can take them in.
                not_taken_in = take_in(journal, draft / EMERGENCY)
                installation_id = journal.restores.record(random_bytes, reason, told)
        except Refused as error:  # of the draft, and no journal that anything is sent from
            raise _no_room(home, error.message) from error
        try:
            settings, kept_log = _publish(draft, home, manifest, installation_id, reason, clock)
        except OSError as error:
            raise ConfigError(
                f"{home} cannot be written: {error.strerror or error}",
                code="FILE_UNWRITABLE",
                hint="it stays halted; mend it and restore again",
            ) from error
    return Restored(manifest, installation_id, settings, kept_log, not_taken_in)


def _no_room(home: Path, why: str) -> ConfigError:
    return ConfigError(
        f"{home} cannot take the backup: {why}",
        code="FILE_UNWRITABLE",
        hint="nothing was restored; make room, and restore again",
    )


def _unpacked(place: Place, name: str, draft: Path) -> Manifest:
    try:
        with place.reading(name) as file:
            return unpack(file, name, draft)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise _no_room(draft.parent, error.strerror or str(error)) from None
        raise ConfigError(
            f"{name} at {place.name} cannot be read: {without_login(error.strerror or error)}",
            code="FILE_UNREADABLE",
        ) from None


def _refuse_other_journal(home: Path, manifest: Manifest, clock: Clock, random_bytes: RandomBytes) -> None:
    """Raise Refused JOURNAL_EXISTS where a journal is, or was one of another installation."""
    strange = [each for each in installations(home) if each not in manifest.installations]
    if journal_exists(home):
        what = f"has a journal, {_compared(home, manifest, clock, random_bytes)}"
    elif strange:
        what = f"had the journal of installation {strange[-1]}, which this is no backup of"
    else:
        return
    raise Refused(
        f"{home} {what}",
        code="JOURNAL_EXISTS",
        hint="restore into an empty folder with --home; what is here is left untouched",
    )


def _compared(home: Path, manifest: Manifest, clock: Clock, random_bytes: RandomBytes) -> str:
    """Say how a journal stands to a backup."""
    try:
        with Journal.open(home, clock=clock, random_bytes=random_bytes, read_only=True) as journal:
            hash_there = journal.history.hash_of(manifest.events)
            head = journal.history.head()
            last = 0 if head is None else head.sequence
    except TraderError as error:
        return f"which cannot be read ({error.message})"
    if journal.installation_id not in manifest.installations:
        return f"of another installation ({journal.installation_id})"
    if hash_there == bytes.fromhex(manifest.head):
        return f"which is {'newer than' if last > manifest.events else 'the same as'} the backup"
    return f"which ends at event {last}, where the backup has {manifest.events}"


def _verify(draft: Path, manifest: Manifest, clock: Clock, progress: Progress) -> None:
    found = verify_home(draft, clock, progress=progress)
    wrong = [f"{each.code}: {each.detail}" for each in found.findings]
    if not wrong:
        newest, head = head_of(draft, clock)
        told = (newest, head.sequence, head.hash.hex())
        if told != (manifest.installations[-1], manifest.events, manifest.head):
            wrong = ["it ends elsewhere than its manifest says"]
    if wrong:
        raise ReconciliationBreak(
            f"the journal in the backup does not verify: {wrong[0]}",
            code="JOURNAL_DAMAGED",
            hint="nothing was restored; take another backup",
        )


def _publish(
    draft: Path, home: Path, manifest: Manifest, installation_id: str, reason: str, clock: Clock
) -> tuple[Path | None, Path | None]:
    """Bring the prepared files into the home, the journal last; return (settings file, log put aside)."""
    now_ms = clock.now_ms()
    latch.set_latch(home, f"{iso_utc(now_ms)} restored from a backup: {reason}")
    settings = _linked(draft / SETTINGS, home / FILE_NAME)
    for each in manifest.installations:
        if each not in installations(home):
            keep_installation(home, each)
    kept_log = _put_aside(home / AUDIT_LOG, now_ms)
    if log_is_pending(draft / DATABASE):
        # The new installation id would stay behind in it, and this home would send under the old one.
        raise OSError("the restored journal still has a write-ahead log")
    _sync(draft / DATABASE)
    os.link(draft / DATABASE, home / DATABASE)
    latch.sync_folder(home)
    # From here on the home is whole; without these two the next command would write them.
    keep_installation(home, installation_id)
    _linked(draft / AUDIT_LOG, home / AUDIT_LOG)
    latch.sync_folder(home)
    return settings, kept_log


def _linked(path: Path, target: Path) -> Path | None:
    """Bring a file in under its name; None where there is none, or one is there already."""
    with suppress(FileNotFoundError, FileExistsError):
        path.chmod(0o600)
        _sync(path)
        os.link(path, target)
        return target
    return None


def _put_aside(log: Path, now_ms: int) -> Path | None:
    """Keep the log of a journal that was lost: it tells what was done after the backup."""
    if not os.path.lexists(log):
        return None
    kept = log.with_name(f"{log.name}.{now_ms}.kept")
    log.rename(kept)
    return kept


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
