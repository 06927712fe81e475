"""The paper exchange for the commands that serve and manage it: settings in, its errors as ours out."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from core.clock import SystemClock
from core.errors import ConfigError
from core.ids import system_random
from core.settings import Settings
from exchanges.paper.admin import faults as paper_faults
from exchanges.paper.admin import set_faults as set_paper_faults
from exchanges.paper.dialects.binance.fault_admin import PATHS
from exchanges.paper.exchange import Exchange, PaperConfig
from exchanges.paper.faults import Plan, parse
from exchanges.paper.faults.deciding import ActivePlan
from exchanges.paper.market import MarketFileError
from exchanges.paper.mirror.fetching import MirrorError
from exchanges.paper.schema import StateError
from exchanges.paper.server import PaperEndpoint, serve
from exchanges.paper.sockets.connection import STANDARD_RULES, SocketRules

__all__ = [
    "ActivePlan",
    "PaperConfig",
    "PaperEndpoint",
    "Persona",
    "Plan",
    "Serving",
    "fault_plan",
    "paper_config",
    "paper_exchange",
    "paper_faults",
    "served",
    "served_here",
    "set_paper_faults",
]

Persona = Literal["testnet", "mainnet"]
STATE_FOLDER = "paper"
_ELSEWHERE = "make room there, or keep it elsewhere: --home, TRADER_HOME"
LOOPBACK = "127.0.0.1"
ANY_PORT = 0


@dataclass(frozen=True)
class Serving:
    """How an exchange is served to other programs."""

    host: str = LOOPBACK
    port: int = ANY_PORT
    socket_life_s: float = STANDARD_RULES.life
    hmac_may_log_on: bool = False
    beyond_loopback: bool = False


INSIDE = Serving()
"""How a command serves the exchange to itself."""


def paper_config(
    settings: Settings, persona: Persona, state_dir: Path | None = None, *, legacy_listen_key: bool = False
) -> PaperConfig:
    """Return what to serve as the settings say; every command must come to the same state."""
    return PaperConfig(
        state_dir=state_dir or settings.home / STATE_FOLDER,
        seed=settings.paper_seed,
        market=settings.paper_market,
        market_symbol=settings.symbol,
        home=settings.home,
        speed=None if settings.paper_speed is None else Fraction(settings.paper_speed),
        persona=persona,
        legacy_listen_key=legacy_listen_key,
    )


@contextmanager
def _usable_state(directory: Path) -> Iterator[None]:
    """Turn a state that is locked, or cannot grow on a full disk, into an error that says where it is."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise ConfigError(
            f"the paper exchange cannot use its state in {directory}: {error}", hint=_ELSEWHERE
        ) from None


@contextmanager
def paper_errors(directory: Path) -> Iterator[None]:
    """Turn what the paper exchange cannot use into errors that name it. `directory`: of its state."""
    try:
        with _usable_state(directory):
            yield
    except MarketFileError as error:
        raise ConfigError(
            str(error), code="MARKET_FILE_INVALID", hint="correct the file or TRADER_PAPER_MARKET"
        ) from None
    except MirrorError as error:
        raise ConfigError(
            f"the market to mirror cannot be fetched: {error}",
            code="MIRROR_UNREACHABLE",
            hint="correct TRADER_PAPER_MARKET, or wait for the network; what was fetched before is kept",
        ) from None
    except (StateError, ValueError) as error:
        raise ConfigError(
            str(error), code="PAPER_STATE_INVALID", hint="runbooks/paper.md says what can be done"
        ) from None
    except OSError as error:
        if error.filename is None:
            raise
        raise ConfigError(
            f"the paper exchange cannot write {error.filename}: {error.strerror}", hint=_ELSEWHERE
        ) from None


@contextmanager
def paper_exchange(config: PaperConfig) -> Iterator[Exchange]:
    """Open the paper exchange without serving it. Raises ConfigError."""
    with paper_errors(config.state_dir):
        exchange = Exchange(config, wall_clock_ms=SystemClock().now_ms, random_bytes=system_random)
    with closing(exchange), _usable_state(config.state_dir):
        yield exchange


@asynccontextmanager
async def served(config: PaperConfig, serving: Serving = INSIDE) -> AsyncIterator[PaperEndpoint]:
    """Serve a paper exchange for as long as the context lasts. Raises ConfigError."""
    async with AsyncExitStack() as stack:
        with paper_errors(config.state_dir):
            try:
                endpoint = await stack.enter_async_context(
                    serve(
                        config,
                        host=serving.host,
                        port=serving.port,
                        wall_clock_ms=SystemClock().now_ms,
                        random_bytes=system_random,
                        socket_rules=SocketRules(life=serving.socket_life_s),
                        hmac_may_log_on=serving.hmac_may_log_on,
                        beyond_loopback=serving.beyond_loopback,
                    )
                )
            except OSError as error:
                if error.filename is not None:
                    raise  # not the port, a file
                raise ConfigError(
                    f"the paper exchange cannot listen on {serving.host}:{serving.port}: {error.strerror}",
                    hint="leave --port out to have a free one chosen",
                ) from None
        yield endpoint


@asynccontextmanager
async def served_here(settings: Settings, persona: Persona) -> AsyncIterator[PaperEndpoint]:
    """Serve the paper exchange inside this process, as the settings say. Raises ConfigError."""
    async with served(paper_config(settings, persona)) as endpoint:
        yield endpoint


def fault_plan(text: str) -> Plan:
    """Return the plan of faults that a JSON text tells. Raises ValueError with what is wrong with it."""
    return parse(text, PATHS)
