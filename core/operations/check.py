"""Every condition that should hold, asked without acting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from core import gates
from core.desk import Desk
from core.errors import ReconciliationBreak
from core.gates import AccountFacts, GateFacts, StagePlan
from core.instrument import SymbolStatus
from core.operations.gate_facts import account_facts
from core.operations.positions import open_positions
from core.operations.watch import recent_bars
from core.stages import Gate, GateResult
from core.values import decimal_text

LOW_BALANCE = Decimal(5)


@dataclass(slots=True)
class CheckResult:
    """Filled while the check runs, so that a venue that fails in the middle loses nothing."""

    gates: list[Gate] = field(default_factory=list)

    @property
    def failed(self) -> list[Gate]:
        return [gate for gate in self.gates if gate.result is GateResult.FAIL]

    def raise_if_failed(self) -> None:
        """Raise ReconciliationBreak CHECK_FAILED naming every condition that does not hold."""
        if self.failed:
            first = self.failed[0]
            raise ReconciliationBreak(
                f"{len(self.failed)} of {len(self.gates)} checks failed: "
                f"{', '.join(gate.name for gate in self.failed)}",
                code="CHECK_FAILED",
                hint=first.way_out or first.detail,
                details={"failed": [gate.name for gate in self.failed]},
            )


@dataclass(slots=True)
class _Question:
    """What the checks ask; the account is asked once, when the first check needs it."""

    desk: Desk
    plan: StagePlan
    _facts: AccountFacts | None = None

    async def account(self) -> AccountFacts:
        if self._facts is None:
            self._facts = await account_facts(self.desk, self.plan)
        return self._facts

    async def gate_facts(self) -> GateFacts:
        return GateFacts(self.plan, self.desk.settings, self.desk.venue.host, await self.account())


Check = Callable[[_Question], Awaitable[Gate]]


def _gate(name: str, ok: bool, detail: str, way_out: str = "") -> Gate:
    return Gate(name, GateResult.PASS if ok else GateResult.FAIL, detail, "" if ok else way_out)


async def _settings(ask: _Question) -> Gate:
    findings = ask.desk.settings.findings
    if not findings:
        return _gate("settings", True, "read, nothing to mend")
    said = "; ".join(finding.message for finding in findings)
    return _gate("settings", False, said, "; ".join(finding.way_out for finding in findings))


async def _venue(ask: _Question) -> Gate:
    await ask.desk.venue.market_data.ping()
    return _gate("venue", True, f"{ask.desk.account.venue} answers at {ask.desk.venue.host.host}")


async def _environment(ask: _Question) -> Gate:
    return gates.environment_proven(await ask.gate_facts())


async def _account(ask: _Question) -> Gate:
    snapshot = await ask.desk.venue.account.snapshot()
    detail = f"account {snapshot.uid} {'may' if snapshot.can_trade else 'may not'} trade"
    return _gate("account", snapshot.can_trade, detail, "ask the venue why trading is off for this account")


async def _key(ask: _Question) -> Gate:
    facts = await ask.desk.venue.key_administration.key_facts()
    if facts is None:
        return Gate("key", GateResult.UNAVAILABLE, "this venue cannot say what a key may do")
    dangerous = {
        "withdraw": facts.withdrawals,
        "transfer internally": facts.internal_transfer,
        "transfer between accounts": facts.universal_transfer,
        "use margin": facts.margin,
        "trade futures": facts.futures,
        "trade options": facts.options,
    }
    wrong = [f"may {what}" for what, allowed in dangerous.items() if allowed]
    if not facts.spot_trading:
        wrong.append("may not trade spot")
    if not facts.ip_restricted:
        wrong.append("works from any address")
    if wrong:
        return _gate("key", False, f"the key {', '.join(wrong)}", "change the key's rights at the venue")
    return _gate("key", True, "spot trading only, restricted by address")


async def _clock(ask: _Question) -> Gate:
    return gates.clock_agrees(await ask.gate_facts(), await ask.account())


async def _symbol(ask: _Question) -> Gate:
    instrument = await ask.desk.venue.market_data.instrument(ask.plan.symbol)
    if instrument.status is not SymbolStatus.TRADING:
        return _gate("symbol", False, f"{instrument.symbol} is {instrument.status}", "choose another symbol")
    if instrument.filters.unknown:
        names = ", ".join(instrument.filters.unknown)
        return _gate("symbol", False, f"{instrument.symbol} has filters unknown to trader: {names}")
    return _gate("symbol", True, f"{instrument.symbol} is {instrument.status}")


async def _balance(ask: _Question) -> Gate:
    account = await ask.account()
    free = f"{decimal_text(account.free_quote)} {account.quote_asset} free"
    needed = max(LOW_BALANCE, account.smallest_order.value)
    if account.free_quote < needed:
        detail = f"{free}; at least {decimal_text(needed)} {account.quote_asset} are needed for an order"
        return _gate("balance", False, detail, "move funds to the account")
    return _gate("balance", True, free)


async def _signal(ask: _Question) -> Gate:
    bars = await recent_bars(ask.desk, ask.plan)
    tested = ask.desk.strategy.self_test(bars)
    detail = f"{ask.plan.strategy} on {ask.plan.symbol} {ask.plan.bar}: {tested.detail}"
    if tested.lambda_ is not None and tested.gamma is not None:
        detail += f"; Λ {tested.lambda_:+.4f}, Γ {tested.gamma:.4f}"
    return _gate("signal", tested.ok, detail, "try another TRADER_BAR or symbol")


async def _journal(ask: _Question) -> Gate:
    findings = ask.desk.journal.verify()
    if findings:
        detail = f"{len(findings)} finding(s), first: {findings[0]}"
        return _gate("journal", False, detail, "keep the files as they are and do not trade on this journal")
    return _gate("journal", True, "the chain verifies")


async def _trading_state(ask: _Question) -> Gate:
    return gates.trading_active(await ask.gate_facts(), await ask.account())


async def _unsettled(ask: _Question) -> Gate:
    return gates.nothing_unsettled(await ask.gate_facts(), await ask.account())


async def _positions(ask: _Question) -> Gate:
    held = open_positions(ask.desk.journal, ask.desk.account)
    if held:
        detail = "; ".join(f"{each.quantity} of {each.symbol}, protected by nothing" for each in held)
        return _gate("positions", False, detail, f"trader status; sell at {ask.desk.account.venue}")
    return _gate("positions", True, "none open")


CHECKS: Mapping[str, Check] = {
    "settings": _settings,
    "venue": _venue,
    "environment": _environment,
    "account": _account,
    "key": _key,
    "clock": _clock,
    "symbol": _symbol,
    "balance": _balance,
    "signal": _signal,
    "journal": _journal,
    "trading-state": _trading_state,
    "unsettled": _unsettled,
    "positions": _positions,
}
"""Name -> check, in the order they are asked and listed."""


async def run_check(
    desk: Desk, plan: StagePlan, result: CheckResult, only: frozenset[str] = frozenset()
) -> None:
    """Ask every check, or only those named. Raises what the ports raise when the venue cannot be asked."""
    ask = _Question(desk, plan)
    for name, check in CHECKS.items():
        if not only or name in only:
            result.gates.append(await check(ask))
