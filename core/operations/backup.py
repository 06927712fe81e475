"""Back a home up while it is in use, and prove the copy from where it was written."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from core.audit.places import Place, without_login
from core.backup import SETTINGS, Manifest, digests, head_of, opened, pack, unpack
from core.clock import Clock
from core.draft_folder import draft_folder
from core.errors import ConfigError, ReconciliationBreak
from core.journal import latch
from core.journal.emergency import EMERGENCY
from core.journal.files import DATABASE, INSTALLATION, RESERVE_BYTES, installations, journal_exists
from core.journal.store import translated
from core.journal.verification import Progress, verify_home
from core.run_lock import only_run

DRAFT = "backup.draft"
COPIES = 3
"""Of the journal, at most: the copy, what is packed of it, and what is unpacked again."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes in beside the journal. `settings`: the text of a settings file, None for none.

    `emergency_folders`: where orders may be that the journal has not taken in yet.
    """

    settings: str | None
    has_secrets: bool
    emergency_folders: Sequence[Path]
    program: str


def back_up(
    home: Path, place: Place, name: str, contents: Contents, clock: Clock, progress: Progress
) -> Manifest:
    """Write a backup, read it back from where it is, and verify the journal in it.

    Commands that trade meanwhile are neither stopped nor waited for: the copy is of one moment. Raises
    Refused BACKUP_RUNNING, ConfigError HOME_UNUSABLE, FILE_EXISTS or FILE_UNWRITABLE, ReconciliationBreak
    JOURNAL_DAMAGED.
    """
    if not journal_exists(home):
        raise ConfigError(
            f"{home} has no journal to back up",
            code="HOME_UNUSABLE",
            hint="--home and TRADER_HOME name another folder",
        )
    _require_room(home)
    with only_run(home, "backup", "BACKUP_RUNNING"), draft_folder(home / DRAFT) as draft:
        try:
            pieces, packed = _made(draft / "pieces"), draft / "backup.zip"
            _copy_journal(home, pieces)
            _copy_rest(home, contents, pieces)
            manifest = _described(home, pieces, contents, clock)
            pack(manifest, pieces, packed)
            _prove(packed, name, _made(draft / "copy"), clock, progress)
            _deliver(packed, place, name)
        except OSError as error:
            raise ConfigError(
                f"{name} at {place.name} was not written: {without_login(error.strerror or error)}",
                code="FILE_UNWRITABLE",
            ) from error
    return manifest


def _require_room(home: Path) -> None:
    """Raise ConfigError FILE_UNWRITABLE where the draft would take the disk from commands that trade."""
    try:
        needed = RESERVE_BYTES + sum(_size(home / name) for name in (DATABASE, f"{DATABASE}-wal")) * COPIES
        free = shutil.disk_usage(home).free
    except OSError as error:
        raise ConfigError(f"{home} cannot be read: {error.strerror}", code="HOME_UNUSABLE") from None
    if free < needed:
        raise ConfigError(
            f"{home} has {free >> 20} MiB of free disk, and a backup is prepared there with "
            f"{-(-needed >> 20)}",
            code="FILE_UNWRITABLE",
            hint="make room; nothing was written, so that commands that trade have what is left",
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _described(home: Path, pieces: Path, contents: Contents, clock: Clock) -> Manifest:
    newest, head = head_of(pieces, clock)
    known = installations(home)
    return Manifest(
        program=contents.program,
        made_ms=clock.now_ms(),
        installations=(*(each for each in known if each != newest), newest),
        events=head.sequence,
        head=head.hash.hex(),
        has_secrets=contents.has_secrets,
        pieces=digests(pieces),
    )


def _copy_journal(home: Path, folder: Path) -> None:
    with (
        contextlib.closing(opened(home)) as source,
        contextlib.closing(sqlite3.connect(folder / DATABASE)) as target,
        translated(),
    ):
        source.backup(target)  # in one step: of one moment, whatever is written meanwhile
    (folder / DATABASE).chmod(0o600)


def _copy_rest(home: Path, contents: Contents, folder: Path) -> None:
    """Copy what is beside the journal, after it: what is taken in twice is taken in once."""
    if (home / INSTALLATION).exists():
        shutil.copyfile(home / INSTALLATION, folder / INSTALLATION)
    kept = [each / EMERGENCY for each in contents.emergency_folders if (each / EMERGENCY).is_file()]
    if kept:
        (folder / EMERGENCY).write_bytes(b"\n".join(path.read_bytes() for path in kept))
    if latch.is_set(home):
        (folder / latch.LATCH).touch()
    if contents.settings is not None:
        (folder / SETTINGS).write_text(contents.settings, encoding="utf-8")


def _prove(path: Path, name: str, folder: Path, clock: Clock, progress: Progress) -> None:
    """Unpack a backup and verify its journal: pages, chain, and every table against the events."""
    with path.open("rb") as file:
        unpack(file, name, folder)
    found = verify_home(folder, clock, progress=progress).findings
    if found:
        raise ReconciliationBreak(
            f"the journal does not verify, so this would be no backup: {found[0].code}: {found[0].detail}",
            code="JOURNAL_DAMAGED",
            hint="`trader audit verify` names everything; nothing was written",
        )


def _deliver(path: Path, place: Place, name: str) -> None:
    """Copy a proven backup to its place, and read it back from there."""
    with path.open("rb") as source, place.writing(name) as target:
        shutil.copyfileobj(source, target, _CHUNK)
    with place.reading(name) as file, path.open("rb") as source:
        if _digest(file) != _digest(source):
            raise ReconciliationBreak(
                f"{name} at {place.name} is not what was written",
                code="JOURNAL_DAMAGED",
                hint="remove it, and write the backup to another place",
            )


def _digest(file: BinaryIO) -> bytes:
    digest = sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.digest()
