"""A file of headlines that somebody else writes, read anew whenever it has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cli.console import UsageError
from core.errors import ConfigError
from core.strategies import Headline, Strategy, observed_by
from core.strategies.news import NO_NEWS, News, headlines_of

BYTES_MAX = 16 * 1024 * 1024
HINT = 'a line is {"published_ms": 1700000000000, "title": "…"}; source, url and score may follow'


def news_of(path: Path | None, strategy: Strategy) -> Callable[[], News]:
    """Return what tells the news to a strategy that looks at any.

    Raises ConfigError FILE_UNREADABLE for a file that cannot be read now; later that is a problem to be told.
    """
    if not observed_by(strategy).news_ms:
        return lambda: NO_NEWS
    if path is None:
        said = f"{strategy.name} looks at news, and TRADER_NEWS names no file of headlines"
        return lambda: News(problem=said)
    file = NewsFile(path)
    if problem := file().problem:
        raise ConfigError(f"TRADER_NEWS: {problem}", code="FILE_UNREADABLE", hint=HINT)
    return file


@dataclass(slots=True)
class NewsFile:
    """What was read stays known while the file cannot be read: it fades by itself."""

    path: Path
    _stamp: tuple[int, int] = (0, -1)
    _headlines: tuple[Headline, ...] = field(default=())

    def __call__(self) -> News:
        try:
            found = self.path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
            if stamp != self._stamp:
                self._headlines, self._stamp = read_headlines(self.path), stamp
        except OSError as error:
            return News(self._headlines, f"{self.path} cannot be read: {error.strerror}")
        except ValueError as error:
            return News(self._headlines, f"{self.path}: {error}")
        return News(self._headlines)


def headlines_at(path: Path) -> tuple[Headline, ...]:
    """Read the file that --news names. Raises ConfigError FILE_UNREADABLE, or UsageError."""
    try:
        return read_headlines(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", code="FILE_UNREADABLE") from None
    except ValueError as error:
        raise UsageError(f"--news {path}: {error}", hint=HINT) from None


def read_headlines(path: Path) -> tuple[Headline, ...]:
    """Read all headlines of a file. Raises OSError, or ValueError naming what is wrong with it."""
    size = path.stat().st_size
    if size > BYTES_MAX:
        raise ValueError(f"it has {size} bytes, more than {BYTES_MAX}: keep the headlines of the last days")
    with path.open(encoding="utf-8") as lines:
        return headlines_of(lines)
