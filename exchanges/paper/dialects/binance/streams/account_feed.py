"""What happens to an account, as the user data stream tells it, in the order it happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exchanges.paper.dialects.binance.wire import TRADE_GROUP, Json, amount, price, quantity
from exchanges.paper.engine import Engine
from exchanges.paper.records import Event, Fill, Order, OrderList, PreventedMatch
from exchanges.paper.symbols import SYMBOLS

_AT_ONCE = 1000


@dataclass
class AccountEvents:
    """Everything the events table holds of an account from the first look on."""

    account: int
    period_s: float = 0.0
    _sequence: int | None = None

    def news(self, engine: Engine) -> list[Json]:
        last = engine.records.last_event()
        if self._sequence is None:
            self._sequence = last
        told: list[Json] = []
        while found := engine.records.events_after(self.account, self._sequence, _AT_ONCE):
            for _, events in found:
                told += payloads(engine, events)
            self._sequence = found[-1][0]
        self._sequence = last  # what others did is not looked at again
        return told


def payloads(engine: Engine, events: Sequence[Event]) -> list[Json]:
    """Return what one transaction did, in the venue's order."""
    takers = {
        (event.order.symbol, event.order.order_id)
        for event in events
        if event.order is not None and event.fill is not None and not event.fill.is_maker
    }
    told: list[Json] = []
    for event in events:
        match event:
            case Event(kind="ORDER", order=Order() as order):
                takes = (order.symbol, order.order_id) in takers
                told.append(_execution(engine, event, order, takes=takes))
            case Event(kind="LIST", order_list=OrderList() as order_list):
                told.append(_list(engine, event, order_list))
            case Event(kind="BALANCES"):
                told.append(_balances(engine, event))
            case Event(kind="DEPOSIT"):
                told += [_deposit(engine, event, asset, change) for asset, change, _ in event.balances]
    return told


def _execution(engine: Engine, event: Event, order: Order, *, takes: bool) -> Json:
    name = order.symbol
    is_on_book = order.is_open and not order.is_waiting and not takes
    return {
        "e": "executionReport",
        "E": engine.now_ms,
        "s": name,
        "c": event.cancel_id or order.client_order_id,
        "S": "BUY" if order.is_buy else "SELL",
        "o": order.type,
        "f": order.time_in_force,
        "q": quantity(name, order.quantity),
        "p": price(name, order.price),
        "P": price(name, order.stop_price),
        "F": quantity(name, order.iceberg),
        "g": order.list_id,
        "C": order.client_order_id if event.cancel_id else "",
        "x": event.execution,
        "X": order.status,
        "r": "NONE",
        "i": order.order_id,
        **_last_fill(name, event.fill),
        "z": quantity(name, order.executed),
        "T": event.time_ms,
        "I": event.execution_id,
        "w": is_on_book,
        "M": False,
        "O": order.created_ms,
        "Z": amount(order.quote_executed),
        "Q": amount(order.quote_quantity),
        **({} if order.is_waiting else {"W": order.working_ms}),
        "V": order.self_trade,
        **_conditional(order),
        **_prevented(order, event.prevented),
    }


def _last_fill(name: str, fill: Fill | None) -> Json:
    if fill is None:
        nothing = amount(0)
        return {"l": nothing, "L": nothing, "n": "0", "N": None, "t": -1, "m": False, "Y": nothing}
    return {
        "l": quantity(name, fill.quantity),
        "L": price(name, fill.price),
        "n": amount(fill.commission),
        "N": fill.commission_asset,
        "t": fill.trade_id,
        "m": fill.is_maker,
        "Y": amount(fill.quote),
    }


def _conditional(order: Order) -> Json:
    """Return the fields that only some orders have."""
    fields = {
        "d": order.trailing_delta or None,
        "D": order.trailing_ms if order.trailing_ms > 0 else None,
        "j": order.strategy_id,
        "J": order.strategy_type,
        "A": quantity(order.symbol, order.prevented) if order.prevented else None,
        "eR": order.expiry_reason or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _prevented(order: Order, match: PreventedMatch | None) -> Json:
    """Return what self-trade prevention did to this order, seen from its side."""
    if match is None:
        return {}
    name, takes = order.symbol, order.order_id == match.taker_order_id
    last = match.taker_quantity if takes else match.maker_quantity
    most = max(match.taker_quantity, match.maker_quantity)
    return {
        "v": match.prevented_match_id,
        "A": quantity(name, order.prevented),
        "B": quantity(name, last),
        "u": TRADE_GROUP,
        "U": match.maker_order_id if takes else match.taker_order_id,
        "Cs": name,
        "pl": quantity(name, most),
        "pL": price(name, match.price),
        "pY": amount(SYMBOLS[name].scale.quote(match.price, most)),
    }


def _list(engine: Engine, event: Event, order_list: OrderList) -> Json:
    return {
        "e": "listStatus",
        "E": engine.now_ms,
        "s": order_list.symbol,
        "g": order_list.list_id,
        "c": order_list.contingency,
        "l": order_list.status_type,
        "L": "EXECUTING" if order_list.is_open else "ALL_DONE",
        "r": "NONE",
        "C": order_list.client_id,
        "T": event.time_ms,
        "O": [
            {"s": order_list.symbol, "i": order_id, "c": client_order_id}
            for order_id, client_order_id in order_list.orders
        ],
    }


def _balances(engine: Engine, event: Event) -> Json:
    return {
        "e": "outboundAccountPosition",
        "E": engine.now_ms,
        "u": event.time_ms,
        "B": [{"a": asset, "f": amount(free), "l": amount(locked)} for asset, free, locked in event.balances],
    }


def _deposit(engine: Engine, event: Event, asset: str, change: int) -> Json:
    return {"e": "balanceUpdate", "E": engine.now_ms, "a": asset, "d": amount(change), "T": event.time_ms}
