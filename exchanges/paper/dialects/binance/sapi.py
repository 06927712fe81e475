"""Binance's wallet endpoints that an operator reads. On the mainnet persona alone: the testnet has none."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from exchanges.paper.dialects.binance.call import Call
from exchanges.paper.dialects.binance.errors import missing, not_valid
from exchanges.paper.dialects.binance.wire import Json, amount, short
from exchanges.paper.symbols import ASSETS, SYMBOLS

_NAMES = {
    "BTC": "Bitcoin",
    "ETH": "Ethereum",
    "BNB": "BNB",
    "USDT": "TetherUS",
    "SOL": "Solana",
    "LTC": "Litecoin",
    "XRP": "XRP",
    "ADA": "Cardano",
    "DOGE": "Dogecoin",
}
_NETWORKS = {
    "BTC": ("BTC",),
    "ETH": ("ETH", "ARBITRUM"),
    "BNB": ("BSC",),
    "USDT": ("TRX", "ETH", "SOL"),
    "SOL": ("SOL",),
    "LTC": ("LTC",),
    "XRP": ("XRP",),
    "ADA": ("ADA",),
    "DOGE": ("DOGE",),
}

_CLOSED = frozenset({("USDT", "SOL")})
"""Networks that take no deposits now: a client must not offer them."""


def system_status(_: Call) -> Json:
    return {"status": 0, "msg": "normal"}


def api_restrictions(call: Call) -> Json:
    key = call.key
    if key is None:
        raise LookupError("apiRestrictions is a signed endpoint")
    may = key.permissions
    restrictions = {
        "ipRestrict": bool(key.ip_list),
        "createTime": key.created_ms,
        "enableReading": may.reading,
        "enableSpotAndMarginTrading": key.allows_trading(call.engine.now_ms),
        "enableWithdrawals": may.withdrawals,
        "enableInternalTransfer": may.internal_transfer,
        "permitsUniversalTransfer": may.universal_transfer,
        "enableMargin": may.margin,
        "enableFutures": may.futures,
        "enableVanillaOptions": may.vanilla_options,
        "enablePortfolioMarginTrading": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
    }
    if key.expires_ms is not None:
        restrictions["tradingAuthorityExpirationTime"] = key.expires_ms
    return restrictions


def account_status(_: Call) -> Json:
    return {"data": "Normal"}


def api_trading_status(_: Call) -> Json:
    return {
        "data": {
            "isLocked": False,
            "plannedRecoverTime": 0,
            "triggerCondition": {"GCR": 150, "IFER": 150, "UFR": 300},
            "updateTime": 0,
        }
    }


def account_info(_: Call) -> Json:
    return {
        "vipLevel": 0,
        "isMarginEnabled": False,
        "isFutureEnabled": False,
        "isOptionsEnabled": False,
        "isPortfolioMarginRetailEnabled": False,
    }


def coins(call: Call) -> list[Json]:
    return [_coin(asset, free, locked) for asset, free, locked in call.engine.world.balances()]


def deposit_address(call: Call) -> Json:
    """Return an address that no network accepts: nothing must ever be sent to a toy."""
    coin = call.params.text("coin")
    if coin is None:
        raise missing("coin")
    if coin not in ASSETS:
        raise not_valid("coin")
    network = call.params.choice("network", _NETWORKS[coin]) or _NETWORKS[coin][0]
    address = f"PAPER-{coin}-{network}-{call.engine.world.account.uid}"
    return {"address": address, "coin": coin, "tag": "", "url": ""}


def deposit_addresses(call: Call) -> list[Json]:
    address = deposit_address(call)
    return [{name: address[name] for name in ("coin", "address", "tag")} | {"isDefault": 1}]


def bnb_burn(call: Call) -> Json:
    """Return what is paid in BNB; interest is nothing that falls due here."""
    return {"spotBNBBurn": call.engine.world.account.pays_in_bnb, "interestBNBBurn": False}


def set_bnb_burn(call: Call) -> Json:
    world = call.engine.world
    call.params.flag("interestBNBBurn", default=False)
    pays_in_bnb = call.params.flag("spotBNBBurn", default=world.account.pays_in_bnb)
    world.change_account(replace(world.account, pays_in_bnb=pays_in_bnb))
    return bnb_burn(call)


def trade_fee(call: Call) -> list[Json]:
    chosen = call.params.optional_symbol()
    own = call.engine.world.account
    return [
        {"symbol": name, "makerCommission": short(own.maker_rate), "takerCommission": short(own.taker_rate)}
        for name in ([chosen.name] if chosen else SYMBOLS)
    ]


def nothing(_: Call) -> list[Any]:
    """Answer for lists that are empty here but that unchanged clients ask for when they start."""
    return []


def no_derivatives(call: Call) -> Json:
    """Answer clients that look for futures wherever they start: there are none here."""
    return {
        "timezone": "UTC",
        "serverTime": call.engine.now_ms,
        "rateLimits": [],
        "exchangeFilters": [],
        "assets": [],
        "symbols": [],
    }


def _coin(asset: str, free: int, locked: int) -> Json:
    return {
        "coin": asset,
        "depositAllEnable": True,
        "withdrawAllEnable": False,
        "name": _NAMES[asset],
        "free": amount(free),
        "locked": amount(locked),
        "freeze": "0",
        "withdrawing": "0",
        "ipoing": "0",
        "ipoable": "0",
        "storage": "0",
        "isLegalMoney": False,
        "trading": True,
        "networkList": [_network(asset, network) for network in _NETWORKS[asset]],
    }


def _network(asset: str, network: str) -> Json:
    return {
        "network": network,
        "coin": asset,
        "withdrawIntegerMultiple": amount(1),
        "isDefault": network == _NETWORKS[asset][0],
        "depositEnable": (asset, network) not in _CLOSED,
        "withdrawEnable": False,
        "depositDesc": "closed for maintenance" if (asset, network) in _CLOSED else "",
        "withdrawDesc": "The paper exchange holds nothing to withdraw.",
        "specialTips": "",
        "specialWithdrawTips": "",
        "name": network,
        "resetAddressStatus": False,
        "addressRegex": f"^PAPER-{asset}-{network}-[0-9]+$",
        "memoRegex": "",
        "withdrawFee": "0",
        "withdrawMin": "0",
        "withdrawMax": "0",
        "withdrawInternalMin": "0",
        "depositDust": amount(1),
        "minConfirm": 1,
        "unLockConfirm": 1,
        "sameAddress": False,
        "withdrawTag": False,
        "estimatedArrivalTime": 1,
        "busy": False,
        "contractAddressUrl": "",
        "contractAddress": "",
        "denomination": 1,
    }
