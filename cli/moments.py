"""Times on the command line: `2026-11-21`, `2026-11-21T00:25:07Z`, or how long ago: `24h`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cli.console import UsageError
from core.setting_values import duration_ms

SINCE_HELP = "From this time on (UTC): 2026-11-21, 2026-11-21T08:30, or 24h for that long ago."
UNTIL_HELP = "Before this time (UTC), written like --since."

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_MS = 2**62


def span_ms(since: str | None, until: str | None, now_ms: int) -> tuple[int, int]:
    """Return the time from `since` to just before `until`; all time where they are not given.

    Raises UsageError.
    """
    first = 0 if since is None else _moment_ms("--since", since, now_ms)
    end = _END_MS if until is None else _moment_ms("--until", until, now_ms)
    if first >= end:
        raise UsageError(f"--since {since or 'the beginning'} is not before --until {until or 'the end'}")
    return first, end


def _moment_ms(option: str, text: str, now_ms: int) -> int:
    try:
        return now_ms - duration_ms(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} was {text}, which is no time", hint="e.g. 2026-11-21, 2026-11-21T08:30, or 24h"
        ) from None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // timedelta(milliseconds=1)
