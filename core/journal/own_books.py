"""Our side of a reconciliation: real orders and fills, in stretches, as the comparison takes them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.account import AccountKey
from core.journal.store import Store
from core.orders import OrderStatus
from core.reconciliation import OwnOrder, Trade
from core.reconciliation.records import TradeRow, trade_of
from core.reconciliation.trades import Market
from core.values import EXACT

NO_END = 2**63 - 1
_STRETCH = 10_000

_OPENED = """
    SELECT events.payload FROM accounts JOIN events ON events.sequence = accounts.opened_sequence
    WHERE accounts.account = ?
"""
_MARKETS = """
    SELECT symbol, base_asset, quote_asset, last_trade_id FROM symbols WHERE account = ? ORDER BY symbol
"""
_TRADES = """
    SELECT trade_id, venue_order_id, side = 'BUY', price, quantity, fee, fee_asset, ts_event_ms FROM fills
    WHERE account = ? AND symbol = ? AND dry_run = 0 AND trade_id > ? AND trade_id <= ?
    ORDER BY trade_id LIMIT ?
"""
_TRADES_OF = """
    SELECT trade_id, venue_order_id, side = 'BUY', price, quantity, fee, fee_asset, ts_event_ms FROM fills
    WHERE account = ? AND symbol = ? AND dry_run = 0 AND venue_order_id IN (SELECT value FROM json_each(?))
    ORDER BY trade_id
"""
_ORDERS = """
    SELECT client_order_id, venue_order_id, side = 'BUY', order_type, status, quantity, price,
        executed_quantity, timestamp_ms,
        NOT (status IN ('INITIALIZED', 'SUBMITTED')
             AND client_order_id NOT IN (SELECT client_order_id FROM write_offs))
    FROM orders
"""
_ORDERS_BETWEEN = f"""
    {_ORDERS} WHERE account = ? AND symbol = ? AND dry_run = 0 AND venue_order_id > ? AND venue_order_id <= ?
    ORDER BY venue_order_id
"""
_ORDERS_NAMED = f"""
    {_ORDERS} WHERE client_order_id IN (SELECT value FROM json_each(?)) AND account = ? AND dry_run = 0
"""  # noqa: S608 - our own words
_ORDERS_PENDING = f"""
    {_ORDERS} WHERE account = ? AND symbol = ? AND dry_run = 0
    AND status IN ('INITIALIZED', 'SUBMITTED', 'ACCEPTED', 'PARTIALLY_FILLED', 'PENDING_CANCEL')
    ORDER BY sequence
"""
_OF_VENUE_ID = f"""
    {_ORDERS} WHERE account = ? AND symbol = ? AND dry_run = 0 AND venue_order_id = ?
"""
_WITNESSES = f"""
    {_ORDERS} WHERE account = ? AND symbol = ? AND dry_run = 0 AND venue_order_id IS NOT NULL
    AND (executed_quantity <> '0' OR timestamp_ms >= ?)
"""


@dataclass(frozen=True, slots=True)
class Opened:
    """The account at first contact. `balances`: free and locked together; `foreign_orders`: by symbol and
    venue_order_id, what was open then; `last_trade_ids`: as `Opening`.
    """

    server_time_ms: int
    balances: Mapping[str, Decimal]
    foreign_orders: tuple[tuple[str, int, str], ...]
    last_trade_ids: Mapping[str, int | None]


class OwnBook:
    """Reads of one account's real book. Every read is short: nobody who sends waits for it."""

    def __init__(self, store: Store, account: AccountKey) -> None:
        self._store = store
        self._account = str(account)

    def opened(self) -> Opened:
        """Raise LookupError for an account that was never opened."""
        row = self._store.row(_OPENED, (self._account,))
        if row is None:
            raise LookupError(f"{self._account} was never opened")
        told = json.loads(row["payload"])
        return Opened(
            server_time_ms=told["server_time_ms"],
            balances={
                asset: EXACT.add(Decimal(held["free"]), Decimal(held["locked"]))
                for asset, held in told["balances"].items()
            },
            foreign_orders=tuple(
                (order["symbol"], order["venue_order_id"], order["client_order_id"])
                for order in told["open_orders"]
            ),
            last_trade_ids=told["last_trade_ids"],
        )

    def markets(self) -> dict[str, Market]:
        """Return the symbols that we ever touched."""
        rows = self._store.rows(_MARKETS, (self._account,))
        return {row["symbol"]: Market(row["symbol"], row["base_asset"], row["quote_asset"]) for row in rows}

    def trades(self, symbol: str, after: int, upto: int = NO_END, limit: int = -1) -> list[Trade]:
        """Return our fills with after < trade_id <= upto, by trade id."""
        return list(map(trade_of, self.trade_rows(symbol, after, upto, limit)))

    def trade_rows(self, symbol: str, after: int, upto: int = NO_END, limit: int = -1) -> list[TradeRow]:
        """As `trades`, for very many."""
        rows: list[TradeRow] = self._store.tuples(_TRADES, (self._account, symbol, after, upto, limit))
        return rows

    def trades_of(self, symbol: str, venue_order_ids: Iterable[int]) -> list[Trade]:
        """Return our fills of these orders, by trade id; looks at every fill of the symbol."""
        key = (self._account, symbol, json.dumps(list(venue_order_ids)))
        return list(map(trade_of, self._store.tuples(_TRADES_OF, key)))

    def stretches(self, symbol: str, after: int) -> Iterator[list[TradeRow]]:
        """Yield all our fills with after < trade_id, some thousands at a time."""
        while stretch := self.trade_rows(symbol, after, limit=_STRETCH):
            yield stretch
            after = stretch[-1][0]

    def orders(self, symbol: str, after: int, upto: int = NO_END) -> list[OwnOrder]:
        """Return our orders with after < venue_order_id <= upto."""
        return self._orders(_ORDERS_BETWEEN, (self._account, symbol, after, upto))

    def orders_named(self, names: Iterable[str]) -> list[OwnOrder]:
        wanted = list(names)
        return self._orders(_ORDERS_NAMED, (json.dumps(wanted), self._account)) if wanted else []

    def orders_pending(self, symbol: str) -> list[OwnOrder]:
        """Return our orders that have not ended, as far as we know."""
        return self._orders(_ORDERS_PENDING, (self._account, symbol))

    def order_of(self, symbol: str, venue_order_id: int) -> OwnOrder | None:
        found = self._orders(_OF_VENUE_ID, (self._account, symbol, venue_order_id))
        return found[0] if found else None

    def witnesses(self, symbol: str, count: int, archived_before_ms: int) -> list[OwnOrder]:
        """Return our oldest and newest orders that a venue cannot have put away: executed ones, or young."""
        found = [
            order
            for direction in ("ASC", "DESC")
            for order in self._orders(
                f"{_WITNESSES} ORDER BY venue_order_id {direction} LIMIT ?",
                (self._account, symbol, archived_before_ms, count),
            )
        ]
        return list({order.client_order_id: order for order in found}.values())

    def _orders(self, statement: str, key: Sequence[object]) -> list[OwnOrder]:
        return [_order(row) for row in self._store.rows(statement, key)]


def _order(row: sqlite3.Row) -> OwnOrder:
    name, number, side, order_type, status, quantity, price, executed, time_ms, settled = row
    return OwnOrder(
        client_order_id=name,
        venue_order_id=number,
        is_buy=side == 1,
        order_type=order_type,
        status=OrderStatus(status),
        quantity=Decimal(quantity),
        price=Decimal(price or 0),
        executed_quantity=Decimal(executed),
        timestamp_ms=time_ms,
        is_settled=settled == 1,
    )
