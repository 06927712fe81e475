"""Compare our books with the venue's: fetch, match, balance, write down. Nothing is sent that trades."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Final, NamedTuple

from core.clock import DAY_MS
from core.errors import ConfigError, ReconciliationBreak, TraderError, VenueRejected
from core.journal.own_books import NO_END
from core.journal.reconciliations import Coverage, Reconciled, Reconciliations, break_id
from core.operations.accepting import accept
from core.operations.books_desk import BooksDesk
from core.operations.compare_symbol import SymbolComparison
from core.operations.exposure import exposures, same_account
from core.operations.holdings import Moved
from core.operations.reconcile_result import ReconcileResult
from core.operations.settle import ask_once_more
from core.operations.statement_reading import Patience, Tell
from core.operations.wiped_books import begin_anew, forgotten
from core.orders import OrderReport
from core.reconciliation import Break, BreakClass, Terms
from core.reconciliation.balances import (
    Equation,
    balance_subject,
    match_balances,
    match_transfers,
    unexplained,
)
from core.reconciliation.trades import Market
from core.reconciliation.whole import wiped
from core.resolver import Found
from core.stages import TradingState

ROUNDS: Final = 3
"""How often everything is looked at again because balances moved meanwhile."""
TRANSFER_OVERLAP_MS: Final = 7 * DAY_MS
"""How late a transfer may still be listed, or complete."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator asked for. `since_ms`: compare again from there; `full`: from the opening on.

    `accept`: names of breaks, which a human accepts for `reason`; `delisted`: symbols of which the venue will
    never tell again, he says.
    """

    full: bool = False
    since_ms: int | None = None
    accept: tuple[str, ...] = ()
    delisted: tuple[str, ...] = ()
    reason: str = ""
    halt_on_intruder: bool = False


async def reconcile(desk: BooksDesk, wanted: Wanted, result: ReconcileResult, tell: Tell) -> None:
    """Compare the whole account, and write down what was found. Filled as far as it came when it raises.

    Raises ConfigError BREAK_UNKNOWN, ReconciliationBreak HISTORY_GONE or BOOKS_NOT_COVERED, what reads and
    the journal raise.
    """
    run = _Run(desk, wanted, result, tell)
    if wanted.accept:
        await accept(desk, run.book, wanted.accept, wanted.reason, result)
    try:
        terms = await run.terms()
        if asked := await forgotten(desk, run.book, run.patience, terms):
            await run.was_wiped(asked, terms)
        else:
            await run.compare()
    finally:
        run.look_back()
    others = [key for key in desk.journal.accounts() if not same_account(key, desk.account)]
    result.elsewhere = tuple(
        each for each in exposures(desk.journal) if not same_account(each.account, desk.account)
    )
    exposed = {each.account for each in result.elsewhere}
    result.not_covered = tuple(key for key in others if key not in exposed)


class _Now(NamedTuple):
    """What the account holds, free and locked together, and how far the journal was just before."""

    holds: Mapping[str, Decimal]
    head: int


class _Run:
    """One reconciliation. `found`: subject -> break, of everything that was compared in this run."""

    def __init__(self, desk: BooksDesk, wanted: Wanted, result: ReconcileResult, tell: Tell) -> None:
        self.desk, self.wanted, self.result, self.tell = desk, wanted, result, tell
        self.venue = desk.venue
        self.book: Reconciliations = desk.journal.reconciliations(desk.account)
        self.patience = Patience(desk.clock, tell)
        self.opened = self.book.own.opened()
        self.found: dict[str, Break] = {}
        self.coverage: dict[str, Coverage] = {}
        self.previous = self.book.newest()
        self.transfers_to_ms: int | None = None
        self.moved = Moved(self.book)
        self.earlier = frozenset(each.found.subject for each in self.book.breaks() if each.is_open)
        self.refused: dict[str, TraderError] = {}

    async def was_wiped(self, asked: int, terms: Terms) -> None:
        """Write down that the venue knows none of our `asked` orders and trades, and begin new books.

        Raises ReconciliationBreak HISTORY_GONE where that cannot be.
        """
        self.book.record_breaks([wiped(asked, terms)])
        self.result.until_ms = terms.now_ms
        self._finish(terms, [])
        await begin_anew(self.desk, self.patience, terms)

    # --- the comparison

    async def compare(self) -> None:
        for case in await ask_once_more(self.desk):
            if isinstance(case.verdict, Found):
                self.result.found_late.append(f"{case.intent.client_order_id}: {case.detail}")
        self.result.full = self.wanted.full
        self.result.since_ms = self.opened.server_time_ms
        if self.previous is None:
            self.result.foreign_at_opening = self.opened.foreign_orders
        for attempt in range(ROUNDS):
            start, before = self._start(), await self._now()
            terms = await self.terms()
            markets = await self._markets()
            await self._compare(markets.values(), start, terms)
            await self._transfers(terms)
            now = await self._now()
            equation, moving = self._weighed(before, now)
            if not moving:
                break
            # From here on only what was not seen yet, and what differs.
            self.wanted = replace(self.wanted, full=False, since_ms=None)
            self.tell(f"balances moved while they were read: look {attempt + 2} of {ROUNDS}")
        if not moving and (residues := unexplained(equation, self._open())):
            await self._sweep(residues, terms)
            equation, moving = self._weighed(now, await self._now())
        balances = self._settle_balances(equation, moving=moving)
        self._raise_if_refused()
        self._finish(terms, balances)

    def _start(self) -> dict[str, Coverage]:
        """Return where each symbol's comparison begins: at its coverage, or at its oldest open break."""
        if self.wanted.full:
            return {}
        start = self.book.coverage()
        if self.wanted.since_ms is not None:
            then = self.book.newest(self.wanted.since_ms)
            covered = {} if then is None else then.coverage
            start = {symbol: _lower(each, covered.get(symbol, Coverage())) for symbol, each in start.items()}
        for known in self.book.breaks():
            if known.is_open and known.found.symbol:
                at = start.get(known.found.symbol, Coverage())
                start[known.found.symbol] = _lower(at, _just_before(known.found))
        return start

    async def _markets(self) -> dict[str, Market]:
        """Return every symbol we touched, where a break is open, or an order, whoever placed it."""
        touched = self.book.own.markets()
        reports = await self.patience.ask(partial(self.venue.account.open_orders, None))
        self.listed: dict[str, list[OrderReport]] = {}
        for report in reports:
            self.listed.setdefault(report.symbol, []).append(report)
        broken = {known.found.symbol for known in self.book.breaks() if known.is_open}
        others = (broken | self.listed.keys()) - touched.keys() - {""}
        if others:
            every = {each.symbol: each for each in await self._every_market()}
            touched |= {symbol: every[symbol] for symbol in sorted(others) if symbol in every}
        return touched

    async def _every_market(self) -> tuple[Market, ...]:
        return await self.patience.ask(self.venue.statements.markets)

    async def _compare(self, markets: Iterable[Market], start: Mapping[str, Coverage], terms: Terms) -> None:
        for market in markets:
            symbol = market.symbol
            self.tell(f"comparing {symbol}")
            listed: Sequence[OrderReport] = self.listed.get(symbol, ())
            comparison = SymbolComparison(
                self.venue, self.book, self.patience, market, terms, listed, self.moved
            )
            try:
                compared = await comparison.run(start.get(symbol, Coverage()))
            except (VenueRejected, ConfigError) as refusal:
                if isinstance(refusal, ConfigError) and refusal.code != "SYMBOL_UNKNOWN":
                    raise
                self.refused[symbol] = refusal  # of this one: the others are compared all the same
                continue
            fresh = {each.subject: each for each in compared.breaks}
            self.found = {
                subject: each for subject, each in self.found.items() if each.symbol != symbol
            } | fresh
            self.coverage[symbol] = compared.coverage
            if symbol not in self.result.symbols:
                self.result.symbols.append(symbol)
            self.result.orders += compared.orders
            self.result.trades += compared.trades
            gone = [
                known.break_id
                for known in self.book.breaks()
                if known.found.symbol == symbol
                and known.found.subject not in fresh
                and (known.is_open or self.wanted.full)
            ]
            self.book.record_covered(symbol, compared.coverage, compared.breaks, gone)

    async def _transfers(self, terms: Terms) -> None:
        is_open = any(
            known.is_open and known.found.break_class is BreakClass.TRANSFER for known in self.book.breaks()
        )
        since_ms = self.opened.server_time_ms
        if self.previous is not None and not (self.result.full or is_open):
            since_ms = self.previous.transfers_to_ms or since_ms
        ask = partial(self.venue.statements.transfers, since_ms - TRANSFER_OVERLAP_MS, terms.now_ms)
        transfers = await self.patience.ask(ask)
        if transfers is None:
            return
        self.transfers_to_ms = terms.now_ms
        found = match_transfers(transfers, terms)
        self.result.transfers = len(found)
        self.found |= {each.subject: each for each in found}

    async def _sweep(self, moved: Mapping[str, Decimal], terms: Terms) -> None:
        """Look into every symbol of an asset that moved without an explanation."""
        markets = [
            each
            for each in await self._every_market()
            if each.symbol not in self.result.symbols and {each.base_asset, each.quote_asset} & moved.keys()
        ]
        for market in markets:
            self.tell(f"{', '.join(sorted(moved))} moved unexplained: looking into {market.symbol}")
            await self._compare([market], self.book.coverage(), terms)
            self.result.swept.append(market.symbol)

    # --- balances

    async def _now(self) -> _Now:
        head = self.book.head()
        snapshot = await self.patience.ask(self.venue.account.snapshot)
        return _Now({asset: held.total for asset, held in snapshot.balances.items()}, head)

    def _open(self) -> list[Break]:
        """Return what was found and no human has accepted as it is."""
        accepted = {each.found.subject: each.found.facts() for each in self.book.breaks() if not each.is_open}
        return [each for subject, each in self.found.items() if accepted.get(subject) != each.facts()]

    def _weighed(self, before: _Now, now: _Now) -> tuple[Equation, bool]:
        """Return the balance equation, and whether what it lacks may only be late: something moved."""
        found = self._open()
        again = {break_id(self.desk.account, each.subject) for each in found}
        equation = self.moved.equation(now.holds, again)
        is_quiet = before.holds == now.holds and not self.book.filled_since(before.head)
        return equation, not is_quiet and bool(unexplained(equation, found))

    def _settle_balances(self, equation: Equation, *, moving: bool) -> list[Break]:
        """Write down what only the balances tell, and which record of a disputed trade they bear out."""
        # What was there in an earlier run is not late any more, however busy the account is.
        may_be_late = frozenset(equation.assets if moving else ())
        late = {asset for asset in may_be_late if balance_subject(asset) not in self.earlier}
        borne_out, balances = match_balances(equation, self._open(), late)
        found = [*borne_out, *balances]
        self.found |= {each.subject: each for each in found}
        gone = [
            known.break_id
            for known in self.book.breaks()
            if not known.found.symbol and known.is_open and known.found.subject not in self.found
        ]
        self.book.record_breaks(found, gone)
        return found

    # --- the end

    async def terms(self) -> Terms:
        reading = await self.patience.ask(self.venue.market_data.clock_reading)
        return Terms(
            now_ms=reading.venue_ms,
            opened_ms=self.opened.server_time_ms,
            installation_id=self.desk.journal.installation_id,
            environment=self.desk.account.environment,
            earlier=self.desk.journal.restores.earlier(self.desk.account, reading.venue_ms),
        )

    def _raise_if_refused(self) -> None:
        """Raise ReconciliationBreak BOOKS_NOT_COVERED for symbols that the venue does not tell of.

        Not for those that a human called delisted: only while they are refused is nothing compared.
        """
        for symbol in self.wanted.delisted:
            if symbol not in self.refused:
                raise ConfigError(
                    f"--delisted {symbol}: the venue tells of every order and trade of it",
                    hint="it is not called delisted; leave --delisted out",
                )
            if symbol not in self.book.delisted():
                self.book.record_delisted(symbol, self.wanted.reason)
        if self.refused:
            self.result.delisted = tuple(sorted(self.book.delisted() & self.refused.keys()))
        refused = {name: error for name, error in self.refused.items() if name not in self.result.delisted}
        if refused:
            told = "; ".join(f"{symbol}: {error.message}" for symbol, error in refused.items())
            raise ReconciliationBreak(
                f"not compared, because the venue refuses to tell: {told}",
                code="BOOKS_NOT_COVERED",
                hint="all other symbols were compared; when the venue's page says that it was delisted: "
                f'`trader reconcile --delisted {min(refused)} --reason "…"`',
                details={"symbols": sorted(refused)},
            )

    def _finish(self, terms: Terms, balances: Sequence[Break]) -> None:
        known, result = self.book.breaks(), self.result
        result.breaks = tuple(each for each in known if each.is_open)
        result.until_ms, result.ended_ms = terms.now_ms, self.desk.clock.now_ms()
        self.book.record_reconciled(
            Reconciled(
                time_ms=result.ended_ms,
                until_ms=terms.now_ms,
                open_breaks=result.counts(),
                accepted=len(known) - len(result.breaks),
                full=result.full,
                coverage=self.book.coverage() | self.coverage,
                transfers_to_ms=self.transfers_to_ms,
            )
        )

    def look_back(self) -> None:
        """Say what is open, also after a run that ended early, and halt where the operator wants that."""
        self.result.breaks = tuple(each for each in self.book.breaks() if each.is_open)
        intruders = self.result.intruders
        halted = self.desk.journal.trading_state(self.desk.account) is TradingState.HALTED
        if intruders and self.wanted.halt_on_intruder and not halted:
            reason = f"reconciliation: {intruders[0].found.explanation}"
            self.desk.journal.set_trading_state(self.desk.account, TradingState.HALTED, reason)
            self.result.halted = True


def _just_before(found: Break) -> Coverage:
    """Return where a symbol's comparison must begin to see a break again."""
    trade = NO_END if found.trade_id is None else found.trade_id - 1
    order = NO_END if found.venue_order_id is None or found.trade_id is not None else found.venue_order_id - 1
    return Coverage(order, trade)


def _lower(one: Coverage, other: Coverage) -> Coverage:
    return Coverage(min(one.orders_to, other.orders_to), min(one.trades_to, other.trades_to))
