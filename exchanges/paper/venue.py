"""One venue in memory: its books, and the accounts that trade with each other on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import groupby

from core.matching import Offer
from exchanges.paper.books import Books
from exchanges.paper.records import MAIN, Account, Order
from exchanges.paper.state import State
from exchanges.paper.world import World


class UnknownAccount(LookupError):
    """There is no account of that name; the text names those there are."""


class Venue:
    """What one persona is on one market. An order of one account is liquidity for every other."""

    def __init__(self, state: State, accounts: Sequence[Account]) -> None:
        """`accounts`: all of the venue, the first one first."""
        last_list = max(state.lists.last_list(each.account) for each in accounts)
        self.books = Books(state, accounts[0].account, last_list)
        self.worlds = {each.account: World(state, each, self.books) for each in accounts}
        self._by_name = {world.account.name: world for world in self.worlds.values()}
        self.main = self.named(MAIN)

    def named(self, name: str) -> World:
        """Return the account of this name. Raises UnknownAccount."""
        if name not in self._by_name:
            raise UnknownAccount(f"there is no account {name!r}, there are: {', '.join(self._by_name)}")
        return self._by_name[name]

    def open_orders(self, symbol: str) -> list[Order]:
        """Return the open orders of a symbol, whoever's they are."""
        return [order for world in self.worlds.values() for order in world.orders[symbol].values()]

    def symbols_with_orders(self) -> set[str]:
        return {symbol for world in self.worlds.values() for symbol, orders in world.orders.items() if orders}

    def resting(self, symbol: str, is_buy: bool) -> list[Offer]:
        """Return the orders that show on one book side, in price-time order."""
        return [
            Offer(order.price, order.visible or order.remaining, order.order_id, owner)
            for order, owner in self._on_book(symbol, is_buy)
        ]

    def queue(self, symbol: str, is_buy: bool) -> list[Offer]:
        """Return all that orders of one side can trade, in order.

        What an iceberg hides comes part by part, each after everything that then stands at its price.
        """
        orders = self._on_book(symbol, is_buy)
        if not any(order.visible for order, _ in orders):
            return [Offer(order.price, order.remaining, order.order_id, owner) for order, owner in orders]
        offers = []
        for price, level in groupby(orders, key=lambda found: found[0].price):
            line = deque(
                (order, owner, order.visible or order.remaining, order.remaining) for order, owner in level
            )
            while line:
                order, owner, shown, left = line.popleft()
                offers.append(Offer(price, shown, order.order_id, owner))
                if left > shown:
                    line.append((order, owner, min(order.iceberg, left - shown), left - shown))
        return offers

    def flush(self, now_ms: int) -> None:
        """Write what changed to the state; the caller commits."""
        for world in self.worlds.values():
            world.flush(now_ms)
        self.books.flush(now_ms)

    def _on_book(self, symbol: str, is_buy: bool) -> list[tuple[Order, int]]:
        """Return (order, account) of one book side. Priorities are one sequence for all accounts."""
        orders = [
            (order, owner)
            for owner, world in self.worlds.items()
            for order in world.orders[symbol].values()
            if order.is_buy is is_buy and not order.is_waiting
        ]
        sign = -1 if is_buy else 1
        orders.sort(key=lambda found: (sign * found[0].price, found[0].priority, found[0].order_id))
        return orders
