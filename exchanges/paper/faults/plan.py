"""What can go wrong, as data: a plan is a seed and rules, a rule is one fault and the requests it hits.

Waits that hold a connection (`delay`, `hold`, `slow`, `silence`) are in seconds of the machine; every other
time is in seconds of the exchange's clock.
"""

from __future__ import annotations

import shlex
from typing import Any, ClassVar, Literal, cast, get_args

import msgspec

FAILURE_CODES = (-1000, -1001, -1006, -1007, -1008)
"""What a venue answers about itself rather than about the request."""
_TOO_MUCH = 10**9


class PlanError(ValueError):
    """A plan cannot be read; the text says what is wrong with it."""


def _not_negative(name: str, value: float | None) -> None:
    if value is not None and not 0 <= value < _TOO_MUCH:
        raise ValueError(f"{name} was {value}, must not be negative nor {_TOO_MUCH:,} or more")


def _http_status(status: int) -> None:
    if not 200 <= status <= 599:
        raise ValueError(f"status was {status}, must be from 200 to 599")


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Part of a plan, written without what is as usual."""


class When(_Part, frozen=True):
    """Which requests a rule hits; what is left out does not restrict it.

    Of the requests that fit `method`, `path`, `security`, `symbol`, `params` (other request parameters by
    name), counted from 1, it hits those numbered in `nth`, else each with `probability`; at most `times` of
    them, from `from_s` until `to_s` after the plan was set. Once it has hit, it hits all that fit for
    `lasts_s`.
    """

    method: Literal["", "GET", "POST", "PUT", "DELETE"] = ""
    path: str = ""
    security: Literal["", "NONE", "USER_DATA", "TRADE"] = ""
    symbol: str = ""
    params: dict[str, str] = {}
    nth: tuple[int, ...] = ()
    probability: float = 1.0
    times: int | None = None
    from_s: float = 0.0
    to_s: float | None = None
    lasts_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability was {self.probability}, must be from 0 to 1")
        if any(number < 1 for number in self.nth):
            raise ValueError(f"nth was {list(self.nth)}, requests are counted from 1")
        for name in ("times", "from_s", "to_s", "lasts_s"):
            _not_negative(name, getattr(self, name))


ANY = When()


class Rule(_Part, tag_field="fault", frozen=True):
    """One fault and the requests it hits."""

    decides_delivery: ClassVar[bool] = False
    """Whether it says how a request is served and answered: of these, only the first of a plan applies."""
    hits_everybody: ClassVar[bool] = False
    """Whether, while it lasts, it hits every request and not only those that fit."""

    when: When = ANY

    @property
    def name(self) -> str:
        return str(self.__struct_config__.tag)

    @property
    def lasts_s(self) -> float:
        return self.when.lasts_s


class Executable(Rule, frozen=True):
    """`execute`: whether the request is carried out all the same."""

    decides_delivery: ClassVar[bool] = True
    execute: bool = True


class Timed(Rule, frozen=True):
    """`seconds`: how long."""

    seconds: float = 1.0

    def __post_init__(self) -> None:
        _not_negative("seconds", self.seconds)


class Shared(Rule, frozen=True):
    """`percent`: how much of what is left of an order."""

    percent: int = 100

    def __post_init__(self) -> None:
        if not 0 <= self.percent <= 100:
            raise ValueError(f"percent was {self.percent}, must be from 0 to 100")


class Reset(Executable, tag="reset", frozen=True):
    """The connection is reset instead of an answer."""


class Drop(Executable, tag="drop", frozen=True):
    """The connection is closed instead of an answer."""


class Half(Rule, tag="half", frozen=True):
    """The request is carried out; the connection is closed after half of the answer's body."""

    decides_delivery: ClassVar[bool] = True


class Empty(Executable, tag="empty", frozen=True):
    """The answer is 200 without a body."""


class Html(Executable, tag="html", frozen=True):
    """The answer is a page of somebody in between, with `status`."""

    status: int = 502

    def __post_init__(self) -> None:
        _http_status(self.status)


class Error(Executable, tag="error", frozen=True):
    """The answer is the venue's own failure `code`; `status` 0: the one that goes with it."""

    code: int = -1007
    status: int = 0

    def __post_init__(self) -> None:
        if self.code not in FAILURE_CODES:
            raise ValueError(f"code was {self.code}, must be one of {', '.join(map(str, FAILURE_CODES))}")
        if self.status:
            _http_status(self.status)


class Redirect(Executable, tag="redirect", frozen=True):
    """The answer is 307 to the same place."""

    execute: bool = False


class Twice(Rule, tag="twice", frozen=True):
    """The request is carried out twice, as a proxy does that sends it again; the second answer is sent."""

    decides_delivery: ClassVar[bool] = True


class Delay(Timed, tag="delay", frozen=True):
    """The request is carried out at once, and answered after `seconds`."""

    decides_delivery: ClassVar[bool] = True


class Hold(Timed, tag="hold", frozen=True):
    """The request is carried out and answered after `seconds`, as if it had been on its way so long."""

    decides_delivery: ClassVar[bool] = True


class Slow(Timed, tag="slow", frozen=True):
    """The answer's body comes in small pieces over `seconds`."""

    decides_delivery: ClassVar[bool] = True


class Silence(Timed, tag="silence", frozen=True):
    """For `seconds` every request is taken in, not carried out and not answered."""

    decides_delivery: ClassVar[bool] = True
    hits_everybody: ClassVar[bool] = True

    @property
    def lasts_s(self) -> float:
        return self.when.lasts_s or self.seconds


class _Refusal(Rule, frozen=True):
    decides_delivery: ClassVar[bool] = True
    hits_everybody: ClassVar[bool] = True
    retry_after_s: int = 1

    def __post_init__(self) -> None:
        _not_negative("retry_after_s", self.retry_after_s)

    @property
    def lasts_s(self) -> float:
        return self.when.lasts_s or self.retry_after_s


class RateLimit(_Refusal, tag="rate_limit", frozen=True):
    """For `retry_after_s` every request is refused with 429, -1003."""


class Ban(_Refusal, tag="ban", frozen=True):
    """For `retry_after_s` every request is refused with 418, -1003."""

    retry_after_s: int = 120


class Permission(Rule, tag="permission", frozen=True):
    """The key that asks loses or gets rights, for good; None, or left out, changes nothing."""

    trading: bool | None = None
    reading: bool | None = None
    ip_list: tuple[str, ...] | None = None


class Wipe(Rule, tag="wipe", frozen=True):
    """Right after the request the account is wiped, as a testnet is."""


class Clock(Rule, tag="clock", frozen=True):
    """The clock that requests are checked by, and that `time` tells, is ahead by `offset_ms` (behind when
    negative), and by `drift_ppm` millionths of the time since the plan was set.
    """

    offset_ms: int = 0
    drift_ppm: int = 0


class Lag(Timed, tag="lag", frozen=True):
    """Reads do not know orders and trades younger than `seconds`: -2013, or missing from the list.

    `probability` is the share of orders that are lagged; an order is lagged in every read or in none.
    """

    seconds: float = 10.0


class Partial(Shared, tag="partial", frozen=True):
    """A new order meets only `percent` of itself on the book: the rest stands, or expires."""

    percent: int = 50


class CancelRace(Shared, tag="cancel_race", frozen=True):
    """`percent` of an order is filled while it is being canceled; all of it: -2011, nothing to cancel."""


class LateFill(Timed, tag="late_fill", frozen=True):
    """An order that was answered as EXPIRED or CANCELED is filled all the same `seconds` later."""


class DuplicateEvents(Rule, tag="duplicate_events", frozen=True):
    """Every event of what the request does is told twice."""


class ReorderEvents(Rule, tag="reorder_events", frozen=True):
    """The events of what the request does are told in reverse order."""


Fault = (
    Reset
    | Drop
    | Half
    | Empty
    | Html
    | Error
    | Redirect
    | Twice
    | Delay
    | Hold
    | Slow
    | Silence
    | RateLimit
    | Ban
    | Permission
    | Wipe
    | Clock
    | Lag
    | Partial
    | CancelRace
    | LateFill
    | DuplicateEvents
    | ReorderEvents
)
FAULTS: dict[str, type[Rule]] = {str(kind.__struct_config__.tag): kind for kind in get_args(Fault)}


class Plan(_Part, frozen=True):
    """The same plan on the same requests goes wrong in the same way."""

    rules: tuple[Fault, ...]
    seed: int = 0

    def text(self) -> str:
        """Return the plan as JSON."""
        return msgspec.json.encode(self).decode()

    def as_data(self) -> dict[str, Any]:
        """Return the plan in the plain values of JSON."""
        return cast("dict[str, Any]", msgspec.to_builtins(self))

    def replay_line(self) -> str:
        """Return the command that sets this plan again."""
        return f"trader paper faults set {shlex.quote(self.text())}"
