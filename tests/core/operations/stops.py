"""An exchange on which stops rest, fire and are canceled as a test says; the rest is as in `desks`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from core.errors import VenueRejected
from core.orders import Intent, OrderReport, OrderStatus, OrderType, SendOnce
from core.values import Base, Quote
from tests.core.operations.desks import D, Exchange, filled

GONE = VenueRejected("gone", venue_code=-2011, venue_text="Unknown order sent.")

Answer = Callable[["StopExchange", Intent], OrderReport]
PairAnswer = Callable[["StopExchange", Intent, Intent], tuple[OrderReport, OrderReport]]
Told = Callable[["StopExchange", str], None]


@dataclass
class StopExchange(Exchange):
    """`stop_script`, `cancel_script`: what the next stops and cancels meet. `blind`: how many order queries
    find nothing. `asked`, `canceled`: the names that were asked about and canceled, in order.
    """

    stop_script: list[Answer] = field(default_factory=list)
    cancel_script: list[Told] = field(default_factory=list)
    stops: dict[str, OrderReport] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)
    blind: int = 0
    asked: list[str] = field(default_factory=list)
    canceled: list[str] = field(default_factory=list)
    pair_script: list[PairAnswer] = field(default_factory=list)
    partners: dict[str, str] = field(default_factory=dict)

    async def submit(self, permission: SendOnce) -> OrderReport:
        if permission.intent.request.stop_price is None:
            return await super().submit(permission)
        intent = permission.spend()
        self.received.append(intent)
        answer = self.stop_script.pop(0) if self.stop_script else rests
        if answer is hangs:
            rests(self, intent)
            await asyncio.sleep(3_600)
        return answer(self, intent)

    async def submit_pair(self, stop: SendOnce, target: SendOnce) -> tuple[OrderReport, OrderReport]:
        first, second = stop.spend(), target.spend()
        self.received += [first, second]
        answer = self.pair_script.pop(0) if self.pair_script else pair_rests
        return answer(self, first, second)

    async def cancel_pair(self, symbol: str, stop_order_id: str) -> tuple[OrderReport, ...]:
        await self.cancel(symbol, stop_order_id)
        return tuple(self.stops[name] for name in (stop_order_id, self.partners[stop_order_id]))

    async def cancel(self, symbol: str, client_order_id: str) -> OrderReport:
        self.canceled.append(client_order_id)
        if self.cancel_script:
            self.cancel_script.pop(0)(self, client_order_id)
        found = self.stops.get(client_order_id)
        if found is None or found.status is not OrderStatus.ACCEPTED:
            raise GONE
        return self.end(client_order_id, OrderStatus.CANCELED)

    async def order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        self.asked.append(client_order_id)
        if self.blind:
            self.blind -= 1
            return None
        return self.stops.get(client_order_id)

    async def all_orders(self, symbol: str, start_ms: int, end_ms: int) -> tuple[OrderReport, ...]:
        return tuple(self.stops.values())

    def end(self, name: str, status: OrderStatus) -> OrderReport:
        """End a stop that rests, and free what it locked."""
        found = self.stops[name]
        if (other := self.partners.get(name)) and self.stops[other].status is OrderStatus.ACCEPTED:
            ends_as = status if status is OrderStatus.CANCELED else OrderStatus.EXPIRED
            self.stops[other] = replace(self.stops[other], status=ends_as)
        self.balances["BTC"] += found.quantity.value - found.executed_quantity.value
        self.stops[name] = replace(found, status=status)
        return self.stops[name]

    def fire(self, name: str, share: str = "1") -> None:
        """Let a stop sell a share at its stop price and end; queries do not show the fills."""
        found, bid = self.end(name, OrderStatus.EXPIRED), self.bid
        request = self.intents[name].request
        price = request.stop_price or request.price
        assert price
        self.bid = price
        done = filled(self, self.intents[name], D(share))
        self.bid = bid
        # `filled` counts on as a new order; the venue keeps the number it gave.
        fills = tuple(replace(fill, venue_order_id=found.venue_order_id) for fill in done.fills)
        self.fills[found.venue_order_id] = fills
        status = done.status if share == "1" else OrderStatus.EXPIRED
        self.stops[name] = replace(done, status=status, venue_order_id=found.venue_order_id, fills=())


def rests(exchange: StopExchange, intent: Intent) -> OrderReport:
    request = intent.request
    exchange.next_id += 1
    report = OrderReport(
        symbol=request.symbol,
        client_order_id=intent.client_order_id,
        venue_order_id=exchange.next_id,
        side=request.side,
        order_type=request.order_type,
        status=OrderStatus.ACCEPTED,
        quantity=request.quantity,
        price=request.price or D(0),
        executed_quantity=Base(D(0)),
        executed_quote=Quote(D(0)),
        ts_event_ms=exchange.clock.now_ms(),
    )
    exchange.next_id += 1
    exchange.stops[intent.client_order_id] = report
    exchange.intents[intent.client_order_id] = intent
    exchange.balances["BTC"] -= request.quantity.value
    return report


def pair_rests(exchange: StopExchange, stop: Intent, target: Intent) -> tuple[OrderReport, OrderReport]:
    first, second = rests(exchange, stop), rests(exchange, target)
    exchange.balances["BTC"] += target.request.quantity.value  # a list locks it once
    exchange.partners |= {
        stop.client_order_id: target.client_order_id,
        target.client_order_id: stop.client_order_id,
    }
    return first, second


def pair_refused(error: Exception) -> PairAnswer:
    def answer(exchange: StopExchange, stop: Intent, target: Intent) -> tuple[OrderReport, OrderReport]:
        raise error

    return answer


def pair_lost(error: Exception) -> PairAnswer:
    """Accept the list, and lose the answer."""

    def answer(exchange: StopExchange, stop: Intent, target: Intent) -> tuple[OrderReport, OrderReport]:
        pair_rests(exchange, stop, target)
        raise error

    return answer


def hangs(exchange: StopExchange, intent: Intent) -> OrderReport:
    """Stand for a stop that is accepted, while its reply never comes."""
    raise AssertionError("awaited in `submit`")


def ended(status: OrderStatus) -> Answer:
    def answer(exchange: StopExchange, intent: Intent) -> OrderReport:
        rests(exchange, intent)
        return exchange.end(intent.client_order_id, status)

    return answer


def refused(error: Exception) -> Answer:
    def answer(exchange: StopExchange, intent: Intent) -> OrderReport:
        raise error

    return answer


def lost(error: Exception) -> Answer:
    """Accept the stop, and lose the answer."""

    def answer(exchange: StopExchange, intent: Intent) -> OrderReport:
        rests(exchange, intent)
        raise error

    return answer


def fires_first(share: str = "1") -> Told:
    """Let the stop fire at the moment its cancel arrives."""
    return lambda exchange, name: exchange.fire(name, share)


def fails(error: Exception, *, canceled: bool = False) -> Told:
    """Let a cancel fail, before or after it was carried out."""

    def tell(exchange: StopExchange, name: str) -> None:
        if canceled:
            exchange.end(name, OrderStatus.CANCELED)
        raise error

    return tell


def held(exchange: StopExchange) -> Decimal:
    """Return the base that the account has, locked or free."""
    resting = (
        stop
        for stop in exchange.stops.values()
        if stop.status is OrderStatus.ACCEPTED and stop.order_type is not OrderType.LIMIT_MAKER
    )
    return exchange.balances["BTC"] + sum((stop.quantity.value for stop in resting), D(0))
