"""A folder for unfinished work: gone at the end, and with it what a killed process left."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import ConfigError


@contextmanager
def draft_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder, readable by its owner only; the caller holds a lock. Raises ConfigError."""
    try:
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(mode=0o700)
    except OSError as error:
        raise ConfigError(f"{path} cannot be made: {error.strerror}", code="FILE_UNWRITABLE") from None
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
