"""Parameters that describe themselves: a default, a sentence, and a range, checked when they are made.

@dataclass(frozen=True, slots=True)
class MyParameters:
    window: int = parameter(20, "bars of the mean", low=2)

    def __post_init__(self) -> None:
        check(self, "my")
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

Number = int | float | Decimal


@dataclass(frozen=True, slots=True)
class Range:
    """What a parameter may be. `low`, `high` are allowed themselves; `above`, `below` are not."""

    about: str
    low: Number | None = None
    high: Number | None = None
    above: Number | None = None
    below: Number | None = None
    choices: tuple[str, ...] = ()

    def __str__(self) -> str:
        bounds = (
            ("≥ ", self.low),
            ("> ", self.above),
            ("≤ ", self.high),
            ("< ", self.below),
        )
        return ", ".join(f"{sign}{bound}" for sign, bound in bounds if bound is not None) or " | ".join(
            self.choices
        )

    def holds(self, value: object) -> bool:
        if self.choices:
            return all(each in self.choices for each in (value if isinstance(value, tuple) else (value,)))
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return True
        return bool(
            isfinite(value)
            and (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )


@dataclass(frozen=True, slots=True)
class Described:
    """One parameter as a list of them shows it; texts."""

    name: str
    default: str
    range: str
    about: str


def parameter(
    default: Any,
    about: str,
    *,
    low: Number | None = None,
    high: Number | None = None,
    above: Number | None = None,
    below: Number | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Return a dataclass field with a sentence and a range.

    Its type decides how a value is read from text: int, float, Decimal, bool, str or a tuple of str.
    """
    return field(default=default, metadata={"range": Range(about, low, high, above, below, choices)})


def check(parameters: Any, strategy: str, *more: str) -> None:
    """Raise ValueError naming every value out of its range, and what else was found."""
    findings = [*_findings(parameters), *more]
    if findings:
        raise ValueError(f"bad {strategy} parameters: " + "; ".join(findings))


def as_dict(parameters: Any) -> dict[str, object]:
    """Return JSON values for a digest, none for None; fractions are text, in the form Python gives them."""
    if parameters is None:
        return {}
    return {each.name: _plain(getattr(parameters, each.name)) for each in fields(parameters)}


def described(parameters: Any) -> tuple[Described, ...]:
    """Return the parameters as texts, with the values they have here; groups as `weights.tiger`."""
    return () if parameters is None else tuple(_described(parameters, ""))


def changed(parameters: Any, changes: Mapping[str, str]) -> Any:
    """Return the parameters with some of them read from text.

    Raises ValueError naming a parameter that there is not, a text that is no value of its type, or values
    out of range.
    """
    if parameters is None:
        raise ValueError("it has no parameters")
    known = {each.name: getattr(parameters, each.name) for each in fields(parameters)}
    values = {}
    for name, text in changes.items():
        if name not in known or is_dataclass(known[name]):
            from difflib import get_close_matches

            nearest = get_close_matches(name, known, n=1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            raise ValueError(f"there is no parameter {name!r}{hint} (known: {', '.join(known)})")
        values[name] = _read(name, text, known[name])
    return replace(parameters, **values) if values else parameters


def _read(name: str, text: str, like: object) -> object:
    try:
        match like:
            case bool():
                return {"true": True, "false": False}[text.lower()]
            case int():
                return int(text)
            case float():
                return float(text)
            case Decimal():
                return Decimal(text)
            case tuple():
                return tuple(part.strip() for part in text.split(",") if part.strip())
            case _:
                return text
    except (ValueError, KeyError, InvalidOperation):
        kind = "true or false" if isinstance(like, bool) else f"a value of type {type(like).__name__}"
        raise ValueError(f"{name} must be {kind}, was {text!r}") from None


def _findings(parameters: Any) -> Iterator[str]:
    for each in fields(parameters):
        allowed, value = each.metadata.get("range"), getattr(parameters, each.name)
        if allowed is not None and not allowed.holds(value):
            yield f"{each.name} must be {allowed}, was {_plain(value)}"


def _described(parameters: Any, prefix: str) -> Iterator[Described]:
    for each in fields(parameters):
        value = getattr(parameters, each.name)
        if is_dataclass(value):
            yield from _described(value, f"{each.name}.")
            continue
        allowed = each.metadata.get("range", Range(""))
        bounds = "true | false" if isinstance(value, bool) else str(allowed) or "any"
        yield Described(prefix + each.name, _text(value), bounds, allowed.about)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return as_dict(value)
    if isinstance(value, float | Decimal):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
