"""Where a backup goes or comes from, as a command line names it: a file, a folder, or a URL of fsspec."""

from __future__ import annotations

from pathlib import Path

from core.audit.places import Folder, Place, place_of


def target_of(text: str | None, cwd: Path, new_name: str) -> tuple[Place, str]:
    """Return the place and the name of a backup to write. A URL is a folder."""
    if text is None:
        return Folder(cwd), new_name
    place = place_of(text, cwd)
    if isinstance(place, Folder) and not text.endswith("/") and not (cwd / text).is_dir():
        path = cwd / text
        return Folder(path.parent), path.name
    return place, new_name


def source_of(text: str, cwd: Path) -> tuple[Place, str]:
    """Return the place and the name of a backup to read. Raises ConfigError EXTRA_MISSING."""
    folder, _, name = text.rpartition("/")
    place = place_of(folder, cwd) if folder else Folder(cwd)
    if isinstance(place, Folder):
        path = cwd / text
        return Folder(path.parent), path.name
    return place, name
