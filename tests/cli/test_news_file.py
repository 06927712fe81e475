"""A file of headlines that is written to while a run waits."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.news_file import NewsFile, news_of
from core.errors import ConfigError
from core.strategies import strategy
from core.strategies.news import NO_NEWS

LINE = '{"published_ms": %d, "title": "Record inflows"}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "news.ndjson"
    made.write_text(LINE % 1)
    return made


def test_what_is_added_is_read_and_half_a_line_waits_for_its_end(path: Path) -> None:
    file = NewsFile(path)
    assert [each.published_ms for each in file().headlines] == [1]
    with path.open("a") as more:
        more.write(LINE % 2 + '{"published_ms": 3, "ti')
    assert [each.published_ms for each in file().headlines] == [1, 2]
    assert file().problem == ""
    with path.open("a") as more:
        more.write('tle": "x"}\n')
    assert [each.published_ms for each in file().headlines] == [1, 2, 3]


def test_what_was_read_stays_while_the_file_is_broken_or_gone(path: Path) -> None:
    file = NewsFile(path)
    known = file().headlines
    path.write_text("no headline\n")
    assert file().headlines == known
    assert "line 1 is no JSON: Expecting value at column 1" in file().problem
    path.unlink()
    assert (file().headlines, file().problem) == (known, f"{path} cannot be read: No such file or directory")


def test_what_cannot_be_read_when_a_run_begins_stops_it(path: Path) -> None:
    path.write_text('{"published_ms": 1}\n')
    with pytest.raises(ConfigError, match=r"TRADER_NEWS: .*line 1: title must be text, was None"):
        news_of(path, strategy("lead-lag"))
    assert news_of(path, strategy("coherence"))() is NO_NEWS, "it looks at no news"


def test_a_strategy_without_its_news_says_so() -> None:
    news = news_of(None, strategy("lead-lag"))()
    assert news.problem == "lead-lag looks at news, and TRADER_NEWS names no file of headlines"
