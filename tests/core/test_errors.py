from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core.errors
from core.errors import (
    CONDITIONS,
    EXIT_CODE_OF,
    EXIT_MEANINGS,
    MOST_DANGEROUS_FIRST,
    ConfigError,
    GateClosed,
    Interrupted,
    NotConfirmed,
    OutcomeUnknown,
    PositionOpen,
    ReconciliationBreak,
    Refused,
    RiskDenied,
    TraderError,
    VenueRejected,
    VenueUnavailable,
    WaitLimitReached,
    most_dangerous,
)

TREE: list[tuple[type[TraderError], int]] = [
    (TraderError, 1),
    (ConfigError, 3),
    (Refused, 4),
    (RiskDenied, 4),
    (GateClosed, 4),
    (NotConfirmed, 4),
    (WaitLimitReached, 4),
    (ReconciliationBreak, 5),
    (VenueUnavailable, 7),
    (OutcomeUnknown, 8),
    (PositionOpen, 9),
    (Interrupted, 130),
]


@pytest.mark.parametrize(("error_class", "exit_code"), TREE)
def test_each_error_ends_with_the_exit_code_of_the_tree(
    error_class: type[TraderError], exit_code: int
) -> None:
    error = error_class("it was so")
    assert error.exit_code == exit_code
    assert EXIT_CODE_OF[error.code] == exit_code
    assert str(error) == error.message == "it was so"


def test_a_rejection_keeps_the_venues_words() -> None:
    error = VenueRejected("no", venue_code=-1013, venue_text="Filter failure: LOT_SIZE", hint="round")
    assert (error.exit_code, error.venue_code) == (6, -1013)
    assert json.loads(json.dumps(error.details)) == {
        "venue_code": -1013,
        "venue_text": "Filter failure: LOT_SIZE",
    }


def test_every_error_class_has_a_code_of_the_table() -> None:
    classes = [c for c in vars(core.errors).values() if isinstance(c, type) and issubclass(c, TraderError)]
    assert len(classes) > 12
    for error_class in classes:
        assert error_class.default_code in EXIT_CODE_OF


def test_a_code_outside_the_table_is_a_bug() -> None:
    with pytest.raises(KeyError):
        TraderError("x", code="NO_SUCH_CODE")


def test_the_table_is_complete_and_each_code_is_there_once() -> None:
    codes = [condition.code for condition in CONDITIONS]
    assert len(codes) == len(set(codes))
    assert all(code == code.upper() and code.replace("_", "").isalpha() for code in codes)
    assert all(condition.meaning for condition in CONDITIONS)
    assert {condition.exit_code for condition in CONDITIONS} == set(EXIT_MEANINGS) - {0}
    assert set(MOST_DANGEROUS_FIRST) == set(EXIT_MEANINGS) - {0, 2, 130}


def test_the_most_dangerous_order_is_the_agreed_one() -> None:
    assert MOST_DANGEROUS_FIRST == (8, 9, 5, 1, 6, 7, 4, 3)


@given(st.lists(st.sampled_from(sorted(EXIT_MEANINGS))))
def test_the_most_dangerous_exit_code_wins(exit_codes: list[int]) -> None:
    winner = most_dangerous(exit_codes)
    assert winner in [0, *exit_codes]
    ranked = [code for code in MOST_DANGEROUS_FIRST if code in exit_codes]
    assert winner == (ranked[0] if ranked else max(exit_codes, default=0))


def test_details_are_copied() -> None:
    given_details = {"a": 1}
    error = ConfigError("x", details=given_details)
    error.details["b"] = 2
    assert given_details == {"a": 1}
