"""The stages 0, 1 and 2 as data: where each runs, and what it takes to enter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.account import AccountKey, Environment


class TradingState(StrEnum):
    """ACTIVE; REDUCING (only orders that make our position smaller); HALTED (only cancels and flatten)."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class EntryMode(StrEnum):
    PROBE = "probe"
    SIGNAL = "signal"


@dataclass(frozen=True, slots=True)
class Stage:
    """A step toward live money. The stage decides the environment, not the settings.

    `protect`: what is bought gets a protective stop at once; a dry run only has it checked by the venue.
    """

    number: int
    environment: Environment
    dry_run: bool
    protect: bool
    title: str


STAGES: Mapping[int, Stage] = {
    0: Stage(
        0, Environment.TESTNET, True, True, "testnet, dry run: checks sizing, order logic and the audit log"
    ),
    1: Stage(1, Environment.TESTNET, False, True, "testnet, real orders: checks the life of an order"),
    2: Stage(2, Environment.MAINNET, False, True, "live venue, real money"),
}


class GateResult(StrEnum):
    PASS = "pass"  # noqa: S105 - a result, not a password
    FAIL = "fail"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Gate:
    """A named condition. Unavailable is never shown as, nor counted as, a pass.

    `way_out` is the line that would mend it; "" where there is nothing to do.
    """

    name: str
    result: GateResult
    detail: str
    way_out: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The journal's record that a stage was passed.

    `risk_digest` covers risk, gate and strategy settings; `code_digest` the installed sources and the lock.
    `official_host`: whether the venue was reached at one of its own names; evidence from elsewhere never
    counts for it. `checks`: name -> result of each check of that run.
    """

    evidence_id: str
    stage: int
    account: AccountKey
    official_host: bool
    symbol: str
    strategy: str
    entry_mode: EntryMode
    trades: int
    first_fill_ms: int
    last_fill_ms: int
    risk_digest: str
    code_digest: str
    key_fingerprint: str
    checks: Mapping[str, str]
    created_ms: int
