"""Long data, to stdout or to a new file."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path

from cli.console import Console
from core.new_files import new_file

_LINES_AT_ONCE = 500


def write_lines(console: Console, lines: Iterator[str], path: Path | None) -> str:
    """Write lines that have their ends; return the SHA-256 of them all, in hex.

    A file appears when it is whole. Raises ConfigError FILE_EXISTS or FILE_UNWRITABLE.
    """
    digest = sha256()
    if path is None:
        for text in _chunks(lines):
            digest.update(text.encode())
            console.line(text.removesuffix("\n"))
            if not console.has_reader:
                break
    else:
        with new_file(path) as file:
            for text in _chunks(lines):
                digest.update(text.encode())
                file.write(text.encode())
    return digest.hexdigest()


def _chunks(lines: Iterator[str]) -> Iterator[str]:
    while chunk := "".join(islice(lines, _LINES_AT_ONCE)):
        yield chunk
