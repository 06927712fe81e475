"""Bring recorded bars into the home's data folder, and tell what is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import numpy as np

from core.bars import IntArray
from core.data.checks import Finding
from core.data.merging import Merged, merged
from core.data.series import DECIMALS, Row, Series
from core.data.sources import Source, read_source
from core.data.store import FOLDER, read_series, stored, write_series
from core.errors import ConfigError, Refused
from core.run_lock import only_run
from core.values import decimal_text

_CONFLICTS_NAMED = 3
_CONFLICTS_LISTED = 100


@dataclass(frozen=True, slots=True)
class Stored:
    """One series of the data folder. `end_ms`: when its last bar closed; `gap_bars`: how many are missing."""

    symbol: str
    interval: str
    first_ms: int
    end_ms: int
    bars: int
    gaps: int
    gap_bars: int
    first_gap_ms: int | None


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did to one series, and what the series is now.

    `unproven` counts files without a checksum beside them. `findings`: of the files; `gaps`: of the series.
    """

    symbol: str
    interval: str
    files: int
    unproven: int
    added: int
    same: int
    changed: int
    now: Stored
    findings: tuple[Finding, ...]


def import_data(
    home: Path,
    paths: Sequence[Path],
    *,
    symbol: str | None = None,
    interval: str | None = None,
    replace: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> list[Imported]:
    """Import files: all are read and checked before the first series is written.

    `replace`: a bar that differs from the one that is there, or in an earlier file, takes its place. Raises
    ConfigError for a file that cannot be used, Refused DATA_CONFLICT or DATA_IMPORT_RUNNING.
    """
    _make_folder(home)
    with only_run(home, "data", "DATA_IMPORT_RUNNING"):
        sources = []
        for path in paths:
            progress(f"reading {path.name}")
            sources.append(read_source(path, symbol, interval))
        by_series = sorted(sources, key=lambda source: (source.symbol, source.interval))
        grown = [
            _grown(home, list(group), replace=replace)
            for _, group in groupby(by_series, key=lambda source: (source.symbol, source.interval))
        ]
        for series, done in grown:
            if done.added or done.changed:
                write_series(home, series)
    return [done for _, done in grown]


def list_data(home: Path) -> list[Stored]:
    """Return every series of the data folder. Raises ConfigError DATA_DAMAGED."""
    found = (read_series(home, symbol, interval) for symbol, interval in stored(home))
    return [_described(series) for series in found if series is not None and len(series)]


def _grown(home: Path, sources: list[Source], *, replace: bool) -> tuple[Series, Imported]:
    """Return a series as it is with the bars of the sources."""
    symbol, interval = sources[0].symbol, sources[0].interval
    there = read_series(home, symbol, interval)
    table: IntArray = np.empty((len(Row), 0), dtype=np.int64) if there is None else there.table
    counted = np.zeros(3, dtype=np.int64)
    for source in sources:
        step = merged(table, source.table)
        if step.conflicts and not replace:
            raise _conflict(source, table, step)
        table = step.table
        counted += (step.added, step.same, step.changed)
    series = Series(symbol, interval, table)
    if not len(series):
        raise ConfigError(
            f"{', '.join(str(source.path) for source in sources)}: holds no whole bar of {interval}",
            code="DATA_UNREADABLE",
            hint="nothing was imported",
        )
    return series, Imported(
        symbol,
        interval,
        files=len(sources),
        unproven=sum(not source.is_proven for source in sources),
        added=int(counted[0]),
        same=int(counted[1]),
        changed=int(counted[2]),
        now=_described(series),
        findings=_summed([finding for source in sources for finding in source.findings]),
    )


def _conflict(source: Source, table: IntArray, step: Merged) -> Refused:
    first = step.conflicts[0]
    named = ", ".join(_shown(time_ms) for time_ms in step.conflicts[:_CONFLICTS_NAMED])
    more = f" and {len(step.conflicts) - _CONFLICTS_NAMED} more" * (len(step.conflicts) > _CONFLICTS_NAMED)
    versions = {
        "there": _prices(table, first),
        "in the file": _prices(source.table, first),
    }
    shown = "; ".join(f"{place}: {text}" for place, text in versions.items() if text)
    return Refused(
        f"{source.path}: {len(step.conflicts)} bar(s) of {source.symbol} {source.interval} differ from those "
        f"that are there, at {named}{more} ({shown})",
        code="DATA_CONFLICT",
        hint="find out which is right; --replace takes the file's. Nothing was imported",
        details={
            "symbol": source.symbol,
            "interval": source.interval,
            "open_times_ms": list(step.conflicts[:_CONFLICTS_LISTED]),
        },
    )


def _prices(table: IntArray, time_ms: int) -> str:
    columns = np.flatnonzero(table[Row.OPEN_TIME] == time_ms)
    return " and ".join(
        "/".join(
            decimal_text(Decimal(value).scaleb(-DECIMALS))
            for value in table[Row.OPEN : Row.QUOTE_VOLUME, column].tolist()
        )
        for column in columns.tolist()
    )


def _described(series: Series) -> Stored:
    gaps, length = series.gaps(), series.interval_ms
    return Stored(
        series.symbol,
        series.interval,
        first_ms=int(series.open_time_ms[0]),
        end_ms=series.end_ms,
        bars=len(series),
        gaps=len(gaps),
        gap_bars=sum((gap.end_ms - gap.start_ms) // length for gap in gaps),
        first_gap_ms=gaps[0].start_ms if gaps else None,
    )


def _summed(findings: list[Finding]) -> tuple[Finding, ...]:
    kinds = sorted({finding.kind for finding in findings})
    by_kind = {kind: [finding for finding in findings if finding.kind == kind] for kind in kinds}
    return tuple(
        Finding(kind, sum(each.count for each in those), min(each.first_ms for each in those))
        for kind, those in by_kind.items()
    )


def _shown(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _make_folder(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / FOLDER).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{home / FOLDER} cannot be made: {error.strerror}",
            code="HOME_UNUSABLE",
            hint="set TRADER_HOME, or give --home",
        ) from None
