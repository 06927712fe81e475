"""Decisions and what they are made of as plain data, one text for one value, and back again.

Every number is exact: a float is the shortest text that reads back as the same float.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from zlib import crc32

from core.intervals import interval_ms
from core.journal.chain import canonical_json, plain
from core.strategies.decision import Decision, Direction, EntryTerms, PositionState, Standing
from core.strategies.market import Headline, LiveMarket, MarketView, Series

if TYPE_CHECKING:
    from core.bars import Bars

Record = dict[str, Any]
DIGEST_DIGITS = 32


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:DIGEST_DIGITS]


def digest_of(record: object) -> str:
    """Return the digest of JSON-ready data."""
    return digest(canonical_json(record))


# --- bars


def rows_of(bars: Bars) -> list[str]:
    """Return a text for each bar: `open_time_ms,open,high,low,close,volume`."""
    columns = (bars.open_time_ms, bars.open, bars.high, bars.low, bars.close, bars.volume)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [",".join(repr(value).removesuffix(".0") for value in row) for row in rows]


def time_of(row: str) -> int:
    return int(row.partition(",")[0])


def with_checksum(row: str) -> str:
    """Return a row as it is kept: with a checksum of its own, so that a changed one can be named."""
    return f"{row},{crc32(row.encode()):08x}"


def without_checksum(kept: str) -> tuple[str, bool]:
    """Return a row, and whether it is what its checksum was made of."""
    row, _, _ = kept.rpartition(",")
    return row, with_checksum(row) == kept


def bars_of(rows: Iterable[str], interval: str) -> Bars:
    """Return bars of rows, oldest first. Raises ValueError for what is no bar, and at a gap."""
    from core.bars import Bars

    parts = [row.split(",") for row in rows]
    values = [(int(each[0]), *map(float, each[1:])) for each in parts]
    return Bars.from_rows(values, interval_ms(interval))  # type: ignore[arg-type]  # checked there


def series_text(series: Series) -> str:
    return f"{series.symbol} {series.interval}"


def series_of(text: str) -> Series:
    symbol, _, interval = text.partition(" ")
    return Series(symbol, interval)


# --- decisions


def decision_record(decision: Decision) -> Record:
    """Return a decision as JSON-ready data."""
    told = {name: getattr(decision, name) for name in Decision.__dataclass_fields__ if name != "terms"}
    terms = None if decision.terms is None else _terms_record(decision.terms)
    record: Record = plain({**told, "terms": terms}, floats_as_text=True)
    return record


def decision_line(series: Series, record: Mapping[str, Any]) -> str:
    """Return the line of a decision in a file of decisions, with its end."""
    return canonical_json({"symbol": series.symbol, "bar": series.interval, **record}) + "\n"


def standing_record(standing: Standing) -> Record:
    """Return where we stood as JSON-ready data."""
    told = {name: getattr(standing, name) for name in Standing.__dataclass_fields__ if name != "position"}
    record: Record = plain(
        {**told, "position": standing.position and _position_record(standing.position)}, floats_as_text=True
    )
    return record


def standing_of(record: Mapping[str, Any]) -> Standing:
    """Read where we stood. Raises KeyError, ValueError or ArithmeticError for what is no such record."""
    position = record["position"]
    return Standing(
        position=None if position is None else _position_of(position),
        last_entry_ms=record["last_entry_ms"],
        last_stop_ms=record["last_stop_ms"],
        drawdown_rate=_float_of(record["drawdown_rate"]),
        equity=_float_of(record["equity"]),
        memory={name: float(value) for name, value in record["memory"].items()},
    )


def _position_record(position: PositionState) -> Record:
    return {
        "entry_price": position.entry_price,
        "bars_held": position.bars_held,
        "direction": int(position.direction),
        "terms": None if position.terms is None else _terms_record(position.terms),
    }


def _position_of(record: Mapping[str, Any]) -> PositionState:
    terms = record["terms"]
    return PositionState(
        entry_price=Decimal(record["entry_price"]),
        bars_held=record["bars_held"],
        direction=Direction(record["direction"]),
        terms=None
        if terms is None
        else EntryTerms(
            stop_loss_rate=Decimal(terms["stop_loss_rate"]),
            take_profit_rate=_decimal_of(terms["take_profit_rate"]),
            fraction=_decimal_of(terms["fraction"]),
            leverage=terms["leverage"],
        ),
    )


def _terms_record(terms: EntryTerms) -> Record:
    return {name: getattr(terms, name) for name in EntryTerms.__dataclass_fields__}


def _float_of(text: str | None) -> float | None:
    return None if text is None else float(text)


def _decimal_of(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


# --- what was observed beside bars


def observed_record(view: MarketView) -> Record | None:
    """Return the live market and the headlines of a view as JSON-ready data, None where it has neither."""
    if view.live is None and not view.headlines:
        return None
    live = view.live and {name: getattr(view.live, name) for name in LiveMarket.__dataclass_fields__}
    headlines = [
        {name: getattr(each, name) for name in Headline.__dataclass_fields__} for each in view.headlines
    ]
    record: Record = plain({"live": live, "headlines": headlines}, floats_as_text=True)
    return record


def with_observed(view: MarketView, record: Mapping[str, Any] | None) -> MarketView:
    """Return a view with what a record tells. Raises KeyError, TypeError or ValueError for what is none."""
    if record is None:
        return view
    live, headlines = record["live"], record["headlines"]
    return replace(
        view,
        live=None if live is None else LiveMarket(**{name: _number_of(live[name]) for name in live}),
        headlines=tuple(Headline(**{**each, "score": _float_of(each["score"])}) for each in headlines),
    )


def _number_of(value: Any) -> Any:
    """Return a number: floats were written as texts, whole numbers as they are."""
    if isinstance(value, list):
        return tuple(map(float, value))
    return float(value) if isinstance(value, str) else value


# --- parameters


def parameters_of(like: Any, record: Mapping[str, Any]) -> Any:
    """Return parameters of the type of `like` with the values of a record (`core.strategies.parameters`).

    Raises ValueError naming a parameter that is missing, not known, or no value of its type.
    """
    names = [each.name for each in fields(like)]
    if strange := sorted(set(names) ^ set(record)):
        raise ValueError(f"the parameters are not those of this version: {', '.join(strange)}")
    return replace(like, **{name: _value_of(name, getattr(like, name), record[name]) for name in names})


def _value_of(name: str, like: object, value: Any) -> object:
    if is_dataclass(like) and not isinstance(like, type):
        return parameters_of(like, value)
    try:
        if isinstance(like, bool | int | str) or like is None:
            return value
        return tuple(value) if isinstance(like, tuple) else type(like)(value)  # type: ignore[call-arg]  # a number
    except (ArithmeticError, TypeError, ValueError):
        raise ValueError(f"{name} was {value!r}") from None
