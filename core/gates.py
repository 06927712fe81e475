"""The gates of the stages: named conditions, pure, each pass, fail or unavailable.

A gate that cannot be answered yet says `unavailable`; it is never shown as, nor counted as, a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from core.account import AccountKey, Environment
from core.clock import DAY_MS, HOUR_MS
from core.orders import OrderType
from core.ports import ClockReading, HostFacts
from core.stages import STAGES, EntryMode, Evidence, Gate, GateResult, Stage, TradingState
from core.values import Quote, decimal_text

if TYPE_CHECKING:
    from core.journal.reconciliations import Reconciled
    from core.settings import Settings

CONFIRM_LIVE_IN_FILE = "CONFIRM_LIVE_IN_FILE"
DEFAULT_STRATEGY = "coherence"
NOT_ASKED = "not asked: an earlier gate is closed"


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
        return stage_command(self.stage, self, trades=self.trades, soak_s=self.soak_s)

    def rehearsal(self, number: int, *, trades: int = 1, soak_s: float = 0) -> str:
        """Return the command line that gives this plan the evidence of an earlier stage."""
        return stage_command(STAGES[number], self, trades=trades, soak_s=soak_s)


def stage_command(stage: Stage, plan: StagePlan, *, trades: int, soak_s: float) -> str:
    """Return a command line with the settings it needs; what is the default anyway is left out."""
    mainnet = stage.environment is Environment.MAINNET
    words = ["CONFIRM_LIVE=yes"] if mainnet else []
    words += [
        f"BINANCE_USE_TESTNET={str(not mainnet).lower()}",
        f"BINANCE_DRY_RUN={str(stage.dry_run).lower()}",
        f"trader stage {stage.number} --symbol {plan.symbol} --trades {trades}",
    ]
    if plan.entry is not EntryMode.PROBE:
        words.append(f"--entry {plan.entry}")
    elif soak_s:
        words.append(f"--soak {soak_s:g}s")
    if plan.strategy != DEFAULT_STRATEGY:
        words.append(f"--strategy {plan.strategy}")
    return " ".join(words)


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the gates must know of the account. Present only when venue and account could be asked.

    `stop_type`: what would protect a position on the plan's symbol, None when the venue lists nothing that
    could. `open_stops`: on the symbol, whoever placed them; `stops_max`: how many the venue allows, None for
    any number. `reconciled`: the newest whole comparison of the books; `symbols`: what it has to cover.
    """

    account: AccountKey
    now_ms: int
    reading: ClockReading
    free_quote: Decimal
    quote_asset: str
    smallest_order: Quote
    unsettled: int
    quarantined: tuple[str, ...]
    foreign_orders: tuple[str, ...]
    stop_type: OrderType | None
    open_stops: int
    stops_max: int | None
    trading_state: TradingState
    journal_findings: int
    reconciled: Reconciled | None
    open_breaks: int
    symbols: frozenset[str]
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


class Answer(NamedTuple):
    """What a rule says; with the gate's name it is a `Gate`."""

    result: GateResult
    detail: str
    way_out: str = ""


GateRule = Callable[[GateFacts], Answer]
AccountRule = Callable[[GateFacts, AccountFacts], Answer]


def _passed(detail: str) -> Answer:
    return Answer(GateResult.PASS, detail)


def _failed(detail: str, way_out: str = "") -> Answer:
    return Answer(GateResult.FAIL, detail, way_out)


def _unavailable(detail: str) -> Answer:
    return Answer(GateResult.UNAVAILABLE, detail)


def settings_match(facts: GateFacts) -> Answer:
    """The stage decides the environment; settings that say otherwise close the first gate."""
    stage, settings = facts.plan.stage, facts.settings
    wrong: list[str] = []
    if settings.use_testnet is not (stage.environment is Environment.TESTNET):
        wrong.append(f"BINANCE_USE_TESTNET is {str(settings.use_testnet).lower()}")
    if settings.dry_run is not stage.dry_run:
        wrong.append(f"BINANCE_DRY_RUN is {str(settings.dry_run).lower()}")
    if wrong:
        detail = f"{' and '.join(wrong)}; stage {stage.number} runs on {stage.environment}"
        return _failed(detail, facts.plan.command())
    return _passed(f"{stage.environment}, {'dry run' if stage.dry_run else 'real orders'}")


def environment_proven(facts: GateFacts) -> Answer:
    """What cannot be proven to be a testnet is the live venue."""
    if facts.host is None:
        return _unavailable(NOT_ASKED)
    wanted = facts.plan.stage.environment
    if facts.host.environment is not wanted:
        return _failed(
            f"{facts.host.host} is {facts.host.environment} ({facts.host.proof}); "
            f"stage {facts.plan.stage.number} needs {wanted}",
            "remove BINANCE_BASE_URL, or point it at the right host",
        )
    return _passed(f"{facts.host.host} is {wanted}: {facts.host.proof}")


def _of_account(rule: AccountRule) -> GateRule:
    def answer(facts: GateFacts) -> Answer:
        if facts.account is None:
            return _unavailable(NOT_ASKED)
        return rule(facts, facts.account)

    return answer


def _later(what: str) -> GateRule:
    def answer(facts: GateFacts) -> Answer:
        return _unavailable(f"not built yet: {what}; stage 2 stays closed")

    return answer


def clock_agrees(facts: GateFacts, account: AccountFacts) -> Answer:
    return clock_answer(account.reading, facts.settings.gate_max_clock_offset_ms)


def clock_answer(reading: ClockReading, most_ms: int) -> Answer:
    """Say whether the clocks agree; `most_ms` bounds offset and uncertainty together."""
    offset_ms, bound_ms = reading.offset_ms, reading.bound_ms
    detail = f"offset {offset_ms:+.0f} ms, known to ±{bound_ms:.0f} ms"
    if abs(offset_ms) + bound_ms < most_ms:
        return _passed(detail)
    by_the_clock = abs(offset_ms) >= most_ms
    way_out = "set this machine's clock (NTP)" if by_the_clock else "the answers are slow: try again"
    return _failed(f"{detail}; the limit is {most_ms} ms", way_out)


def no_second_machine(facts: GateFacts, account: AccountFacts) -> Answer:
    """One installation trades on an account: an open order that another one placed stops new entries."""
    if account.foreign_orders:
        return _failed(
            f"another installation of trader has open orders: {', '.join(account.foreign_orders)}",
            "stop the other machine or home; `trader cancel-all --account` cancels everybody's orders",
        )
    return _passed("no other installation has open orders")


def stop_can_rest(facts: GateFacts, account: AccountFacts) -> Answer:
    """A position is protected by a stop at the venue, which must take one and have room for it."""
    if account.stop_type is None:
        return _failed(f"{facts.plan.symbol} takes no stop order at this venue", "choose another symbol")
    if account.stops_max is not None and account.open_stops >= account.stops_max:
        return _failed(
            f"{account.open_stops} of {account.stops_max} stops are open on {facts.plan.symbol}",
            "cancel one: `trader cancel-all` cancels ours, `--account` everybody's",
        )
    most = "" if account.stops_max is None else f" of {account.stops_max}"
    return _passed(f"{account.stop_type}, {account.open_stops}{most} open")


def balance_suffices(facts: GateFacts, account: AccountFacts) -> Answer:
    free = f"{decimal_text(account.free_quote)} {account.quote_asset} free"
    if account.free_quote < account.smallest_order.value:
        needed = f"the smallest sellable order is {account.smallest_order} {account.quote_asset}"
        return _failed(f"{free}; {needed}", "move funds to the account")
    return _passed(free)


def nothing_unsettled(facts: GateFacts, account: AccountFacts) -> Answer:
    if account.unsettled:
        return _failed(
            f"{account.unsettled} order(s) of unknown fate",
            "`trader resolve` asks what became of them, `trader status` names them",
        )
    if account.quarantined:
        return _failed(f"quarantined: {', '.join(account.quarantined)}", "`trader status` says why")
    return _passed("every order's fate is known")


def books_reconciled(facts: GateFacts, account: AccountFacts) -> Answer:
    """The newest whole comparison with the venue is fresh, covers every symbol and left no break open."""
    newest, limit_ms = account.reconciled, facts.settings.gate_max_reconcile_age_ms
    if account.open_breaks:
        return _failed(f"{account.open_breaks} open break(s)", "`trader reconcile` names them")
    if newest is None:
        return _failed("the books were never compared with the venue's", "`trader reconcile`")
    left_out = account.symbols - newest.coverage.keys()
    if left_out:
        return _failed(f"not compared: {', '.join(sorted(left_out))}", "`trader reconcile`")
    age_ms = account.now_ms - newest.until_ms
    if not 0 <= age_ms <= limit_ms:
        return _failed(
            f"the books were compared {age_ms / HOUR_MS:.1f} h ago; {limit_ms / HOUR_MS:g} h is the limit",
            "`trader reconcile`",
        )
    return _passed(f"the books agreed {age_ms / HOUR_MS:.1f} h ago")


def journal_verifies(facts: GateFacts, account: AccountFacts) -> Answer:
    if account.journal_findings:
        return _failed(
            f"{account.journal_findings} finding(s): the journal was altered",
            "`trader check` names the first",
        )
    return _passed("the chain verifies")


def trading_active(facts: GateFacts, account: AccountFacts) -> Answer:
    if account.trading_state is not TradingState.ACTIVE:
        return _failed(f"{account.trading_state}", "find out who set it, and why")
    return _passed("ACTIVE")


def daily_limits(facts: GateFacts, account: AccountFacts) -> Answer:
    settings = facts.settings
    entries = f"{account.live_entries_today} of {settings.live_max_trades_per_day} entries"
    loss = f"loss {account.live_loss_today} of {settings.live_max_loss_per_day} {account.quote_asset}"
    too_many = account.live_entries_today >= settings.live_max_trades_per_day
    if too_many or account.live_loss_today >= settings.live_max_loss_per_day:
        return _failed(f"{entries}, {loss} today", "wait for the next UTC day")
    return _passed(f"{entries}, {loss} today")


def confirm_live(facts: GateFacts) -> Answer:
    if facts.settings.confirm_live:
        return _passed("CONFIRM_LIVE=yes in the process environment")
    detail = "CONFIRM_LIVE is not `yes` in the process environment"
    if any(each.code == CONFIRM_LIVE_IN_FILE for each in facts.settings.findings):
        detail += "; in a settings file it does not count, because it would stay there for ever"
    return _failed(detail, "export CONFIRM_LIVE=yes for this one run")


def evidence_of(number: int) -> GateRule:
    """Return the gate that asks for fresh evidence of a stage, for the same code and settings."""

    def rule(facts: GateFacts, account: AccountFacts) -> Answer:
        plan, settings = facts.plan, facts.settings
        again = plan.rehearsal(number)
        found = [each for each in account.evidence if each.stage == number]
        if not found:
            return _failed(f"stage {number} was not passed in this home", again)
        differences: list[str] = []
        usable: list[Evidence] = []
        for each in found:
            why = _unusable(each, facts, account)
            if why is None:
                usable.append(each)
            else:
                differences.append(why)
        if not usable:
            return _failed(f"stage {number} was passed, but {differences[-1]}", again)
        if number == 1 and plan.stage.number == 2:
            shortfall = _rehearsal_shortfall(usable, plan, settings)
            if shortfall:
                soak_s = settings.gate_min_soak_ms / 1000
                way_out = plan.rehearsal(number, trades=settings.gate_min_trades, soak_s=soak_s)
                return _failed(shortfall, way_out)
        newest = max(usable, key=lambda each: each.created_ms)
        trades = sum(each.trades for each in usable)
        return _passed(f"passed, {trades} trade(s), evidence {newest.evidence_id}")

    return _of_account(rule)


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
    if _wiped_since(each.account, account.account):
        return "before the testnet was wiped"
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


def _wiped_since(then: AccountKey, now: AccountKey) -> bool:
    return replace(then, epoch=now.epoch) == now and then.epoch < now.epoch


STANDING: Mapping[str, GateRule] = {
    "clock": _of_account(clock_agrees),
    "balance": _of_account(balance_suffices),
    "protective-stop": _of_account(stop_can_rest),
    "second-machine": _of_account(no_second_machine),
    "unsettled": _of_account(nothing_unsettled),
    "trading-state": _of_account(trading_active),
    "journal": _of_account(journal_verifies),
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
        "key-rights": _later("asking the venue what the key may do"),
        "key-ip": _later("asking the venue where the key may be used from"),
        "key-age": _later("asking the venue how old the key is"),
        "key-exposure": _later("the search for exposed keys"),
        **STANDING,
        "deposit-address": _later("the pinned deposit address"),
        "reconciliation": _of_account(books_reconciled),
        "daily-limits": _of_account(daily_limits),
        "pre-flight": _later("the rehearsal of the exact order on the live venue"),
        "drills": _later("the drills of halt, cancel-all and flatten"),
        "confirm-live": confirm_live,
        "phrase": _later("the typed phrase that names what will be spent"),
    },
}
"""Stage -> its gates by name, in the order they are listed."""


def answer(name: str, facts: GateFacts) -> Gate:
    """Answer one gate of the plan's stage."""
    return Gate(name, *GATES[facts.plan.stage.number][name](facts))


def evaluate(facts: GateFacts) -> tuple[Gate, ...]:
    """Answer every gate of the plan's stage."""
    return tuple(answer(name, facts) for name in GATES[facts.plan.stage.number])


def closed(gates: tuple[Gate, ...]) -> tuple[Gate, ...]:
    """Return the gates that are not passed."""
    return tuple(gate for gate in gates if gate.result is not GateResult.PASS)
