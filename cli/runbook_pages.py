"""Where the runbooks are: beside the packages in a checkout, inside this one when installed."""

from __future__ import annotations

from pathlib import Path

from cli.console import UsageError
from core.runbooks import Page, parse_page

_PACKAGE = Path(__file__).resolve().parent
PLACES = (_PACKAGE / "runbooks", _PACKAGE.parent / "runbooks")


def folder() -> Path:
    """Return the folder of the pages that came with this program."""
    return next(place for place in PLACES if place.is_dir())


def all_pages() -> list[Page]:
    """Return every page by name: procedures, and the pages of the commands."""
    return [_read(file) for file in sorted(folder().glob("*.md"))]


def page_named(name: str) -> Page:
    """Return one page. Raises UsageError."""
    names = [file.stem for file in sorted(folder().glob("*.md"))]
    if name not in names:
        raise UsageError(f"there is no runbook {name!r}", hint="`trader runbook` lists them")
    return _read(folder() / f"{name}.md")


def _read(file: Path) -> Page:
    return parse_page(file.stem, file.read_text(encoding="utf-8"))
