"""Headlines as lines of JSON.

{"published_ms": 1700000000000, "title": "…", "source": "…", "url": "…", "score": 0.5}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from core.strategies.market import Headline


@dataclass(frozen=True, slots=True)
class News:
    """The headlines that are known. `problem`: why there may be newer ones, "" when these are all."""

    headlines: tuple[Headline, ...] = ()
    problem: str = ""


NO_NEWS = News()

_KNOWN = {"published_ms", "title", "source", "url", "score"}


def headlines_of(lines: Iterable[str]) -> tuple[Headline, ...]:
    """Read headlines, one a line; empty lines are none. `title` and `published_ms` are required.

    A last line that has no end yet and is no JSON is still being written: it is left for the next time.
    Raises ValueError naming the line and what is wrong with it.
    """
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(_headline(line))
            except json.JSONDecodeError as error:
                if not line.endswith("\n"):
                    break
                raise ValueError(f"line {number} is no JSON: {error.msg} at column {error.colno}") from None
            except (ValueError, TypeError) as error:
                raise ValueError(f"line {number}: {error}") from None
    return tuple(found)


def _headline(line: str) -> Headline:
    values = json.loads(line)
    if not isinstance(values, dict):
        raise TypeError(f"a headline is an object, was {line.strip()[:40]}")
    if unknown := sorted(values.keys() - _KNOWN):
        raise ValueError(f"unknown name {unknown[0]!r} (known: {', '.join(sorted(_KNOWN))})")
    published, title, score = values.get("published_ms"), values.get("title"), values.get("score")
    if type(published) is not int or published < 0:
        raise ValueError(f"published_ms must be ms since 1970, was {published!r}")
    if type(title) is not str or not title.strip():
        raise ValueError(f"title must be text, was {title!r}")
    if score is not None and (type(score) not in (int, float) or not -1 <= score <= 1):
        raise ValueError(f"score must be from -1 to 1, was {score!r}")
    source, url = str(values.get("source", "")), str(values.get("url", ""))
    return Headline(published, title, source, url, None if score is None else float(score))
