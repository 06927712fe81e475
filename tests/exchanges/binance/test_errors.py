"""The table (code, text) -> our errors, and the three policies on top of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import (
    EXIT_CODE_OF,
    ConfigError,
    OutcomeUnknown,
    TraderError,
    VenueRejected,
    VenueUnavailable,
)
from exchanges.binance.errors import (
    BY_CODE,
    BY_STATUS,
    VERDICTS,
    Meaning,
    Purpose,
    Reached,
    RequestFailed,
    error_for,
    meaning_of,
)


def answered(
    status: int, code: int | None = None, text: str = "", wait_s: int | None = None
) -> RequestFailed:
    return RequestFailed(
        Reached.ANSWERED,
        "GET /api/v3/x",
        f"HTTP {status}",
        status=status,
        code=code,
        text=text,
        retry_after_s=wait_s,
    )


READS: list[tuple[int, int | None, str, type[TraderError], str]] = [
    (400, -1000, "An unknown error occurred.", VenueUnavailable, "VENUE_UNREACHABLE"),
    (400, -1001, "Internal error.", VenueUnavailable, "VENUE_UNREACHABLE"),
    (401, -1002, "You are not authorized.", ConfigError, "KEY_REFUSED"),
    (429, -1003, "Too many requests queued.", VenueUnavailable, "VENUE_BUSY"),
    (418, -1003, "Way too much; IP banned until 1700000000000.", VenueUnavailable, "VENUE_BANNED"),
    (500, -1006, "Unexpected response.", VenueUnavailable, "VENUE_UNREACHABLE"),
    (408, -1007, "Timeout waiting.", VenueUnavailable, "VENUE_UNREACHABLE"),
    (503, -1008, "Server is currently overloaded.", VenueUnavailable, "VENUE_BUSY"),
    (429, -1015, "Too many new orders.", VenueUnavailable, "VENUE_BUSY"),
    (400, -1021, "Timestamp outside of the recvWindow.", ConfigError, "CLOCK_OFFSET"),
    (400, -1022, "Signature for this request is not valid.", ConfigError, "KEY_REFUSED"),
    (400, -1100, "Illegal characters found in parameter 'symbol'", ConfigError, "SYMBOL_UNKNOWN"),
    (400, -1100, "Illegal characters found in parameter 'price'", VenueRejected, "VENUE_REJECTED"),
    (400, -1102, "Mandatory parameter 'price' was not sent.", VenueRejected, "VENUE_REJECTED"),
    (400, -1121, "Invalid symbol.", ConfigError, "SYMBOL_UNKNOWN"),
    (400, -2008, "Invalid Api-Key ID.", ConfigError, "KEY_REFUSED"),
    (400, -2013, "Order does not exist.", VenueRejected, "VENUE_REJECTED"),
    (401, -2014, "API-key format invalid.", ConfigError, "KEY_REFUSED"),
    (401, -2015, "Invalid API-key, IP, or permissions for action.", ConfigError, "KEY_REFUSED"),
    (400, -31337, "Something new.", VenueRejected, "VENUE_REJECTED"),
    (400, None, "", VenueUnavailable, "VENUE_UNREADABLE"),
    (401, None, "", ConfigError, "KEY_REFUSED"),
    (403, None, "", VenueUnavailable, "VENUE_UNREACHABLE"),
    (404, None, "", ConfigError, "SETTINGS_INVALID"),
    (410, None, "", ConfigError, "SETTINGS_INVALID"),
    (418, None, "", VenueUnavailable, "VENUE_BANNED"),
    (429, None, "", VenueUnavailable, "VENUE_BUSY"),
    (451, None, "", VenueUnavailable, "VENUE_UNREACHABLE"),
    (302, None, "", VenueUnavailable, "VENUE_REDIRECTED"),
    (500, None, "", VenueUnavailable, "VENUE_UNREACHABLE"),
]


@pytest.mark.parametrize(("status", "code", "text", "error_class", "error_code"), READS)
def test_reads(
    status: int, code: int | None, text: str, error_class: type[TraderError], error_code: str
) -> None:
    error = error_for(answered(status, code, text), Purpose.READ)
    assert (type(error), error.code) == (error_class, error_code)
    if code is not None:
        assert error.details["venue_code"] == code
        assert error.details["venue_text"] == text


UNCERTAIN_CODES = {-1000, -1001, -1006, -1007, -1008, -1021}


@pytest.mark.parametrize("purpose", [Purpose.SUBMIT, Purpose.CANCEL])
@pytest.mark.parametrize(("code", "text"), [(code, text) for code, text, _ in BY_CODE])
def test_a_listed_code_is_a_definite_no_unless_it_says_that_nobody_knows(
    code: int, text: str, purpose: Purpose
) -> None:
    error = error_for(answered(400, code, text), purpose)
    uncertain = code in UNCERTAIN_CODES or text == "Duplicate order sent"
    assert isinstance(error, OutcomeUnknown) is uncertain


@pytest.mark.parametrize("purpose", [Purpose.SUBMIT, Purpose.CANCEL])
@pytest.mark.parametrize("status", sorted(BY_STATUS))
def test_these_statuses_never_reached_the_engine(status: int, purpose: Purpose) -> None:
    error = error_for(answered(status), purpose)
    assert isinstance(error, VenueUnavailable | ConfigError)


@pytest.mark.parametrize("reached", [Reached.LOST, Reached.TIMED_OUT, Reached.UNREADABLE])
@pytest.mark.parametrize("purpose", [Purpose.SUBMIT, Purpose.CANCEL])
def test_whatever_may_have_been_written_is_unknown(reached: Reached, purpose: Purpose) -> None:
    assert isinstance(error_for(RequestFailed(reached, "r", "why"), purpose), OutcomeUnknown)


@given(
    status=st.integers(300, 599),
    code=st.none() | st.integers(-99_999, 99_999) | st.sampled_from([code for code, _, _ in BY_CODE]),
    text=st.text(max_size=20) | st.sampled_from(["Duplicate order sent.", "IP banned until 1"]),
    wait_s=st.none() | st.integers(0, 10**6),
    purpose=st.sampled_from(Purpose),
)
def test_every_answer_has_an_error(
    status: int, code: int | None, text: str, wait_s: int | None, purpose: Purpose
) -> None:
    error = error_for(answered(status, code, text, wait_s), purpose)
    assert error.code in EXIT_CODE_OF
    if wait_s is not None:
        assert error.details["retry_after_s"] == wait_s
        # Whoever is told to wait believes that nothing happened, and sends again.
        assert (f"wait {wait_s} s" in (error.hint or "")) is not isinstance(error, OutcomeUnknown)
    if purpose is Purpose.READ:
        assert not isinstance(error, OutcomeUnknown)
        return
    listed = code in {listed for listed, _, _ in BY_CODE}
    if status >= 500 or status < 400 or (not listed and status not in BY_STATUS):
        assert isinstance(error, OutcomeUnknown)


@pytest.mark.parametrize("meaning", Meaning)
def test_every_meaning_has_a_verdict(meaning: Meaning) -> None:
    assert VERDICTS[meaning].error_code in EXIT_CODE_OF


def test_the_first_line_that_fits_counts_and_all_lines_can() -> None:
    for place, (code, text, meaning) in enumerate(BY_CODE):
        assert meaning_of(answered(400, code, text)) is meaning, f"line {place} is hidden by one above"


def test_a_key_that_is_refused_says_what_to_look_at() -> None:
    hint = error_for(answered(401, -2015, "Invalid API-key, IP, or permissions."), Purpose.READ).hint or ""
    for word in ("environment", "IP list", "permission", "secret"):
        assert word in hint


def test_an_earlier_request_to_wait_is_provably_not_sent() -> None:
    for status, code in ((418, "VENUE_BANNED"), (429, "VENUE_BUSY")):
        failure = RequestFailed(Reached.NOT_SENT, "r", "wait", status=status, retry_after_s=9)
        error = error_for(failure, Purpose.SUBMIT)
        assert (type(error), error.code) == (VenueUnavailable, code)
        assert not failure.may_pass
