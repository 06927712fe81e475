"""What a reconciliation works with, and whose books they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.account import AccountKey
from core.clock import Clock
from core.errors import ConfigError
from core.operations.exposure import same_account
from core.ports import Venue

if TYPE_CHECKING:
    from core.journal import Journal


@dataclass(frozen=True)
class BooksDesk:
    """What a reconciliation works with. No lease: it sends nothing that trades."""

    venue: Venue
    account: AccountKey
    journal: Journal
    clock: Clock


async def known_account(venue: Venue, journal: Journal) -> AccountKey:
    """Return the account that this key reaches, as our books know it. Raises ConfigError WRONG_ACCOUNT.

    An account is opened by the commands that trade on it: what was never opened has no books to compare.
    """
    uid = (await venue.account.snapshot()).uid
    here = AccountKey(venue.name, venue.host.environment, venue.host.host, uid)
    known = [key for key in journal.accounts() if same_account(key, here)]
    if not known:
        others = ", ".join(map(str, journal.accounts()))
        raise ConfigError(
            f"this key is of {here}, which the journal in {journal.home} does not know; it knows {others}",
            code="WRONG_ACCOUNT",
            hint="name the settings file of the account that was traded on: --env-file",
            details={"account": str(here)},
        )
    return max(known, key=lambda key: key.epoch)
