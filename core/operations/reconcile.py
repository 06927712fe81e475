"""Compare our books with the venue's: fetch, match, balance, write down. Nothing is sent that trades."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Final

from core.clock import DAY_MS
from core.journal.own_books import NO_END
from core.journal.reconciliations import Coverage, Reconciled, Reconciliations, break_id
from core.operations.accepting import accept
from core.operations.books_desk import BooksDesk
from core.operations.compare_symbol import SymbolComparison
from core.operations.exposure import exposures, same_account
from core.operations.holdings import equation
from core.operations.reconcile_result import ReconcileResult
from core.operations.settle import ask_once_more
from core.operations.statement_reading import Patience, Tell
from core.operations.wiped_books import begin_anew, forgotten
from core.orders import OrderReport
from core.reconciliation import Break, BreakClass, Terms
from core.reconciliation.balances import Equation, match_balances, match_transfers, unexplained
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

    `accept`: names of breaks, which a human accepts for `reason`.
    """

    full: bool = False
    since_ms: int | None = None
    accept: tuple[str, ...] = ()
    reason: str = ""
    halt_on_intruder: bool = False


async def reconcile(desk: BooksDesk, wanted: Wanted, result: ReconcileResult, tell: Tell) -> None:
    """Compare the whole account, and write down what was found. Filled as far as it came when it raises.

    Raises ConfigError BREAK_UNKNOWN, ReconciliationBreak HISTORY_GONE, what reads and the journal raise.
    """
    run = _Run(desk, wanted, result, tell)
    if wanted.accept:
        await accept(desk, run.book, wanted.accept, wanted.reason, result)
    if asked := await forgotten(desk, run.book, run.patience):
        await run.was_wiped(asked)
    else:
        await run.compare()
    others = [key for key in desk.journal.accounts() if not same_account(key, desk.account)]
    result.elsewhere = tuple(
        each for each in exposures(desk.journal) if not same_account(each.account, desk.account)
    )
    exposed = {each.account for each in result.elsewhere}
    result.not_covered = tuple(key for key in others if key not in exposed)
    run.alarm()


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
        self.earlier_ids = {each.break_id for each in self.book.breaks() if each.is_open}

    async def was_wiped(self, asked: int) -> None:
        """Write down that the venue knows none of our `asked` orders and trades, and begin new books.

        Raises ReconciliationBreak HISTORY_GONE where that cannot be.
        """
        terms = await self._terms()
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
        start = self._start()
        for attempt in range(ROUNDS):
            before = await self._balances(), self.book.head()
            terms = await self._terms()
            markets = await self._markets()
            await self._compare(markets.values(), start, terms)
            await self._transfers(terms)
            holds = await self._balances()
            moving = before != (holds, self.book.head()) and bool(self._residues(holds))
            if not moving:
                break
            start, self.wanted = dict(self.coverage), replace(self.wanted, full=False)
            self.tell(f"balances moved while they were read: look {attempt + 2} of {ROUNDS}")
        if not moving and self._residues(holds):
            await self._sweep(terms)
        balances = self._settle_balances(holds, moving=moving)
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
            comparison = SymbolComparison(self.venue, self.book, self.patience, market, terms, listed)
            compared = await comparison.run(start.get(symbol, Coverage()))
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
        if self.previous is not None and not (self.wanted.full or is_open):
            since_ms = self.previous.transfers_to_ms or since_ms
        ask = partial(self.venue.statements.transfers, since_ms - TRANSFER_OVERLAP_MS, terms.now_ms)
        transfers = await self.patience.ask(ask)
        if transfers is None:
            return
        self.transfers_to_ms = terms.now_ms
        found = match_transfers(transfers, terms)
        self.result.transfers = len(found)
        self.found |= {each.subject: each for each in found}

    async def _sweep(self, terms: Terms) -> None:
        """Look into every symbol of an asset that moved without an explanation."""
        holds = await self._balances()
        moved = self._residues(holds)
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

    async def _balances(self) -> dict[str, Decimal]:
        snapshot = await self.patience.ask(self.venue.account.snapshot)
        return {asset: held.total for asset, held in snapshot.balances.items()}

    def _open(self) -> list[Break]:
        """Return what was found and no human has accepted as it is."""
        accepted = {each.found.subject: each.found.facts() for each in self.book.breaks() if not each.is_open}
        return [each for subject, each in self.found.items() if accepted.get(subject) != each.facts()]

    def _equation(self, holds: Mapping[str, Decimal]) -> Equation:
        return equation(
            self.book, holds, {break_id(self.desk.account, each.subject) for each in self._open()}
        )

    def _residues(self, holds: Mapping[str, Decimal]) -> dict[str, Decimal]:
        return unexplained(self._equation(holds), self._open())

    def _settle_balances(self, holds: Mapping[str, Decimal], *, moving: bool) -> list[Break]:
        """Write down what only the balances tell, and which record of a disputed trade they bear out."""
        borne_out, balances = match_balances(self._equation(holds), self._open(), moving=moving)
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

    async def _terms(self) -> Terms:
        reading = await self.patience.ask(self.venue.market_data.clock_reading)
        return Terms(
            now_ms=reading.venue_ms,
            opened_ms=self.opened.server_time_ms,
            installation_id=self.desk.journal.installation_id,
            environment=self.desk.account.environment,
        )

    def _finish(self, terms: Terms, balances: Sequence[Break]) -> None:
        known = self.book.breaks()
        result = self.result
        result.breaks = tuple(each for each in known if each.is_open)
        result.until_ms, result.ended_ms = terms.now_ms, self.desk.clock.now_ms()
        self.book.record_reconciled(
            Reconciled(
                time_ms=result.ended_ms,
                until_ms=terms.now_ms,
                open_breaks=result.counts(),
                accepted=len(known) - len(result.breaks),
                full=self.wanted.full,
                coverage=self.book.coverage() | self.coverage,
                transfers_to_ms=self.transfers_to_ms,
            )
        )

    def alarm(self) -> None:
        """Write down an alarm for intruders that are new, and halt where the operator wants that."""
        intruders = self.result.intruders
        fresh = [each for each in intruders if each.break_id not in self.earlier_ids]
        if fresh:
            told = {each.break_id: each.found.explanation for each in fresh}
            self.desk.journal.record_note("INTRUDER_ALARM", self.desk.account, {"breaks": told})
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
