"""The gates of the stages: named conditions, pure, each pass, fail or unavailable.

Each module has the rules of one kind; `facts` has what they look at, gathered in
`core.operations.gate_facts`. A gate that cannot be answered says `unavailable`; it is never shown as, nor
counted as, a pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from core.gates.account import (
    balance_suffices,
    books_reconciled,
    clock_agrees,
    clock_answer,
    home_stays,
    journal_verifies,
    no_second_machine,
    nothing_unsettled,
    stop_can_rest,
    trading_active,
)
from core.gates.address import deposit_address
from core.gates.drills import drills
from core.gates.evidence import evidence_of
from core.gates.facts import (
    DEFAULT_STRATEGY,
    AccountFacts,
    GateFacts,
    GateRule,
    StagePlan,
    of_account,
    stage_command,
)
from core.gates.keys import (
    account_status,
    key_address,
    key_age,
    key_expiry,
    key_exposure,
    key_is_ours_alone,
    key_rights,
)
from core.gates.live import (
    CONFIRM_LIVE_IN_FILE,
    breakers,
    confirm_live,
    daily_limits,
    ladder,
    phrase,
    pre_flight,
)
from core.gates.place import environment_proven, settings_match
from core.stages import STAGES, Gate, GateResult

__all__ = [
    "BOOK_GATES",
    "CONFIRM_LIVE_IN_FILE",
    "DEFAULT_STRATEGY",
    "GATES",
    "KEY_GATES",
    "AccountFacts",
    "GateFacts",
    "StagePlan",
    "answer",
    "answer_evidence",
    "clock_answer",
    "closed",
    "evaluate",
    "stage_command",
]

STANDING: Mapping[str, GateRule] = {
    "clock": of_account(clock_agrees),
    "balance": of_account(balance_suffices),
    "protective-stop": of_account(stop_can_rest),
    "second-machine": of_account(no_second_machine),
    "unsettled": of_account(nothing_unsettled),
    "trading-state": of_account(trading_active),
    "journal": of_account(journal_verifies),
}

KEY_GATES: Mapping[str, GateRule] = {
    "key-rights": of_account(key_rights),
    "key-ip": of_account(key_address),
    "key-age": of_account(key_age),
    "key-expiry": of_account(key_expiry),
    "account-status": of_account(account_status),
    "key-exposure": of_account(key_exposure),
    "key-alone": of_account(key_is_ours_alone),
}

BOOK_GATES: Mapping[str, GateRule] = {
    "reconciliation": of_account(books_reconciled),
    "breakers": of_account(breakers),
}

GATES: Mapping[int, Mapping[str, GateRule]] = {
    0: {"settings": settings_match, "environment": environment_proven, **STANDING},
    1: {
        "settings": settings_match,
        "environment": environment_proven,
        "stage-0": evidence_of(0),
        **STANDING,
    },
    2: {
        "settings": settings_match,
        "environment": environment_proven,
        "stage-0": evidence_of(0),
        "stage-1": evidence_of(1),
        **KEY_GATES,
        **STANDING,
        "home": of_account(home_stays),
        "deposit-address": of_account(deposit_address),
        "reconciliation": BOOK_GATES["reconciliation"],
        "daily-limits": of_account(daily_limits),
        "breakers": BOOK_GATES["breakers"],
        "ladder": of_account(ladder),
        "pre-flight": of_account(pre_flight),
        "drills": of_account(drills),
        "confirm-live": confirm_live,
        "phrase": of_account(phrase),
    },
}
"""Stage -> its gates by name, in the order they are listed."""


def answer(name: str, facts: GateFacts) -> Gate:
    """Answer one gate of the plan's stage, or one about key or books, which may be asked at any."""
    rules = {**KEY_GATES, **BOOK_GATES, **GATES[facts.plan.stage.number]}
    return Gate(name, *rules[name](facts))


def answer_evidence(number: int, facts: GateFacts) -> Gate:
    """Say whether a stage was passed well enough for the one after it."""
    next_stage = STAGES[min(number + 1, max(STAGES))]
    plan = replace(facts.plan, stage=next_stage)
    return Gate(f"stage-{number}", *evidence_of(number)(replace(facts, plan=plan)))


def evaluate(facts: GateFacts) -> tuple[Gate, ...]:
    """Answer every gate of the plan's stage."""
    return tuple(answer(name, facts) for name in GATES[facts.plan.stage.number])


def closed(gates: tuple[Gate, ...]) -> tuple[Gate, ...]:
    """Return the gates that are not passed."""
    return tuple(gate for gate in gates if gate.result is not GateResult.PASS)
