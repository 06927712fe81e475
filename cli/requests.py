"""From what was typed to what an operation takes; every mistake names the option and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from cli.console import UsageError
from core.errors import ConfigError
from core.gates import StagePlan
from core.operations.check import checks_of
from core.operations.resolve import Wanted as ResolveWanted
from core.setting_values import duration_ms, whole_number
from core.settings import Settings
from core.stages import STAGES, EntryMode
from core.strategies import known_strategy, strategy
from core.values import canonical_symbol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.operations.reconcile import Wanted as ReconcileWanted
    from core.strategies import Strategy

TRADES_MAX = 1_000


def stage_plan(
    settings: Settings,
    number: str,
    symbol: str | None,
    trades: str,
    entry: EntryMode,
    strategy_name: str,
    soak: str,
    wait: str,
) -> StagePlan:
    """Return the plan of a stage. Raises UsageError, or ConfigError STRATEGY_UNKNOWN."""
    stage = STAGES[_whole_number("the stage", number, 0, max(STAGES))]
    round_trips = _whole_number("--trades", trades, 1, TRADES_MAX)
    soak_s, wait_s = _seconds("--soak", soak), _seconds("--wait", wait)
    if soak_s and round_trips < 2:
        _wrong("--soak spreads several trades over time: give --trades 2 or more")
    if soak_s and entry is EntryMode.SIGNAL:
        _wrong("--soak goes with --entry probe; with --entry signal the strategy chooses the time")
    if wait_s <= 0:
        _wrong(f"--wait was {wait}, which is no time at all; give e.g. 8h")
    return StagePlan(
        stage=stage,
        symbol=symbol_of(settings, symbol),
        trades=round_trips,
        entry=entry,
        strategy=known_strategy_name(strategy_name),
        bar=settings.bar,
        soak_s=soak_s,
        wait_limit_s=wait_s,
    )


def resolve_wanted(
    order: str | None, wait: str, import_trades: list[str], write_off: bool, reason: str | None
) -> ResolveWanted:
    """Return what `resolve` is to do. Raises UsageError."""
    hint = "`trader resolve --help` shows how"
    numbers = [part.strip() for each in import_trades for part in each.split(",")]
    if not all(part.isascii() and part.isdigit() for part in numbers):
        raise UsageError(f"--import-trades: {', '.join(import_trades)} are no trade ids", hint=hint)
    if (numbers or write_off) and order is None:
        raise UsageError("--import-trades and --write-off need the ORDER they are about", hint=hint)
    if (numbers or write_off) and reason is None:
        raise UsageError("a decision needs its --reason, for the journal", hint=hint)
    if reason is not None and not reason.strip():
        raise UsageError("--reason was empty", hint="say what you found out; the journal keeps it")
    return ResolveWanted(
        order=order,
        wait_s=_seconds("--wait", wait),
        import_trades=tuple(dict.fromkeys(map(int, numbers))),
        write_off=write_off,
        reason=None if reason is None else reason.strip(),
    )


def reconcile_wanted(
    settings: Settings,
    since: str | None,
    full: bool,
    accept: list[str],
    delisted: list[str],
    reason: str | None,
    now_ms: int,
) -> ReconcileWanted:
    """Return what `reconcile` was asked for. Raises UsageError."""
    from cli.moments import span_ms
    from core.operations.reconcile import Wanted

    if full and since is not None:
        raise UsageError("--full begins at first contact, --since at a time: give one of them")
    for option, given in (("--accept", accept), ("--delisted", delisted)):
        if given and not (reason or "").strip():
            raise UsageError(f"{option} needs its --reason, for the journal", hint="say what you found out")
    if reason is not None and not (accept or delisted):
        raise UsageError(
            "--reason is for --accept BREAK or --delisted SYMBOL", hint="`trader reconcile` names the breaks"
        )
    return Wanted(
        full=full,
        since_ms=None if since is None else span_ms(since, None, now_ms)[0],
        accept=tuple(dict.fromkeys(accept)),
        delisted=tuple(dict.fromkeys(_symbol(each, "--delisted") for each in delisted)),
        reason=(reason or "").strip(),
        halt_on_intruder=settings.reconcile_halt_on_intruder,
    )


def check_plan(settings: Settings, symbol: str | None, strategy_name: str) -> StagePlan:
    """Return the plan whose conditions `check` asks: the stage that the settings point at."""
    number = 2 if not settings.use_testnet else 0 if settings.dry_run else 1
    return stage_plan(settings, str(number), symbol, "1", EntryMode.PROBE, strategy_name, "0s", "8h")


def check_names(only: list[str] | None, plan: StagePlan) -> frozenset[str]:
    """Return the checks to ask; none means all. Raises UsageError for one that the plan does not have."""
    known = checks_of(plan)
    unknown = [name for name in only or () if name not in known]
    if unknown:
        raise UsageError(
            f"--only: there is no check {unknown[0]!r} for stage {plan.stage.number}",
            hint=f"checks: {', '.join(known)}",
        )
    return frozenset(only or ())


def _symbol(text: str, option: str = "--symbol") -> str:
    try:
        return canonical_symbol(text)
    except ValueError as error:
        _wrong(f"{option}: {error}")


def _whole_number(option: str, text: str, lowest: int, highest: int) -> int:
    try:
        return whole_number(lowest, highest)(text)
    except ValueError as error:
        _wrong(f"{option} {error}")


def _seconds(option: str, text: str) -> float:
    try:
        return duration_ms(text) / 1000
    except ValueError as error:
        _wrong(f"{option} {error}")


def known_strategy_name(name: str) -> str:
    """Return the name of a strategy that there is. Raises ConfigError STRATEGY_UNKNOWN."""
    try:
        return known_strategy(name)
    except ValueError as error:
        hint = "`trader strategies` lists them"
        raise ConfigError(str(error), code="STRATEGY_UNKNOWN", hint=hint) from None


def made_strategy(name: str, changes: Mapping[str, str]) -> Strategy:
    """Return a strategy with some parameters set. Raises ConfigError STRATEGY_UNKNOWN or STRATEGY_UNFIT."""
    known_strategy_name(name)
    try:
        return strategy(name, changes)
    except ValueError as error:
        hint = f"`trader strategies {name}` shows its parameters"
        raise ConfigError(str(error), code="STRATEGY_UNFIT", hint=hint) from None


def symbol_of(settings: Settings, text: str | None) -> str:
    """Return the symbol that was asked for, or the settings' own. Raises UsageError."""
    return settings.symbol if text is None else _symbol(text)


def _wrong(message: str) -> NoReturn:
    raise UsageError(message, hint="`trader stage --help` shows how")
