"""Files that a command was asked to write: whole or not at all, and never over something else."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from core.errors import ConfigError


@contextlib.contextmanager
def new_file(path: Path, *, over: bytes | None = None) -> Iterator[BinaryIO]:
    """Give a file that appears under its name when the block ends well, readable by its owner only.

    `over`: an older file that begins with these bytes is replaced, because this program made it. Raises
    ConfigError FILE_EXISTS or FILE_UNWRITABLE; then nothing has changed.
    """
    try:
        replaces = os.path.lexists(path)
        if replaces and (over is None or not _begins_with(path, over)):
            raise _in_the_way(path)
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(descriptor)
            if replaces:
                Path(draft).replace(path)
            else:
                os.link(draft, path)
        finally:
            Path(draft).unlink(missing_ok=True)
    except FileExistsError:
        raise _in_the_way(path) from None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror or error}", code="FILE_UNWRITABLE"
        ) from error


def _begins_with(path: Path, beginning: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(beginning)) == beginning


def _in_the_way(path: Path) -> ConfigError:
    return ConfigError(
        f"{path} exists and is not overwritten",
        code="FILE_EXISTS",
        hint="name another file, or move this one away",
        details={"path": str(path)},
    )
