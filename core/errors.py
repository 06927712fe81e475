"""What can go wrong, grouped by what the operator should do about it.

TraderError
  ConfigError              3   missing or malformed setting, credential, permission, wrong account
  Refused                  4   nothing was sent, and why
    RiskDenied                 a risk rule said no
    GateClosed                 a stage's gate is not passed
    NotConfirmed               a human did not confirm
    WaitLimitReached           a wait ended with nothing done
  ReconciliationBreak      5   the books differ; a failed check; a journal that does not verify
  VenueError
    VenueRejected          6   a definite no, with the venue's own code kept
    VenueUnavailable       7   provably nothing was changed
    OutcomeUnknown         8   it may have reached the venue: never retry, reconcile
  PositionOpen             9   a position or an order is left behind, or a position unprotected

`CONDITIONS` is the one table condition -> exit code; the docs, `--help` and the tests are made from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, NamedTuple


class Condition(NamedTuple):
    """One thing that can be wrong: its code for programs, its exit code, and what it means."""

    code: str
    exit_code: int
    meaning: str


EXIT_OK = 0
EXIT_BUG = 1
EXIT_USAGE = 2
EXIT_CONFIG = 3
EXIT_REFUSED = 4
EXIT_BREAK = 5
EXIT_REJECTED = 6
EXIT_UNAVAILABLE = 7
EXIT_UNKNOWN = 8
EXIT_POSITION_OPEN = 9
EXIT_INTERRUPTED = 130

MOST_DANGEROUS_FIRST = (8, 9, 5, 1, 6, 7, 4, 3)

EXIT_MEANINGS: Mapping[int, str] = {
    EXIT_OK: "done, or nothing to do on every account the journal knows",
    EXIT_BUG: "an unexpected failure: a bug",
    EXIT_USAGE: "the command line was wrong",
    EXIT_CONFIG: "a setting, credential or permission is missing or wrong",
    EXIT_REFUSED: "refused: nothing was sent",
    EXIT_BREAK: "the books differ, or a check failed",
    EXIT_REJECTED: "the venue said no",
    EXIT_UNAVAILABLE: "the venue could not be used; provably nothing was changed",
    EXIT_UNKNOWN: "an order's fate is unknown: do not repeat, ask",
    EXIT_POSITION_OPEN: "a position or an order is left open, or a position unprotected",
    EXIT_INTERRUPTED: "interrupted; nothing unsettled and nothing open",
}

CONDITIONS: tuple[Condition, ...] = (
    Condition("BUG", 1, "an unexpected failure inside trader"),
    Condition("USAGE", 2, "the command line was wrong"),
    Condition("SETTINGS_INVALID", 3, "one or more settings have a value that cannot be used"),
    Condition("SETTINGS_FILE_UNREADABLE", 3, "the settings file cannot be read"),
    Condition("VENUE_NOT_CHOSEN", 3, "no venue or key is configured in a home that has seen a real venue"),
    Condition("KEY_MISSING", 3, "the selected environment has no key, or half of one"),
    Condition("KEY_REFUSED", 3, "the venue does not accept this key, its signature or its rights"),
    Condition("WRONG_ACCOUNT", 3, "the key belongs to another account than expected"),
    Condition("KEY_OUT_OF_REACH", 3, "the configured key is kept where it cannot be replaced"),
    Condition("CLOCK_OFFSET", 3, "this machine's clock is too far from the venue's"),
    Condition("SYMBOL_UNKNOWN", 3, "the venue does not list this symbol"),
    Condition("ORDER_UNKNOWN", 3, "the journal has no order of this client_order_id"),
    Condition("EVIDENCE_UNKNOWN", 3, "the journal has no decisions of this evidence"),
    Condition("NO_BOOKS", 3, "this home never traded where the settings point: nothing was reconciled"),
    Condition("BREAK_UNKNOWN", 3, "no open break of the reconciliation has this name"),
    Condition("STRATEGY_UNKNOWN", 3, "there is no strategy of this name"),
    Condition("STRATEGY_UNFIT", 3, "a strategy cannot be used as asked: its parameters, symbol or package"),
    Condition("SCHEDULE_UNINSTALLED", 3, "the daily jobs could not be installed"),
    Condition("ALERT_URL_INVALID", 3, "a URL of ALERT_URLS is none that alerts can go to"),
    Condition("ALERT_UNDELIVERED", 3, "a receiver of alerts was not reached"),
    Condition("ALERTS_WAITING", 3, "alerts could not be told and stay queued"),
    Condition("MARKET_FILE_INVALID", 3, "the recorded market file cannot be used"),
    Condition("MIRROR_UNREACHABLE", 3, "the exchange that the paper exchange is to mirror does not answer"),
    Condition("PAPER_STATE_INVALID", 3, "the paper exchange's state file cannot be used as asked"),
    Condition("DATA_MISSING", 3, "the data folder does not hold the bars that are asked for"),
    Condition("DATA_GAP", 3, "bars are missing inside the span that is asked for"),
    Condition("DATA_DAMAGED", 3, "a file of the data folder is not what was written"),
    Condition("DATA_UNREADABLE", 3, "a file to import holds something that is no bar and no trade"),
    Condition("DATA_CHECKSUM", 3, "a file to import is not the one its checksum was made of"),
    Condition("HOME_UNUSABLE", 3, "the home folder cannot be used"),
    Condition("RUNTIME_UNUSABLE", 3, "the folder in which all commands of a user agree cannot be used"),
    Condition("FILE_EXISTS", 3, "a file is in the way and is not overwritten"),
    Condition("FILE_UNREADABLE", 3, "a file that was named cannot be read, or is of another kind"),
    Condition("FILE_UNWRITABLE", 3, "a file that was named cannot be written"),
    Condition("EXTRA_MISSING", 3, "an optional part that this needs is not installed"),
    Condition("ADDRESS_UNAVAILABLE", 3, "there is no deposit address to be had, or not from this host"),
    Condition("SWEEP_RUNNING", 4, "another sweep is writing to this results file"),
    Condition("SWEEP_STOPPED", 4, "a worker of the sweep was killed; what was finished is kept"),
    Condition("GATE_CLOSED", 4, "a gate of the stage is not passed"),
    Condition("NOT_CONFIRMED", 4, "a confirmation was not given"),
    Condition("WAIT_LIMIT", 4, "the wait limit came with zero trades: a stage is not passed by waiting"),
    Condition("INTENT_ABANDONED", 4, "an intent was provably not sent"),
    Condition("NOT_UNSETTLED", 4, "there is nothing to decide about this order: its fate is known"),
    Condition("TRADE_NOT_ASSIGNABLE", 4, "a trade cannot be assigned to this order"),
    Condition("RECONCILE_RUNNING", 4, "another reconciliation of this home is running"),
    Condition("DATA_CONFLICT", 4, "a bar to import differs from the one in the data folder"),
    Condition("ALERTS_RUNNING", 4, "another process tells the alerts of this home"),
    Condition("DATA_IMPORT_RUNNING", 4, "another import into this home is running"),
    Condition("ADDRESS_CHANGED", 4, "the venue tells another deposit address than the confirmed one"),
    Condition("ADDRESS_INVALID", 4, "the deposit address cannot be one of its network"),
    Condition("KEY_UNFIT", 4, "the new key must not be used: the old one, exposed, or able to do harm"),
    Condition("ROTATION_UNFINISHED", 4, "an earlier rotation of the key is not finished"),
    Condition("LEASE_HELD", 4, "another command is trading on this account"),
    Condition("FOREIGN_TRADER", 4, "another installation of trader has orders on this account"),
    Condition("TRADING_HALTED", 4, "the trading state forbids this order"),
    Condition("RESTORED", 4, "the books were not compared since they were restored from a backup"),
    Condition("ARCHIVE_RUNNING", 4, "another command is archiving this home"),
    Condition("BACKUP_RUNNING", 4, "another backup of this home is being made"),
    Condition("RESTORE_RUNNING", 4, "another restore into this home is running"),
    Condition("JOURNAL_EXISTS", 4, "the home has a journal, which a backup must not replace"),
    Condition("QUARANTINED", 4, "the symbol is quarantined until a human decides"),
    Condition("BREAKER_LATCHED", 4, "a breaker tripped; nothing is bought until it lapses or is reset"),
    Condition("NOT_ALLOWED_SYMBOL", 4, "the symbol is not on the allow-list"),
    Condition("SYMBOL_NOT_TRADING", 4, "the venue does not trade this symbol now"),
    Condition("ORDER_IN_FLIGHT", 4, "another order of ours on this symbol is not settled"),
    Condition("FRACTION_EXCEEDED", 4, "the order is above the fraction of free quote balance"),
    Condition("NOTIONAL_EXCEEDS_CAP", 4, "the order is above the cap per order"),
    Condition("NOTIONAL_BELOW_MINIMUM", 4, "the order is below the smallest notional"),
    Condition("EXIT_WOULD_BE_DUST", 4, "what would be bought could not be sold again"),
    Condition("FILTER_FAILURE", 4, "the order does not pass the venue's filters"),
    Condition("PRICE_OUT_OF_BAND", 4, "the price is too far from the reference price"),
    Condition("STALE_QUOTE", 4, "the quote is too old to trade on"),
    Condition("STALE_BAR", 4, "the newest closed bar is too old to trade on"),
    Condition("ENTRY_NOT_FILLED", 4, "the entry filled nothing, because the price moved away each time"),
    Condition("EMPTY_BOOK", 4, "the order book has no price to trade at"),
    Condition("DAILY_TRADES_REACHED", 4, "the daily number of live entries is reached"),
    Condition("DAILY_LOSS_REACHED", 4, "the daily loss limit is reached"),
    Condition("PORTFOLIO_UNKNOWN", 4, "what the account holds was not looked at"),
    Condition("OPEN_POSITIONS_REACHED", 4, "the number of open positions is reached"),
    Condition("POSITION_LIMIT", 4, "too much of the equity would be in one asset"),
    Condition("GROSS_LIMIT", 4, "too much of the equity would be in positions"),
    Condition("VAR_UNKNOWN", 4, "the Value at Risk cannot be measured: too few daily returns"),
    Condition("VAR_LIMIT", 4, "the Value at Risk would be above its limit"),
    Condition("EXCEEDS_POSITION", 4, "the order is above our own position"),
    Condition("EXCEEDS_FREE_BALANCE", 4, "the order is above the free balance"),
    Condition("DRILL_LEFT", 4, "a command of a drill would have acted outside it"),
    Condition("CHECK_FAILED", 5, "a check found something wrong"),
    Condition("DRILL_GIVEN_UP", 5, "a drill ended before its incident did"),
    Condition("KEY_UNPROVEN", 5, "it is not proven that the old key is dead"),
    Condition("BOOKS_DIFFER", 5, "our books and the venue's differ"),
    Condition("BOOKS_NOT_COVERED", 5, "an account with something on it, or a symbol, was not reconciled"),
    Condition("HISTORY_GONE", 5, "the live venue knows none of our orders"),
    Condition("STOP_MISSING", 5, "a position was without its protective stop, so it was sold at once"),
    Condition("SELF_TEST_FAILED", 5, "the strategy's self-test on real data failed"),
    Condition("REPLAY_DIFFERS", 5, "a decision made again from its inputs is another one"),
    Condition("JOURNAL_DAMAGED", 5, "the journal does not verify; it is left untouched"),
    Condition("JOURNAL_FOREIGN", 5, "the file is not a journal of trader; it is left untouched"),
    Condition("BOOKS_UNKNOWN", 5, "the journal was not read, so what is held or open is not known"),
    Condition("JOURNAL_UNWRITABLE", 4, "the journal cannot be written, so nothing that adds risk is sent"),
    Condition("VENUE_REJECTED", 6, "the venue refused the request"),
    Condition("STOP_WOULD_TRIGGER", 6, "the price is already through the stop price"),
    Condition("VENUE_UNREACHABLE", 7, "the venue could not be reached"),
    Condition("VENUE_UNREADABLE", 7, "the venue's answer to a read could not be understood"),
    Condition("VENUE_REDIRECTED", 7, "the venue answered with a redirect, which is never followed"),
    Condition("VENUE_BUSY", 7, "the venue or its rate limit asks to wait"),
    Condition("VENUE_BANNED", 7, "this address is banned by the venue for a while"),
    Condition("OUTCOME_UNKNOWN", 8, "the request may have reached the venue"),
    Condition("UNSETTLED", 8, "an order of an earlier command is not settled"),
    Condition("POSITION_OPEN", 9, "a position is left open"),
    Condition("ORDERS_OPEN", 9, "open orders are left, here or on an account out of reach"),
    Condition("INTERRUPTED", 130, "interrupted; nothing unsettled, nothing open"),
)

EXIT_CODE_OF: Mapping[str, int] = {condition.code: condition.exit_code for condition in CONDITIONS}


class TraderError(Exception):
    """Base of every error an operation raises: a code for programs, a sentence, and the way out.

    `details` holds numbers and names for `--json`; values must be JSON-ready and never secret.
    """

    default_code: ClassVar[str] = "BUG"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.exit_code = EXIT_CODE_OF[self.code]
        self.message = message
        self.hint = hint
        self.details: dict[str, object] = dict(details or {})


class ConfigError(TraderError):
    default_code = "SETTINGS_INVALID"


class Refused(TraderError):
    default_code = "GATE_CLOSED"


class RiskDenied(Refused):
    default_code = "FILTER_FAILURE"


class GateClosed(Refused):
    default_code = "GATE_CLOSED"


class NotConfirmed(Refused):
    default_code = "NOT_CONFIRMED"


class WaitLimitReached(Refused):
    default_code = "WAIT_LIMIT"


class ReconciliationBreak(TraderError):
    default_code = "CHECK_FAILED"


class VenueError(TraderError):
    default_code = "VENUE_UNREACHABLE"


class VenueRejected(VenueError):
    """A definite no. `venue_code` and `venue_text` are the venue's own."""

    default_code = "VENUE_REJECTED"

    def __init__(
        self,
        message: str,
        *,
        venue_code: int,
        venue_text: str,
        code: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(
            message, code=code, hint=hint, details={"venue_code": venue_code, "venue_text": venue_text}
        )
        self.venue_code = venue_code
        self.venue_text = venue_text


class VenueUnavailable(VenueError):
    default_code = "VENUE_UNREACHABLE"


class OutcomeUnknown(VenueError):
    default_code = "OUTCOME_UNKNOWN"


class PositionOpen(TraderError):
    default_code = "POSITION_OPEN"


class Interrupted(TraderError):
    """SIGINT, SIGTERM or SIGHUP, after everything was settled and nothing was left open."""

    default_code = "INTERRUPTED"


def most_dangerous(exit_codes: Iterable[int]) -> int:
    """Return the exit code that wins when several apply; 0 when there is none."""
    found = set(exit_codes)
    for exit_code in MOST_DANGEROUS_FIRST:
        if exit_code in found:
            return exit_code
    return max(found, default=EXIT_OK)
