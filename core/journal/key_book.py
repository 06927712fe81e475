"""What the journal knows of keys, by fingerprint."""

from __future__ import annotations

import json

from core.account import AccountKey
from core.journal import key_rows as sql
from core.journal import statements
from core.journal.store import Append, Store

KEY_TERMS = "KEY_TERMS"


class KeyBook:
    """Which key was used on which account, and which is exposed for ever."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def record_used(self, fingerprint: str, account: AccountKey) -> None:
        """Write down that a key reached an account, once."""

        def body(append: Append) -> None:
            if not self._was_used(fingerprint, account):
                told = {"fingerprint": fingerprint, "environment": account.environment}
                append("KEY_USED", str(account), told)

        if not self._was_used(fingerprint, account):
            self._store.write(body)

    def record_terms(
        self, fingerprint: str, account: AccountKey, created_ms: int, expires_ms: int | None
    ) -> None:
        """Write down, once, how long the key of an account will serve: alerts warn of its end.

        `expires_ms`: when it may no longer trade, None for never.
        """
        told = {"fingerprint": fingerprint, "created_ms": created_ms, "expires_ms": expires_ms}

        # Read before the write: looking far back must keep nobody from writing.
        row = self._store.row(statements.NEWEST_PAYLOAD_OF, (KEY_TERMS, str(account)))
        if row is None or json.loads(row["payload"]) != told:
            self._store.write(lambda append: append(KEY_TERMS, str(account), told), may_use_reserve=False)

    def environments_of(self, fingerprint: str) -> frozenset[str]:
        """Return where a key was used: testnet, mainnet."""
        return frozenset(row["environment"] for row in self._store.rows(sql.USES, (fingerprint,)))

    def accounts_of(self, fingerprint: str) -> frozenset[str]:
        """Return which accounts a key was used on, as their text."""
        return frozenset(row["account"] for row in self._store.rows(sql.ACCOUNTS, (fingerprint,)))

    def record_exposed(self, fingerprint: str, reason: str) -> None:
        """Write down that a key may be known to others; saying it again changes nothing."""

        def body(append: Append) -> None:
            if fingerprint not in self.exposed():
                append("KEY_EXPOSED", None, {"fingerprint": fingerprint, "reason": reason})

        self._store.write(body)

    def exposed(self) -> dict[str, str]:
        """Return fingerprint -> why it must never be used again, oldest first."""
        return {row["fingerprint"]: row["reason"] for row in self._store.rows(sql.EXPOSED)}

    def last_exposure_ms(self) -> int | None:
        """Return when a key was last found exposed, None for never."""
        row = self._store.row(sql.LAST_EXPOSURE)
        return None if row is None else row["since_ms"]

    def _was_used(self, fingerprint: str, account: AccountKey) -> bool:
        return self._store.row(sql.USE, (fingerprint, str(account))) is not None
