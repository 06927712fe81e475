"""The SQL of who may ask, and how much: API keys, and the limits of addresses."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec
from msgspec.structs import astuple

from exchanges.paper.keys import ApiKey, Permissions
from exchanges.paper.limits import IpUsage
from exchanges.paper.records import Persona


class AccessState:
    """A part of the open state file; every method belongs inside a transaction of it.

    What was read is kept until `forget`, since every request asks for it.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database
        self._keys: dict[tuple[Persona, str], ApiKey] = {}
        self._ip_usage: dict[str, IpUsage] = {}

    def forget(self) -> None:
        self._keys.clear()
        self._ip_usage.clear()

    # keys

    def keys(self, persona: Persona) -> list[ApiKey]:
        rows = self._db.execute(
            "SELECT * FROM api_keys WHERE persona = ? ORDER BY created_ms, api_key", (persona,)
        )
        return [_api_key(row) for row in rows]

    def find_key(self, persona: Persona, api_key: str) -> ApiKey | None:
        name = persona, api_key
        if name not in self._keys:
            row = self._db.execute(
                "SELECT * FROM api_keys WHERE persona = ? AND api_key = ?", (persona, api_key)
            ).fetchone()
            if row is None:
                return None
            self._keys[name] = _api_key(row)
        return self._keys[name]

    def save_key(self, key: ApiKey) -> None:
        self._keys[key.persona, key.api_key] = key
        self._db.execute(
            "INSERT OR REPLACE INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *astuple(key)[:6],
                msgspec.json.encode(key.ip_list).decode(),
                msgspec.json.encode(key.permissions).decode(),
                key.expires_ms,
                key.account,
            ),
        )

    def delete_key(self, key: ApiKey) -> None:
        self._keys.pop((key.persona, key.api_key), None)
        self._db.execute("DELETE FROM api_keys WHERE persona = ? AND api_key = ?", (key.persona, key.api_key))

    # limits

    def ip_usage(self, ip: str) -> IpUsage:
        if ip not in self._ip_usage:
            row = self._db.execute("SELECT * FROM ip_usage WHERE ip = ?", (ip,)).fetchone()
            self._ip_usage[ip] = IpUsage(ip) if row is None else IpUsage(*row)
        return self._ip_usage[ip]

    def save_ip_usage(self, usage: IpUsage) -> None:
        saved, self._ip_usage[usage.ip] = self._ip_usage.get(usage.ip), usage
        row = astuple(usage)[:6]
        if saved is None or row != astuple(saved)[:6]:
            self._db.execute("INSERT OR REPLACE INTO ip_usage VALUES (?, ?, ?, ?, ?, ?)", row)

    def clear_ip_usage(self) -> None:
        self._ip_usage.clear()
        self._db.execute("DELETE FROM ip_usage")


def _api_key(row: tuple[Any, ...]) -> ApiKey:
    values = list(row)
    values[6] = msgspec.json.decode(row[6], type=tuple[str, ...])
    values[7] = msgspec.json.decode(row[7], type=Permissions)
    return ApiKey(*values)
