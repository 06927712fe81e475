"""The site: every link leads somewhere, mkdocs builds it without a warning, and it asks nobody else."""

from __future__ import annotations

import os
import posixpath
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cli.runbook_pages import page_named

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = sorted(
    page.relative_to(REPOSITORY).as_posix()
    for folder in (".", "docs", "runbooks")
    for page in (REPOSITORY / folder).glob("*.md")
)
BLOCK = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
NO_WORD = re.compile(r"[^\w\- ]")


def text_of(page: str) -> str:
    return BLOCK.sub("", (REPOSITORY / page).read_text(encoding="utf-8"))


def anchors(page: str) -> set[str]:
    """Return the names by which a page's headings are linked to."""
    headings = HEADING.findall(text_of(page))
    return {NO_WORD.sub("", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: str) -> Iterator[tuple[str, str]]:
    """Yield (file in the repository, anchor or "") of every link of a page that stays here."""
    for target in LINK.findall(CODE.sub("", text_of(page))):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page, anchor


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target, anchor in links(page):
        assert (REPOSITORY / target).is_file(), f"{page} links to {target}, which is not there"
        assert not anchor or anchor in anchors(target), f"{page} links to #{anchor}, which {target} has not"


def test_there_are_links_to_look_at() -> None:
    assert sum(len(list(links(page))) for page in PAGES) > 60


class Loaded(HTMLParser):
    """Collects what a browser fetches by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        fetched = given.get("src") or (given.get("href") if tag == "link" else None)
        if fetched:
            self.addresses.append(fetched)


def fetched_by(page: Path) -> list[str]:
    loaded = Loaded()
    loaded.feed(page.read_text(encoding="utf-8"))
    return loaded.addresses


def test_the_site_is_built_whole_and_asks_nobody_else_for_anything(tmp_path: Path) -> None:
    """One test for all: a build takes two seconds."""
    built = subprocess.run(
        # With --quiet no warning is counted, and --strict means nothing.
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=REPOSITORY,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    pages = {page.removeprefix("docs/") for page in PAGES if page not in ("README.md", "SECURITY.md")}
    assert [page for page in pages if not (tmp_path / page).with_suffix(".html").is_file()] == []

    fetched = [each for page in tmp_path.rglob("*.html") for each in fetched_by(page)]
    assert len(fetched) > 100
    assert [each for each in fetched if "//" in each] == []

    # Steps go on counting after their heading, and keep their code blocks.
    launch, counted = (tmp_path / "runbooks/live-launch.html").read_text(encoding="utf-8"), 0
    for start, steps in re.findall(r'<ol(?: start="(\d+)")?>(.*?)</ol>', launch, re.DOTALL):
        assert int(start or 1) == counted + 1
        assert "<pre" in steps
        counted += steps.count("<li>")
    assert counted == len(page_named("live-launch").steps)
