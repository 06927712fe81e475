"""The matching engine of one account: place, cancel, look up. Knows no wire and no clock of its own.

A refused request changes nothing: everything is checked before the first change is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from core.matching import Execution, Matched, Offer, Scale, by_priority, match
from exchanges.paper import filters, records, settlement, stops
from exchanges.paper.ambient import Ambient
from exchanges.paper.filters import OrderRequest
from exchanges.paper.market import STEP_MS
from exchanges.paper.records import Fill, Order, OrderStatus
from exchanges.paper.refusals import Reason, Refused
from exchanges.paper.state import State
from exchanges.paper.symbols import SYMBOLS, Symbol
from exchanges.paper.world import World

CancelRestriction = Literal["ONLY_NEW", "ONLY_PARTIALLY_FILLED"]


@dataclass(frozen=True, slots=True)
class Placed:
    """An accepted order as it stands after meeting the book, and the trades it made at once."""

    order: Order
    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class Engine:
    """One account at one instant, inside a transaction; the book has been brought forward to `now_ms`."""

    world: World
    ambient: Ambient
    state: State
    now_ms: int

    @property
    def records(self) -> State:
        """The state, with everything done so far in this transaction written to it."""
        self.world.flush(self.now_ms)
        return self.state

    def check(self, request: OrderRequest) -> None:
        """Check an order against the symbol's rules, as a validate-only request does. Raises Refused."""
        average_price = self.ambient.average_price(request.symbol, self.now_ms)
        open_orders = self.world.orders[request.symbol].values()
        filters.check(
            SYMBOLS[request.symbol],
            request,
            average_price,
            open_orders=len(open_orders),
            open_stops=sum(order.stop_price > 0 for order in open_orders) if request.stop_price else 0,
        )

    def place(self, request: OrderRequest, match_percent: int = 100) -> Placed:
        """Match an order against the book; the rest stands or expires as its type says. Raises Refused.

        An order with a stop price only waits. `match_percent`: the part of the quantity that finds liquidity.
        """
        world, rules = self.world, SYMBOLS[request.symbol]
        self.check(request)
        count = world.account.order_count.at(self.now_ms)
        if limit := count.exceeded(world.account.limits):
            wait_s = count.retry_after_s(world.account.limits, self.now_ms)
            raise Refused(Reason.TOO_MANY_ORDERS, limit, retry_after_s=wait_s)
        if self.status_of(request.symbol) != "TRADING":
            raise Refused(Reason.MARKET_CLOSED)
        if world.has_open_client_id(request.client_order_id):
            raise Refused(Reason.DUPLICATE_ORDER)
        if request.stop_price:
            last_price = self.ambient.price(request.symbol, self.now_ms)
            if stops.is_reached(request, request.stop_price, last_price):
                raise Refused(Reason.WOULD_TRIGGER)
        matched = Matched() if request.stop_price else self._match(rules, request, match_percent)
        if request.type == "LIMIT_MAKER" and (matched.executions or matched.prevented):
            raise Refused(Reason.WOULD_TAKE)
        order = self._new_order(rules, request, matched)
        payment = _payment(rules.scale, request, order, matched)
        if payment > world.free(settlement.payment_asset(order)):
            raise Refused(Reason.INSUFFICIENT_BALANCE)

        world.account = replace(world.account, order_count=count.plus(1))
        self._take_order_id(order)
        world.report("NEW", order, self.now_ms)
        world.post(settlement.payment_asset(order), free=-payment, locked=payment)
        if order.is_waiting:
            world.put_order(order)
            return Placed(order, ())
        return self._trade(order, request, matched, payment)

    def wake(self, order: Order) -> Placed:
        """Let an order whose stop price was reached meet the book, as a limit or a market order does.

        A purchase at any price now locks what it costs: more than before may be taken from the free balance,
        and when that does not hold enough, the order expires.
        """
        world, rules = self.world, SYMBOLS[order.symbol]
        request = stops.once_awake(order)
        payment = settlement.locked_by(order)
        order = replace(order, working_ms=self.now_ms, updated_ms=self.now_ms)
        world.report("NEW", order, self.now_ms)
        matched = self._match(rules, request)
        if order.is_buy and not order.price:
            more = matched.cost(rules.scale) - payment
            if more > world.free(rules.quote):
                matched = Matched()
            else:
                world.post(rules.quote, free=-more, locked=more)
                payment += more
        world.put_order(order)
        return self._trade(order, request, matched, payment)

    def cancel(self, order: Order, cancel_id: str, restriction: CancelRestriction | None = None) -> Order:
        """Take an open order off the book and free what it locked. Raises Refused; works while halted."""
        if not order.is_open:
            raise Refused(Reason.UNKNOWN_ORDER)
        if restriction is not None and restriction != f"ONLY_{order.status}":
            raise Refused(Reason.CANCEL_RESTRICTED)
        return self._end(order, "CANCELED", cancel_id=cancel_id)

    def open_orders(self, symbol: str | None = None) -> list[Order]:
        names = self.world.orders if symbol is None else (symbol,)
        return [order for name in names for order in self.world.orders[name].values()]

    def find(self, symbol: str, order_id: int | None, client_order_id: str | None) -> Order | None:
        """Look an order up by its id, which must then carry the client id when both are given."""
        number = self.world.account.account
        if order_id is None:
            client_order_id = client_order_id or ""
            found = self.world.open_order(symbol, client_order_id)
            return found or self.records.order_by_client_id(number, symbol, client_order_id)
        order = self.world.orders[symbol].get(order_id) or self.records.order(number, symbol, order_id)
        if order is not None and client_order_id is not None and order.client_order_id != client_order_id:
            raise Refused(Reason.CLIENT_ID_MISMATCH)
        return order

    def status_of(self, symbol: str) -> str:
        """Return the symbol's status; BREAK where a recorded market has ended."""
        status = self.world.symbols[symbol].status
        return status if status != "TRADING" or self.ambient.is_open(symbol, self.now_ms) else "BREAK"

    def book_side(self, symbol: str, *, is_bid: bool) -> Iterator[Offer]:
        """Yield what rests on one side, best first: ambient liquidity that is left, and own orders."""
        levels = self.ambient.levels(symbol, is_bid, self.now_ms)
        ambient = self.world.remaining(symbol, is_bid, levels, self.now_ms)
        own = self.world.resting(symbol, is_bid)
        return by_priority(not is_bid, ambient, own) if own else ambient

    def _trade(self, order: Order, request: OrderRequest, matched: Matched, payment: int) -> Placed:
        """Carry out what was matched, for an order that has locked its payment."""
        for offer in matched.prevented:
            self._end(self._resting(order.symbol, offer), "EXPIRED_IN_MATCH")
        fills = []
        for execution in matched.executions:
            order, trade = self._execute(order, execution)
            fills.append(trade)
        return Placed(self._settle_rest(order, request, matched, payment), tuple(fills))

    def _match(self, rules: Symbol, request: OrderRequest, percent: int = 100) -> Matched:
        budget = request.quote_quantity * percent // 100 if request.quote_quantity else None
        matched = match(
            self.book_side(rules.name, is_bid=not request.is_buy),
            rules.scale,
            is_buy=request.is_buy,
            quantity=None if budget is not None else request.quantity // rules.step * percent // 100,
            budget=budget,
            limit=request.price // rules.tick or None,
            owner=self.world.account.account,
            self_trade=request.self_trade,
        )
        if budget is not None and matched.quantity < rules.min_quantity // rules.step:
            raise Refused(Reason.NO_LIQUIDITY)
        if request.time_in_force == "FOK" and matched.quantity < request.quantity // rules.step:
            return Matched()
        return matched

    def _new_order(self, rules: Symbol, request: OrderRequest, matched: Matched) -> Order:
        return Order(
            symbol=rules.name,
            order_id=self.world.symbols[rules.name].last_order_id + 1,
            client_order_id=request.client_order_id,
            is_buy=request.is_buy,
            type=request.type,
            time_in_force=request.time_in_force,
            price=request.price // rules.tick,
            quantity=matched.quantity if request.quote_quantity else request.quantity // rules.step,
            quote_quantity=request.quote_quantity,
            executed=0,
            quote_executed=0,
            status="NEW",
            self_trade=request.self_trade,
            created_ms=self.now_ms,
            updated_ms=self.now_ms,
            working_ms=-1 if request.stop_price else self.now_ms,
            strategy_id=request.strategy_id,
            strategy_type=request.strategy_type,
            stop_price=request.stop_price // rules.tick,
        )

    def _take_order_id(self, order: Order) -> None:
        state = self.world.symbols[order.symbol]
        step = (
            self.now_ms // STEP_MS
        )  # the book stands here: a resting order meets the market from the next step on
        state = replace(state, last_order_id=order.order_id, updates=state.updates + 1, step=step)
        self.world.put_symbol(state)

    def _execute(self, order: Order, execution: Execution) -> tuple[Order, Fill]:
        offer = execution.offer
        place = settlement.next_trade(self.world, self.ambient, order.symbol, self.now_ms)
        if offer.order_id is None:
            self.world.consume(order.symbol, not order.is_buy, offer.price, execution.quantity, self.now_ms)
        else:
            self._fill(self._resting(order.symbol, offer), place, execution, is_maker=True)
        return self._fill(order, place, execution, is_maker=False)

    def _fill(
        self, order: Order, place: tuple[int, int], execution: Execution, *, is_maker: bool
    ) -> tuple[Order, Fill]:
        return settlement.fill(
            self.world,
            self.ambient,
            order,
            place,
            price=execution.offer.price,
            quantity=execution.quantity,
            is_maker=is_maker,
            now_ms=self.now_ms,
        )

    def _settle_rest(self, order: Order, request: OrderRequest, matched: Matched, payment: int) -> Order:
        """Decide what becomes of the part that met nothing."""
        if matched.taker_expires:
            return self._end(order, "EXPIRED_IN_MATCH", locked=_left(order, payment))
        if request.type == "MARKET":
            unspent = request.quote_quantity and not _spent(SYMBOLS[order.symbol].scale, request, matched)
            if order.remaining or unspent:
                return self._end(order, "EXPIRED", "INSUFFICIENT_LIQUIDITY", locked=_left(order, payment))
        elif order.remaining and request.time_in_force != "GTC":
            return self._end(
                order,
                "EXPIRED",
                "UNFILLED_FOK_ORDER_EXPIRED"
                if request.time_in_force == "FOK"
                else "UNFILLED_IOC_QUANTITY_EXPIRED",
            )
        if not order.executed:
            self.world.put_order(order)
        return order

    def _end(
        self,
        order: Order,
        status: OrderStatus,
        reason: str = "",
        *,
        cancel_id: str = "",
        locked: int | None = None,
    ) -> Order:
        """Close an order before it is filled and free what it still locks."""
        amount = settlement.locked_by(order) if locked is None else locked
        self.world.post(settlement.payment_asset(order), free=amount, locked=-amount)
        ended = replace(order, status=status, updated_ms=self.now_ms, expiry_reason=reason)
        state = self.world.symbols[order.symbol]
        self.world.put_symbol(replace(state, updates=state.updates + 1))
        self.world.put_order(ended)
        execution: records.Execution = "CANCELED" if status == "CANCELED" else "EXPIRED"
        if status == "EXPIRED_IN_MATCH":
            execution = "TRADE_PREVENTION"
        self.world.report(execution, ended, self.now_ms, cancel_id=cancel_id)
        return ended

    def _resting(self, symbol: str, offer: Offer) -> Order:
        return self.world.orders[symbol][offer.order_id or 0]


def _payment(scale: Scale, request: OrderRequest, order: Order, matched: Matched) -> int:
    """Return what has to be locked: the worst case of a limit order, the exact cost of a market order."""
    if request.type != "MARKET":
        return settlement.locked_by(order)
    return matched.cost(scale) if request.is_buy else scale.base(matched.quantity)


def _left(order: Order, payment: int) -> int:
    """Return what a taker that ends early still has locked of its payment."""
    if order.price:
        return settlement.locked_by(order)
    scale = SYMBOLS[order.symbol].scale
    return payment - (order.quote_executed if order.is_buy else scale.base(order.executed))


def _spent(scale: Scale, request: OrderRequest, matched: Matched) -> bool:
    """Tell whether a quote amount was used up, as far as whole steps go."""
    left = request.quote_quantity - matched.cost(scale)
    return scale.affordable(matched.executions[-1].offer.price, left) == 0
