"""One venue at one instant, as one of its accounts has it: what every operation is given.

What changes something are functions of their own: `placing`, `lists`, `canceling`. A refused request
changes nothing: everything is checked before the first change is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from core.matching import Offer, by_priority
from exchanges.paper.ambient import Ambient
from exchanges.paper.books import Books
from exchanges.paper.records import Order
from exchanges.paper.refusals import Reason, Refused
from exchanges.paper.state import State
from exchanges.paper.venue import Venue
from exchanges.paper.world import World


@dataclass(frozen=True, slots=True)
class Engine:
    """One account at one instant, inside a transaction; the book has been brought forward to `now_ms`.

    `world`: what is this account's own. Nothing of another account is reached but through `of`.
    """

    venue: Venue
    world: World
    ambient: Ambient
    state: State
    now_ms: int

    @property
    def books(self) -> Books:
        return self.venue.books

    def of(self, world: World) -> Engine:
        """Return the same instant as another account has it."""
        return self if world is self.world else replace(self, world=world)

    def of_owner(self, account: int | None) -> Engine:
        """Return the same instant as the owner of an order on the book has it. Raises KeyError for nobody."""
        return self.of(self.venue.worlds[account or 0])

    @property
    def records(self) -> State:
        """The state, with everything done so far in this transaction written to it."""
        self.venue.flush(self.now_ms)
        return self.state

    def open_orders(self, symbol: str | None = None) -> list[Order]:
        """Return the account's open orders."""
        names = self.world.orders if symbol is None else (symbol,)
        return [order for name in names for order in self.world.orders[name].values()]

    def find(self, symbol: str, order_id: int | None, client_order_id: str | None) -> Order | None:
        """Look an order of the account up by its id, which must carry the client id when both are given."""
        number = self.world.account.account
        if order_id is None:
            client_order_id = client_order_id or ""
            found = self.world.open_order(symbol, client_order_id)
            return found or self.records.orders.find_by_client_id(number, symbol, client_order_id)
        order = self.world.orders[symbol].get(order_id) or self.records.orders.find(number, symbol, order_id)
        if order is not None and client_order_id is not None and order.client_order_id != client_order_id:
            raise Refused(Reason.CLIENT_ID_MISMATCH)
        return order

    def status_of(self, symbol: str) -> str:
        """Return the symbol's status; BREAK where a recorded market has ended."""
        status = self.books.symbols[symbol].status
        return status if status != "TRADING" or self.ambient.is_open(symbol, self.now_ms) else "BREAK"

    def book_side(self, symbol: str, *, is_bid: bool) -> Iterator[Offer]:
        """Yield what shows on one side, best first: ambient liquidity that is left, and orders."""
        return self._with_ambient(symbol, is_bid, self.venue.resting(symbol, is_bid))

    def queue(self, symbol: str, *, is_bid: bool) -> Iterator[Offer]:
        """Yield what can be traded with on one side, in the order it is: also what icebergs hide."""
        return self._with_ambient(symbol, is_bid, self.venue.queue(symbol, is_bid))

    def _with_ambient(self, symbol: str, is_bid: bool, own: list[Offer]) -> Iterator[Offer]:
        levels = self.ambient.levels(symbol, is_bid, self.now_ms)
        ambient = self.books.remaining(symbol, is_bid, levels, self.now_ms)
        return by_priority(not is_bid, ambient, own) if own else ambient
