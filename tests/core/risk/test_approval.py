"""Only the rules make an Approved, and an Approved cannot become another one."""

from __future__ import annotations

import ast
import copy
import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import EXIT_REFUSED, RiskDenied
from core.orders import Purpose
from core.risk.approval import AlreadySpent, Approved, Denied
from core.risk.approve import approve
from tests.conftest import REPOSITORY
from tests.core.risk.worlds import FACTS, LIMITS, entry

SEAL_NAME = "APPROVAL_SEAL"


@pytest.fixture
def approved() -> Approved:
    answer = approve(entry(), FACTS, LIMITS)
    assert isinstance(answer, Approved)
    return answer


def test_approved_carries_request_purpose_and_numbers(approved: Approved) -> None:
    assert approved.request == entry()
    assert approved.purpose is Purpose.ENTRY
    assert approved.numbers["notional"] == "10"
    assert approved.numbers["cap"] == "25"


@pytest.mark.parametrize("seal", [None, object(), "APPROVAL_SEAL", True])
def test_nobody_else_can_make_one(seal: object) -> None:
    with pytest.raises(TypeError, match="only the risk rules"):
        Approved(seal, entry(), {})


def test_an_empty_shell_has_no_request() -> None:
    with pytest.raises(AttributeError):
        _ = Approved.__new__(Approved).request


def test_no_route_leads_to_another_request(approved: Approved) -> None:
    other = entry("0.002")
    with pytest.raises(AttributeError):
        approved.request = other
    with pytest.raises(AttributeError):
        del approved.request
    with pytest.raises(AttributeError):
        approved.note = "more"
    with pytest.raises(TypeError):
        approved.numbers["cap"] = "1000000"  # type: ignore[index]  # the point of the test
    with pytest.raises(TypeError):
        dataclasses.replace(approved, request=other)  # type: ignore[type-var]  # the point of the test
    with pytest.raises(TypeError):
        approved.__init__(object(), other, {})
    assert approved.request == entry()


@pytest.mark.parametrize("route", [copy.copy, copy.deepcopy, pickle.dumps])
def test_copying_and_pickling_are_refused(approved: Approved, route: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="neither copied nor pickled"):
        route(approved)


def test_an_approval_becomes_one_order(approved: Approved) -> None:
    assert approved.spend() == approved.request
    with pytest.raises(AlreadySpent):
        approved.spend()


def test_subclassing_is_refused() -> None:
    with pytest.raises(TypeError, match="no subclasses"):
        type("Forged", (Approved,), {})


def test_denied_knows_only_listed_reason_codes() -> None:
    with pytest.raises(ValueError, match="NO_SUCH_CODE"):
        Denied("NO_SUCH_CODE", "")


def test_denied_becomes_the_error_an_operation_raises() -> None:
    error = Denied("STALE_QUOTE", "quote is 9 ms old", {"age_ms": 9}).as_error()
    assert isinstance(error, RiskDenied)
    assert (error.code, error.exit_code, error.message) == ("STALE_QUOTE", EXIT_REFUSED, "quote is 9 ms old")
    assert error.details == {"age_ms": 9}


def mentions_seal(source: str) -> bool:
    """Tell whether the code names the seal, in whatever way code can name something."""
    for node in ast.walk(ast.parse(source)):
        names = (
            getattr(node, "id", None),
            getattr(node, "attr", None),
            getattr(node, "name", None),
            getattr(node, "value", None) if isinstance(node, ast.Constant) else None,
        )
        if SEAL_NAME in names:
            return True
    return False


@pytest.mark.parametrize(
    "source",
    [
        f"from core.risk.approval import {SEAL_NAME}",
        f"from core.risk.approval import {SEAL_NAME} as key",
        f"import core.risk.approval as a; a.{SEAL_NAME}",
        f"getattr(approval, {SEAL_NAME!r})",
        f"print({SEAL_NAME})",
    ],
)
def test_the_scan_sees_every_way_to_name_the_seal(source: str) -> None:
    assert mentions_seal(source)


def test_only_the_risk_package_names_the_seal() -> None:
    folders = [REPOSITORY / name for name in ("cli", "core", "exchanges", "gateway", "benchmarks")]
    naming = {
        path.relative_to(REPOSITORY)
        for folder in folders
        for path in folder.rglob("*.py")
        if mentions_seal(path.read_text("utf-8"))
    }
    assert naming == {Path("core/risk/approval.py"), Path("core/risk/approve.py")}
