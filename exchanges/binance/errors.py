"""Binance's answers, mapped to our error tree in one table.

A request that did not succeed is first described without any secret (`RequestFailed`), then given a meaning
by (code, text), by HTTP status, or by how far it came. What the meaning leads to depends on what was asked: a
read changes nothing, but an order or a cancel may have been executed unless the meaning is a definite no.
Source: Binance Spot API documents, "Error codes" and "HTTP return codes".
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, NamedTuple

from core.budget import Wait
from core.errors import ConfigError, OutcomeUnknown, TraderError, VenueRejected, VenueUnavailable

NO_SUCH_ORDER: Final = -2013
TOO_MANY: Final = 429


class Purpose(Enum):
    READ = auto()
    SUBMIT = auto()
    CANCEL = auto()


class Reached(Enum):
    """How far a request came."""

    NOT_SENT = auto()
    """Provably nothing was written: no connection was made, or an earlier answer (`status`) forbids it."""
    LOST = auto()
    """It may have been written; no whole answer came back."""
    TIMED_OUT = auto()
    ANSWERED = auto()
    """A whole answer came, and it is no success."""
    UNREADABLE = auto()
    """A success whose body could not be understood."""


class RequestFailed(Exception):
    """One request that did not succeed. Holds no key, secret, signature or signed address.

    `request`: e.g. `GET /api/v3/account`. `reason`: what went wrong, in words. `code`, `text`: the venue's.
    """

    def __init__(
        self,
        reached: Reached,
        request: str,
        reason: str,
        *,
        status: int | None = None,
        code: int | None = None,
        text: str = "",
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(f"{request}: {reason}")
        self.reached = reached
        self.request = request
        self.reason = reason
        self.status = status
        self.code = code
        self.text = text
        self.retry_after_s = retry_after_s

    @property
    def may_pass(self) -> bool:
        """Tell whether asking a second time is worth it: the connection failed, or the venue did."""
        if self.reached is Reached.ANSWERED:
            return self.status is not None and self.status >= 500
        return self.status is None and self.reached in (Reached.NOT_SENT, Reached.LOST)


def not_admitted(request: str, wait: Wait) -> RequestFailed:
    """Return the failure of a request that the budget kept back."""
    return RequestFailed(
        Reached.NOT_SENT,
        request,
        f"not sent: {wait.reason}, {wait.left_s} s are left",
        status=wait.status or TOO_MANY,
        retry_after_s=wait.left_s,
    )


class Meaning(Enum):
    REJECTED = auto()
    UNLISTED = auto()
    DUPLICATE = auto()
    WOULD_TRIGGER = auto()
    UNCERTAIN = auto()
    OVERLOADED = auto()
    CLOCK = auto()
    KEY_REFUSED = auto()
    SYMBOL_UNKNOWN = auto()
    BUSY = auto()
    BANNED = auto()
    FIREWALL = auto()
    NO_SUCH_PATH = auto()
    LOCATION = auto()
    REDIRECTED = auto()
    UNREADABLE = auto()
    NOT_SENT = auto()
    NO_ANSWER = auto()


_M = Meaning

BY_CODE: Final[tuple[tuple[int, str, Meaning], ...]] = (
    (-1000, "", _M.UNCERTAIN),
    (-1001, "", _M.UNCERTAIN),
    (-1002, "", _M.KEY_REFUSED),
    (-1003, "IP banned", _M.BANNED),
    (-1003, "", _M.BUSY),
    (-1006, "", _M.UNCERTAIN),
    (-1007, "", _M.UNCERTAIN),
    (-1008, "", _M.OVERLOADED),
    (-1010, "", _M.REJECTED),
    (-1013, "", _M.REJECTED),
    (-1014, "", _M.REJECTED),
    (-1015, "", _M.BUSY),
    (-1016, "", _M.REJECTED),
    (-1020, "", _M.REJECTED),
    (-1021, "", _M.CLOCK),
    (-1022, "", _M.KEY_REFUSED),
    (-1099, "", _M.KEY_REFUSED),
    (-1100, "'symbol'", _M.SYMBOL_UNKNOWN),
    *((code, "", _M.REJECTED) for code in range(-1108, -1099)),
    (-1111, "", _M.REJECTED),
    (-1112, "", _M.REJECTED),
    *((code, "", _M.REJECTED) for code in range(-1120, -1113)),
    (-1121, "", _M.SYMBOL_UNKNOWN),
    (-1122, "", _M.REJECTED),
    (-1127, "", _M.REJECTED),
    (-1128, "", _M.REJECTED),
    (-1130, "", _M.REJECTED),
    (-1131, "", _M.REJECTED),
    (-1145, "", _M.REJECTED),
    *((code, "", _M.REJECTED) for code in range(-1168, -1157)),
    *((code, "", _M.REJECTED) for code in range(-1199, -1195)),
    (-2008, "", _M.KEY_REFUSED),
    (-2010, "Duplicate order sent", _M.DUPLICATE),
    (-2010, "would trigger immediately", _M.WOULD_TRIGGER),
    (-2010, "", _M.REJECTED),
    (-2011, "", _M.REJECTED),
    (NO_SUCH_ORDER, "", _M.REJECTED),
    (-2014, "", _M.KEY_REFUSED),
    (-2015, "", _M.KEY_REFUSED),
    (-2016, "", _M.REJECTED),
    (-2026, "", _M.REJECTED),
    (-2039, "", _M.REJECTED),
)
"""(code, text that must occur, meaning); the first line that fits counts."""

BY_STATUS: Final[Mapping[int, Meaning]] = {
    401: _M.KEY_REFUSED,
    403: _M.FIREWALL,
    404: _M.NO_SUCH_PATH,
    410: _M.NO_SUCH_PATH,
    418: _M.BANNED,
    TOO_MANY: _M.BUSY,
    451: _M.LOCATION,
}

_KEY_HINT = (
    "check that the key belongs to this environment (testnet keys work on the testnet only), that its secret"
    " was copied whole, that this machine's address is on its IP list, and that it has the permission"
)
_CLOCK_HINT = "set this machine's clock by NTP; a wider recvWindow would only hide it"


class Verdict(NamedTuple):
    """What a meaning leads to. `definite`: nothing was executed, whatever was asked."""

    error: type[TraderError]
    error_code: str
    definite: bool
    sentence: str
    hint: str | None = None


VERDICTS: Final[Mapping[Meaning, Verdict]] = {
    _M.REJECTED: Verdict(VenueRejected, "VENUE_REJECTED", True, "the venue refused the request"),
    _M.UNLISTED: Verdict(VenueRejected, "VENUE_REJECTED", False, "the venue gave an unlisted refusal"),
    _M.WOULD_TRIGGER: Verdict(
        VenueRejected, "STOP_WOULD_TRIGGER", True, "the price is already through the stop price"
    ),
    # A proxy may have sent our request twice: the first may have been executed.
    _M.DUPLICATE: Verdict(
        VenueRejected, "VENUE_REJECTED", False, "the venue already has an order of this id"
    ),
    _M.UNCERTAIN: Verdict(VenueUnavailable, "VENUE_UNREACHABLE", False, "the venue failed internally"),
    # Documented as not executed, but reported otherwise (python clients of Binance Futures).
    _M.OVERLOADED: Verdict(VenueUnavailable, "VENUE_BUSY", False, "the venue is overloaded"),
    # As with DUPLICATE, this may answer a replay of a request that was executed.
    _M.CLOCK: Verdict(ConfigError, "CLOCK_OFFSET", False, "the venue refused the timestamp", _CLOCK_HINT),
    _M.KEY_REFUSED: Verdict(ConfigError, "KEY_REFUSED", True, "the venue refused the key", _KEY_HINT),
    _M.SYMBOL_UNKNOWN: Verdict(
        ConfigError, "SYMBOL_UNKNOWN", True, "the venue does not list the symbol", "symbols look like BTCUSDT"
    ),
    _M.BUSY: Verdict(VenueUnavailable, "VENUE_BUSY", True, "the venue asks to wait"),
    _M.BANNED: Verdict(
        VenueUnavailable, "VENUE_BANNED", True, "the venue has banned this address for a while"
    ),
    _M.FIREWALL: Verdict(
        VenueUnavailable, "VENUE_UNREACHABLE", True, "the venue's firewall refused the request"
    ),
    _M.NO_SUCH_PATH: Verdict(
        ConfigError,
        "SETTINGS_INVALID",
        True,
        "this host does not serve the Binance API here",
        "check BINANCE_BASE_URL",
    ),
    _M.LOCATION: Verdict(
        VenueUnavailable, "VENUE_UNREACHABLE", True, "the venue does not serve this location"
    ),
    _M.REDIRECTED: Verdict(
        VenueUnavailable,
        "VENUE_REDIRECTED",
        False,
        "the host answered with a redirect, which is never followed",
        "check BINANCE_BASE_URL, and what stands between this machine and the venue",
    ),
    _M.UNREADABLE: Verdict(
        VenueUnavailable,
        "VENUE_UNREADABLE",
        False,
        "the answer could not be understood",
        "check BINANCE_BASE_URL, and what stands between this machine and the venue",
    ),
    _M.NOT_SENT: Verdict(
        VenueUnavailable,
        "VENUE_UNREACHABLE",
        True,
        "the venue could not be reached",
        "check the network, BINANCE_BASE_URL, and the venue's status page",
    ),
    _M.NO_ANSWER: Verdict(VenueUnavailable, "VENUE_UNREACHABLE", False, "the venue did not answer"),
}

_UNKNOWN_OUTCOMES: Final[Mapping[Purpose, tuple[str, str]]] = {
    Purpose.SUBMIT: (
        "the order may have reached the venue",
        "do not send it again; `trader resolve` asks what became of it",
    ),
    Purpose.CANCEL: (
        "the cancel may have reached the venue",
        "the order may be canceled, filled or still open: ask before acting",
    ),
}


def meaning_of(failure: RequestFailed) -> Meaning:
    """Classify a failure: by a listed code, then by status, then by whether there was anything to read."""
    if failure.reached is Reached.NOT_SENT:
        return BY_STATUS.get(failure.status or 0, _M.NOT_SENT)
    if failure.reached in (Reached.LOST, Reached.TIMED_OUT):
        return _M.NO_ANSWER
    if failure.reached is Reached.UNREADABLE or failure.status is None:
        return _M.UNREADABLE
    if 300 <= failure.status < 400:
        return _M.REDIRECTED
    for code, text, meaning in BY_CODE:
        if code == failure.code and text in failure.text:
            return meaning
    if failure.status in BY_STATUS:
        return BY_STATUS[failure.status]
    if failure.status >= 500:
        return _M.UNCERTAIN
    return _M.UNREADABLE if failure.code is None else _M.UNLISTED


def error_for(failure: RequestFailed, purpose: Purpose) -> TraderError:
    """Return the error of our tree that a failure means for what was asked."""
    meaning = meaning_of(failure)
    verdict = VERDICTS[meaning]
    sentence, error_code, hint = verdict.sentence, verdict.error_code, verdict.hint
    error_class = verdict.error
    # A 5xx is never a definite no, whatever code a proxy put into its body.
    definite = verdict.definite and (failure.status is None or failure.status < 500)
    if purpose in _UNKNOWN_OUTCOMES and not definite:
        outcome, hint = _UNKNOWN_OUTCOMES[purpose]
        sentence = f"{outcome}: {sentence}"
        error_class, error_code = OutcomeUnknown, OutcomeUnknown.default_code
    elif failure.retry_after_s is not None:
        hint = f"wait {failure.retry_after_s} s, and run fewer commands at once"
    return _build(error_class, error_code, f"{sentence} ({failure})", hint, failure)


def _build(
    error_class: type[TraderError], code: str, message: str, hint: str | None, failure: RequestFailed
) -> TraderError:
    details: dict[str, object] = {
        "request": failure.request,
        "sent": failure.reached is not Reached.NOT_SENT,
    }
    if failure.status is not None:
        details["http_status"] = failure.status
    if failure.code is not None:
        details |= {"venue_code": failure.code, "venue_text": failure.text}
    if failure.retry_after_s is not None:
        details["retry_after_s"] = failure.retry_after_s
    if error_class is VenueRejected:
        rejected = VenueRejected(
            message, venue_code=failure.code or 0, venue_text=failure.text, code=code, hint=hint
        )
        rejected.details |= details
        return rejected
    return error_class(message, code=code, hint=hint, details=details)
