"""A report file for each run of a command that nobody watches, kept by date."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from cli.documents import one_line
from core.clock import iso_utc
from core.errors import ConfigError
from core.new_files import new_file

REPORTS = "reports"


def write_run_report(
    home: Path, command: str, started_ms: int, lines: Iterable[str], record: Mapping[str, object]
) -> Path:
    """Write `reports/COMMAND/DATE/TIME.txt` and `.json` in a home, 0600; return the text's path.

    Raises ConfigError FILE_UNWRITABLE, FILE_EXISTS for a second run in the same millisecond.
    """
    started = iso_utc(started_ms)
    folder = home / REPORTS / command / started[:10]
    try:
        for each in (home / REPORTS, home / REPORTS / command, folder):
            each.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be made: {error.strerror or error}", code="FILE_UNWRITABLE"
        ) from None
    name = f"{started.replace(':', '')}-{os.getpid()}"
    with new_file(folder / f"{name}.json") as file:
        file.write(f"{one_line(record)}\n".encode())
    path = folder / f"{name}.txt"
    with new_file(path) as file:
        file.write("".join(f"{line}\n" for line in lines).encode())
    return path
