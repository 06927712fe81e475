"""One file to import as a table of bars, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.bars import IntArray
from core.data.checks import Finding, cleaned
from core.data.csv_columns import Columns
from core.data.files import checked, content, lines, unreadable
from core.data.freqtrade import FEATHER, JSON, PARQUET, frame_table, json_table
from core.data.klines import KLINE_COLUMNS, kline_table
from core.data.names import TRADES, Named, named
from core.data.store import check_names
from core.data.trades import DEFAULT_INTERVAL, LONGEST_INTERVAL, bars_of_trades, read_trades
from core.errors import ConfigError
from core.intervals import interval_ms

_ZIP = ".zip"


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The bars of one file, sorted. `is_proven`: a checksum file beside it agreed."""

    path: Path
    symbol: str
    interval: str
    table: IntArray
    findings: tuple[Finding, ...]
    is_proven: bool


def read_source(
    path: Path, symbol: str | None = None, interval: str | None = None, *, keeps_partial: bool = False
) -> Source:
    """Read a file. `symbol` and `interval` stand above what its name says. Raises ConfigError.

    `keeps_partial`: bars that trades only partly cover, at both ends of a file, are not left out.
    """
    name = named(path.name)
    symbol = symbol or name.symbol
    if symbol is None:
        raise unreadable(path, "its name does not say which symbol it is of: give --symbol BTCUSDT")
    data = content(path)
    is_proven = checked(path, data)
    findings: list[Finding] = []
    if path.suffix.lower() in (FEATHER, PARQUET):
        table, its_own = frame_table(path)
    elif JSON in path.suffixes:
        table, its_own = json_table(path, "".join(lines(path, data)))
    else:
        columns = Columns(path, lines(path, data))
        if name.kind in TRADES or (name.kind is None and columns.width != KLINE_COLUMNS):
            its_own = interval or DEFAULT_INTERVAL
            check_names(symbol, its_own)
            if interval_ms(its_own) > interval_ms(LONGEST_INTERVAL):
                raise unreadable(path, f"trades make bars of at most {LONGEST_INTERVAL}, not {its_own}")
            # The zip of a day holds the whole day. A CSV of that name may be a piece that somebody cut out.
            span_ms = name.span_ms if path.suffix.lower() == _ZIP else None
            trades = read_trades(columns, name.kind)
            table, findings = bars_of_trades(trades, its_own, span_ms, keeps_partial=keeps_partial)
        else:
            table, its_own = kline_table(columns)
    _compare(path, name, interval, its_own)
    check_names(symbol, its_own)
    table, more = cleaned(table, its_own)
    return Source(path, symbol, its_own, table, (*findings, *more), is_proven)


def _compare(path: Path, name: Named, interval: str | None, its_own: str) -> None:
    if interval is not None and interval != its_own:
        raise ConfigError(
            f"{path} holds bars of {its_own}, --interval says {interval}",
            code="DATA_UNREADABLE",
            hint="leave --interval out; readers make longer bars of shorter ones",
        )
    if name.kind is not None and name.kind not in TRADES and name.kind != its_own:
        raise unreadable(path, f"holds bars of {its_own}, its name says {name.kind}")
