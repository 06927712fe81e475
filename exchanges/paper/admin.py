"""What the operator of the paper exchange can do that a client cannot: keys, deposits, halts, fees, limits.

Works on the opened state, whether or not a server runs on it; each call is one transaction. What belongs to
one account names it, and raises UnknownAccount where there is none of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from msgspec.structs import replace

from core.matching import UNIT
from exchanges.paper import keys
from exchanges.paper.engine import Engine
from exchanges.paper.exchange import Exchange, PaperConfig
from exchanges.paper.faults import Plan
from exchanges.paper.faults.deciding import ActivePlan
from exchanges.paper.keys import ApiKey, KeyKind, Permissions
from exchanges.paper.limits import Limits
from exchanges.paper.market import STEP_MS
from exchanges.paper.records import MAIN, Account, Event, SymbolStatus, TransferKind
from exchanges.paper.symbols import ASSETS, SYMBOLS, units


@contextmanager
def opened(
    config: PaperConfig, *, wall_clock_ms: Callable[[], int], random_bytes: Callable[[int], bytes]
) -> Iterator[Exchange]:
    """Open the exchange without serving it."""
    exchange = Exchange(config, wall_clock_ms=wall_clock_ms, random_bytes=random_bytes)
    try:
        yield exchange
    finally:
        exchange.close()


def account(exchange: Exchange, name: str = MAIN) -> Account:
    """Return an account of the configured persona and market."""
    with as_account(exchange, name) as engine:
        return engine.world.account


@contextmanager
def as_account(exchange: Exchange, name: str) -> Iterator[Engine]:
    """Hold a transaction as this account has it."""
    with exchange.transaction() as engine:
        yield engine.of(engine.venue.named(name))


def list_keys(exchange: Exchange) -> list[ApiKey]:
    with exchange.transaction():
        return exchange.state.access.keys(exchange.config.persona)


def create_key(
    exchange: Exchange,
    label: str,
    *,
    kind: KeyKind = "HMAC",
    public_key: str = "",
    permissions: Permissions = keys.DEFAULT_PERMISSIONS,
    ip_list: tuple[str, ...] = (),
    expires_ms: int | None = None,
    account: str = MAIN,
) -> ApiKey:
    """Make a key. HMAC: its secret is made too; Ed25519 and RSA: `public_key` is the PEM text of the owner's.

    `account`: the name of the one it opens, which is made where there is none. Raises ValueError for a public
    key that is none, for the right to withdraw without an IP list, and for a name that is none.
    """
    if kind != "HMAC":
        keys.check_public_key(kind, public_key)
    _check_withdrawals(permissions, ip_list)
    exchange.open_account(account)
    with exchange.transaction() as engine:
        key = ApiKey(
            api_key=keys.generate(exchange.random_bytes),
            persona=exchange.config.persona,
            kind=kind,
            secret=public_key or keys.generate(exchange.random_bytes),
            label=label,
            created_ms=engine.now_ms,
            ip_list=ip_list,
            permissions=permissions,
            expires_ms=expires_ms,
            account=account,
        )
        exchange.state.access.save_key(key)
        return key


def restrict_key(
    exchange: Exchange,
    api_key: str,
    *,
    permissions: Permissions | None = None,
    ip_list: tuple[str, ...] | None = None,
    expires_ms: int | None = None,
    created_ms: int | None = None,
) -> ApiKey:
    """Change what a key may do, or its age; None leaves a part as it is. Raises LookupError."""
    with exchange.transaction():
        key = _found(exchange, api_key)
        key = replace(
            key,
            permissions=key.permissions if permissions is None else permissions,
            ip_list=key.ip_list if ip_list is None else ip_list,
            expires_ms=key.expires_ms if expires_ms is None else expires_ms,
            created_ms=key.created_ms if created_ms is None else created_ms,
        )
        _check_withdrawals(key.permissions, key.ip_list)
        exchange.state.access.save_key(key)
        return key


def delete_key(exchange: Exchange, api_key: str) -> None:
    """Delete a key: it is refused from the next request on. Raises LookupError for an unknown key."""
    with exchange.transaction():
        exchange.state.access.delete_key(_found(exchange, api_key))


def deposit(exchange: Exchange, asset: str, amount: Decimal, *, account: str = MAIN) -> None:
    """Add to a free balance, or take away when negative. Raises ValueError for what cannot be."""
    if asset not in ASSETS:
        raise ValueError(f"the asset was {asset!r}, known: {', '.join(ASSETS)}")
    change = units(f"{amount:f}")
    with as_account(exchange, account) as engine:
        free = engine.world.free(asset)
        if free + change < 0:
            raise ValueError(f"cannot take {-amount} {asset}: {Decimal(free) / UNIT} are free")
        _transfer(engine, "deposit" if change > 0 else "withdrawal", asset, change)


def distribute(exchange: Exchange, asset: str, amount: Decimal, *, account: str = MAIN) -> None:
    """Credit something nobody asked for: an airdrop, interest. Raises ValueError for what cannot be."""
    if asset not in ASSETS or amount <= 0:
        raise ValueError(f"cannot distribute {amount} {asset}")
    with as_account(exchange, account) as engine:
        _transfer(engine, "distribution", asset, units(str(amount)))


def convert_dust(exchange: Exchange, asset: str, bnb: Decimal, *, account: str = MAIN) -> None:
    """Turn all that is free of an asset into BNB, as the venue's page does with small amounts."""
    with as_account(exchange, account) as engine:
        free = engine.world.free(asset)
        if asset == "BNB" or not free:
            raise ValueError(f"there is no {asset} to convert")
        _transfer(engine, "dust", asset, -free, units(str(bnb)))


def _transfer(engine: Engine, kind: TransferKind, asset: str, change: int, in_bnb: int = 0) -> None:
    world, now_ms = engine.world, engine.now_ms
    world.post(asset, free=change)
    world.post("BNB", free=in_bnb)
    engine.state.add_transfer(world.account.account, kind, asset, change, in_bnb, now_ms)
    world.emit(Event("DEPOSIT", now_ms, balances=((asset, change, 0),)))


def set_symbol_status(exchange: Exchange, symbol: str, status: SymbolStatus) -> None:
    """Halt or resume trading. Resting orders stay, and meet the market again from when it trades again."""
    if symbol not in SYMBOLS:
        raise ValueError(f"the symbol was {symbol!r}, known: {', '.join(SYMBOLS)}")
    with exchange.transaction() as engine:
        state = engine.books.symbols[symbol]
        engine.books.put_symbol(replace(state, status=status, step=engine.now_ms // STEP_MS))


def set_bnb_fees(exchange: Exchange, enabled: bool, *, account: str = MAIN) -> None:
    """Pay commissions in BNB, at a discount, whenever enough BNB is free."""
    with as_account(exchange, account) as engine:
        engine.world.change_account(replace(engine.world.account, pays_in_bnb=enabled))


def set_fees(exchange: Exchange, maker_rate: Decimal, taker_rate: Decimal, *, account: str = MAIN) -> None:
    """Set the commission rates, as fractions: 0.001 is 0.1 %."""
    if not (0 <= maker_rate < 1 and 0 <= taker_rate < 1):
        raise ValueError(f"fee rates must be in [0, 1), were {maker_rate} and {taker_rate}")
    with as_account(exchange, account) as engine:
        rates = {"maker_rate": units(str(maker_rate)), "taker_rate": units(str(taker_rate))}
        engine.world.change_account(replace(engine.world.account, **rates))


def set_limits(exchange: Exchange, limits: Limits) -> None:
    """Set the request and order limits of all accounts; what was used and every ban are forgotten."""
    with exchange.transaction() as engine:
        for world in engine.venue.worlds.values():
            world.change_account(replace(world.account, limits=limits))
        exchange.state.access.clear_ip_usage()


def set_faults(exchange: Exchange, plan: Plan | None) -> None:
    """Let things go wrong as the plan says, in every process that serves this state; None: nothing does."""
    with exchange.transaction() as engine:
        engine.state.save_faults(None if plan is None else ActivePlan.begin(plan, engine.now_ms))


def faults(exchange: Exchange) -> ActivePlan | None:
    """Return the plan at work and how far its rules are."""
    with exchange.transaction() as engine:
        return engine.state.faults()


@contextmanager
def faulty(exchange: Exchange, plan: Plan) -> Iterator[None]:
    """Keep a plan at work for as long as the context lasts; an error out of it tells how to replay it."""
    set_faults(exchange, plan)
    try:
        yield
    except BaseException as error:
        error.add_note(f"replay: {plan.replay_line()}")
        raise
    finally:
        set_faults(exchange, None)


def _found(exchange: Exchange, api_key: str) -> ApiKey:
    key = exchange.state.access.find_key(exchange.config.persona, api_key)
    if key is None:
        raise LookupError(f"no key {api_key[:4]}… on the {exchange.config.persona} persona")
    return key


def _check_withdrawals(permissions: Permissions, ip_list: tuple[str, ...]) -> None:
    if permissions.withdrawals and not ip_list:
        raise ValueError("the right to withdraw needs an IP list")
