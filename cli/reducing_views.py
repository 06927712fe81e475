"""How the results of the commands that reduce risk look to a person, and in the JSON document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cli.console import Console
from cli.presenting import order_json
from core.account import Environment
from core.clock import iso_utc
from core.operations.canceling import Fate, OrderFate
from core.orders import OrderReport
from core.stages import TradingState
from core.values import decimal_text

if TYPE_CHECKING:
    from core.account import AccountKey
    from core.journal import Position
    from core.operations.cancel_all import CancelAllResult
    from core.operations.canceling import Sweep
    from core.operations.exposure import Exposure
    from core.operations.flatten_result import FlattenResult
    from core.operations.halt import AccountState, HaltResult, ResumePlan
    from core.operations.selling import Sale
    from core.risk.breakers import Breaker, LatchedBreaker


def cancel_all_result(console: Console, result: CancelAllResult) -> None:
    """Show order by order what became of it, then what is left and where it was looked for."""
    sweep = result.sweep
    console.result(
        symbol=result.scope.symbol,
        everybody=result.scope.everybody,
        keep_stops=result.scope.keep_stops,
        **sweep_json(sweep),
        unresolved=result.unresolved,
        unprotected=[position_json(held) for held in result.unprotected],
        elsewhere=[exposure_json(each) for each in result.elsewhere],
        troubles=result.troubles,
    )
    for trouble in result.troubles:
        console.warn(trouble)
    show_fates(console, sweep.fates.values())
    if result.place:
        console.line(f"{_counts(sweep, result)} at {result.place}")
    for held in result.unprotected:
        console.line(f"unprotected: {held.quantity} of {held.symbol}, cost {decimal_text(held.cost.value)}")
    for name in result.unresolved:
        console.line(f"fate unknown: {name}")
    for each in result.elsewhere:
        console.line(f"known to the journal, not reached: {each}")


def _counts(sweep: Sweep, result: CancelAllResult) -> str:
    whose = "" if result.scope.everybody else " of ours"
    on = f" on {result.scope.symbol}" if result.scope.symbol else ""
    counts = [f"{len(found)} {fate}" for fate in Fate if (found := sweep.with_fate(fate))]
    parts = [", ".join(counts) or f"no open order{whose}{on}"]
    if sweep.kept:
        parts.append(f"{len(sweep.kept)} stop(s) kept")
    if sweep.left:
        parts.append(f"{len(sweep.left)} open order(s) of others left alone")
    return "; ".join(parts)


def show_fates(console: Console, fates: Iterable[OrderFate]) -> None:
    rows = [_row(each) for each in fates]
    if rows:
        console.table(["order", "symbol", "side", "quantity", "price", "executed", "", ""], rows)


def _row(found: OrderFate) -> Sequence[object]:
    order = found.order
    price = order.order_type if order.price == 0 else decimal_text(order.price)
    executed = order.executed_quantity
    return (
        order.client_order_id,
        order.symbol,
        order.side,
        order.quantity,
        price,
        executed,
        found.fate,
        found.reason,
    )


def sweep_json(sweep: Sweep) -> dict[str, object]:
    return {
        "orders": [
            {**order_json(each.order, dry_run=False), "outcome": each.fate, "reason": each.reason}
            for each in sweep.fates.values()
        ],
        "kept": list(map(_name_json, sweep.kept)),
        "others": list(map(_name_json, sweep.left)),
        "read_back": not sweep.unread,
    }


def _name_json(order: OrderReport) -> dict[str, object]:
    return {
        "client_order_id": order.client_order_id,
        "venue_order_id": order.venue_order_id,
        "symbol": order.symbol,
        "side": order.side,
        "type": order.order_type,
        "quantity": order.quantity,
    }


def position_json(held: Position) -> dict[str, object]:
    return {"symbol": held.symbol, "quantity": held.quantity, "cost": held.cost}


def exposure_json(known: Exposure) -> dict[str, object]:
    return {
        "account": str(known.account),
        "positions": [position_json(held) for held in known.positions],
        "open_orders": [order.client_order_id for order in known.open_orders],
        "unsettled": [each.order.client_order_id for each in known.unsettled],
    }


def halt_result(console: Console, result: HaltResult) -> None:
    """Say what holds, and what could not be written."""
    console.result(
        home=result.home,
        latched=result.latched,
        accounts=[str(account) for account in result.accounts],
        troubles=result.troubles,
    )
    for trouble in result.troubles:
        console.warn(trouble)
    if result.latched or result.accounts:
        by = "the latch" if result.latched else f"the journal alone, for {len(result.accounts)} account(s)"
        console.line(f"HALTED: {result.home} (by {by}); only cancels and flatten are sent")
        console.say("to lift it: trader resume --reason …")


def resume_plan_shown(console: Console, plan: ResumePlan) -> None:
    """Say what is halted and why, before the question whether it should go on."""
    if plan.latched:
        console.say("the latch halts every account of this home")
    for each in plan.resumed:
        console.say(f"{each.account} is {each.state}{_why(each)}")


def _why(state: AccountState) -> str:
    entry = state.entry
    if entry is None:
        return ""
    was = "" if entry.state == state.state else f"; {entry.state}"
    return f"{was} since {iso_utc(entry.since_ms)}: {entry.reason}"


def resume_result(console: Console, plan: ResumePlan, place: str) -> None:
    """Say what trades again, and what stays halted."""
    console.result(
        latched=plan.latched,
        accounts={str(each.account): each.state for each in (*plan.resumed, *plan.others)},
    )
    console.line(f"ACTIVE at {place}: {len(plan.resumed)} account(s)")
    for each in plan.others:
        if each.account in plan.in_doubt:
            console.line(f"stays {each.state}: {each.account}, restored from a backup and not compared since")
            console.say("to lift that: trader reconcile with its settings and key, then trader resume again")
        elif each.state is not TradingState.ACTIVE:
            console.line(f"stays {each.state}: {each.account}")
            testnet = str(each.account.environment is Environment.TESTNET).lower()
            there = f"TRADER_VENUE={each.account.venue} BINANCE_USE_TESTNET={testnet}"
            console.say(f"to lift that: {there} trader resume --reason …")


def flatten_result(console: Console, result: FlattenResult) -> None:
    """Show what was canceled and sold, and end with one line: FLAT, or NOT FLAT."""
    console.result(
        flat=result.is_flat if result.is_over else None,
        halted=result.halted.latched or bool(result.halted.accounts),
        position_from="venue" if result.rebuilt else "journal",
        everybody=result.everybody,
        **sweep_json(result.sweep),
        sales=[_sale_json(sale) for sale in result.sales],
        no_market=result.no_market,
        unknown=result.unknown,
        left=result.left,
        displaced=result.displaced or None,
        elsewhere=[exposure_json(each) for each in result.elsewhere],
        troubles=result.troubles,
    )
    for trouble in result.troubles:
        console.warn(trouble)
    if result.displaced:
        console.line(f"{result.displaced} can send nothing any more")
    show_fates(console, result.sweep.fates.values())
    if result.rebuilt:
        console.line("our position was rebuilt from the venue's records")
    for sale in result.sales:
        console.line(_sale_line(sale))
    for symbol in result.no_market:
        console.line(f"{symbol}: no such market, left alone")
    if result.is_over:
        console.line(f"{'FLAT' if result.is_flat else 'NOT FLAT'} at {result.place}")
    for each in result.elsewhere:
        console.line(f"known to the journal, not reached: {each}")


def _sale_line(sale: Sale) -> str:
    sold = sale.wanted - sale.left
    text = f"{sale.symbol}: sold {sold} of {sale.wanted} in {len(sale.orders)} order(s)"
    if sale.left.value:
        text += f", {sale.left} left{f': {sale.reason}' if sale.reason else ' as dust'}"
    return text


def _sale_json(sale: Sale) -> dict[str, object]:
    return {
        "symbol": sale.symbol,
        "purpose": sale.purpose,
        "wanted": sale.wanted,
        "sold": sale.wanted - sale.left,
        "left": sale.left,
        "dust": sale.dust,
        "orders": [order_json(order, dry_run=False) for order in sale.orders],
        "reason": sale.reason,
        "unknown": sale.unknown or None,
    }


def breaker_plan_shown(console: Console, latched: Mapping[AccountKey, LatchedBreaker]) -> None:
    """Say what is latched and why, before the question whether it should be reset."""
    for account, each in latched.items():
        console.say(f"{account}: {each}")


def breaker_result(
    console: Console, breaker: Breaker, reset: Mapping[AccountKey, LatchedBreaker], place: str
) -> None:
    """Say which accounts may buy again, as far as this breaker goes."""
    console.result(breaker=breaker, reset=[str(account) for account in reset])
    if reset:
        console.line(f"{breaker} is reset at {place}: {len(reset)} account(s)")
    else:
        console.line(f"{breaker} is not latched at {place}")
