"""What the key's account holds, ordered and traded at Binance."""

from __future__ import annotations

from functools import partial
from typing import Final

from core.account import AccountSnapshot, CommissionRates
from core.errors import VenueRejected
from core.orders import Fill, OrderReport
from exchanges.binance import wire, wire_account
from exchanges.binance.errors import NO_SUCH_ORDER
from exchanges.binance.link import Link

TRADES_MAX: Final = 1_000


class BinanceAccount:
    """The port `core.ports.Account`."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._session = link.session

    async def snapshot(self) -> AccountSnapshot:
        return await self._link.read(
            lambda: self._session.get_account(omitZeroBalances=True, **self._link.stamp()),
            lambda payload: wire_account.parse_account(payload, self._link.clock.now_ms()),
        )

    async def commission(self, symbol: str) -> CommissionRates:
        return await self._link.read(
            lambda: self._session.v3_get_account_commission(symbol=symbol, **self._link.stamp()),
            partial(wire_account.parse_commission, symbol=symbol),
        )

    async def order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        try:
            return await self._link.read(
                lambda: self._session.get_order(
                    symbol=symbol, origClientOrderId=client_order_id, **self._link.stamp()
                ),
                lambda payload: wire.same_order(wire.parse_order(payload), symbol, client_order_id),
            )
        except VenueRejected as error:
            if error.venue_code == NO_SUCH_ORDER:
                return None
            raise

    async def open_orders(self, symbol: str | None) -> tuple[OrderReport, ...]:
        return await self._link.read(
            lambda: self._session.get_open_orders(symbol=symbol, **self._link.stamp()), wire.parse_orders
        )

    async def order_fills(self, symbol: str, venue_order_id: int) -> tuple[Fill, ...]:
        """Return every fill of one order, oldest first."""
        fills: list[Fill] = []
        from_id: int | None = None
        while True:
            page = await self._trades(symbol, TRADES_MAX, orderId=venue_order_id, fromId=from_id)
            known = {fill.trade_id for fill in fills}
            new = [f for f in page if f.venue_order_id == venue_order_id and f.trade_id not in known]
            fills += new
            if len(page) < TRADES_MAX or not new:
                return tuple(sorted(fills, key=lambda fill: fill.trade_id))
            from_id = max(fill.trade_id for fill in new) + 1

    async def last_trade_id(self, symbol: str) -> int | None:
        newest = await self._trades(symbol, 1)
        return max((fill.trade_id for fill in newest), default=None)

    async def _trades(self, symbol: str, limit: int, **chosen: int | None) -> tuple[Fill, ...]:
        return await self._link.read(
            lambda: self._session.get_my_trades(symbol=symbol, limit=limit, **chosen, **self._link.stamp()),
            partial(wire.parse_trades, symbol=symbol),
        )
