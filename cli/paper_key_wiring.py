"""The keys of the paper exchange, for the command that shows and changes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cli.paper_wiring import PaperConfig, paper_exchange
from core.errors import ConfigError
from exchanges.paper import Exchange, admin
from exchanges.paper.keys import ApiKey, Permissions

ENDING_MIN = 4


@dataclass(frozen=True, slots=True)
class PaperKey:
    """A key of the paper exchange, secret included: it opens nothing but a toy. `api_secret`: None for a
    key pair, whose private half the exchange never sees.
    """

    persona: str
    label: str
    kind: str
    api_key: str
    api_secret: str | None
    trading: bool
    withdrawals: bool
    ip_list: tuple[str, ...]
    account: str


@dataclass(frozen=True, slots=True)
class Rights:
    """What a key may do. `ip_list` empty: from anywhere."""

    trading: bool
    withdrawals: bool
    ip_list: tuple[str, ...]


def paper_keys(config: PaperConfig) -> tuple[PaperKey, ...]:
    """Return a persona's keys, making the first one when there is none. Raises ConfigError."""
    with paper_exchange(config) as exchange:
        exchange.default_key()
        keys = sorted(admin.list_keys(exchange), key=lambda key: (key.created_ms, key.label))
    return tuple(map(_paper_key, keys))


def add_paper_key(
    config: PaperConfig, label: str, rights: Rights, public_key: str | None, account: str
) -> PaperKey:
    """Make one more key, and its account where it is new. Raises ConfigError.

    `public_key`: the PEM text of an Ed25519 key.
    """
    with _opened(config) as exchange:
        key = admin.create_key(
            exchange,
            label,
            kind="HMAC" if public_key is None else "ED25519",
            public_key=public_key or "",
            permissions=_permissions(rights),
            ip_list=rights.ip_list,
            account=account,
        )
    return _paper_key(key)


def restrict_paper_key(config: PaperConfig, name: str, rights: Rights) -> PaperKey:
    """Change what a key may do. Raises ConfigError."""
    with _opened(config) as exchange:
        found = _named(exchange, name)
        return _paper_key(
            admin.restrict_key(
                exchange, found.api_key, permissions=_permissions(rights), ip_list=rights.ip_list
            )
        )


def delete_paper_key(config: PaperConfig, name: str) -> PaperKey:
    """Delete a key, and return what it was. Raises ConfigError."""
    with _opened(config) as exchange:
        found = _named(exchange, name)
        admin.delete_key(exchange, found.api_key)
    return _paper_key(found)


@contextmanager
def _opened(config: PaperConfig) -> Iterator[Exchange]:
    with paper_exchange(config) as exchange:
        try:
            yield exchange
        except ValueError as error:
            raise ConfigError(f"the key cannot be made so: {error}", hint="correct the option") from None


def _named(exchange: Exchange, name: str) -> ApiKey:
    """Return the one key of this label, this text, or this ending. Raises ConfigError."""
    keys = admin.list_keys(exchange)
    found = [key for key in keys if name in (key.label, key.api_key)]
    if not found and len(name) >= ENDING_MIN:
        found = [key for key in keys if key.api_key.endswith(name)]
    if len(found) != 1:
        how_many = f"{len(found)} keys are" if found else "no key is"
        raise ConfigError(
            f"{how_many} called {name!r} on the {exchange.config.persona} persona",
            code="KEY_MISSING",
            hint=f"name a label, or how the API key ends; there are {', '.join(key.label for key in keys)}",
        )
    return found[0]


def _permissions(rights: Rights) -> Permissions:
    return Permissions(spot_trading=rights.trading, withdrawals=rights.withdrawals)


def _paper_key(key: ApiKey) -> PaperKey:
    return PaperKey(
        persona=key.persona,
        label=key.label,
        kind=key.kind,
        api_key=key.api_key,
        api_secret=key.secret if key.kind == "HMAC" else None,
        trading=key.permissions.spot_trading,
        withdrawals=key.permissions.withdrawals,
        ip_list=key.ip_list,
        account=key.account,
    )
