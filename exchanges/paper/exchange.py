"""One persona of the exchange in a box: state, clock and market; every request is one transaction."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from msgspec.structs import replace

from exchanges.paper import keys
from exchanges.paper.advance import advance
from exchanges.paper.ambient import Ambient
from exchanges.paper.clock import ExchangeClock, speed_of
from exchanges.paper.engine import Engine
from exchanges.paper.faults.mishaps import fill_late
from exchanges.paper.keys import ApiKey
from exchanges.paper.limits import Limits, OrderCount
from exchanges.paper.listen_keys import ListenKeys
from exchanges.paper.markets import market_plan
from exchanges.paper.mirror.tape import Tape
from exchanges.paper.records import MAIN, Account, Event, Persona, SymbolState
from exchanges.paper.state import State
from exchanges.paper.symbols import SYMBOLS, units
from exchanges.paper.venue import UnknownAccount, Venue

_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
STANDARD_RATE = units("0.001")
OPENING_BALANCES: dict[Persona, dict[str, int]] = {
    "testnet": {"USDT": units("10000"), "BTC": units("1"), "ETH": units("10"), "BNB": units("10")},
    "mainnet": {"USDT": units("1000"), "BNB": units("1")},
}


@dataclass(frozen=True)
class PaperConfig:
    """What to serve. `market`: None for the synthetic one of `seed`, or `file:PATH` with recorded bars of
    `market_symbol`. `speed` None leaves the clock as it runs. `legacy_listen_key`: serve what the
    venue removed, for old clients.
    """

    state_dir: Path
    seed: int = 0
    market: str | None = None
    market_symbol: str = "BTCUSDT"
    home: Path | None = None
    speed: Fraction | float | None = None
    persona: Persona = "testnet"
    legacy_listen_key: bool = False


class Exchange:
    """The exchange of one process. Others may serve the same state at the same time; all see one venue."""

    def __init__(
        self, config: PaperConfig, *, wall_clock_ms: Callable[[], int], random_bytes: Callable[[int], bytes]
    ) -> None:
        """Open or make the state. Raises ValueError, `StateError` or `MarketFileError`."""
        self.config = config
        self._wall_clock_ms = wall_clock_ms
        self.random_bytes = random_bytes
        self.listen_keys = ListenKeys()
        self._plan = market_plan(
            config.market, config.seed, config.market_symbol, config.home, config.state_dir
        )
        self.state = State(config.state_dir)
        self._venue: Venue | None = None
        self._clock: ExchangeClock | None = None
        self._last_ms = 0
        self.ambient = Ambient({})
        try:
            with self.state.transaction():
                self._set_clock()
                first = self._accounts()[0]
                self._list_new_symbols(first)
                self._make_markets(first.began_ms)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.state.close()
        if self._plan.tape is not None:
            self._plan.tape.close()

    @property
    def tape(self) -> Tape | None:
        """What is known of the exchange that is mirrored, if one is."""
        return self._plan.tape

    @contextmanager
    def standing_still(self) -> Iterator[int]:
        """Hold the lock that every request of every process takes, and give the time it is taken at."""
        with self.state.transaction():
            yield self.now_ms()

    def now_ms(self) -> int:
        """Return the exchange's time, which never runs backwards within this process."""
        if self._clock is None:
            raise RuntimeError("the clock is set when the state is opened")
        self._last_ms = max(self._last_ms, self._clock.at(self._wall_clock_ms()))
        return self._last_ms

    @property
    def speed(self) -> Fraction:
        return Fraction(1) if self._clock is None else self._clock.speed

    @contextmanager
    def transaction(self) -> Iterator[Engine]:
        """Bring the book forward and hand out the engine; commit what it did, or nothing if it raises.

        The engine is the main account's, `Engine.of` gives those of the others. A caller that wants to keep
        side effects of a refused request catches `Refused` inside.
        """
        try:
            with self.state.transaction():
                if self.state.changed_by_others():
                    self._reload()
                if self.tape is not None:
                    self._play_on(self.tape)
                if self._venue is None:
                    self._venue = Venue(self.state, self._accounts())
                venue, now_ms = self._venue, self.now_ms()
                engine = Engine(venue, venue.main, self.ambient, self.state, now_ms)
                advance(engine)
                for world in venue.worlds.values():
                    if world.late_fills:
                        fill_late(engine.of(world))
                yield engine
                venue.flush(now_ms)
        except BaseException:
            self._venue = None  # what it holds in memory was not written
            raise

    def open_account(self, name: str) -> Account:
        """Return the account of this name, made with the persona's opening balances when there is none.

        Raises ValueError for what is no name.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"the account was {name!r}; a name is 1 to 32 letters, digits, - and _")
        with self.transaction() as engine:
            with suppress(UnknownAccount):
                return engine.venue.named(name).account
            opened = self._open_new(name, engine.venue.main.account)
            self._venue = None  # to be loaded again, with the new one
            return opened

    def default_key(self) -> ApiKey:
        """Return the persona's first key pair, made when there is none.

        On mainnet it is what an operator's key should be: spot trading only, and from this machine.
        """
        persona = self.config.persona
        with self.transaction() as engine:
            for key in self.state.access.keys(persona):
                if key.label == keys.DEFAULT_LABEL:
                    return key
            key = ApiKey(
                api_key=keys.generate(self.random_bytes),
                persona=persona,
                kind="HMAC",
                secret=keys.generate(self.random_bytes),
                label=keys.DEFAULT_LABEL,
                created_ms=engine.now_ms,
                ip_list=("127.0.0.1",) if persona == "mainnet" else (),
            )
            self.state.access.save_key(key)
            return key

    def reset(self) -> None:
        """Wipe all accounts as a testnet is wiped: orders, trades and balances go, keys stay, ids start anew.

        A recorded market starts again from its beginning.
        """
        with self.state.transaction():
            self._reload()
            accounts, now_ms = self._accounts(), self.now_ms()
            self.state.wipe(each.account for each in accounts)
            for account in accounts:
                wiped = replace(
                    account,
                    epoch=account.epoch + 1,
                    began_ms=now_ms,
                    last_ms=now_ms,
                    updated_ms=now_ms,
                    order_count=OrderCount(),
                )
                self._open(wiped)
                self.state.append_events(account.account, [Event("RESET", now_ms)])
            self.state.wipe_venue(accounts[0].account)
            self._list_new_symbols(accounts[0])
        self._make_markets(now_ms)

    def _set_clock(self) -> None:
        wall_ms = self._wall_clock_ms()
        clock = self.state.load_clock() or ExchangeClock(wall_ms, wall_ms, Fraction(1))
        wanted = clock.speed if self.config.speed is None else speed_of(self.config.speed)
        if wanted != clock.speed:
            clock = clock.with_speed(wanted, wall_ms)
        self._clock = clock
        self.state.save_clock(clock)

    def _reload(self) -> None:
        """Forget what is kept in memory: another process changed the state."""
        self._venue = None
        self._clock = self.state.load_clock()
        accounts = self._accounts()
        self._last_ms = max(self._last_ms, *(each.last_ms for each in accounts))
        if accounts[0].began_ms != self._began_ms:
            self._make_markets(accounts[0].began_ms)

    def _accounts(self) -> Sequence[Account]:
        """Return the accounts of the venue, the main one first; those that keys open are made if need be."""
        accounts = self.state.accounts(self.config.persona, self._plan.key)
        if not accounts:
            accounts = [self._open_new(MAIN, None)]
            self._list_new_symbols(accounts[0])
        known = {each.name for each in accounts}
        for name in dict.fromkeys(key.account for key in self.state.access.keys(self.config.persona)):
            if name not in known:
                accounts.append(self._open_new(name, accounts[0]))
                known.add(name)
        return accounts

    def _open_new(self, name: str, first: Account | None) -> Account:
        """Make an account; one more of a venue has the limits of its first, and is as often wiped."""
        now_ms = self.now_ms()
        number = self.state.next_account()
        account = Account(
            account=number,
            persona=self.config.persona,
            market=self._plan.key,
            uid=(1_000_000 + int.from_bytes(self.random_bytes(4)) % 9_000_000) * 100 + number % 100,
            epoch=1 if first is None else first.epoch,
            began_ms=now_ms,
            last_ms=now_ms,
            updated_ms=now_ms,
            maker_rate=STANDARD_RATE,
            taker_rate=STANDARD_RATE,
            pays_in_bnb=False,
            limits=Limits() if first is None else first.limits,
            order_count=OrderCount(),
            name=name,
        )
        self._open(account)
        return account

    def _open(self, account: Account) -> None:
        """Write a fresh account with its opening balances."""
        self.state.save_account(account)
        opening = OPENING_BALANCES[account.persona].items()
        self.state.save_balances(
            account.account, "account", [(asset, amount, 0) for asset, amount in opening]
        )
        self.state.save_balances(account.account, "venue", [(asset, -amount, 0) for asset, amount in opening])

    def _list_new_symbols(self, first: Account) -> None:
        """Let symbols trade that the venue's state does not know yet."""
        known = self.state.symbols(first.account)
        self.state.save_symbols(first.account, [SymbolState(name) for name in SYMBOLS if name not in known])

    def _play_on(self, tape: Tape) -> None:
        """Make the markets anew when something more is known of those that are mirrored."""
        tape.read_on()
        if tape.known_step != self._played_step:
            self._make_markets(self._accounts()[0].began_ms)

    def _make_markets(self, began_ms: int) -> None:
        self._played_step = self.tape.known_step if self.tape is not None else 0
        self._began_ms = began_ms
        self.ambient = Ambient(self._plan.markets(began_ms))
