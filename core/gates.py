"""The gates of the stages: named conditions, pure, each pass, fail or unavailable.

A gate that cannot be answered yet says `unavailable`; it is never shown as, nor counted as, a pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from core.account import AccountKey, Environment
from core.clock import DAY_MS
from core.ports import ClockReading, HostFacts
from core.stages import EntryMode, Evidence, Gate, GateResult, Stage, TradingState
from core.values import Quote, decimal_text

if TYPE_CHECKING:
    from core.settings import Settings

CONFIRM_LIVE_IN_FILE = "CONFIRM_LIVE_IN_FILE"


@dataclass(frozen=True, slots=True)
class StagePlan:
    """What the operator asked for. `soak_s`: first to last fill; `wait_limit_s`: how long to wait at most."""

    stage: Stage
    symbol: str
    trades: int
    entry: EntryMode
    strategy: str
    bar: str
    soak_s: float
    wait_limit_s: float

    def command(self) -> str:
        """Return the settings and the command line that would be right for this stage."""
        mainnet = self.stage.environment is Environment.MAINNET
        line = (
            f"BINANCE_USE_TESTNET={str(not mainnet).lower()} "
            f"BINANCE_DRY_RUN={str(self.stage.dry_run).lower()} "
            f"trader stage {self.stage.number} --symbol {self.symbol} --trades {self.trades}"
        )
        return f"CONFIRM_LIVE=yes {line}" if mainnet else line


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the gates must know of the account. Present only when venue and account could be asked."""

    account: AccountKey
    now_ms: int
    reading: ClockReading
    free_quote: Decimal
    quote_asset: str
    smallest_order: Quote
    unsettled: int
    quarantined: tuple[str, ...]
    trading_state: TradingState
    journal_findings: int
    evidence: tuple[Evidence, ...]
    risk_digest: str
    code_digest: str
    live_entries_today: int
    live_loss_today: Quote


@dataclass(frozen=True, slots=True)
class GateFacts:
    """Everything a gate may look at. None: not asked, because an earlier gate is closed."""

    plan: StagePlan
    settings: Settings
    host: HostFacts | None = None
    account: AccountFacts | None = None


GateRule = Callable[[GateFacts], Gate]
AccountRule = Callable[[GateFacts, AccountFacts], Gate]


def _passed(name: str, detail: str) -> Gate:
    return Gate(name, GateResult.PASS, detail)


def _failed(name: str, detail: str, way_out: str = "") -> Gate:
    return Gate(name, GateResult.FAIL, detail, way_out)


def _unavailable(name: str, detail: str) -> Gate:
    return Gate(name, GateResult.UNAVAILABLE, detail)


def settings_match(facts: GateFacts) -> Gate:
    """The stage decides the environment; settings that say otherwise close the first gate."""
    stage, settings = facts.plan.stage, facts.settings
    wrong: list[str] = []
    if settings.use_testnet is not (stage.environment is Environment.TESTNET):
        wrong.append(f"BINANCE_USE_TESTNET is {str(settings.use_testnet).lower()}")
    if settings.dry_run is not stage.dry_run:
        wrong.append(f"BINANCE_DRY_RUN is {str(settings.dry_run).lower()}")
    if wrong:
        detail = f"{' and '.join(wrong)}; stage {stage.number} runs on {stage.environment}"
        return _failed("settings", detail, facts.plan.command())
    return _passed("settings", f"{stage.environment}, {'dry run' if stage.dry_run else 'real orders'}")


def environment_proven(facts: GateFacts) -> Gate:
    """What cannot be proven to be a testnet is the live venue."""
    if facts.host is None:
        return _unavailable("environment", "not asked: an earlier gate is closed")
    wanted = facts.plan.stage.environment
    if facts.host.environment is not wanted:
        return _failed(
            "environment",
            f"{facts.host.host} is {facts.host.environment} ({facts.host.proof}); "
            f"stage {facts.plan.stage.number} needs {wanted}",
            "remove BINANCE_BASE_URL, or point it at the right host",
        )
    return _passed("environment", f"{facts.host.host} is {wanted}: {facts.host.proof}")


def _of_account(name: str, rule: AccountRule) -> GateRule:
    def gate(facts: GateFacts) -> Gate:
        if facts.account is None:
            return _unavailable(name, "not asked: an earlier gate is closed")
        return rule(facts, facts.account)

    return gate


def _later(name: str, what: str) -> GateRule:
    def gate(facts: GateFacts) -> Gate:
        return _unavailable(name, f"{what} is not built yet, so stage 2 stays closed")

    return gate


def clock_agrees(facts: GateFacts, account: AccountFacts) -> Gate:
    offset, bound = abs(account.reading.offset_ms), account.reading.bound_ms
    detail = f"offset {account.reading.offset_ms:+.0f} ms, known to ±{bound:.0f} ms"
    most = facts.settings.gate_max_clock_offset_ms
    if offset + bound >= most:
        limit = f"the limit is {most} ms"
        return _failed("clock", f"{detail}; {limit}", "set this machine's clock (NTP), then try again")
    return _passed("clock", detail)


def balance_suffices(facts: GateFacts, account: AccountFacts) -> Gate:
    free = f"{decimal_text(account.free_quote)} {account.quote_asset} free"
    if account.free_quote < account.smallest_order.value:
        needed = f"the smallest sellable order is {account.smallest_order} {account.quote_asset}"
        return _failed("balance", f"{free}; {needed}")
    return _passed("balance", free)


def nothing_unsettled(facts: GateFacts, account: AccountFacts) -> Gate:
    if account.unsettled:
        return _failed("unsettled", f"{account.unsettled} order(s) of unknown fate", "trader status")
    if account.quarantined:
        return _failed("unsettled", f"quarantined: {', '.join(account.quarantined)}", "trader status")
    return _passed("unsettled", "every order's fate is known")


def journal_verifies(facts: GateFacts, account: AccountFacts) -> Gate:
    if account.journal_findings:
        return _failed("journal", f"{account.journal_findings} finding(s): the journal was altered")
    return _passed("journal", "the chain verifies")


def trading_active(facts: GateFacts, account: AccountFacts) -> Gate:
    if account.trading_state is not TradingState.ACTIVE:
        return _failed("trading-state", f"{account.trading_state}", "trader status")
    return _passed("trading-state", "ACTIVE")


def daily_limits(facts: GateFacts, account: AccountFacts) -> Gate:
    settings = facts.settings
    entries = f"{account.live_entries_today} of {settings.live_max_trades_per_day} entries"
    loss = f"loss {account.live_loss_today} of {settings.live_max_loss_per_day} {account.quote_asset}"
    too_many = account.live_entries_today >= settings.live_max_trades_per_day
    if too_many or account.live_loss_today >= settings.live_max_loss_per_day:
        return _failed("daily-limits", f"{entries}, {loss} today", "wait for the next UTC day")
    return _passed("daily-limits", f"{entries}, {loss} today")


def confirm_live(facts: GateFacts) -> Gate:
    if facts.settings.confirm_live:
        return _passed("confirm-live", "CONFIRM_LIVE=yes in the process environment")
    detail = "CONFIRM_LIVE is not `yes` in the process environment"
    if any(each.code == CONFIRM_LIVE_IN_FILE for each in facts.settings.findings):
        detail += "; in a settings file it does not count, because it would stay there for ever"
    return _failed("confirm-live", detail, "export CONFIRM_LIVE=yes for this one run")


def evidence_of(number: int) -> GateRule:
    """Return the gate that asks for fresh evidence of a stage, for the same code and settings."""
    name = f"stage-{number}"

    def rule(facts: GateFacts, account: AccountFacts) -> Gate:
        plan, settings = facts.plan, facts.settings
        again = f"trader stage {number} --symbol {plan.symbol}"
        found = [each for each in account.evidence if each.stage == number]
        if not found:
            return _failed(name, f"stage {number} was not passed in this home", again)
        differences: list[str] = []
        usable: list[Evidence] = []
        for each in found:
            why = _unusable(each, facts, account)
            if why is None:
                usable.append(each)
            else:
                differences.append(why)
        if not usable:
            return _failed(name, f"stage {number} was passed, but {differences[-1]}", again)
        if number == 1 and plan.stage.number == 2:
            shortfall = _rehearsal_shortfall(usable, plan, settings)
            if shortfall:
                soak = f"--trades {settings.gate_min_trades} --soak {settings.gate_min_soak_ms // 1000}s"
                return _failed(name, shortfall, f"{again} {soak} --entry {plan.entry}")
        newest = max(usable, key=lambda each: each.created_ms)
        trades = sum(each.trades for each in usable)
        return _passed(name, f"passed, {trades} trade(s), evidence {newest.evidence_id}")

    return _of_account(name, rule)


def _rehearsal_shortfall(usable: list[Evidence], plan: StagePlan, settings: Settings) -> str | None:
    """Say what the stage-1 runs, added up, lack for real money; None when nothing."""
    trades = sum(each.trades for each in usable)
    span_ms = max(each.last_fill_ms for each in usable) - min(each.first_fill_ms for each in usable)
    if trades < settings.gate_min_trades or span_ms < settings.gate_min_soak_ms:
        needed = f"{settings.gate_min_trades} over {settings.gate_min_soak_ms // 1000} s are needed"
        return f"stage 1 made {trades} trade(s) over {span_ms // 1000} s; {needed}"
    if plan.entry is EntryMode.SIGNAL and all(each.entry_mode is EntryMode.PROBE for each in usable):
        return "`--entry signal` with real money needs a stage 1 trade by signal"
    return None


def _unusable(each: Evidence, facts: GateFacts, account: AccountFacts) -> str | None:
    plan = facts.plan
    age_ms = account.now_ms - each.created_ms
    age_ms_max = facts.settings.gate_max_evidence_age_ms
    if each.account.venue != account.account.venue:
        return f"on {each.account.venue}, not on {account.account.venue}"
    if each.account.environment is not Environment.TESTNET:
        return "not on a testnet"
    if facts.host is not None and facts.host.official and not each.official_host:
        return f"at {each.account.host}, which proves nothing for {facts.host.host}"
    if each.symbol != plan.symbol:
        return f"for {each.symbol}"
    if each.strategy != plan.strategy:
        return f"with strategy {each.strategy}"
    if each.risk_digest != account.risk_digest:
        return "with other risk, gate or strategy settings"
    if each.code_digest != account.code_digest:
        return "with another version of the code"
    if age_ms > age_ms_max:
        return f"{age_ms / DAY_MS:.1f} days ago; {age_ms_max / DAY_MS:g} is the limit"
    if age_ms < 0:
        return "in the future: the clock was set back"
    return None


STANDING: tuple[GateRule, ...] = (
    _of_account("clock", clock_agrees),
    _of_account("balance", balance_suffices),
    _of_account("unsettled", nothing_unsettled),
    _of_account("trading-state", trading_active),
)

GATES: dict[int, tuple[GateRule, ...]] = {
    0: (settings_match, environment_proven, *STANDING),
    1: (settings_match, environment_proven, evidence_of(0), *STANDING),
    2: (
        settings_match,
        environment_proven,
        evidence_of(0),
        evidence_of(1),
        _later("key-rights", "asking the venue what a key may do"),
        _later("key-ip", "the check of the key's IP list"),
        _later("key-age", "the check of the key's age"),
        _later("key-exposure", "the search for exposed keys"),
        *STANDING,
        _later("deposit-address", "pinning the deposit address"),
        _later("reconciliation", "comparing the books with the venue's"),
        _of_account("journal", journal_verifies),
        _of_account("daily-limits", daily_limits),
        _later("resolver", "settling unknown outcomes"),
        _later("protective-stop", "a stop that rests at the venue"),
        _later("pre-flight", "the rehearsal of the exact order on the live venue"),
        _later("drills", "drills of halt, cancel-all and flatten"),
        confirm_live,
        _later("phrase", "the typed phrase that names what will be spent"),
    ),
}
"""Stage -> its gates, in the order they are listed."""


def evaluate(facts: GateFacts) -> tuple[Gate, ...]:
    """Answer every gate of the plan's stage."""
    return tuple(rule(facts) for rule in GATES[facts.plan.stage.number])


def closed(gates: tuple[Gate, ...]) -> tuple[Gate, ...]:
    """Return the gates that are not passed."""
    return tuple(gate for gate in gates if gate.result is not GateResult.PASS)
