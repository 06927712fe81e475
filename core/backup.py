"""A backup: one zip of what a home needs to go on elsewhere, with a manifest of hashes as its first piece.

It holds no key unless that was asked for. The audit log is left out, because it is made from the events;
archives, reports, recorded bars and the paper exchange are no part of what is known about an account.
"""

from __future__ import annotations

import json
import os
import sqlite3
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
from msgspec import Meta

from core.clock import Clock
from core.errors import ConfigError, ReconciliationBreak
from core.ids import INSTALLATION_BYTES
from core.journal import statements as sql
from core.journal.emergency import EMERGENCY
from core.journal.files import DATABASE, INSTALLATION, damaged
from core.journal.history import Head, History
from core.journal.latch import LATCH
from core.journal.store import Store, open_for_inspection

SCHEMA = 1
MANIFEST = "manifest.json"
SETTINGS = "settings.env"
PIECES = (DATABASE, INSTALLATION, EMERGENCY, LATCH, SETTINGS)
_MANIFEST_BYTES_MAX = 1 << 20
_CHUNK = 1 << 20
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})

# What a manifest says is used before it is proven: only of these shapes.
Count = Annotated[int, Meta(ge=0, le=1 << 46)]
Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
InstallationId = Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{INSTALLATION_BYTES * 2}}}\Z")]


@dataclass(frozen=True, slots=True)
class Piece:
    bytes: Count
    sha256: Digest


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `events`, `head`: number and hash (hex) of the newest event.

    `installations`: every id the home ever had, newest last. `has_secrets`: whether keys are in the settings.
    """

    program: str
    made_ms: Count
    installations: Annotated[tuple[InstallationId, ...], Meta(min_length=1)]
    events: Count
    head: Digest
    has_secrets: bool
    pieces: Mapping[str, Piece]
    schema: int = SCHEMA


def digests(folder: Path) -> dict[str, Piece]:
    """Return the size and hash of every piece that is in a folder."""
    found = {}
    for name in PIECES:
        if (folder / name).exists():
            with (folder / name).open("rb") as file:
                digest = sha256()
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                found[name] = Piece(file.tell(), digest.hexdigest())
    return found


def opened(folder: Path) -> sqlite3.Connection:
    """Open the journal of a folder without changing it. Raises ReconciliationBreak where there is none."""
    db = open_for_inspection(folder)
    if db is None:
        raise damaged(f"there is none in {folder}")
    return db


def head_of(folder: Path, clock: Clock) -> tuple[str, Head]:
    """Return the installation id and the newest event of a folder's journal. Raises ReconciliationBreak."""
    with closing(Store(folder, opened(folder), clock, read_only=True)) as store:
        row, head = store.row(sql.INSTALLATION), History(store).head()
    if row is None or head is None:
        raise damaged("it holds no events")
    return row["id"], head


def pack(manifest: Manifest, folder: Path, path: Path) -> None:
    """Write a backup of the pieces in a folder."""
    # A machine whose clock begins in 1970 has files older than a zip can say.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6, strict_timestamps=False) as packed:
        packed.writestr(zipfile.ZipInfo(MANIFEST), json.dumps(asdict(manifest), indent=1))
        for name in manifest.pieces:
            packed.write(folder / name, name)


def unpack(file: BinaryIO, name: str, folder: Path) -> Manifest:
    """Read a backup into an empty folder, every piece against its hash, and return its manifest.

    Raises ConfigError FILE_UNREADABLE for what is no backup, ReconciliationBreak JOURNAL_DAMAGED for one that
    was altered or cut off.
    """
    try:
        with zipfile.ZipFile(file) as packed:
            manifest = _manifest(packed)
            if sorted(packed.namelist()) != sorted([MANIFEST, *manifest.pieces]):
                raise _altered(name, "it does not hold what its manifest lists")
            for piece, told in manifest.pieces.items():
                with packed.open(piece) as source:
                    if _copied(source, folder / piece, told.bytes) != told:
                        raise _altered(name, f"{piece} is not what its manifest describes")
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise _altered(name, f"it cannot be unpacked: {error}") from None
    except (KeyError, ValueError, NotImplementedError, RuntimeError) as error:
        raise ConfigError(
            f"{name} is not a backup of trader: {error}",
            code="FILE_UNREADABLE",
            hint="name the file that `trader backup` wrote",
        ) from None
    return manifest


def _manifest(packed: zipfile.ZipFile) -> Manifest:
    if any(each.compress_type not in _METHODS for each in packed.infolist()):
        raise ValueError("it is packed in another way")
    if packed.getinfo(MANIFEST).file_size > _MANIFEST_BYTES_MAX:
        raise ValueError("its manifest is too large")
    manifest = msgspec.json.decode(packed.read(MANIFEST), type=Manifest)
    if manifest.schema != SCHEMA:
        raise ValueError(f"its schema is {manifest.schema}, and this trader knows {SCHEMA}")
    if DATABASE not in manifest.pieces or not set(manifest.pieces) <= set(PIECES):
        raise ValueError(f"it lists {', '.join(manifest.pieces) or 'nothing'}")
    return manifest


def _copied(source: object, path: Path, size: int) -> Piece:
    """Copy no more than `size` bytes, and one to see that there are more."""
    read = getattr(source, "read")  # noqa: B009 - zipfile's type for this is private
    digest, left = sha256(), size + 1
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while left and (chunk := read(min(_CHUNK, left))):
            digest.update(chunk)
            file.write(chunk)
            left -= len(chunk)
    return Piece(size + 1 - left, digest.hexdigest())


def _altered(name: str, why: str) -> ReconciliationBreak:
    return ReconciliationBreak(
        f"the backup {name} does not verify: {why}",
        code="JOURNAL_DAMAGED",
        hint="nothing was restored; take another backup",
    )
