"""From recorded files to lanes: the home's data folder, single files, or freqtrade's folder as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.backtest.market import Market, Rules, assets, market, recorded_tick
from core.backtest.setup import Lane, lane
from core.bars import Bars, aggregate
from core.clock import iso_utc
from core.data.merging import merged
from core.data.names import named
from core.data.series import Row, Series
from core.data.store import read_series, stored
from core.errors import ConfigError, Refused
from core.intervals import INTERVALS_MS, interval_ms
from core.strategies.market import Headline, MarketView
from core.strategies.market import Series as SeriesKey
from core.strategies.protocol import Strategy

if TYPE_CHECKING:
    from core.data.sources import Source as RecordedFile

_SUFFIXES = (".feather", ".parquet", ".json", ".csv", ".gz", ".zip")
_SMALLEST_NOTIONAL = {"BTC": Decimal("0.0001"), "ETH": Decimal("0.001"), "BNB": Decimal("0.01")}
DOLLARS = Decimal(5)
_PARTS = 5
_NAMED_MAX = 8


@dataclass(frozen=True, slots=True)
class Source:
    """Where bars come from. `paths`: files or folders; empty: the home's data folder.

    `interval`: of the bars that orders fill at, None: the finest there is. `fill_gaps`: missing bars become
    flat ones at the last close.
    """

    home: Path
    paths: tuple[Path, ...] = ()
    interval: str | None = None
    fill_gaps: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be tested. Times are ms UTC, `end_ms` excluded; None: as far as there are bars.

    `rules`: by symbol, for those whose rules are known; others get what their prices suggest. `news`: for
    strategies that look at it, in any order.
    """

    symbols: tuple[str, ...]
    bar: str
    start_ms: int | None = None
    end_ms: int | None = None
    rules: Mapping[str, Rules] = field(default_factory=dict)
    news: tuple[Headline, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """`markets`: in the order of the symbols. `filled_bars`: how many were missing, by symbol."""

    markets: tuple[Market, ...]
    rules: Mapping[str, Rules]
    others: Mapping[SeriesKey, Bars]
    filled_bars: Mapping[str, int]


def load(source: Source, asked: Asked, strategy: Strategy) -> Loaded:
    """Read what a strategy needs to trade the symbols. Raises ConfigError naming what is missing or wrong."""
    markets, rules, filled = [], {}, {}
    for symbol in asked.symbols:
        series = _series(source, symbol, asked.bar)
        # From all that was recorded: another span of the same bars must not be traded by other rules.
        rules[symbol] = asked.rules.get(symbol) or suggested_rules(series)
        series = series.between(_with_history(strategy, symbol, asked), asked.end_ms)
        series, missing = _whole(series, source)
        if missing:
            filled[symbol] = missing
        try:
            markets.append(market(series, rules[symbol]))
        except ValueError as error:
            raise ConfigError(
                f"the bars of {symbol} cannot be used: {error}", code="DATA_UNREADABLE"
            ) from None
    others: dict[SeriesKey, Bars] = {}
    for key in _needed(strategy, asked):
        if key.symbol not in asked.symbols and key not in others:
            others[key] = _beside(source, asked, strategy, key)
    return Loaded(tuple(markets), rules, others, filled)


def _beside(source: Source, asked: Asked, strategy: Strategy, key: SeriesKey) -> Bars:
    """Return bars that the strategy looks at beside what it trades."""
    try:
        series = _series(source, key.symbol, key.interval)
    except ConfigError as error:
        raise ConfigError(
            f"{strategy.name} also looks at {key.symbol} {key.interval}: {error.message}",
            code=error.code,
            hint=error.hint,
        ) from None
    series = series.between(_with_history(strategy, asked.symbols[0], asked), asked.end_ms)
    return _bars(_whole(series, source)[0].bars(), key.interval, key.symbol)


def lanes(loaded: Loaded, asked: Asked, strategy: Strategy) -> list[Lane]:
    """Return a lane for each symbol, with a view of everything the strategy needs."""
    bars = {each.symbol: each.bars for each in loaded.markets}
    result = []
    for each in loaded.markets:
        traded = SeriesKey(each.symbol, asked.bar)
        series: dict[SeriesKey, Bars] = {}
        for key in {traded: 0, **strategy.needs(traded)}:
            if key in loaded.others:
                series[key] = loaded.others[key]
            elif key.symbol in bars:
                series[key] = _bars(bars[key.symbol], key.interval, key.symbol)
        view = MarketView(traded, series, headlines=asked.news)
        result.append(lane(each, view, asked.start_ms, asked.end_ms))
    return result


def suggested_rules(series: Series) -> Rules:
    """Return rules that fit recorded prices, where nobody knows the venue's.

    The tick is the finest step of the prices; a step of quantity is worth at most a fifth of the smallest
    order, which is 5 in dollars.
    """
    smallest = _SMALLEST_NOTIONAL.get(assets(series.symbol)[1], DOLLARS)
    price = series.decimal(Row.CLOSE, 0) if len(series) else Decimal(1)
    step = Decimal(1)
    while step * price > smallest / _PARTS and step > Decimal("1e-8"):
        step /= 10
    return Rules(recorded_tick(series), step, smallest)


def _needed(strategy: Strategy, asked: Asked) -> Iterable[SeriesKey]:
    for symbol in asked.symbols:
        yield from strategy.needs(SeriesKey(symbol, asked.bar))


def _with_history(strategy: Strategy, symbol: str, asked: Asked) -> int | None:
    """Return from when on bars are needed, so that the strategy is warm when trading starts."""
    if asked.start_ms is None:
        return None
    needs = strategy.needs(SeriesKey(symbol, asked.bar))
    longest = max((count * interval_ms(key.interval) for key, count in needs.items()), default=0)
    # Coarser bars begin at a multiple of their length.
    coarsest = max((interval_ms(key.interval) for key in needs), default=interval_ms(asked.bar))
    return (asked.start_ms - longest) // coarsest * coarsest


def _series(source: Source, symbol: str, bar: str) -> Series:
    if not source.paths:
        return _from_home(source, symbol, bar)
    found = _from_files(source, symbol, bar)
    if not found:
        raise ConfigError(
            f"no file of {symbol} that bars of {bar} can be made of in {', '.join(map(str, source.paths))}: "
            + _there(source),
            code="DATA_MISSING",
            hint=f"--symbol says what to trade; a file's name tells its symbol, e.g. {symbol}-1m-2024-01.zip",
        )
    return found


def _from_home(source: Source, symbol: str, bar: str) -> Series:
    there = [interval for known, interval in stored(source.home) if known == symbol]
    interval = _finest(there, bar, source.interval)
    series = read_series(source.home, symbol, interval) if interval else None
    if series is None or not len(series):
        has = f"there are {', '.join(there)}" if there else "there are none"
        raise ConfigError(
            f"no bars of {symbol} in {source.home} that bars of {bar} can be made of: {has}",
            code="DATA_MISSING",
            hint="`trader data import PATH` brings them in; or name a file or folder with --data PATH",
        )
    return series


def _from_files(source: Source, symbol: str, bar: str) -> Series | None:
    from core.data.sources import read_source  # its parsers are for files only

    files = [file for path in source.paths for file in _files(path)]
    known = {file: named(file.name) for file in files}
    alone = len(files) == 1 and known[files[0]].symbol is None
    fitting = [file for file in files if alone or known[file].symbol == symbol]
    if not fitting:
        return None
    kinds = [kind for file in fitting if (kind := known[file].kind) is not None and kind in INTERVALS_MS]
    interval = _finest(kinds, bar, source.interval)
    parts = [
        read_source(file, symbol, None)
        for file in sorted(fitting)
        if interval is None or known[file].kind in (interval, None)
    ]
    if not parts:
        return None
    chosen = parts[0].interval
    table = np.empty((len(Row), 0), dtype=np.int64)
    for part in parts:
        if part.interval == chosen:
            both = merged(table, part.table)
            if both.conflicts:
                raise _conflict(part, both.conflicts)
            table = both.table
    return Series(symbol, chosen, table)


def _conflict(part: RecordedFile, times_ms: Sequence[int]) -> Refused:
    return Refused(
        f"{part.path}: {len(times_ms)} bar(s) of {part.symbol} {part.interval} are there twice with "
        f"different numbers, the first that of {iso_utc(times_ms[0])}",
        code="DATA_CONFLICT",
        hint="find out which file is right, and name that one with --data",
    )


def _there(source: Source) -> str:
    names = [named(file.name) for path in source.paths for file in _files(path)]
    known = sorted({f"{each.symbol} {each.kind}" for each in names if each.symbol is not None})
    if not known:
        return "no name there tells a symbol"
    more = f" and {len(known) - _NAMED_MAX} more" if len(known) > _NAMED_MAX else ""
    return f"there are {', '.join(known[:_NAMED_MAX])}{more}"


def _files(path: Path) -> Sequence[Path]:
    if path.is_dir():
        return [each for each in sorted(path.rglob("*")) if each.suffix.lower() in _SUFFIXES]
    if not path.exists():
        raise ConfigError(
            f"{path} does not exist", code="FILE_UNREADABLE", hint="--data names a file or a folder"
        )
    return [path]


def _finest(intervals: Iterable[str], bar: str, wanted: str | None) -> str | None:
    """Return the interval to trade at: the one asked for, else the finest that makes whole bars."""
    usable = [each for each in intervals if interval_ms(bar) % interval_ms(each) == 0]
    if wanted is not None:
        usable = [each for each in usable if each == wanted]
    return min(usable, key=interval_ms, default=None)


def _whole(series: Series, source: Source) -> tuple[Series, int]:
    """Return bars without gaps, and how many had to be made up. Raises ConfigError DATA_GAP."""
    if not len(series):
        raise ConfigError(
            f"there are no bars of {series.symbol} in that span",
            code="DATA_MISSING",
            hint="--since and --until name the span; `trader data list` shows what there is",
        )
    gaps = series.gaps()
    if not gaps:
        return series, 0
    if not source.fill_gaps:
        raise ConfigError(
            f"the {series.interval} bars of {series.symbol} have {len(gaps)} gap(s), the first from "
            f"{iso_utc(gaps[0].start_ms)} to {iso_utc(gaps[0].end_ms)}",
            code="DATA_GAP",
            hint="import what is missing, choose another span, or let --fill-gaps make flat bars of it",
        )
    return _filled(series)


def _filled(series: Series) -> tuple[Series, int]:
    step, times = series.interval_ms, series.open_time_ms
    whole = np.arange(int(times[0]), int(times[-1]) + step, step)
    at = np.searchsorted(times, whole, side="right") - 1
    table = series.table[:, at].copy()
    made_up = times[at] != whole
    table[Row.OPEN_TIME] = whole
    for row in (Row.OPEN, Row.HIGH, Row.LOW):
        table[row, made_up] = table[Row.CLOSE, made_up]
    table[Row.VOLUME :, made_up] = 0
    return Series(series.symbol, series.interval, table), int(np.count_nonzero(made_up))


def _bars(bars: Bars, interval: str, symbol: str) -> Bars:
    length = interval_ms(interval)
    if bars.interval_ms == length:
        return bars
    try:
        return aggregate(bars, length)
    except ValueError as error:
        raise ConfigError(
            f"bars of {interval} cannot be made of the recorded ones of {symbol}: {error}",
            code="DATA_MISSING",
        ) from None
