"""Whether a page shows what a command printed.

Lines are compared one by one after the same filters were applied to both: what differs from run to run
becomes a word (FILTERS), and columns may be wider. Words, small numbers and everything else must agree.
A line `...` stands for any number of lines, and `…` within a line for the rest of anything.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

ELLIPSIS = "…"
ELIDED = ("...", ELLIPSIS)
SURE_WIDTH = 60
"""As much of a line is compared that ends in an ellipsis: where a program cut it depends on its numbers."""

FILTERS = (
    # times and dates
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:?\d\d(:?\d\d)?(\.\d+)?Z?(-\d+(?=\.txt))?"), "TIME"),
    (re.compile(r"\d{8}T\d{6}\.\d+Z"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "DATE"),
    # anchors, keys, the last word of a phrase; how a key and an address end
    (re.compile(r"\b\d+(-[0-9A-Z]{5}){5}-[0-9A-Z]{2}\b"), "ANCHOR"),
    (re.compile(r"\b[A-Za-z0-9+/]{64}\b|\bMCow[A-Za-z0-9+/]{55}="), "KEY"),
    (re.compile(r"(cap \d+ USDT) [a-z0-9]{4}\b"), r"\1 WORD"),
    (re.compile(r"…[A-Za-z0-9]{4}\b"), "…KEY"),
    (re.compile(r"\bPAPER-\S+"), "ADDRESS"),
    (re.compile(r"(characters of the address there:) \w{6}\b"), r"\1 ENDING"),
    # ids of an installation and of evidence; of a break and an account, digests and fingerprints
    (re.compile(r"\btr[0-9a-f]{16}-"), "trID-"),
    (re.compile(r"\bev[0-9a-f]{8}\b"), "evID"),
    (re.compile(r"(?<![\w.])[0-9a-f]{8}([0-9a-f]{4})?([0-9a-f]{4})?([0-9a-f]{48})?\b(?!\.\d)"), "N"),
    # addresses of servers and processes, versions, durations, sizes
    (re.compile(r"(127\.0\.0\.1|localhost):\d+"), r"\1:PORT"),
    (re.compile(r"\b(pid +)\d+"), r"\1PID"),
    (re.compile(r"\b\d+\.\d+\.\d+\b"), "VERSION"),
    (re.compile(r"[+-]?\b\d+(\.\d+)? ?(ms|s|min|h|kB|KB|MB|bytes)\b"), "SIZE"),
    # prices and amounts: whatever has a fraction or five digits
    (re.compile(r"[+-]?(?<![\w.])(\d+\.\d+|\d{5,})(?![\w.]\d)"), "N"),
    # bars of a chart, squares of a code
    (re.compile(r"[▀-█]([ ▀-█]*[▀-█])?"), "█"),
    (re.compile(r"\s+"), " "),
)

HEADER = re.compile(r"venue \S+, (environment .*, )?settings file |journal /\S+$")
"""What every command says first; a page that is not about it may leave it out."""


def filtered(line: str) -> str:
    """Return the line with what differs from run to run replaced by words."""
    for pattern, word in FILTERS:
        line = pattern.sub(word, line)
    line = line.strip()
    return f"{line[:SURE_WIDTH].rstrip(ELLIPSIS)}{ELLIPSIS}" if line.endswith(ELLIPSIS) else line


def agrees(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Tell whether what was printed is what the page shows."""
    pattern = "".join(_pattern(line) for line in _without_end(shown))
    text = "".join(f"{filtered(line)}\n" for line in _without_end(_printed_for(shown, printed)))
    return re.fullmatch(pattern, text) is not None


def difference(shown: Sequence[str], printed: Sequence[str]) -> str:
    """Return what differs, as a person compares it."""
    here = [filtered(line) for line in shown]
    there = [filtered(line) for line in _without_end(_printed_for(shown, printed))]
    return "\n".join(difflib.unified_diff(here, there, "the page", "printed", lineterm=""))


def renewed(shown: Sequence[str], printed: Sequence[str]) -> list[str]:
    """Return what the page should show: what was printed, as much of it elided as was before."""
    true = _without_end(_printed_for(shown, printed))
    if agrees(shown, printed):
        return list(shown)
    elided = next((number for number, line in enumerate(shown) if line.strip() in ELIDED), None)
    if elided is None:
        return true
    after = len(shown) - elided - 1
    return [*true[:elided], shown[elided], *true[max(elided, len(true) - after) :][: after or 0]]


def _printed_for(shown: Sequence[str], printed: Sequence[str]) -> list[str]:
    if any(HEADER.match(line) for line in shown):
        return list(printed)
    return [line for line in printed if not HEADER.match(line)]


def _without_end(lines: Sequence[str]) -> list[str]:
    kept = [line.rstrip() for line in lines]
    while kept and not kept[-1]:
        kept.pop()
    return kept


def _pattern(line: str) -> str:
    if line.strip() in ELIDED:
        return r"(?:.*\n)*?"
    parts = re.split(r"…(?!KEY)|\.\.\.", filtered(line))
    return ".*".join(re.escape(part) for part in parts) + r"\n"
