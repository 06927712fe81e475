"""What a Binance key may do, and where deposits go: the wallet API, which only the live venue has."""

from __future__ import annotations

from functools import partial
from typing import Final

from core.account import Environment
from core.errors import ConfigError
from core.ports import DepositAddress, DepositNetwork, KeyFacts
from exchanges.binance import wire_account
from exchanges.binance.link import Link

GONE: Final = (-2015, -2014, -2008)
"""Not a key, or not from this address. The venue checks this before it checks the signature."""
BAD_SIGNATURE: Final = -1022


class BinanceKeyAdministration:
    """The port `core.ports.KeyAdministration`. On a testnet nothing is asked, and every answer is None."""

    def __init__(self, link: Link, environment: Environment) -> None:
        self._link = link
        self._session = link.session
        self._has_wallet_api = environment is Environment.MAINNET

    async def key_facts(self) -> KeyFacts | None:
        if not self._has_wallet_api:
            return None
        return await self._link.read(
            lambda: self._session.get_account_api_permissions(**self._link.stamp()), wire_account.parse_key
        )

    async def is_known(self) -> bool:
        try:
            await self._link.read(lambda: self._session.get_account(**self._link.stamp()), lambda _: None)
        except ConfigError as error:
            code = error.details.get("venue_code")
            if code in GONE:
                return False
            if code != BAD_SIGNATURE:
                raise
        return True

    async def account_status(self) -> str | None:
        if not self._has_wallet_api:
            return None
        return await self._link.read(
            lambda: self._session.get_account_status(**self._link.stamp()), wire_account.parse_account_status
        )

    async def networks(self, coin: str) -> tuple[DepositNetwork, ...] | None:
        if not self._has_wallet_api:
            return None
        return await self._link.read(
            lambda: self._session.get_all_coins_info(**self._link.stamp()),
            partial(wire_account.parse_networks, coin=coin),
        )

    async def deposit_address(self, coin: str, network: str) -> DepositAddress | None:
        if not self._has_wallet_api:
            return None
        return await self._link.read(
            lambda: self._session.get_deposit_address(coin, network, **self._link.stamp()),
            partial(wire_account.parse_address, coin=coin, network=network),
        )
