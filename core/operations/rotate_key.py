"""Replace a key, and prove that the old one is dead.

Killed anywhere, exactly one working key is configured: the old one works until the human deletes it, which
they are asked for only after the new one was read back from where it is configured, and worked.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.account import AccountKey, Environment
from core.errors import ConfigError, ReconciliationBreak, Refused, TraderError
from core.gates.keys import wrong_rights
from core.keys.rotation import Rotation, load_rotation, remove_rotation, save_rotation
from core.keys.signing import SigningKey
from core.keys.store import KeyStore
from core.secrets import Secret, key_fingerprint, last_four

if TYPE_CHECKING:
    from core.clock import Clock
    from core.journal import Journal
    from core.lease import Lease
    from core.ports import Venue
    from core.settings import Credentials

LOOKS_MAX = 10
RESUME = "`trader rotate-key --resume`"
NO_SECRET = Secret("nothing")
"""What a request with the old key is signed with once its secret is gone: whether a venue knows a key is
answered before whether the signature is the key's."""


@dataclass(frozen=True)
class RotationDesk:
    """What a rotation works with.

    `configured`: read the settings now and return their key. `new_key`: get the new one from the human.
    `ready`: make a key sign, asking for its passphrase. `confirm`: have the phrase given, or raise
    NotConfirmed. `ask_deleted`: ask for the old key to be deleted; False when the human leaves that for
    later, or nobody is there.
    """

    home: Path
    store: KeyStore
    configured: Callable[[], Credentials]
    new_key: Callable[[], Credentials]
    ready: Callable[[Credentials], SigningKey]
    venue: Callable[[SigningKey], AbstractAsyncContextManager[Venue]]
    journal: Callable[[Clock], AbstractContextManager[Journal]]
    lease: Callable[[AccountKey], Lease]
    confirm: Callable[[str], None]
    ask_deleted: Callable[[str], bool]
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RotationResult:
    """A rotation that was proven. Endings are for a human to compare."""

    account: str
    old_ending: str
    new_ending: str
    new_fingerprint: str


async def rotate(desk: RotationDesk, *, exposed: bool) -> RotationResult:
    """Replace the configured key by a new one. Raises ReconciliationBreak KEY_UNPROVEN unless it is proven
    that the old one is dead; the new one is in use then.
    """
    if load_rotation(desk.home) is not None:
        raise _unfinished()
    old = desk.ready(desk.configured())
    old_uid = await _uid_of(desk, old)
    # What will tell it dead has to tell it alive now: otherwise its answer would prove nothing.
    old_worked = old_uid is not None and await _is_known(desk, old.api_key)
    worked = "works from here" if old_uid else "is refused from here already"
    desk.tell(f"the old key …{old.ending} {worked}")
    credentials = desk.new_key()
    new = desk.ready(credentials)
    if new.fingerprint == old.fingerprint:
        raise _unfit("it is the old one")
    async with desk.venue(new) as venue:
        uid = (await venue.account.snapshot()).uid
        with desk.journal(venue.clock) as journal:
            account = _account(venue, journal, uid)
            _refuse_another_account(journal, account, old, old_uid)
            rights = await _fit_rights(venue, journal, new)
            desk.tell(f"the new key …{new.ending} works from here, on the same account, and {rights}")
            desk.confirm(
                f"rotate {venue.name} {account.environment} {uid} …{old.ending} to …{new.ending}"
                + (" exposed" if exposed else "")
            )
            with desk.lease(account).acquired():
                _refuse_another_rotation(desk, old)
                _refuse_in_flight(journal, account)
                rotation = Rotation(
                    uid=uid,
                    old_key=old.api_key.reveal(),
                    old_fingerprint=old.fingerprint,
                    new_fingerprint=new.fingerprint,
                    old_worked=old_worked,
                    begun_ms=venue.clock.now_ms(),
                )
                if exposed:
                    journal.keys.record_exposed(old.fingerprint, "rotated away because it was exposed")
                save_rotation(desk.home, rotation)
                journal.record_note("KEY_ROTATION", account, _told(rotation))
                desk.store.write(credentials)
                journal.record_note("KEY_SWAPPED", account, _told(rotation))
    desk.tell(f"{desk.store.where} holds the new key now")
    return await _prove(desk, rotation)


async def resume(desk: RotationDesk) -> RotationResult | None:
    """Go on with a rotation that did not come to its end; None when there is none. Raises as `rotate`."""
    rotation = load_rotation(desk.home)
    if rotation is None:
        return None
    if _fingerprint(desk.configured()) == rotation.old_fingerprint:
        desk.tell("the earlier rotation swapped nothing: it begins again, with the new key asked for again")
        remove_rotation(desk.home)
        return await rotate(desk, exposed=False)
    return await _prove(desk, rotation)


async def _prove(desk: RotationDesk, rotation: Rotation) -> RotationResult:
    """Prove the swap, then wait until the old key is refused from where the new one works.

    Raises ConfigError KEY_OUT_OF_REACH when another key than the new one is read back, and Refused LEASE_HELD
    while somebody trades on the account.
    """
    old_ending = last_four(rotation.old_key)
    credentials = desk.configured()
    if _fingerprint(credentials) != rotation.new_fingerprint:
        raise ConfigError(
            f"{desk.store.where} does not hold the new key of the rotation that is not finished",
            code="KEY_OUT_OF_REACH",
            hint=f"delete no key; configure the old or the new one there, then {RESUME}",
        )
    new = desk.ready(credentials)
    async with desk.venue(new) as venue:
        with desk.journal(venue.clock) as journal:
            account = await _control(desk, venue, journal, rotation)
            journal.record_note("KEY_CONFIGURED", account, _told(rotation))
            journal.keys.record_used(new.fingerprint, account)
            # Whoever read the settings before the swap may still trade with the old key.
            with desk.lease(account).acquired():
                await _wait_until_deleted(desk, rotation, old_ending)
            # Refused may also mean that this address is: only the new key's success tells them apart.
            await _control(desk, venue, journal, rotation)
            proven = "KEY_DEAD" if rotation.old_worked else "KEY_UNPROVEN"
            journal.record_note(proven, account, _told(rotation))
            remove_rotation(desk.home)
            if not rotation.old_worked:
                raise ReconciliationBreak(
                    f"unproven: the old key …{old_ending} is refused from here, but it was before as well",
                    code="KEY_UNPROVEN",
                    hint="look on the venue's page that it is gone; the new key is in use",
                )
    return RotationResult(str(account), old_ending, new.ending, new.fingerprint)


async def _wait_until_deleted(desk: RotationDesk, rotation: Rotation, old_ending: str) -> None:
    """Have the old key deleted, and look, a few times. Raises ReconciliationBreak KEY_UNPROVEN."""
    for look in range(LOOKS_MAX):
        if not await _old_is_known(desk, rotation):
            return
        if look:
            desk.tell(f"the venue still knows …{old_ending}")
        if not desk.ask_deleted(f"delete the old key …{old_ending} on the venue's page"):
            break
    raise _unproven(f"the venue still knows the old key …{old_ending}", "delete it there, then ")


async def _control(desk: RotationDesk, venue: Venue, journal: Journal, rotation: Rotation) -> AccountKey:
    """Ask with the configured key, and return the account. Raises ReconciliationBreak KEY_UNPROVEN."""
    try:
        uid = (await venue.account.snapshot()).uid
    except TraderError as error:
        raise _unproven(f"the new key did not work just now: {error.message}") from None
    if uid != rotation.uid:
        raise _unproven(f"the configured key is of account {uid}, the rotation of {rotation.uid}")
    return _account(venue, journal, uid)


async def _old_is_known(desk: RotationDesk, rotation: Rotation) -> bool:
    """Tell whether the venue knows the old key. Raises ReconciliationBreak KEY_UNPROVEN."""
    try:
        return await _is_known(desk, Secret(rotation.old_key))
    except TraderError as error:
        raise _unproven(f"the venue did not say whether it knows the old key: {error.message}") from None


async def _is_known(desk: RotationDesk, api_key: Secret) -> bool:
    async with desk.venue(SigningKey(api_key, NO_SECRET)) as venue:
        return await venue.key_administration.is_known()


async def _uid_of(desk: RotationDesk, key: SigningKey) -> str | None:
    """Return whose key it is; None when it is refused."""
    async with desk.venue(key) as venue:
        try:
            return (await venue.account.snapshot()).uid
        except ConfigError as error:
            if error.code != "KEY_REFUSED":
                raise
            return None


def _account(venue: Venue, journal: Journal, uid: str) -> AccountKey:
    """Return the account as our books know it, or as they would."""
    here = AccountKey(venue.name, venue.host.environment, venue.host.host, uid)
    where = (here.venue, here.environment, here.host, here.uid)
    known = [key for key in journal.accounts() if (key.venue, key.environment, key.host, key.uid) == where]
    return max(known, key=lambda key: key.epoch, default=here)


def _refuse_another_account(
    journal: Journal, account: AccountKey, old: SigningKey, old_uid: str | None
) -> None:
    """Raise ConfigError WRONG_ACCOUNT. What a dead key was used on, only the journal knows."""
    if old_uid is None and str(account) in journal.keys.accounts_of(old.fingerprint):
        return
    if old_uid != account.uid:
        whose = f"account {old_uid}" if old_uid else "an account that the journal does not know"
        raise ConfigError(
            f"the new key is of account {account.uid}, the old one of {whose}",
            code="WRONG_ACCOUNT",
            hint="make the new key on the account of the old one",
        )


async def _fit_rights(venue: Venue, journal: Journal, new: SigningKey) -> str:
    """Say what a key may do. Raises Refused KEY_UNFIT for one that must not be used."""
    if new.fingerprint in journal.keys.exposed():
        raise _unfit("it is exposed")
    used_on = journal.keys.environments_of(new.fingerprint)
    if venue.host.environment is Environment.MAINNET and Environment.TESTNET in used_on:
        raise _unfit("it was used on a testnet host")
    facts = await venue.key_administration.key_facts()
    if facts is None:
        return "this venue does not tell what it may do"
    wrong = wrong_rights(facts)
    if not facts.ip_restricted:
        wrong.append("works from any address")
    if wrong:
        raise _unfit(f"it {', '.join(wrong)}")
    return "may only read and trade"


def _refuse_another_rotation(desk: RotationDesk, old: SigningKey) -> None:
    """Raise when the key was replaced while a human typed: what was found out is not about this one."""
    if load_rotation(desk.home) is not None:
        raise _unfinished()
    if _fingerprint(desk.configured()) != old.fingerprint:
        raise ConfigError(
            f"{desk.store.where} no longer holds …{old.ending}: the key was replaced meanwhile",
            code="KEY_OUT_OF_REACH",
            hint="nothing was changed; look at who did it, then begin again",
        )


def _refuse_in_flight(journal: Journal, account: AccountKey) -> None:
    waiting = [each.order.intent.client_order_id for each in journal.unsettled(account)]
    if waiting:
        raise Refused(
            f"the fate of {', '.join(waiting)} is not known", code="ORDER_IN_FLIGHT", hint="`trader resolve`"
        )


def _fingerprint(credentials: Credentials) -> str:
    return key_fingerprint(credentials.api_key.reveal())


def _unfinished() -> Refused:
    return Refused("an earlier rotation is not finished", code="ROTATION_UNFINISHED", hint=RESUME)


def _unfit(why: str) -> Refused:
    return Refused(
        f"the new key is refused: {why}",
        code="KEY_UNFIT",
        hint="make another one on the venue's page: reading and spot trading, from this machine's address",
    )


def _unproven(why: str, first: str = "") -> ReconciliationBreak:
    return ReconciliationBreak(f"unproven: {why}", code="KEY_UNPROVEN", hint=f"{first}{RESUME}")


def _told(rotation: Rotation) -> dict[str, object]:
    return {
        "old": rotation.old_fingerprint,
        "new": rotation.new_fingerprint,
        "old_worked": rotation.old_worked,
    }
