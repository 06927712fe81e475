"""Where to deposit: read from the venue alone, compared with what a human has confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.account import AccountKey, Environment
from core.address_forms import Checksum, checksum
from core.errors import ConfigError, NotConfirmed, Refused
from core.gates.reports import AddressReport
from core.ports import DepositAddress, DepositNetwork, HostFacts, Venue

if TYPE_CHECKING:
    from core.journal import Journal

ENDING = 6
"""How many characters of the address a human types off the venue's page."""
HOW = f"--confirm ENDING: the last {ENDING} characters"
PAPER_PREFIX = "PAPER-"


@dataclass(frozen=True, slots=True)
class AddressResult:
    """A deposit address. `pinned`: what was confirmed before; `networks`: every one of the coin."""

    address: DepositAddress
    checksum: Checksum
    pinned: DepositAddress | None
    networks: tuple[DepositNetwork, ...]

    @property
    def is_confirmed(self) -> bool:
        return self.pinned == self.address

    @property
    def proof(self) -> str:
        """What a human types off the venue's page: with a tag, which says whose money it is, that too."""
        return f"{self.address.address[-ENDING:]} {self.address.tag}".strip()

    @property
    def is_toy(self) -> bool:
        """Whether no network accepts it: the paper exchange's."""
        return self.address.address.startswith(PAPER_PREFIX)

    def raise_if_changed(self) -> None:
        """Raise Refused ADDRESS_CHANGED."""
        coin, network = self.address.coin, self.address.network
        if self.pinned is not None and not self.is_confirmed:
            raise Refused(
                f"the deposit address of {coin} on {network} is not the confirmed one: "
                f"{_text(self.pinned)} was confirmed, {_text(self.address)} is told now",
                code="ADDRESS_CHANGED",
                hint="deposit nothing; ask the venue on its own page. If the change is yours: --replace",
                details={"confirmed": _text(self.pinned), "told": _text(self.address)},
            )

    def raise_if_invalid(self) -> None:
        """Raise Refused ADDRESS_INVALID for an address that its network cannot have."""
        if self.checksum is Checksum.WRONG and not self.is_toy:
            raise Refused(
                f"{self.address.address} is no address of {self.address.network}: its checksum is wrong",
                code="ADDRESS_INVALID",
                hint="deposit nothing; compare it with the venue's page",
            )


def _text(address: DepositAddress) -> str:
    return f"{address.address} (tag {address.tag})" if address.tag else address.address


async def read_address(
    venue: Venue, journal: Journal, account: AccountKey, coin: str, network: str | None
) -> AddressResult:
    """Ask for a coin's address on a network, its default one unless one is named.

    Raises ConfigError ADDRESS_UNAVAILABLE for a host that is not the venue's own, a coin or network that it
    does not know, or one closed for deposits.
    """
    _refuse_strange_host(venue.host)
    networks = await venue.key_administration.networks(coin)
    if networks is None:
        raise _unavailable(
            "a testnet has no deposit addresses", "ask on the live venue: BINANCE_USE_TESTNET=false"
        )
    if not networks:
        raise _unavailable(f"the venue knows no coin {coin}", "e.g. trader address USDT")
    names = ", ".join(each.network for each in networks)
    chosen = next(
        (each for each in networks if each.network == network or (not network and each.is_default)), None
    )
    if chosen is None:
        raise _unavailable(f"{coin} has no network {network}", f"networks: {names}")
    if not chosen.deposits:
        why = f": {chosen.why_not}" if chosen.why_not else ""
        raise _unavailable(f"{coin} takes no deposits on {chosen.network} now{why}", f"networks: {names}")
    found = await venue.key_administration.deposit_address(coin, chosen.network)
    if found is None:
        raise _unavailable(
            f"there is no address of {coin} on {chosen.network} yet", "make one on the venue's page"
        )
    return AddressResult(
        found, checksum(found.network, found.address), _pinned(journal, account, found), networks
    )


def pin(journal: Journal, account: AccountKey, result: AddressResult, ending: str | None) -> None:
    """Write down that a human compared the address with the venue's page, where they read its ending and tag.

    Raises NotConfirmed, or Refused ADDRESS_INVALID.
    """
    result.raise_if_invalid()
    address = result.address
    what = f'--confirm "ENDING TAG": the last {ENDING} characters and the tag' if address.tag else HOW
    how = f"{what}, as the venue's own page shows them"
    if ending is None:
        raise NotConfirmed(f"the address of {address.coin} on {address.network} is not confirmed", hint=how)
    typed = " ".join(ending.split())
    if typed != result.proof:
        tag = " and its tag" if address.tag else ""
        raise NotConfirmed(f"the end of the address{tag} is not {typed!r}", hint=f"deposit nothing; {how}")
    journal.pin_address(account, address)


async def address_report(venue: Venue, journal: Journal, account: AccountKey, coin: str) -> AddressReport:
    """Ask the venue for every pinned address of a coin again."""
    pinned = [each for each in journal.pinned_addresses(account) if each.coin == coin]
    if account.environment is Environment.TESTNET:
        return AddressReport((), ())
    ask = venue.key_administration.deposit_address
    told = {each: await ask(coin, each.network) for each in pinned}
    changed = [f"{coin} on {each.network}" for each in pinned if told[each] != each]
    return AddressReport(tuple(f"{coin} on {each.network}" for each in pinned), tuple(changed))


def _pinned(journal: Journal, account: AccountKey, found: DepositAddress) -> DepositAddress | None:
    same = (found.coin, found.network)
    return next(
        (each for each in journal.pinned_addresses(account) if (each.coin, each.network) == same), None
    )


def _refuse_strange_host(host: HostFacts) -> None:
    is_toy = host.loopback and host.host == "paper"
    if not (is_toy or (host.official and host.root.startswith("https://"))):
        raise _unavailable(
            f"{host.host} is not the venue's own host: an address from there may be anybody's",
            "remove BINANCE_BASE_URL",
        )


def _unavailable(message: str, hint: str) -> ConfigError:
    return ConfigError(message, code="ADDRESS_UNAVAILABLE", hint=hint)
