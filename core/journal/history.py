"""The journal read as a history: events by time, kind and order; the fills of a book by venue time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from core.account import AccountKey
from core.journal import statements as sql
from core.journal.chain import StoredEvent, canonical_json
from core.journal.store import Store
from core.orders import Purpose, Side

_BATCH = 1_000
_NO_END = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events: `since_ms` <= time < `until_ms`, of these kinds, about these orders; empty: all."""

    since_ms: int = 0
    until_ms: int = _NO_END
    kinds: tuple[str, ...] = ()
    client_order_ids: tuple[str, ...] = ()

    def parameters(self) -> dict[str, object]:
        fragments = [f'"client_order_id":{canonical_json(name)}' for name in self.client_order_ids]
        return {
            "since": self.since_ms,
            "until": self.until_ms,
            "kinds": json.dumps(self.kinds) if self.kinds else None,
            "orders": json.dumps(fragments) if fragments else None,
        }


@dataclass(frozen=True, slots=True)
class Head:
    """The newest event of a chain."""

    sequence: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """An event with the hash of the one before it: all that it takes to verify it by itself."""

    stored: StoredEvent
    previous: bytes


@dataclass(frozen=True, slots=True)
class BookedFill:
    """A fill with what a report needs to know of its symbol and its order.

    `is_ours`: whether it moves our position; the sells of what an account held before us do not. `fee_price`:
    quote per unit of the fee's asset, where it is a third asset and the price was recorded with the fill.
    """

    symbol: str
    base_asset: str
    quote_asset: str
    trade_id: int
    client_order_id: str
    venue_order_id: int
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    fee_price: Decimal | None
    time_ms: int
    is_ours: bool


class History:
    """Reads of one journal. Long ones go in batches, so that nobody waits while a reader of ours does."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def newest_fill_ms(self, account: AccountKey, symbol: str, *, dry_run: bool) -> int | None:
        """Return when our newest fill on a symbol was made, by the venue's time; None: there is none."""
        row = self._store.row(sql.NEWEST_FILL, (str(account), symbol, int(dry_run)))
        found: int | None = None if row is None else row["ts_event_ms"]
        return found

    def head(self) -> Head | None:
        """Return the newest event, None when there is none."""
        row = self._store.row(sql.HEAD)
        return None if row is None else Head(row["sequence"], row["hash"])

    def hash_of(self, sequence: int) -> bytes | None:
        """Return the hash of an event, None when there is no such event."""
        row = self._store.row(sql.EVENT_HASH, (sequence,))
        return None if row is None else row["hash"]

    def events(self, chosen: Selection, *, after: int = 0, upto: int = _NO_END) -> Iterator[Link]:
        """Yield the chosen events with `after` < sequence <= `upto`, oldest first."""
        while rows := self._selected(sql.NEXT_SELECTED_EVENTS, chosen, after, upto, _BATCH):
            yield from rows
            after = rows[-1].stored.sequence

    def newest(self, chosen: Selection, limit: int) -> list[Link]:
        """Return the last of the chosen events, oldest first."""
        return self._selected(sql.NEWEST_SELECTED_EVENTS, chosen, 0, _NO_END, limit)[::-1]

    def _selected(self, statement: str, chosen: Selection, after: int, upto: int, limit: int) -> list[Link]:
        key = {**chosen.parameters(), "after": after, "upto": upto, "limit": limit}
        return [Link(StoredEvent(*row[:6]), row["previous"]) for row in self._store.rows(statement, key)]

    def orders_named(self, name: str) -> tuple[str, ...]:
        """Return the client_order_ids of the orders of this name, ours or the venue's."""
        number = int(name) if name.isascii() and name.isdigit() and len(name) <= 18 else None
        return tuple(row["client_order_id"] for row in self._store.rows(sql.ORDERS_NAMED, (name, number)))

    def fills(self, account: AccountKey, *, dry_run: bool, until_ms: int = _NO_END) -> Iterator[BookedFill]:
        """Yield the fills of a book before a time, in the order of the venue's time."""
        fee_prices = self._fee_prices(account, dry_run)
        with self._store.reading() as db:
            for row in db.execute(sql.FILLS_OF_BOOK, (str(account), int(dry_run), until_ms)):
                yield BookedFill(
                    symbol=row["symbol"],
                    base_asset=row["base_asset"],
                    quote_asset=row["quote_asset"],
                    trade_id=row["trade_id"],
                    client_order_id=row["client_order_id"],
                    venue_order_id=row["venue_order_id"],
                    side=Side(row["side"]),
                    price=Decimal(row["price"]),
                    quantity=Decimal(row["quantity"]),
                    fee=Decimal(row["fee"]),
                    fee_asset=row["fee_asset"],
                    fee_price=fee_prices.get((row["symbol"], row["trade_id"])),
                    time_ms=row["ts_event_ms"],
                    is_ours=row["purpose"] != Purpose.LIQUIDATE,
                )

    def _fee_prices(self, account: AccountKey, dry_run: bool) -> dict[tuple[str, int], Decimal]:
        told = [json.loads(row["payload"]) for row in self._store.rows(sql.FEE_PRICES, (str(account),))]
        return {
            (each["symbol"], each["trade_id"]): Decimal(each["fee_price"])
            for each in told
            if each["dry_run"] == dry_run
        }

    def opening_balances(self, account: AccountKey, *, dry_run: bool) -> Mapping[str, Decimal]:
        """Return what an account held at first contact, or its dry-run book at its start: asset -> total."""
        row = self._store.row(sql.DRY_RUN_OPENING_EVENT if dry_run else sql.OPENING_EVENT, (str(account),))
        if row is None:
            return {}
        balances = json.loads(row["payload"])["balances"]
        if dry_run:
            return {asset: Decimal(free) for asset, free in balances.items()}
        return {asset: Decimal(held["free"]) + Decimal(held["locked"]) for asset, held in balances.items()}
