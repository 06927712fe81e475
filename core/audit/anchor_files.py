"""Anchors in files: one a line, only ever added to."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from core.errors import ConfigError
from core.journal.anchors import Anchor, parse_file, parse_text

_BYTES_MAX = 16 * 1024 * 1024


def anchors_named(text: str, cwd: Path) -> tuple[Anchor, ...]:
    """Return the anchors that a command line names: a file, or an anchor typed from paper.

    Raises ConfigError FILE_UNREADABLE.
    """
    path = cwd / text
    if path.exists():
        return anchors_in(path)
    try:
        return (parse_text(text),)
    except ValueError as error:
        raise ConfigError(f"{path} does not exist, and {error}", code="FILE_UNREADABLE") from None


def anchors_in(path: Path) -> tuple[Anchor, ...]:
    """Return the anchors of a file; none when there is no file. Raises ConfigError FILE_UNREADABLE."""
    try:
        with path.open("rb") as file:
            return parse_file(file.read(_BYTES_MAX).decode())
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not a file of anchors: {error}", code="FILE_UNREADABLE") from None


def append_anchor(path: Path, anchor: Anchor) -> None:
    """Add an anchor to a file, making it when there is none. Raises ConfigError FILE_UNWRITABLE."""
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            size = os.fstat(file.fileno()).st_size
            cut_off = size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"
            end = "\n" if cut_off else ""
            file.write(f"{end}{anchor.line()}\n".encode())
            os.fsync(file.fileno())
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", code="FILE_UNWRITABLE") from error
