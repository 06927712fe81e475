"""What the gates look at, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from core.account import AccountKey, Environment
from core.orders import OrderType
from core.ports import ClockReading, HostFacts
from core.risk.breakers import LatchedBreaker
from core.stages import STAGES, EntryMode, Evidence, GateResult, Stage, TradingState
from core.values import Quote

if TYPE_CHECKING:
    from core.drills.rehearsed import Drill
    from core.gates.reports import AddressReport, KeyReport, LiveHistory, LiveRequest
    from core.journal.reconciliations import Reconciled
    from core.settings import Settings

DEFAULT_STRATEGY = "coherence"
NOT_ASKED = "not asked: an earlier gate is closed"


@dataclass(frozen=True, slots=True)
class StagePlan:
    """What the operator asked for. `soak_s`: first to last fill; `wait_limit_s`: how long to wait at most."""

    stage: Stage
    symbol: str
    trades: int
    entry: EntryMode
    strategy: str
    bar: str
    soak_s: float
    wait_limit_s: float

    def command(self) -> str:
        """Return the settings and the command line that would be right for this stage."""
        return stage_command(self.stage, self, trades=self.trades, soak_s=self.soak_s)

    def there(self, command: str) -> str:
        """Return a command line with the setting that takes it to the venue of this plan.

        A stage is often given its settings on the command line, where the next command has none of them.
        """
        is_live = self.stage.environment is Environment.MAINNET
        return f"BINANCE_USE_TESTNET=false {command}" if is_live else command

    def rehearsal(self, number: int, *, trades: int = 1, soak_s: float = 0) -> str:
        """Return the command line that gives this plan the evidence of an earlier stage."""
        return stage_command(STAGES[number], self, trades=trades, soak_s=soak_s)


def stage_command(stage: Stage, plan: StagePlan, *, trades: int, soak_s: float) -> str:
    """Return a command line with the settings it needs; an option's default is left out."""
    mainnet = stage.environment is Environment.MAINNET
    words = ["CONFIRM_LIVE=yes"] if mainnet else []
    words += [
        f"BINANCE_USE_TESTNET={str(not mainnet).lower()}",
        f"BINANCE_DRY_RUN={str(stage.dry_run).lower()}",
        f"trader stage {stage.number} --symbol {plan.symbol}",
    ]
    if trades != 1:
        words.append(f"--trades {trades}")
    if plan.entry is not EntryMode.PROBE:
        words.append(f"--entry {plan.entry}")
    elif soak_s:
        words.append(f"--soak {duration_text(soak_s)}")
    if plan.strategy != DEFAULT_STRATEGY:
        words.append(f"--strategy {plan.strategy}")
    return " ".join(words)


def duration_text(seconds: float) -> str:
    """Return a time as the options take it, in the largest unit that leaves no rest: 3600 is 1h."""
    units_s = {"d": 86400, "h": 3600, "m": 60}
    whole = (f"{seconds / unit_s:g}{name}" for name, unit_s in units_s.items() if seconds % unit_s == 0)
    return next(whole, f"{seconds:g}s")


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the gates must know of the account. Present only when venue and account could be asked.

    `stop_type`: what would protect a position on the plan's symbol, None when the venue lists nothing that
    could. `open_stops`: on the symbol, whoever placed them; `stops_max`: how many the venue allows, None for
    any number. `home_lost`: why the home will not stay, "" where it will. `reconciled`: the newest whole
    comparison of the books; `symbols`: what it has to cover. `unsettled`: orders of unknown fate, and since
    when. `live_history`: by symbol; `live`: None unless a live run is about to begin. `drills`: the newest of
    each incident, asked for real money only.
    """

    account: AccountKey
    now_ms: int
    reading: ClockReading
    free_quote: Decimal
    quote_asset: str
    smallest_order: Quote
    home_lost: str
    unsettled: tuple[str, ...]
    quarantined: tuple[str, ...]
    breakers: tuple[LatchedBreaker, ...]
    foreign_orders: tuple[str, ...]
    stop_type: OrderType | None
    open_stops: int
    stops_max: int | None
    trading_state: TradingState
    journal_findings: int
    reconciled: Reconciled | None
    open_breaks: int
    symbols: frozenset[str]
    key: KeyReport
    addresses: AddressReport
    live_history: Mapping[str, LiveHistory]
    live: LiveRequest | None
    evidence: tuple[Evidence, ...]
    drills: Mapping[str, Drill]
    risk_digest: str
    code_digest: str
    live_entries_today: int
    live_loss_today: Quote


@dataclass(frozen=True, slots=True)
class GateFacts:
    """Everything a gate may look at. None: not asked, because an earlier gate is closed."""

    plan: StagePlan
    settings: Settings
    host: HostFacts | None = None
    account: AccountFacts | None = None


class Answer(NamedTuple):
    """What a rule says; with the gate's name it is a `Gate`."""

    result: GateResult
    detail: str
    way_out: str = ""


GateRule = Callable[[GateFacts], Answer]
AccountRule = Callable[[GateFacts, AccountFacts], Answer]


def passed(detail: str) -> Answer:
    return Answer(GateResult.PASS, detail)


def failed(detail: str, way_out: str = "") -> Answer:
    return Answer(GateResult.FAIL, detail, way_out)


def unavailable(detail: str) -> Answer:
    return Answer(GateResult.UNAVAILABLE, detail)


def of_account(rule: AccountRule) -> GateRule:
    def answer(facts: GateFacts) -> Answer:
        if facts.account is None:
            return unavailable(NOT_ASKED)
        return rule(facts, facts.account)

    return answer
