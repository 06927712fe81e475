"""What the key's account holds, ordered and traded at Binance."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from core.account import AccountSnapshot, CommissionRates
from core.errors import VenueRejected
from core.orders import Fill, OrderReport
from exchanges.binance import wire, wire_account
from exchanges.binance.errors import NO_SUCH_ORDER
from exchanges.binance.link import Link

TRADES_MAX: Final = 1_000
ORDERS_MAX: Final = 1_000


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
        return await self._order(
            lambda report: wire.same_order(report, symbol, client_order_id),
            symbol=symbol,
            origClientOrderId=client_order_id,
        )

    async def order_by_id(self, symbol: str, venue_order_id: int) -> OrderReport | None:
        return await self._order(
            lambda report: wire.same_id(report, symbol, venue_order_id),
            symbol=symbol,
            orderId=venue_order_id,
        )

    async def _order(
        self, same: Callable[[OrderReport], OrderReport], **chosen: str | int
    ) -> OrderReport | None:
        try:
            return await self._link.read(
                lambda: self._session.get_order(**chosen, **self._link.stamp()),
                lambda payload: same(wire.parse_order(payload)),
            )
        except VenueRejected as error:
            if error.venue_code == NO_SUCH_ORDER:
                return None
            raise

    async def open_orders(self, symbol: str | None) -> tuple[OrderReport, ...]:
        return await self._link.read(
            lambda: self._session.get_open_orders(symbol=symbol, **self._link.stamp()), wire.parse_orders
        )

    async def all_orders(self, symbol: str, start_ms: int, end_ms: int) -> tuple[OrderReport, ...]:
        """Return what pages of orders hold, oldest first; a page that repeats itself is the last."""
        found: dict[int, OrderReport] = {}
        from_id: int | None = None
        while True:
            page = await self._link.read(
                partial(self._ask_all_orders, symbol, start_ms, end_ms, from_id),
                partial(wire.parse_orders_of, symbol=symbol),
            )
            new = {report.venue_order_id: report for report in page if report.venue_order_id not in found}
            found |= new
            if len(page) < ORDERS_MAX or not new:
                return tuple(found[number] for number in sorted(found))
            from_id = max(found) + 1

    async def _ask_all_orders(self, symbol: str, start_ms: int, end_ms: int, from_id: int | None) -> object:
        return await self._session.get_all_orders(
            symbol=symbol,
            startTime=start_ms,
            endTime=end_ms,
            orderId=from_id,
            limit=ORDERS_MAX,
            **self._link.stamp(),
        )

    async def fills_between(self, symbol: str, start_ms: int, end_ms: int) -> tuple[Fill, ...]:
        # A span goes with no other selector: what a full page leaves out is asked for by id.
        found = await self._trades(symbol, TRADES_MAX, startTime=start_ms, endTime=end_ms)
        if len(found) == TRADES_MAX:
            newest = max(fill.trade_id for fill in found)
            found += await self._all_trades(symbol, newest + 1)
        within = {fill.trade_id: fill for fill in found if start_ms <= fill.ts_event_ms <= end_ms}
        return tuple(within[number] for number in sorted(within))

    async def fill(self, symbol: str, trade_id: int) -> Fill | None:
        page = await self._trades(symbol, 1, fromId=trade_id)
        return next((fill for fill in page if fill.trade_id == trade_id), None)

    async def order_fills(self, symbol: str, venue_order_id: int) -> tuple[Fill, ...]:
        """Return every fill of one order, oldest first."""
        fills = await self._all_trades(symbol, None, orderId=venue_order_id)
        return tuple(fill for fill in fills if fill.venue_order_id == venue_order_id)

    async def order_names(self, symbol: str) -> dict[int, str]:
        names: dict[int, str] = {}
        while True:
            page = await self._order_names_from(symbol, max(names, default=-1) + 1)
            is_new = bool(page.keys() - names.keys())
            names |= page
            if len(page) < ORDERS_MAX or not is_new:
                return names

    async def _order_names_from(self, symbol: str, from_id: int) -> dict[int, str]:
        return await self._link.read(
            lambda: self._session.get_all_orders(
                symbol=symbol, orderId=from_id, limit=ORDERS_MAX, **self._link.stamp()
            ),
            partial(wire.parse_order_names, symbol=symbol),
        )

    async def fill_history(self, symbol: str) -> tuple[Fill, ...]:
        return await self._all_trades(symbol, 0)

    async def _all_trades(self, symbol: str, from_id: int | None, **chosen: int) -> tuple[Fill, ...]:
        """Return what pages of trades hold, oldest first; a page that repeats itself is the last."""
        found: dict[int, Fill] = {}
        while True:
            page = await self._trades(symbol, TRADES_MAX, fromId=from_id, **chosen)
            new = [fill for fill in page if fill.trade_id not in found]
            found |= {fill.trade_id: fill for fill in new}
            if len(page) < TRADES_MAX or not new:
                return tuple(found[number] for number in sorted(found))
            from_id = max(found) + 1

    async def last_trade_id(self, symbol: str) -> int | None:
        newest = await self._trades(symbol, 1)
        return max((fill.trade_id for fill in newest), default=None)

    async def _trades(self, symbol: str, limit: int, **chosen: int | None) -> tuple[Fill, ...]:
        return await self._link.read(
            lambda: self._session.get_my_trades(symbol=symbol, limit=limit, **chosen, **self._link.stamp()),
            partial(wire.parse_trades, symbol=symbol),
        )
