from __future__ import annotations

import pytest

from core.strategies import Headline
from core.strategies.news import headlines_of


def test_headlines_are_read_line_by_line() -> None:
    lines = [
        '{"published_ms": 1, "title": "One"}',
        "",
        '{"published_ms": 2, "title": "Two", "source": "wire", "url": "https://example.com", "score": -1}',
    ]
    assert headlines_of(lines) == (
        Headline(1, "One"),
        Headline(2, "Two", "wire", "https://example.com", -1.0),
    )


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        ("{", "Expecting property name enclosed in double quotes at column"),
        ("[]", "a headline is an object"),
        ('{"title": "x"}', "published_ms must be ms since 1970, was None"),
        ('{"published_ms": true, "title": "x"}', "published_ms must be"),
        ('{"published_ms": 1.5, "title": "x"}', "published_ms must be"),
        ('{"published_ms": -1, "title": "x"}', "published_ms must be"),
        ('{"published_ms": 1, "title": " "}', "title must be text"),
        ('{"published_ms": 1, "title": "x", "score": 2}', "score must be from -1 to 1, was 2"),
        ('{"published_ms": 1, "title": "x", "score": NaN}', "score must be from -1 to 1, was nan"),
        ('{"published_ms": 1, "title": "x", "score": "1"}', "score must be from -1 to 1, was '1'"),
        ('{"published_ms": 1, "title": "x", "sorce": 1}', "unknown name 'sorce'"),
    ],
)
def test_what_is_no_headline_is_named_with_its_line(line: str, finding: str) -> None:
    with pytest.raises(ValueError, match=f"line 2.*: .*{finding}"):
        headlines_of(["", f"{line}\n"])


def test_a_last_line_without_its_end_is_left_for_the_next_time() -> None:
    whole = '{"published_ms": 1, "title": "x"}'
    assert len(headlines_of([f"{whole}\n", whole])) == 2
    assert len(headlines_of([f"{whole}\n", whole[:-1]])) == 1
    with pytest.raises(ValueError, match="line 2: score must be"):
        headlines_of([f"{whole}\n", '{"published_ms": 1, "title": "x", "score": 2}'])
