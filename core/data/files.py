"""The lines of a recorded file: plain, gzip, or the zip of one CSV as Binance Vision offers it."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
import zlib
from pathlib import Path

from core.errors import ConfigError

CHECKSUM_SUFFIX = ".CHECKSUM"
_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"
_LARGEST = 512 << 20
"""Bytes of one text, some six million trades: reading it takes ten times as much memory."""


def unreadable(path: Path, reason: str, line: int | None = None) -> ConfigError:
    """Return the error for a file that cannot be imported; `line` counts from 1."""
    where = str(path) if line is None else f"{path}, line {line}"
    return ConfigError(
        f"{where}: {reason}",
        code="DATA_UNREADABLE",
        hint="docs/data.md lists the formats",
    )


def content(path: Path) -> bytes:
    """Read a file. Raises ConfigError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, f"cannot be read: {error.strerror or error}") from None


def checked(path: Path, data: bytes) -> bool:
    """Return whether the checksum file beside it proves the content; False where there is none.

    Raises ConfigError DATA_CHECKSUM for one that proves the contrary, or nothing.
    """
    beside = path.with_name(path.name + CHECKSUM_SUFFIX)
    if not beside.exists():
        return False
    try:
        words = beside.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(beside, f"cannot be read: {error}") from None
    actual = hashlib.sha256(data).hexdigest()
    if not words or words[0].lower() != actual:
        raise ConfigError(
            f"{path} has SHA-256 {actual}, but {beside.name} says {words[0] if words else 'nothing'}",
            code="DATA_CHECKSUM",
            hint="download both again; nothing was imported",
        )
    return True


def lines(path: Path, data: bytes) -> list[str]:
    """Return the lines of the text, however it is packed. Raises ConfigError."""
    try:
        if data.startswith(_ZIP_MAGIC):
            data = _only_member(path, data)
        elif data.startswith(_GZIP_MAGIC):
            data = gzip.decompress(data)
        return data.decode("ascii").splitlines()
    except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error, NotImplementedError) as error:
        raise unreadable(path, f"is a damaged archive: {error}") from None
    except UnicodeDecodeError:
        raise unreadable(path, "is not a text of bars or trades") from None


def _only_member(path: Path, data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [each for each in archive.infolist() if not each.is_dir()]
        if len(members) != 1:
            raise unreadable(path, f"holds {len(members)} files, not one")
        if members[0].flag_bits & 1:
            raise unreadable(path, "is encrypted")
        if members[0].file_size > _LARGEST:
            size, most = members[0].file_size >> 20, _LARGEST >> 20
            raise unreadable(path, f"unpacks to {size} MiB, more than {most}: take the files of single days")
        return archive.read(members[0])
