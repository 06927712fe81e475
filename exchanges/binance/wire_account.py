"""Binance's account and wallet payloads, read.

Source: Binance Spot API documents, "Account endpoints"; wallet API documents.
"""

from __future__ import annotations

from decimal import Decimal

from core.account import AccountSnapshot, Balance, CommissionRates
from core.ports import DepositAddress, DepositNetwork, KeyFacts
from exchanges.binance.wire import Payload, Unreadable, number, shaped


class _BalancePayload(Payload):
    asset: str
    free: str
    locked: str


class _RatesPayload(Payload):
    maker: str
    taker: str
    buyer: str = "0"
    seller: str = "0"


class _AccountPayload(Payload):
    can_trade: bool
    balances: list[_BalancePayload]
    commission_rates: _RatesPayload
    uid: int


class _CommissionPayload(Payload):
    symbol: str
    standard_commission: _RatesPayload
    special_commission: _RatesPayload | None = None
    tax_commission: _RatesPayload | None = None


def parse_account(payload: object, ts_recv_ms: int) -> AccountSnapshot:
    """Read the answer of account; balances of zero are left out. Raises Unreadable."""
    account = shaped(payload, _AccountPayload)
    balances = {}
    for entry in account.balances:
        balance = Balance(entry.asset, number(entry.free, "free"), number(entry.locked, "locked"))
        if entry.asset in balances:
            raise Unreadable(f"{entry.asset[:40]} has two balances")
        if balance.total:
            balances[entry.asset] = balance
    return AccountSnapshot(
        uid=str(account.uid),
        can_trade=account.can_trade,
        balances=balances,
        commission=_rates(account.commission_rates),
        ts_recv_ms=ts_recv_ms,
    )


def parse_commission(payload: object, symbol: str) -> CommissionRates:
    """Read the answer of account/commission: every part added up, before any discount. Raises Unreadable."""
    commission = shaped(payload, _CommissionPayload)
    if commission.symbol != symbol:
        raise Unreadable(f"commission of {commission.symbol[:40]!r} instead of {symbol}")
    parts = (commission.standard_commission, commission.special_commission, commission.tax_commission)
    return _rates(*(part for part in parts if part is not None))


class _OrderCommissionPayload(Payload):
    standard_commission_for_order: _RatesPayload
    tax_commission_for_order: _RatesPayload
    special_commission_for_order: _RatesPayload | None = None


def parse_order_commission(payload: object) -> CommissionRates:
    """Read the answer of order/test with computeCommissionRates. Raises Unreadable."""
    told = shaped(payload, _OrderCommissionPayload)
    parts = (
        told.standard_commission_for_order,
        told.special_commission_for_order,
        told.tax_commission_for_order,
    )
    return _rates(*(part for part in parts if part is not None))


def _rates(*parts: _RatesPayload) -> CommissionRates:
    maker_rate = taker_rate = Decimal(0)
    for part in parts:
        # The side of the order is not known here: take the dearer one.
        side_rate = max(number(part.buyer, "buyer"), number(part.seller, "seller"))
        maker_rate += number(part.maker, "maker") + side_rate
        taker_rate += number(part.taker, "taker") + side_rate
    if max(maker_rate, taker_rate) >= 1:
        raise Unreadable(f"commission rates {maker_rate} and {taker_rate} are no fractions")
    return CommissionRates(maker_rate, taker_rate)


class _KeyPayload(Payload):
    ip_restrict: bool
    create_time: int
    enable_reading: bool
    enable_spot_and_margin_trading: bool
    enable_withdrawals: bool
    enable_internal_transfer: bool
    permits_universal_transfer: bool
    enable_margin: bool
    enable_futures: bool
    enable_vanilla_options: bool
    trading_authority_expiration_time: int | None = None


class _StatusPayload(Payload):
    data: str


class _AddressPayload(Payload):
    coin: str
    address: str
    tag: str = ""


class _NetworkPayload(Payload):
    network: str
    is_default: bool
    deposit_enable: bool
    deposit_desc: str = ""


class _CoinPayload(Payload):
    coin: str
    network_list: list[_NetworkPayload]


def parse_key(payload: object) -> KeyFacts:
    key = shaped(payload, _KeyPayload)
    return KeyFacts(
        ip_restricted=key.ip_restrict,
        created_ms=key.create_time,
        reading=key.enable_reading,
        spot_trading=key.enable_spot_and_margin_trading,
        withdrawals=key.enable_withdrawals,
        internal_transfer=key.enable_internal_transfer,
        universal_transfer=key.permits_universal_transfer,
        margin=key.enable_margin,
        futures=key.enable_futures,
        options=key.enable_vanilla_options,
        trading_authority_expires_ms=key.trading_authority_expiration_time,
    )


def parse_account_status(payload: object) -> str:
    return shaped(payload, _StatusPayload).data


def parse_address(payload: object, coin: str, network: str) -> DepositAddress | None:
    """Read a deposit address; None when there is none yet. The answer does not repeat the network."""
    found = shaped(payload, _AddressPayload)
    if found.coin != coin:
        raise Unreadable(f"address of {found.coin[:40]!r} instead of {coin}")
    return DepositAddress(coin, network, found.address, found.tag) if found.address else None


def parse_networks(payload: object, coin: str) -> tuple[DepositNetwork, ...]:
    """Return the networks of a coin, none when the venue does not know the coin."""
    for entry in shaped(payload, list[_CoinPayload]):
        if entry.coin == coin:
            return tuple(
                DepositNetwork(each.network, each.is_default, each.deposit_enable, each.deposit_desc)
                for each in entry.network_list
            )
    return ()
