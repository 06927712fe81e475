"""Binance's lists of orders, trades and transfers, read lean: an account may have a million of them.

Source: Binance Spot API documents, "Account endpoints"; wallet API documents.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from core.reconciliation import Effects, Trade, Transfer, TransferKind, VenueOrder
from core.reconciliation.records import trade_of
from core.reconciliation.trades import Market
from exchanges.binance.wire import STATUSES, Payload, Unreadable, number, shaped

DEPOSITED: Final = frozenset({1, 6})  # success; credited, but cannot be withdrawn yet
NOT_WITHDRAWN: Final = frozenset({1, 3, 5})  # canceled, rejected, failed
_AMOUNT = r"(?:0|[1-9][0-9]{0,19}+)(?:\.[0-9]{1,20}+)?+"
_AMOUNTS = re.compile(f"(?:{_AMOUNT} )*+", re.ASCII)


class _TradePayload(Payload, gc=False):
    symbol: str
    id: int
    order_id: int
    price: str
    qty: str
    commission: str
    commission_asset: str
    time: int
    is_buyer: bool


class _OrderPayload(Payload, gc=False):
    symbol: str
    order_id: int
    client_order_id: str
    price: str
    orig_qty: str
    executed_qty: str
    status: str
    type: str
    side: str
    time: int
    update_time: int


TRADES: Final = msgspec.json.Decoder(list[_TradePayload])
ORDERS: Final = msgspec.json.Decoder(list[_OrderPayload])
"""From the bytes of a page straight to its rows; what `parse_…` makes of any JSON, they make of that."""


def parse_trades(payload: object, symbol: str) -> tuple[Trade, ...]:
    """Read a page of myTrades, by id. Raises Unreadable."""
    rows = shaped(payload, list[_TradePayload])
    # All amounts at once: to begin with a regular expression costs more than to go on with it.
    amounts = "".join([f"{row.price} {row.qty} {row.commission} " for row in rows])
    if amounts.count(" ") != 3 * len(rows) or not _AMOUNTS.fullmatch(amounts):
        raise Unreadable(f"one of {symbol}'s trades {rows[0].id} to {rows[-1].id} has an amount that is none")
    _require_of(symbol, [row.symbol for row in rows], [row.id for row in rows])
    if amounts.count(".") != 3 * len(rows):
        _add_points(rows)
    return tuple(
        [
            trade_of(
                (
                    row.id,
                    row.order_id,
                    row.is_buyer,
                    row.price.rstrip("0").rstrip("."),
                    row.qty.rstrip("0").rstrip("."),
                    row.commission.rstrip("0").rstrip("."),
                    row.commission_asset,
                    row.time,
                )
            )
            for row in rows
        ]
    )


def _add_points(rows: list[_TradePayload]) -> None:
    """Let every amount have a decimal point, so that zeros at the end mean nothing."""
    for row in rows:
        row.price, row.qty, row.commission = (
            each if "." in each else f"{each}." for each in (row.price, row.qty, row.commission)
        )


def _require_of(symbol: str, symbols: list[str], ids: list[int]) -> None:
    """Raise Unreadable unless a page is of one symbol and by id, which paging relies on."""
    if symbols.count(symbol) != len(symbols):
        raise Unreadable(f"a list of {symbol} has something of another symbol in it")
    if ids != sorted(ids):
        raise Unreadable(f"a list of {symbol} is not in the order of its ids")


def parse_orders(payload: object, symbol: str) -> tuple[VenueOrder, ...]:
    """Read a page of allOrders, by id. Raises Unreadable."""
    orders = []
    rows = shaped(payload, list[_OrderPayload])
    _require_of(symbol, [row.symbol for row in rows], [row.order_id for row in rows])
    for row in rows:
        if row.status not in STATUSES or row.side not in ("BUY", "SELL"):
            raise Unreadable(f"order {row.order_id} on {symbol} has a status or side of its own")
        orders.append(
            VenueOrder(
                row.order_id,
                row.client_order_id,
                row.side == "BUY",
                row.type,
                STATUSES[row.status],
                number(row.orig_qty, "origQty"),
                number(row.price, "price"),
                number(row.executed_qty, "executedQty"),
                row.time,
                row.update_time,
            )
        )
    return tuple(orders)


class _ListedPayload(Payload):
    symbol: str
    base_asset: str
    quote_asset: str


class _ListingPayload(Payload):
    symbols: list[_ListedPayload]


def parse_markets(payload: object) -> tuple[Market, ...]:
    """Read exchangeInfo for nothing but what each symbol trades."""
    listed = shaped(payload, _ListingPayload).symbols
    return tuple(Market(each.symbol, each.base_asset, each.quote_asset) for each in listed)


class _DepositPayload(Payload):
    id: str
    coin: str
    amount: str
    status: int
    insert_time: int
    complete_time: int | None = None


class _WithdrawalPayload(Payload):
    id: str
    coin: str
    amount: str
    transaction_fee: str
    status: int
    apply_time: str


class _DustDetailPayload(Payload):
    trans_id: int
    from_asset: str
    amount: str
    transfered_amount: str
    operate_time: int


class _DustPayload(Payload):
    user_asset_dribblet_details: list[_DustDetailPayload]


class _DustLogPayload(Payload):
    user_asset_dribblets: list[_DustPayload]


class _DividendPayload(Payload):
    id: int
    asset: str
    amount: str
    div_time: int


class _DividendsPayload(Payload):
    rows: list[_DividendPayload]


def parse_deposits(payload: object) -> tuple[Transfer, ...]:
    """Read deposits; those that are not credited move nothing yet."""
    return tuple(
        Transfer(
            TransferKind.DEPOSIT,
            row.id,
            {row.coin: number(row.amount, "amount")} if row.status in DEPOSITED else {},
            row.complete_time or row.insert_time,
        )
        for row in shaped(payload, list[_DepositPayload])
    )


def parse_withdrawals(payload: object) -> tuple[Transfer, ...]:
    """Read withdrawals; the venue takes amount and fee away when one is asked for, not when it completes."""
    return tuple(
        Transfer(TransferKind.WITHDRAWAL, row.id, _withdrawn(row), _utc_ms(row.apply_time))
        for row in shaped(payload, list[_WithdrawalPayload])
    )


def _withdrawn(row: _WithdrawalPayload) -> Effects:
    if row.status in NOT_WITHDRAWN:
        return {}
    return {row.coin: -(number(row.amount, "amount") + number(row.transaction_fee, "transactionFee"))}


def parse_dust(payload: object) -> tuple[Transfer, ...]:
    """Read conversions of dust: an asset goes, BNB comes, the service charge already taken off."""
    details = [
        detail
        for dust in shaped(payload, _DustLogPayload).user_asset_dribblets
        for detail in dust.user_asset_dribblet_details
    ]
    return tuple(
        Transfer(
            TransferKind.DUST,
            f"{row.trans_id}-{row.from_asset}",
            {
                row.from_asset: -number(row.amount, "amount"),
                "BNB": number(row.transfered_amount, "transferedAmount"),
            },
            row.operate_time,
        )
        for row in details
    )


def parse_dividends(payload: object) -> tuple[Transfer, ...]:
    """Read distributions: airdrops, interest, staking rewards."""
    return tuple(
        Transfer(
            TransferKind.DISTRIBUTION, str(row.id), {row.asset: number(row.amount, "amount")}, row.div_time
        )
        for row in shaped(payload, _DividendsPayload).rows
    )


def _utc_ms(text: str) -> int:
    try:
        moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise Unreadable(f"applyTime was {text[:40]!r}") from None
    return int(moment.timestamp()) * 1000
