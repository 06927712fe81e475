"""The markets of all symbols, as the operator chose them: synthetic, recorded, or both."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from core.data.series import Series
from core.data.store import FOLDER, path_of, read_series, stored
from core.errors import ConfigError
from core.intervals import interval_ms
from core.matching import UNIT
from core.paper_market import MarketChoice, market_choice
from exchanges.paper.market import MINUTE_MS, Market, MarketFileError, SymbolSpec, crossed, synthetic
from exchanges.paper.market.kline_file import is_klines, read
from exchanges.paper.market.recorded import BAR_MINUTES, Recording, replayed, shifts
from exchanges.paper.market.series_recording import of_series, of_trades
from exchanges.paper.mirror.market import mirrored
from exchanges.paper.mirror.tape import Tape
from exchanges.paper.symbols import SYMBOLS, Symbol

_DOLLAR = "USDT"
_DIGEST_LETTERS = 16


@dataclass(frozen=True)
class MarketPlan:
    """What is played. `key` names it: the seed, and what was recorded, wherever that lies.

    Each market has an account of its own: prices that jump from one market's to another's would make fills
    and profits of nothing, and two processes on different markets must not fight over one account.
    """

    key: str
    seed: int
    recordings: Mapping[str, Recording]
    tape: Tape | None = None

    def markets(self, anchor_ms: int) -> dict[str, Market]:
        """Return the market of every symbol; recordings are laid out around `anchor_ms`.

        A symbol that was not recorded, or is not mirrored, has its synthetic market. Raises MarketFileError.
        """
        markets = {name: _shared_market(symbol, self.seed) for name, symbol in SYMBOLS.items()}
        if self.tape is not None:
            markets |= {name: mirrored(self.tape, spec_of(SYMBOLS[name])) for name in self.tape.bars}
        if self.recordings:
            for name, shift_ms in shifts(self.recordings, anchor_ms).items():
                markets[name] = replayed(self.recordings[name], spec_of(SYMBOLS[name]), shift_ms=shift_ms)
        return markets


def market_plan(
    text: str | None, seed: int, symbol: str, home: Path | None, state_dir: Path = Path()
) -> MarketPlan:
    """Read what is to be played. `text`: as `TRADER_PAPER_MARKET`; `symbol`: of a file that names none.

    `state_dir` has the tape of a mirror. Raises ValueError and MarketFileError.
    """
    choice = _choice(text)
    recordings, names = {}, [f"seed {seed}"]
    if choice.kind == "file":
        for named, path in choice.files:
            recordings[named or symbol], digest = _of_file(path, named or symbol)
            names.append(f"{named or symbol} from file {digest}")
    elif choice.kind == "data":
        for name, series in _imported(home).items():
            path = path_of(home or Path(), name, series.interval)
            recordings[name] = of_series(series, spec_of(SYMBOLS[name]), path)
            names.append(f"{name} from data {_digest(series.table.tobytes())}")
    elif choice.kind == "mirror":
        return MarketPlan(f"mirror of {choice.url}", seed, {}, _tape(state_dir, choice.url))
    return MarketPlan(", ".join(names), seed, recordings)


def synthetic_market(symbol: Symbol, seed: int) -> Market:
    """Return the synthetic market of a listed symbol; all of one seed move together."""
    if symbol.quote == _DOLLAR:
        return synthetic(spec_of(symbol), seed)
    base, quote = (spec_of(SYMBOLS[f"{asset}{_DOLLAR}"]) for asset in (symbol.base, symbol.quote))
    return crossed(spec_of(symbol), base, quote, seed)


_shared_market = lru_cache(maxsize=4 * len(SYMBOLS))(synthetic_market)
"""A market follows from its seed alone: the exchanges of a process share what was worked out of it."""


def spec_of(symbol: Symbol) -> SymbolSpec:
    """Return what a market needs to know of a symbol."""
    return SymbolSpec(
        symbol=symbol.name,
        tick=Decimal(symbol.tick) / UNIT,
        step=Decimal(symbol.step) / UNIT,
        base_price=Decimal(symbol.base_price) / UNIT,
        typical_quantity=Decimal(symbol.typical_quantity) / UNIT,
        volatility=symbol.volatility,
        loadings=symbol.loadings,
    )


def _choice(text: str | None) -> MarketChoice:
    try:
        return MarketChoice("synthetic") if text is None else market_choice(text)
    except ValueError as error:
        raise ValueError(f"the market was {text!r}: {error}") from None


def _of_file(path: Path, symbol: str) -> tuple[Recording, str]:
    if symbol not in SYMBOLS:
        raise ValueError(f"the recorded symbol was {symbol!r}, known: {', '.join(SYMBOLS)}")
    try:
        digest = _digest(path.read_bytes())
    except OSError as error:
        raise MarketFileError(path, None, f"cannot be read: {error.strerror or error}") from None
    spec = spec_of(SYMBOLS[symbol])
    return read(path, spec) if is_klines(path) else of_trades(path, spec), digest


def _tape(state_dir: Path, url: str) -> Tape:
    tape = Tape(state_dir, url)
    if not tape.known_step:
        tape.close()
        raise ValueError(f"nothing was fetched of {url} yet: `trader paper serve` does that")
    return tape


def _imported(home: Path | None) -> dict[str, Series]:
    """Return the finest series from a minute to a day of each listed symbol."""
    if home is None:
        raise ValueError("the market was data:, and there is no home to look for it")
    found: dict[str, Series] = {}
    for name, interval in stored(home):
        if name in SYMBOLS and name not in found and interval_ms(interval) // MINUTE_MS in BAR_MINUTES:
            try:
                series = read_series(home, name, interval)
            except ConfigError as error:
                path = path_of(home, name, interval)
                raise MarketFileError(path, None, error.message.removeprefix(f"{path} ")) from None
            if series is not None:
                found[name] = series
    if not found:
        reason = f"holds no bars of {', '.join(SYMBOLS)}: `trader data import PATH` brings some in"
        raise MarketFileError(home / FOLDER, None, reason)
    return found


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGEST_LETTERS]


def mirror_url(text: str | None) -> str | None:
    """Return the exchange to be mirrored, None where none is. Raises ValueError."""
    return _choice(text).url or None


def mirrored_specs() -> dict[str, SymbolSpec]:
    """Return what is looked for on an exchange to be mirrored."""
    return {name: spec_of(symbol) for name, symbol in SYMBOLS.items()}
