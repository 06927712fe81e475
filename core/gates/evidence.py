"""Whether the earlier stages were passed, lately, with the same code and settings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.account import AccountKey, Environment
from core.clock import DAY_MS
from core.gates.facts import AccountFacts, Answer, GateFacts, GateRule, StagePlan, failed, of_account, passed
from core.stages import STAGES, EntryMode, Evidence

if TYPE_CHECKING:
    from core.settings import Settings


def evidence_of(number: int) -> GateRule:
    """Return the gate that asks for fresh evidence of a stage, for the same code and settings."""

    def rule(facts: GateFacts, account: AccountFacts) -> Answer:
        plan, settings = facts.plan, facts.settings
        again = _rehearsal(number, plan, settings)
        found = [each for each in account.evidence if each.stage == number]
        if not found:
            return failed(f"stage {number} was not passed in this home", again)
        differences: list[str] = []
        usable: list[Evidence] = []
        for each in found:
            why = _unusable(each, facts, account)
            if why is None:
                usable.append(each)
            else:
                differences.append(why)
        if not usable:
            return failed(f"stage {number} was passed, but {differences[-1]}", again)
        if number == 1 and plan.stage.number == 2:
            shortfall = _rehearsal_shortfall(usable, plan, settings)
            if shortfall:
                return failed(shortfall, again)
        newest = max(usable, key=lambda each: each.created_ms)
        trades = sum(each.trades for each in usable)
        return passed(f"passed, {trades} trade(s), evidence {newest.evidence_id}")

    return of_account(rule)


def _rehearsal(number: int, plan: StagePlan, settings: Settings) -> str:
    """Return the command line that passes an earlier stage, for real money in one run."""
    if (number, plan.stage.number) == (1, 2):
        soak_s = settings.gate_min_soak_ms / 1000
        return plan.rehearsal(number, trades=settings.gate_min_trades, soak_s=soak_s)
    return plan.rehearsal(number)


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
    wanted = STAGES[each.stage].environment
    if each.account.environment is not wanted:
        return f"not on {'a testnet' if wanted is Environment.TESTNET else 'the live venue'}"
    if _wiped_since(each.account, account.account):
        return "before the testnet was wiped"
    if facts.host is not None and facts.host.official and not each.official_host:
        return f"at {each.account.host}, which proves nothing for {facts.host.host}"
    exposure_ms = account.key.exposure_ms
    if exposure_ms is not None and each.created_ms <= exposure_ms:
        return "before a key of this home was exposed"
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
