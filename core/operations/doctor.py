"""What somebody who helps from afar has to see, and nothing that a stranger must not.

Every piece is text. Before it goes into the bundle the secrets of this machine's settings are looked for in
it: a piece that holds one is left out, and named as left out.
"""

from __future__ import annotations

import platform
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from core.account import AccountKey
from core.clock import Clock, iso_utc
from core.errors import TraderError
from core.ids import system_random
from core.journal import Journal, latch
from core.journal.audit_log import AUDIT_LOG
from core.journal.files import installations
from core.journal.verification import verify_home
from core.secrets import Secret
from core.setting_fields import describe
from core.settings import Settings

LOG_LINES = 300
ERROR_LINES = 100
_TAIL_BYTES = 256 * 1024
_ERRORS_TAIL_BYTES = 4 * 1024 * 1024
FILES_MAX = 500
HIDDEN = "(set, not shown)"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Texts by file name, and the pieces that were left out because they held a secret."""

    texts: Mapping[str, str]
    left_out: tuple[str, ...]


def bundle(
    settings: Settings,
    clock: Clock,
    needles: Sequence[str],
    version: str,
    more: Mapping[str, Callable[[], str]],
) -> Bundle:
    """Collect what helps. A piece that cannot be made says why instead; nothing is changed.

    `more`: makers of further pieces, by file name.
    """
    home = settings.home
    makers: dict[str, Callable[[], str]] = {
        "program.txt": lambda: _program(clock, version),
        "settings.txt": lambda: _settings(settings),
        "home.txt": lambda: _files(home),
        "state.txt": lambda: _state(home, clock),
        "journal.txt": lambda: _journal(home, clock),
        "errors.log": lambda: _tail(home / AUDIT_LOG, _ERRORS_TAIL_BYTES, ERROR_LINES, only="[ERROR]"),
        "trade_audit_tail.log": lambda: _tail(home / AUDIT_LOG, _TAIL_BYTES, LOG_LINES),
        **more,
    }
    texts: dict[str, str] = {}
    left_out = []
    for name, make in makers.items():
        try:
            text = make()
        except (OSError, TraderError) as error:
            text = f"could not be read: {error}\n"
        if any(needle in text for needle in needles if needle):
            left_out.append(name)
        else:
            texts[name] = text
    return Bundle(texts, tuple(left_out))


def _program(clock: Clock, version: str) -> str:
    installed = sorted(f"{each.name} {each.version}" for each in distributions())
    lines = [
        f"trader {version}",
        f"made {iso_utc(clock.now_ms())}",
        f"python {sys.version.split()[0]} on {platform.platform()}",
        *installed,
    ]
    return "\n".join(lines) + "\n"


def _settings(settings: Settings) -> str:
    """Return every setting by its name; of a secret only whether it is set."""
    lines = []
    for listed in describe(type(settings)):
        value = getattr(settings, listed.attribute)
        shown = HIDDEN if isinstance(value, Secret) else "(not set)" if value is None else str(value)
        lines.append(f"{listed.name}={shown}")
    lines += [f"finding: {finding.message}" for finding in settings.findings]
    return "\n".join(lines) + "\n"


def _files(home: Path) -> str:
    lines = []
    for path in sorted(home.rglob("*"))[:FILES_MAX]:
        found = path.lstat()
        lines.append(f"{stat.filemode(found.st_mode)} {found.st_size:>12} {path.relative_to(home)}")
    return "\n".join(lines) + "\n"


def _journal(home: Path, clock: Clock) -> str:
    found = verify_home(home, clock)
    lines = [f"findings: {len(found.findings)}"]
    lines += [f"{finding.code}: {finding.detail}" for finding in found.findings]
    return "\n".join(lines) + "\n"


def _state(home: Path, clock: Clock) -> str:
    """Return how every account stands, in the journal's own numbers."""
    lines = [f"latch: {'set' if latch.is_set(home) else 'not set'}"]
    lines.append(f"installations: {', '.join(installations(home)) or 'none'}")
    with Journal.open(home, clock=clock, random_bytes=system_random, read_only=True) as journal:
        for account in journal.accounts():
            lines += ["", str(account), *_account(journal, account)]
        for each in journal.evidence():
            lines += ["", f"evidence {each.evidence_id}: stage {each.stage}, {each.symbol}, {each.strategy}"]
            lines += [f"  {name}: {result}" for name, result in each.checks.items()]
    return "\n".join(lines) + "\n"


def _account(journal: Journal, account: AccountKey) -> Iterator[str]:
    entry, compared = journal.state_entry(account), journal.reconciliations(account).newest()
    yield f"  trading state: {journal.trading_state(account)}{f' ({entry.reason})' if entry else ''}"
    if journal.restores.awaits_reconciliation(account):
        yield "  restored from a backup, and not compared since"
    yield f"  compared: {'never' if compared is None else iso_utc(compared.time_ms)}"
    for known in journal.reconciliations(account).breaks():
        if known.is_open:
            yield f"  break {known.break_id}: {known.found.break_class} {known.found.explanation}"
    for held in journal.positions(account):
        if not held.is_flat:
            yield f"  position: {held.quantity} on {held.symbol}"
    for order in journal.open_orders(account):
        yield f"  open: {order.client_order_id} {order.side} {order.quantity} on {order.symbol}"
    for unsettled in journal.unsettled(account):
        yield f"  unsettled: {unsettled.order.client_order_id}: {unsettled.what}"
    for quarantine in journal.quarantines(account):
        yield f"  quarantined: {quarantine.symbol}: {quarantine.reason}"


def _tail(path: Path, reach: int, most: int, only: str = "") -> str:
    """Return the last lines of a file that hold `only`, looking no further back than `reach` bytes."""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - reach))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return "\n".join([line for line in lines if only in line][-most:]) + "\n"
