"""Orders and cancels at Binance: each is written to a socket once, and never again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from core.account import CommissionRates
from core.errors import OutcomeUnknown
from core.ids import order_list_id
from core.orders import Intent, OrderReport, SendOnce
from exchanges.binance import wire, wire_account
from exchanges.binance.errors import Purpose, RequestFailed, error_for
from exchanges.binance.link import Link

T = TypeVar("T")


class BinanceTrading:
    """The port `core.ports.Trading`."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._session = link.session

    async def submit(self, permission: SendOnce) -> OrderReport:
        if permission.intent.dry_run:
            raise ValueError(f"{permission.intent.client_order_id} is a dry-run intent; it is never sent")
        params = wire.intent_params(permission.intent)
        intent = permission.spend()
        try:
            payload = await self._session.create_order(**params)
        except RequestFailed as failure:
            raise error_for(failure, Purpose.SUBMIT) from None
        return _confirmed(lambda: wire.same_intent(wire.parse_order(payload), intent), "the order")

    async def submit_pair(self, stop: SendOnce, target: SendOnce) -> tuple[OrderReport, OrderReport]:
        if stop.intent.dry_run or target.intent.dry_run:
            raise ValueError(f"{stop.intent.client_order_id} is a dry-run intent; it is never sent")
        params = wire.pair_params(stop.intent, target.intent)
        intents = (stop.spend(), target.spend())
        try:
            payload = await self._session.create_order_pair(**params)
        except RequestFailed as failure:
            raise error_for(failure, Purpose.SUBMIT) from None
        return _confirmed(lambda: wire.parse_pair(payload, intents), "the order list")

    async def validate(self, intent: Intent) -> None:
        params = wire.intent_params(intent)
        await self._link.read(lambda: self._session.create_test_order(**params), wire.parse_nothing)

    async def rehearse(self, intent: Intent) -> CommissionRates:
        params = wire.intent_params(intent) | {"computeCommissionRates": True}
        return await self._link.read(
            lambda: self._session.create_test_order(**params), wire_account.parse_order_commission
        )

    async def cancel(self, symbol: str, client_order_id: str) -> OrderReport:
        """Cancel an order of ours. Raises VenueRejected where it is no longer open: it may have filled."""
        try:
            payload = await self._session.cancel_order(
                symbol=symbol, origClientOrderId=client_order_id, **self._link.stamp()
            )
        except RequestFailed as failure:
            raise error_for(failure, Purpose.CANCEL) from None
        return _confirmed(lambda: wire.parse_cancel(payload, symbol, client_order_id), "the cancel")

    async def cancel_pair(self, symbol: str, stop_order_id: str) -> tuple[OrderReport, ...]:
        try:
            payload = await self._session.cancel_order_list(
                symbol=symbol, listClientOrderId=order_list_id(stop_order_id), **self._link.stamp()
            )
        except RequestFailed as failure:
            raise error_for(failure, Purpose.CANCEL) from None
        return _confirmed(lambda: wire.parse_canceled([payload], symbol), "the cancel")

    async def cancel_all(self, symbol: str) -> tuple[OrderReport, ...]:
        """Cancel everything open on a symbol, in one request that Binance carries out order by order."""
        try:
            payload = await self._session.cancel_all_open_orders(symbol=symbol, **self._link.stamp())
        except RequestFailed as failure:
            raise error_for(failure, Purpose.CANCEL) from None
        return _confirmed(lambda: wire.parse_canceled(payload, symbol), "the cancels")


def _confirmed(read: Callable[[], T], what: str) -> T:
    try:
        return read()
    except wire.Unreadable as error:
        raise OutcomeUnknown(
            f"the venue took {what}, but its answer could not be understood: {error}",
            hint="do not send it again; ask what became of it",
        ) from None
