"""What the venue and the journal hold, each read without the program's own code, and compared."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

PAGE = 1000
NEVER_AT_VENUE = ("ABANDONED", "NEVER_ACCEPTED", "REJECTED")
UNSETTLED = "SELECT client_order_id FROM orders WHERE unsettled AND dry_run = 0"


@dataclass(frozen=True)
class PaperVenue:
    """A served paper exchange, asked over HTTP with nothing but the standard library."""

    rest: str
    api_key: str
    api_secret: str

    def ask(self, path: str, **params: object) -> Any:
        """Return the answer to a signed GET."""
        return self._get(path, {**params, "recvWindow": 60_000, "timestamp": self.now_ms()})

    def now_ms(self) -> int:
        return int(self._open(Request(f"{self.rest}/api/v3/time"))["serverTime"])

    def _get(self, path: str, params: Mapping[str, object]) -> Any:
        query = urlencode(params)
        signature = hmac.new(self.api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        request = Request(f"{self.rest}{path}?{query}&signature={signature}")
        request.add_header("X-MBX-APIKEY", self.api_key)
        return self._open(request)

    def _open(self, request: Request) -> Any:
        with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
            return json.loads(answer.read())

    def orders(self, symbol: str) -> list[dict[str, Any]]:
        return list(self._pages("/api/v3/allOrders", symbol, "orderId", lambda row: row["orderId"]))

    def trades(self, symbol: str) -> list[dict[str, Any]]:
        return list(self._pages("/api/v3/myTrades", symbol, "fromId", lambda row: row["id"]))

    def _pages(
        self, path: str, symbol: str, parameter: str, number: Callable[[dict[str, Any]], int]
    ) -> Iterator[dict[str, Any]]:
        start = 0
        while True:
            rows = self.ask(path, symbol=symbol, limit=PAGE, **{parameter: start})
            yield from rows
            if len(rows) < PAGE:
                return
            start = number(rows[-1]) + 1

    def balances(self) -> dict[str, Decimal]:
        """Return asset -> free and locked together."""
        held = self.ask("/api/v3/account", omitZeroBalances="true")["balances"]
        return {each["asset"]: Decimal(each["free"]) + Decimal(each["locked"]) for each in held}


def rows(home: Path, statement: str) -> list[tuple[Any, ...]]:
    """Return what a statement finds in the journal's file."""
    with closing(sqlite3.connect(f"file:{home / 'journal.sqlite3'}?mode=ro", uri=True)) as db:
        return db.execute(statement).fetchall()


def differences(
    venue: PaperVenue, home: Path, symbols: Sequence[str], before: Mapping[str, Decimal]
) -> list[str]:
    """Say everything in which journal and venue differ; [] when no order is lost and none is there twice.

    `before`: the venue's balances when the books were opened.
    """
    return [
        *_unsettled(home),
        *_orders([order for symbol in symbols for order in venue.orders(symbol)], home),
        *_fills([trade for symbol in symbols for trade in venue.trades(symbol)], home),
        *_balances(venue, home, before),
    ]


def _unsettled(home: Path) -> Iterator[str]:
    for (name,) in rows(home, UNSETTLED):
        yield f"{name} is unsettled"
    for symbol, reason in rows(home, "SELECT symbol, reason FROM quarantines"):
        yield f"{symbol} is quarantined: {reason}"


def _orders(theirs: list[dict[str, Any]], home: Path) -> Iterator[str]:
    statement = (
        "SELECT client_order_id, venue_order_id, status, executed_quantity FROM orders WHERE dry_run = 0"
    )
    ours = {row[0]: row[1:] for row in rows(home, statement)}
    for name, count in Counter(each["clientOrderId"] for each in theirs).items():
        if count > 1:
            yield f"{name} is {count} times at the venue"
    for each in theirs:
        told = (each["orderId"], each["status"], Decimal(each["executedQty"]))
        number, status, executed = ours.pop(each["clientOrderId"], (None, None, "0"))
        if told != (number, status, Decimal(executed)):
            known = (number, status, executed)
            yield f"{each['clientOrderId']} is {told} at the venue, {known} in the journal"
    for name, (_, status, executed) in ours.items():
        if status not in NEVER_AT_VENUE or Decimal(executed):
            yield f"{name} is {status} in the journal, and not at the venue"


def _fills(theirs: list[dict[str, Any]], home: Path) -> Iterator[str]:
    statement = (
        "SELECT symbol, trade_id, venue_order_id, price, quantity, fee, fee_asset"
        " FROM fills WHERE dry_run = 0"
    )
    ours = Counter(
        (symbol, trade, order, Decimal(price), Decimal(quantity), Decimal(fee), asset)
        for symbol, trade, order, price, quantity, fee, asset in rows(home, statement)
    )
    told = Counter(
        (
            each["symbol"],
            each["id"],
            each["orderId"],
            Decimal(each["price"]),
            Decimal(each["qty"]),
            Decimal(each["commission"]),
            each["commissionAsset"],
        )
        for each in theirs
    )
    for fill in (told - ours).elements():
        yield f"fill {fill} is missing in the journal"
    for fill in (ours - told).elements():
        yield f"fill {fill} is not at the venue"


def _balances(venue: PaperVenue, home: Path, before: Mapping[str, Decimal]) -> Iterator[str]:
    moved: dict[str, Decimal] = {}
    statement = (
        "SELECT side, price, quantity, fee, fee_asset, base_asset, quote_asset FROM fills"
        " JOIN symbols USING (account, symbol) WHERE dry_run = 0"
    )
    for side, price, quantity, fee, fee_asset, base, quote in rows(home, statement):
        sign = 1 if side == "BUY" else -1
        for asset, amount in (
            (base, sign * Decimal(quantity)),
            (quote, -sign * Decimal(quantity) * Decimal(price)),
            (fee_asset, -Decimal(fee)),
        ):
            moved[asset] = moved.get(asset, Decimal(0)) + amount
    held = venue.balances()
    for asset in sorted(before.keys() | held.keys() | moved.keys()):
        zero = Decimal(0)
        expected, found = before.get(asset, zero) + moved.get(asset, zero), held.get(asset, zero)
        if expected != found:
            yield f"{found} {asset} at the venue, {expected} by opening and fills"
