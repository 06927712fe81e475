"""What a field of the settings is made of: its kind, and all that the operator is told about it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypedDict, cast

from pydantic import BaseModel, BeforeValidator, Field

from core import setting_values as parse
from core.secrets import Secret
from core.values import Quote

VENUES = ("paper", "binance")
SECRET_STORES = ("file", "keyring", "systemd")

Flag = Annotated[bool, BeforeValidator(parse.boolean)]
VenueName = Annotated[str | None, BeforeValidator(parse.one_of(*VENUES))]
Symbol = Annotated[str, BeforeValidator(parse.symbol)]
Symbols = Annotated[tuple[str, ...] | None, BeforeValidator(parse.symbols)]
BarInterval = Annotated[str, BeforeValidator(parse.bar_interval)]
Fraction = Annotated[Decimal, BeforeValidator(parse.fraction)]
OptionalFraction = Annotated[Decimal | None, BeforeValidator(parse.fraction)]
QuoteAmount = Annotated[Quote, BeforeValidator(parse.positive_quote)]
Milliseconds = Annotated[int, BeforeValidator(parse.duration_ms)]
PositiveMilliseconds = Annotated[int, BeforeValidator(parse.positive_duration_ms)]
OptionalMilliseconds = Annotated[int | None, BeforeValidator(parse.positive_duration_ms)]
LossCount = Annotated[int, BeforeValidator(parse.whole_number(1, parse.MOST_LOSSES))]
SigmaCount = Annotated[int, BeforeValidator(parse.whole_number(1, parse.MOST_SIGMAS))]
TradeCount = Annotated[int, BeforeValidator(parse.whole_number(1, parse.MOST_TRADES))]
Seed = Annotated[int, BeforeValidator(parse.whole_number(0, parse.LARGEST_SEED))]
ClockSpeed = Annotated[Decimal | None, BeforeValidator(parse.clock_speed)]
Market = Annotated[str, BeforeValidator(parse.paper_market)]
SecretsStore = Annotated[str, BeforeValidator(parse.one_of(*SECRET_STORES))]
SecretText = Annotated[Secret | None, BeforeValidator(parse.secret)]
SecretUrls = Annotated[Secret | None, BeforeValidator(parse.secret_urls)]
FilePath = Annotated[Path | None, BeforeValidator(parse.path)]
HttpRoot = Annotated[str | None, BeforeValidator(parse.http_root)]
WebsocketRoot = Annotated[str | None, BeforeValidator(parse.websocket_root)]


class _Told(TypedDict):
    default: str | None
    section: str
    unit: str
    danger: str
    risk: bool


def setting(
    name: str,
    default: str | None,
    meaning: str,
    *,
    section: str = "",
    unit: str = "",
    danger: str = "",
    risk: bool = False,
) -> Any:  # as pydantic's own Field: the annotation beside it decides
    """Declare one setting by the name and in the words of the operator.

    `default` is the text an operator would write, None for "not set". `section` is the heading that begins
    with this setting. `risk` settings are part of the risk digest: changing one makes evidence void.
    """
    told = _Told(default=default, section=section, unit=unit, danger=danger, risk=risk)
    extra = cast("dict[str, Any]", told)
    if default is None:
        return Field(default=None, alias=name, description=meaning, json_schema_extra=extra)
    return Field(
        default=default, validate_default=True, alias=name, description=meaning, json_schema_extra=extra
    )


@dataclass(frozen=True, slots=True)
class SettingDescription:
    """What the operator is told about one setting. `default`: as text; "" when not set by default."""

    name: str
    attribute: str
    default: str
    meaning: str
    section: str
    unit: str
    danger: str
    risk: bool
    secret: bool


def describe(model: type[BaseModel]) -> tuple[SettingDescription, ...]:
    """Return every setting of a model in its order; fields that are not settings have no alias."""
    described = []
    for attribute, field in model.model_fields.items():
        if field.alias is None:
            continue
        told = cast("_Told", field.json_schema_extra)
        described.append(
            SettingDescription(
                name=field.alias,
                attribute=attribute,
                default=told["default"] or "",
                meaning=field.description or "",
                section=told["section"],
                unit=told["unit"],
                danger=told["danger"],
                risk=told["risk"],
                secret=field.annotation == Secret | None,
            )
        )
    return tuple(described)
