"""How stages, gates and states look to a person, and in the JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.console import Console
from core.clock import iso_utc
from core.gates import StagePlan
from core.operations.progress import Step, Waiting
from core.orders import Fill, OrderReport
from core.stages import Gate
from core.values import decimal_text, notional

if TYPE_CHECKING:
    from pathlib import Path

    from core.journal import Order
    from core.operations.check import CheckResult
    from core.operations.round_trip import Trade
    from core.operations.stage import StageResult
    from core.operations.status import AccountStatus

MARKS = {"pass": "✓", "fail": "✗", "unavailable": "?"}
WAIT_LINE_EVERY_S = 60.0


class StageView:
    """Shows a running stage: its outputs as lines, its waiting live on a terminal or once a minute off it."""

    def __init__(self, console: Console, plan: StagePlan) -> None:
        self._console = console
        self._plan = plan
        self._said_at_s: float | None = None

    def step(self, step: Step, text: str) -> None:
        self._console.line(f"✓ {step:<8} {text}")

    def note(self, text: str) -> None:
        self._console.say(text)

    def waiting(self, state: Waiting) -> None:
        text = f"{state.what}, {_left(state.left_s)} left"
        if state.gamma is not None and state.lambda_ is not None:
            text += f": Λ {state.lambda_:+.4f}, Γ {state.gamma:.4f} ({state.reason})"
        if self._console.is_live:
            self._console.progress(text)
        elif self._said_at_s is None or self._said_at_s - state.left_s >= WAIT_LINE_EVERY_S:
            self._said_at_s = state.left_s
            self._console.say(text)


def _left(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def gate_table(console: Console, gates: Sequence[Gate]) -> None:
    """Show gates with their results; what a closed one needs stands below its line."""
    rows = [[MARKS[gate.result], gate.name, gate.result, gate.detail] for gate in gates]
    console.table(["", "gate", "result", "detail"], rows)


def stage_result(console: Console, result: StageResult) -> None:
    """Add all that is known of a stage to the document, and show its gates when one is closed."""
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
        trades=[_trade(trade, plan.stage.dry_run) for trade in result.trades],
        evidence_id=result.evidence_id,
        audit_log=result.audit_log,
    )
    if any(gate.result != "pass" for gate in result.gates):
        gate_table(console, result.gates)


def check_result(console: Console, result: CheckResult) -> None:
    """Show every condition on a terminal; off it only what is wrong, so that cron stays silent when well."""
    console.result(gates=[gate_json(gate) for gate in result.gates])
    shown = result.gates if console.shows_all else result.failed
    if shown:
        gate_table(console, shown)


def status_result(console: Console, accounts: Sequence[AccountStatus], home: Path) -> None:
    """Show every account this home knows: stage reached, what is held, what is open, what is unsettled."""
    console.result(home=home, accounts=[_account_json(each) for each in accounts])
    if not accounts:
        console.line(f"no account is known in {home}: run `trader stage 0`")
    for each in accounts:
        console.line(f"{each.account}")
        console.table(["", ""], _account_rows(each))


def _account_rows(status: AccountStatus) -> list[list[str]]:
    passed = status.evidence
    today = ", ".join(f"{decimal_text(amount)} {asset}" for asset, amount in status.realized_today.items())
    rows = [
        ["trading state", str(status.trading_state)],
        ["stage passed", "none" if passed is None else f"{passed.stage}, evidence {passed.evidence_id}"],
        ["P&L today", today or "nothing traded"],
    ]
    rows += [
        ["position", f"{held.quantity} of {held.symbol}, cost {held.cost}, protected by nothing"]
        for held in status.positions
    ] or [["position", "none"]]
    rows += [["open order", f"{each.client_order_id} {each.symbol}"] for each in status.open_orders] or [
        ["open orders", "none"]
    ]
    rows += [
        ["unsettled", f"{each.order.client_order_id} since {iso_utc(each.since_ms)}: {each.what}"]
        for each in status.unsettled
    ] or [["unsettled", "none"]]
    rows += [["quarantined", symbol] for symbol in status.quarantined]
    return rows


def _account_json(status: AccountStatus) -> dict[str, object]:
    passed = status.evidence
    return {
        "account": str(status.account),
        "venue": status.account.venue,
        "environment": status.account.environment,
        "trading_state": status.trading_state,
        "stage_passed": None if passed is None else passed.stage,
        "evidence_id": None if passed is None else passed.evidence_id,
        "realized_today": status.realized_today,
        "positions": [
            {
                "symbol": held.symbol,
                "quantity": held.quantity,
                "cost": held.cost,
                "average_cost": held.average_cost,
                "protection": None,
            }
            for held in status.positions
        ],
        "open_orders": [_journaled(each) for each in status.open_orders],
        "unsettled": [
            {**_journaled(each.order), "since_ms": each.since_ms, "what": each.what}
            for each in status.unsettled
        ],
        "quarantined": status.quarantined,
    }


def _journaled(order: Order) -> dict[str, object]:
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
    return {
        "strategy": signal.strategy,
        "lambda": signal.lambda_,
        "gamma": signal.gamma,
        "enter": signal.enter,
        "exit": signal.exit,
    }


def _trade(trade: Trade, dry_run: bool) -> dict[str, object]:
    return {
        "entry": order_json(trade.entry, dry_run),
        "exit": order_json(trade.exits[-1], dry_run) if trade.exits else None,
        "exits": [order_json(order, dry_run) for order in trade.exits],
        "pnl": trade.pnl,
        "dust": trade.dust,
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
