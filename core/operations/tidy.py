"""Keep a home from growing for ever: what is old goes, once an archive has it and has been read back.

The lines of trade_audit.log are made from events, so a verified archive of the events is enough to remove
them; reports are copied first. Whatever does not verify is left where it is.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.audit.places import Place
from core.clock import Clock, iso_utc
from core.errors import ConfigError, ReconciliationBreak
from core.journal import Journal
from core.journal.audit_log import AUDIT_LOG, SEQUENCE
from core.journal.history import Selection
from core.journal.verification import LOG_ROTATED, Progress
from core.operations.audit import verify, verify_archive

REPORTS = "reports"
_CHUNK = 1 << 20
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_KEPT_LOG = re.compile(rf"{re.escape(AUDIT_LOG)}\.(\d{{1,15}})\.kept\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tidied:
    """`log_from`: the event that the log begins with now, None when it stayed as it was.

    `files`: how many went; `packed`: the archive's file that has them, None when there were none.
    """

    log_from: int | None
    files: int
    packed: str | None


def tidy(journal: Journal, place: Place, before_ms: int, clock: Clock, progress: Progress) -> Tidied:
    """Remove from the home what is older and in the archive.

    Raises ReconciliationBreak JOURNAL_DAMAGED or CHECK_FAILED where journal, log or archive do not verify,
    and ConfigError FILE_UNREADABLE or FILE_UNWRITABLE; then what was not proven is still there.
    """
    verify(journal.home, clock, (), progress).raise_if_found()
    archived = verify_archive(place, ())
    archived.raise_if_found()
    try:
        log_from = _rotate(journal, archived.last, before_ms)
        files = [*_reports(journal.home, before_ms), *_kept_logs(journal.home, before_ms)]
        packed = _moved(journal.home, files, place, clock.now_ms()) if files else None
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        raise ConfigError(
            f"{journal.home} was not tidied: {error}",
            code="FILE_UNWRITABLE",
            hint="what was not archived is still there",
        ) from error
    return Tidied(log_from, len(files), packed)


def _rotate(journal: Journal, archived_to: int, before_ms: int) -> int | None:
    """Cut the log's beginning off, as far as its events are old and archived."""
    young = next(iter(journal.history.events(Selection(since_ms=before_ms))), None)
    begin = archived_to + 1 if young is None else min(young.stored.sequence, archived_to + 1)
    if begin <= _first_line(journal.audit_log_path):
        return None
    # Journaled first: a log that is longer than it has to be is no finding, a shorter one would be.
    journal.record_note(LOG_ROTATED, None, {"from": begin, "archived_to": archived_to})
    journal.rebuild_audit_log(after=begin - 1)
    return begin


def _first_line(log: Path) -> int:
    """Return the event of the log's first line; a log that is empty has nothing to cut off."""
    with suppress(FileNotFoundError), log.open("rb") as file:
        match = SEQUENCE.match(file.readline())
        if match is not None:
            return int(match[1])
    return 1 << 62


def _reports(home: Path, before_ms: int) -> Iterator[Path]:
    """Yield the files of whole days that ended before: `reports/COMMAND/DATE/…`."""
    day = iso_utc(before_ms)[:10]
    for folder in sorted((home / REPORTS).glob("*/*")):
        if _DATE.match(folder.name) and folder.name < day and not folder.is_symlink():
            yield from (path for path in sorted(folder.iterdir()) if path.is_file() and not path.is_symlink())


def _kept_logs(home: Path, before_ms: int) -> Iterator[Path]:
    for path in sorted(home.glob(f"{AUDIT_LOG}.*.kept")):
        match = _KEPT_LOG.match(path.name)
        if match is not None and int(match[1]) < before_ms and path.is_file():
            yield path


def _moved(home: Path, files: Sequence[Path], place: Place, now_ms: int) -> str:
    """Copy files to the archive, read them back, then remove them; return the archive's file."""
    name = f"reports-{iso_utc(now_ms)[:19].replace(':', '')}.zip"
    with (
        place.writing(name) as target,
        # A file from before 1980, of a machine that did not know the time, must not stop all others.
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as packed,
    ):
        for path in files:
            packed.write(path, str(path.relative_to(home)))
    with place.reading(name) as source, zipfile.ZipFile(source) as packed:
        for path in files:
            if not _is_packed(packed, str(path.relative_to(home)), path):
                raise ReconciliationBreak(
                    f"{path} is not in {name} at {place.name} as it is here",
                    code="CHECK_FAILED",
                    hint="nothing was removed; archive to another place",
                )
    for path in files:
        path.unlink()
    for folder in {path.parent for path in files} - {home}:
        with suppress(OSError):  # something else is in it
            folder.rmdir()
    return name


def _is_packed(packed: zipfile.ZipFile, name: str, path: Path) -> bool:
    """Compare piece by piece: a kept log may be larger than the memory of a small machine."""
    with packed.open(name) as there, path.open("rb") as here:
        while chunk := here.read(_CHUNK):
            if there.read(len(chunk)) != chunk:
                return False
        return not there.read(1)
