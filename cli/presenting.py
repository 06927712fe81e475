"""How stages, gates and states look to a person, and in the JSON document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cli.console import Console
from core.clock import iso_utc
from core.gates import StagePlan
from core.operations.progress import Step, Waiting, readings_text, shown
from core.orders import Fill, OrderReport
from core.stages import Gate, GateResult
from core.values import notional

if TYPE_CHECKING:
    from pathlib import Path

    from core.journal import Order
    from core.operations.check import CheckResult
    from core.operations.protection import Protection
    from core.operations.round_trip import OpenTrade, Trade
    from core.operations.stage_result import StageResult
    from core.operations.status import AccountStatus

MARKS = {GateResult.PASS: "✓", GateResult.FAIL: "✗", GateResult.UNAVAILABLE: "?"}
WAIT_LINE_EVERY_S = 60.0


class StageView:
    """Shows a running stage: its outputs as lines, its waiting live on a terminal or once a minute off it.

    `alive` is called at each of them: a service manager that hears nothing may end the process.
    """

    def __init__(self, console: Console, plan: StagePlan, alive: Callable[[], None] = lambda: None) -> None:
        self._alive = alive
        self._console = console
        self._plan = plan
        self._said: Waiting | None = None

    def step(self, step: Step, text: str) -> None:
        self._alive()
        self._console.line(f"✓ {step:<8} {text}")

    def note(self, text: str) -> None:
        self._console.say(text)

    def gates(self, gates: Sequence[Gate]) -> None:
        gate_table(self._console, gates)

    def waiting(self, state: Waiting) -> None:
        self._alive()
        text = f"{state.what}, {_left(state.left_s)} left"
        if state.readings and None not in state.readings.values():
            text += f": {readings_text(state.readings)} ({state.reason})"
        if self._console.is_live:
            self._console.progress(text)
        elif self._is_due(state):
            self._said = state
            self._console.say(text)

    def _is_due(self, state: Waiting) -> bool:
        """Tell whether a minute went by since the last line, or another wait began."""
        said = self._said
        return (
            said is None or said.what != state.what or not 0 <= said.left_s - state.left_s < WAIT_LINE_EVERY_S
        )


def _left(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def gate_table(console: Console, gates: Sequence[Gate]) -> None:
    """Show gates with their results; what would open a closed one stands below its line."""
    rows: list[list[str] | str] = []
    for gate in gates:
        rows.append([MARKS[gate.result], gate.name, gate.result, gate.detail])
        if gate.result is GateResult.FAIL and gate.way_out:
            rows.append(f"→ {gate.way_out}")
    console.table(["", "gate", "result", "detail"], rows)


def stage_result(console: Console, result: StageResult) -> None:
    """Add all that is known of a stage to the document, and show its gates when they refused it."""
    plan = result.plan
    console.result(
        stage=plan.stage.number,
        symbol=plan.symbol,
        environment=plan.stage.environment,
        dry_run=plan.stage.dry_run,
        entry=plan.entry,
        free=None if result.free is None else {"asset": result.free.currency, "amount": result.free.amount},
        signal=_signal(result),
        gates=[gate_json(gate) for gate in result.gates],
        trades=_trades(result),
        evidence_id=result.evidence_id,
        audit_log=result.audit_log,
    )
    if result.refused:
        gate_table(console, result.gates)


def next_command(plan: StagePlan) -> str:
    """Return what comes after a stage that was passed."""
    if plan.stage.number == 0:
        return plan.rehearsal(1)
    if plan.stage.number == 1:
        return "trader runbook live-launch --next"
    return plan.there("trader reconcile")


def check_result(console: Console, result: CheckResult) -> None:
    """Show every condition on a terminal; off it only what is wrong, so that cron stays silent when well."""
    console.result(gates=[gate_json(gate) for gate in result.gates])
    gates = result.gates if console.shows_all else result.failed
    if gates:
        gate_table(console, gates)


def status_result(console: Console, accounts: Sequence[AccountStatus], home: Path) -> None:
    """Show every account this home knows: stage reached, what is held, what is open, what is unsettled."""
    console.result(home=home, accounts=[_account_json(each) for each in accounts])
    if not accounts:
        console.line(f"no account is known in {home}: run `trader stage 0`")
    for each in accounts:
        console.table(["account", str(each.account)], _account_rows(each))


IN_DOUBT = "from a backup, not compared since: `trader reconcile` until nothing differs"


def _account_rows(status: AccountStatus) -> list[list[str]]:
    passed = status.evidence
    today = ", ".join(f"{shown(amount)} {asset}" for asset, amount in status.realized_today.items())
    rows = [
        ["trading state", str(status.trading_state)],
        *([["restored", IN_DOUBT]] if status.is_in_doubt else []),
        ["stage passed", "none" if passed is None else f"{passed.stage}, evidence {passed.evidence_id}"],
        ["P&L today", today or "nothing traded"],
    ]
    rows += [
        ["position", f"{held.quantity} of {held.symbol}, cost {held.cost}, {status.protections[held.symbol]}"]
        for held in status.positions
    ] or [["position", "none"]]
    rows += [["open order", f"{each.client_order_id} {each.symbol}"] for each in status.open_orders] or [
        ["open orders", "none"]
    ]
    rows += [
        ["unsettled", f"{each.order.client_order_id} since {iso_utc(each.since_ms)}: {each.what}"]
        for each in status.unsettled
    ] or [["unsettled", "none"]]
    rows += [
        ["quarantined", f"{each.symbol} since {iso_utc(each.since_ms)}: {each.reason}"]
        for each in status.quarantines
    ]
    rows += [["breaker", f"{each}; to reset it: {each.way_out}"] for each in status.breakers]
    return rows


def _account_json(status: AccountStatus) -> dict[str, object]:
    passed = status.evidence
    return {
        "account": str(status.account),
        "venue": status.account.venue,
        "environment": status.account.environment,
        "trading_state": status.trading_state,
        "restored_and_not_compared": status.is_in_doubt,
        "stage_passed": None if passed is None else passed.stage,
        "evidence_id": None if passed is None else passed.evidence_id,
        "realized_today": status.realized_today,
        "positions": [
            {
                "symbol": held.symbol,
                "quantity": held.quantity,
                "cost": held.cost,
                "average_cost": held.average_cost,
                "protection": _protection(status.protections[held.symbol]),
            }
            for held in status.positions
        ],
        "open_orders": [journaled_order(each) for each in status.open_orders],
        "unsettled": [
            {**journaled_order(each.order), "since_ms": each.since_ms, "what": each.what}
            for each in status.unsettled
        ],
        "quarantined": status.quarantines,
        "breakers": [
            {
                "breaker": each.breaker,
                "reason": each.reason,
                "since_ms": each.since_ms,
                "until_ms": each.until_ms,
                "way_out": each.way_out,
            }
            for each in status.breakers
        ],
    }


def _protection(found: Protection) -> dict[str, object] | None:
    if not found.stops:
        return None
    stops, targets = ([_resting(each) for each in legs] for legs in (found.stops, found.targets))
    return {"whole": found.is_whole, "bare": found.bare, "stops": stops, "targets": targets}


def _resting(order: Order) -> dict[str, object]:
    request = order.intent.request
    return journaled_order(order) | {"stop_price": request.stop_price, "price": request.price}


def journaled_order(order: Order) -> dict[str, object]:
    """Return an order as the journal knows it."""
    return {
        "client_order_id": order.client_order_id,
        "venue_order_id": order.venue_order_id,
        "symbol": order.symbol,
        "side": order.side,
        "type": order.order_type,
        "quantity": order.quantity,
        "executed_quantity": order.executed_quantity,
        "status": order.status,
        "dry_run": order.intent.dry_run,
    }


def gate_json(gate: Gate) -> dict[str, object]:
    return {"name": gate.name, "result": gate.result, "detail": gate.detail, "way_out": gate.way_out}


def _signal(result: StageResult) -> dict[str, object] | None:
    signal = result.signal
    if signal is None:
        return None
    return {"strategy": signal.strategy, **signal.readings, **signal.limits}


def _trades(result: StageResult) -> list[dict[str, object]]:
    dry_run = result.plan.stage.dry_run
    trades = [_trade(trade, dry_run) | {"pnl": trade.pnl, "dust": trade.dust} for trade in result.trades]
    if result.unfinished is not None:
        trades.append(_trade(result.unfinished, dry_run) | {"pnl": None, "dust": None})
    return trades


def _trade(trade: Trade | OpenTrade, dry_run: bool) -> dict[str, object]:
    return {
        "entry": order_json(trade.entry, dry_run),
        "exit": order_json(trade.exits[-1], dry_run) if trade.exits else None,
        "exits": [order_json(order, dry_run) for order in trade.exits],
        "stops": [order_json(order, dry_run) for order in trade.stops],
    }


def order_json(order: OrderReport, dry_run: bool) -> dict[str, object]:
    """Return an order as every command's document shows it."""
    return {
        "client_order_id": order.client_order_id,
        "venue_order_id": order.venue_order_id,
        "symbol": order.symbol,
        "side": order.side,
        "type": order.order_type,
        "quantity": order.quantity,
        "price": order.price,
        "notional": notional(order.quantity, order.price),
        "executed_quantity": order.executed_quantity,
        "executed_quote": order.executed_quote,
        "status": order.status,
        "fills": [_fill(fill) for fill in order.fills],
        "dry_run": dry_run,
    }


def _fill(fill: Fill) -> dict[str, object]:
    return {
        "trade_id": fill.trade_id,
        "price": fill.price,
        "quantity": fill.quantity,
        "fee": fill.fee.amount,
        "fee_asset": fill.fee.currency,
        "liquidity": fill.liquidity,
        "time_ms": fill.ts_event_ms,
    }
