"""Everything that happened on the key's account at Binance, page by page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from core.account import Environment
from core.clock import DAY_MS
from core.ports import Page
from core.reconciliation import Trade, Transfer, VenueOrder
from core.reconciliation.trades import Market
from exchanges.binance import wire_statements as wire
from exchanges.binance.link import Link

PAGE: Final = 1_000
DUST_MAX: Final = 100
DIVIDENDS_MAX: Final = 500
SPAN_MS: Final = 89 * DAY_MS
"""The wallet's histories are given for at most 90 days at a time."""

Ask = Callable[..., Awaitable[object]]
Parse = Callable[[Any], tuple[Transfer, ...]]


class BinanceStatements:
    """The port `core.ports.Statements`. The testnet has no wallet, and tells of no transfers."""

    def __init__(self, link: Link, environment: Environment) -> None:
        self._link = link
        self._session = link.session
        self._has_wallet_api = environment is Environment.MAINNET

    async def orders(self, symbol: str, from_id: int | None) -> Page[VenueOrder]:
        rows = await self._link.read(
            lambda: self._session.get_rows(
                "allOrders", wire.ORDERS, symbol=symbol, orderId=from_id, limit=PAGE, **self._link.stamp()
            ),
            partial(wire.parse_orders, symbol=symbol),
        )
        return Page(rows, is_last=len(rows) < PAGE)

    async def trades(self, symbol: str, from_id: int | None) -> Page[Trade]:
        rows = await self._link.read(
            lambda: self._session.get_rows(
                "myTrades", wire.TRADES, symbol=symbol, fromId=from_id, limit=PAGE, **self._link.stamp()
            ),
            partial(wire.parse_trades, symbol=symbol),
        )
        return Page(rows, is_last=len(rows) < PAGE)

    async def markets(self) -> tuple[Market, ...]:
        return await self._link.read(self._session.get_exchange_info, wire.parse_markets)

    async def transfers(self, start_ms: int, end_ms: int) -> tuple[Transfer, ...] | None:
        if not self._has_wallet_api:
            return None
        session = self._session
        found: list[Transfer] = []
        while start_ms <= end_ms:
            until_ms = min(start_ms + SPAN_MS, end_ms)
            found += await self._by_offset(
                session.get_deposit_history, wire.parse_deposits, start_ms, until_ms
            )
            found += await self._by_offset(
                session.get_withdraw_history, wire.parse_withdrawals, start_ms, until_ms
            )
            found += await self._by_halves(
                session.get_dust_log, wire.parse_dust, DUST_MAX, start_ms, until_ms
            )
            found += await self._by_halves(
                session.get_asset_dividend_history, wire.parse_dividends, DIVIDENDS_MAX, start_ms, until_ms
            )
            start_ms = until_ms + 1
        return tuple({(each.kind, each.transfer_id): each for each in found}.values())

    async def _by_offset(self, ask: Ask, parse: Parse, start_ms: int, end_ms: int) -> list[Transfer]:
        found: list[Transfer] = []
        while True:
            page = await self._read(
                ask, parse, startTime=start_ms, endTime=end_ms, limit=PAGE, offset=len(found)
            )
            found += page
            if len(page) < PAGE:
                return found

    async def _by_halves(
        self, ask: Ask, parse: Parse, most: int, start_ms: int, end_ms: int
    ) -> list[Transfer]:
        """Return a history that cannot be paged: a span that gives as much as it can is asked in halves."""
        limit = {"limit": most} if most == DIVIDENDS_MAX else {}
        page = await self._read(ask, parse, startTime=start_ms, endTime=end_ms, **limit)
        if len(page) < most or start_ms == end_ms:
            return list(page)
        middle_ms = (start_ms + end_ms) // 2
        first = await self._by_halves(ask, parse, most, start_ms, middle_ms)
        return first + await self._by_halves(ask, parse, most, middle_ms + 1, end_ms)

    async def _read(self, ask: Ask, parse: Parse, **chosen: int) -> tuple[Transfer, ...]:
        return await self._link.read(lambda: ask(**chosen, **self._link.stamp()), parse)
