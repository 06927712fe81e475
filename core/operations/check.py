"""Every condition that should hold, asked without acting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from core.alerts.delivery import heartbeat_problem, invalid, receivers
from core.desk import Access, Desk
from core.errors import MOST_DANGEROUS_FIRST, ReconciliationBreak, TraderError
from core.gates import GATES, KEY_GATES, GateFacts, StagePlan, answer
from core.instrument import SymbolStatus
from core.operations.inquiry import Inquiry
from core.operations.market_view import recent_view
from core.operations.positions import open_positions
from core.operations.progress import readings_text
from core.operations.protection import MENDS, protection
from core.orders import AT_VENUE
from core.stages import Gate, GateResult
from core.strategies.market import Series
from core.strategies.self_test import self_test

if TYPE_CHECKING:
    from core.journal import Order
    from core.strategies import Strategy


@dataclass(slots=True)
class CheckResult:
    """Filled while the check runs. `errors`: check -> why it could not be asked at all."""

    gates: list[Gate] = field(default_factory=list)
    errors: dict[str, TraderError] = field(default_factory=dict)

    @property
    def failed(self) -> list[Gate]:
        return [gate for gate in self.gates if gate.result is GateResult.FAIL]

    def raise_if_failed(self) -> None:
        """Raise the most dangerous: ReconciliationBreak CHECK_FAILED naming every condition that does not
        hold, or why one could not be asked.
        """
        if not self.failed:
            return
        found: list[TraderError] = list(self.errors.values())
        if len(self.failed) > len(self.errors):
            found.insert(0, self._check_failed())
        raise min(found, key=lambda error: MOST_DANGEROUS_FIRST.index(error.exit_code))

    def _check_failed(self) -> ReconciliationBreak:
        names = [gate.name for gate in self.failed]
        first = next(gate for gate in self.failed if gate.name not in self.errors)
        said = "; ".join(f"{gate.name}: {gate.detail}" for gate in self.failed)
        return ReconciliationBreak(
            f"{len(names)} of {len(self.gates)} checks failed: {said}",
            code="CHECK_FAILED",
            hint=first.way_out or first.detail,
            details={"failed": names},
        )


Check = Callable[[Inquiry], Awaitable[Gate]]


def _gate(name: str, ok: bool, detail: str, way_out: str = "") -> Gate:
    return Gate(name, GateResult.PASS if ok else GateResult.FAIL, detail, "" if ok else way_out)


async def _settings(ask: Inquiry) -> Gate:
    settings = ask.access.settings
    matching = answer("settings", GateFacts(ask.plan, settings))
    if matching.result is GateResult.FAIL or not settings.findings:
        return matching
    said = "; ".join(finding.message for finding in settings.findings)
    return _gate("settings", False, said, "; ".join(finding.way_out for finding in settings.findings))


async def _venue(ask: Inquiry) -> Gate:
    venue = await ask.venue()
    return _gate("venue", True, f"{venue.name} answers at {venue.host.host}")


async def _environment(ask: Inquiry) -> Gate:
    return answer("environment", GateFacts(ask.plan, ask.access.settings, (await ask.venue()).host))


async def _account(ask: Inquiry) -> Gate:
    desk = await ask.desk()
    snapshot = await desk.venue.account.snapshot()
    detail = f"account {snapshot.uid} {'may' if snapshot.can_trade else 'may not'} trade"
    return _gate("account", snapshot.can_trade, detail, "ask the venue why trading is off for this account")


async def _symbol(ask: Inquiry) -> Gate:
    instrument = await (await ask.venue()).market_data.instrument(ask.plan.symbol)
    if instrument.status is not SymbolStatus.TRADING:
        return _gate("symbol", False, f"{instrument.symbol} is {instrument.status}", "choose another symbol")
    if instrument.filters.unknown:
        names = ", ".join(instrument.filters.unknown)
        return _gate("symbol", False, f"{instrument.symbol} has filters unknown to trader: {names}")
    return _gate("symbol", True, f"{instrument.symbol} is {instrument.status}")


async def _signal(ask: Inquiry) -> Gate:
    traded = Series(ask.plan.symbol, ask.plan.bar)
    view = await recent_view((await ask.venue()).market_data, ask.strategy, traded)
    tested = self_test(ask.strategy, view)
    detail = f"{ask.plan.strategy} on {ask.plan.symbol} {ask.plan.bar}: {tested.detail}"
    if tested.readings:
        detail += f"; {readings_text(tested.readings)}"
    return _gate("signal", tested.ok, detail, "try another TRADER_BAR or symbol")


async def _journal(ask: Inquiry) -> Gate:
    with ask.access.read_journal() as journal:
        findings = journal.verify()
    if findings:
        detail = f"{len(findings)} finding(s), first: {findings[0].code}: {findings[0].detail}"
        return _gate("journal", False, detail, "keep the files as they are and do not trade on this journal")
    return _gate("journal", True, "the chain verifies")


async def _positions(ask: Inquiry) -> Gate:
    desk = await ask.desk()
    details: list[str] = []
    ok = True
    for held in open_positions(desk.journal, desk.account):
        cover = protection(desk.journal, desk.account, held.symbol)
        detail = f"{held.quantity} of {held.symbol} is {cover}"
        if gone := [stop.client_order_id for stop in cover.stops if not await _rests(desk, stop)]:
            detail += f"; no longer open at the venue: {', '.join(gone)}"
        ok = ok and cover.is_whole and not gone
        details.append(detail)
    return _gate("positions", ok, "; ".join(details) or "none open", f"`{MENDS}` sells them")


async def _rests(desk: Desk, stop: Order) -> bool:
    found = await desk.venue.account.order(stop.symbol, stop.client_order_id)
    return found is not None and found.status in AT_VENUE


async def _alerts(ask: Inquiry) -> Gate:
    settings = ask.access.settings
    found, unusable = receivers(settings.alert_urls)
    if unusable:
        raise invalid(unusable)
    if problem := heartbeat_problem(settings.heartbeat_url):
        return _gate("alerts", False, problem, "docs/alerts.md shows how to set up the other side")
    if not found and settings.heartbeat_url is None:
        return Gate("alerts", GateResult.UNAVAILABLE, "ALERT_URLS is not set: nobody is told of anything")
    beats = "" if settings.heartbeat_url is None else ", and a heartbeat"
    return _gate("alerts", True, f"{len(found)} receiver(s){beats}; `trader alerts test` asks them")


CHECKS: Mapping[str, Check] = {
    "settings": _settings,
    "venue": _venue,
    "environment": _environment,
    "symbol": _symbol,
    "signal": _signal,
    "account": _account,
    "journal": _journal,
    "positions": _positions,
    "alerts": _alerts,
}
"""Name -> check, for what takes more than a gate's facts."""


def checks_of(plan: StagePlan) -> Mapping[str, Check]:
    """Return what can be asked, in the order it is asked and listed: checks, the key's gates, the stage's."""
    names = dict.fromkeys((*KEY_GATES, *GATES[plan.stage.number]))
    return {**CHECKS, **{name: partial(Inquiry.gate, name=name) for name in names if name not in CHECKS}}


async def run_check(
    access: Access,
    plan: StagePlan,
    strategy: Strategy,
    result: CheckResult,
    only: frozenset[str] = frozenset(),
) -> None:
    """Ask every check, or only those named. What cannot be asked fails, once, and spoils no other check."""
    asked = {name: check for name, check in checks_of(plan).items() if not only or name in only}
    await ask_checks(access, plan, strategy, asked, result)


async def ask_checks(
    access: Access, plan: StagePlan, strategy: Strategy, asked: Mapping[str, Check], result: CheckResult
) -> None:
    """Ask checks by name, in their order; as `run_check`."""
    async with AsyncExitStack() as stack:
        ask = Inquiry(access, plan, strategy, stack)
        for name, check in asked.items():
            result.gates.append(await _answered(name, check, ask, result))


async def _answered(name: str, check: Check, ask: Inquiry, result: CheckResult) -> Gate:
    try:
        return await check(ask)
    except TraderError as error:
        for earlier, known in result.errors.items():
            if known is error:
                return Gate(name, GateResult.UNAVAILABLE, f"not asked: {earlier} failed")
        result.errors[name] = error
        return Gate(name, GateResult.FAIL, error.message, error.hint or "")
