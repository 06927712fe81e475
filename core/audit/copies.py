"""Is a copy what was exported? Each record by itself, and each after the one before it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence

from core.journal.anchors import Anchor
from core.journal.chain import GENESIS
from core.journal.history import Link
from core.journal.records import Finding


class CopyCheck:
    """Follows the records of a copy.

    `gaps`: how often events were left out, which a chosen export may do, and a `whole` copy may not.
    `first`, `last`: sequences; `previous`, `head`: the hash before the first record and that of the last.
    """

    def __init__(self, *, anchors: Sequence[Anchor] = (), whole: bool = False) -> None:
        self.events = self.gaps = self.first = self.last = 0
        self.previous = self.head = GENESIS
        self._anchors = {anchor.sequence: anchor for anchor in anchors}
        self._whole = whole

    def wrong_with(self, links: Iterable[Link]) -> Iterator[Finding]:
        """Yield what is wrong with the next records; a record that cannot be read ends the check."""
        try:
            for link in links:
                yield from self._next(link)
        except (ValueError, OSError, EOFError, zlib.error) as error:
            yield Finding("COPY_UNREADABLE", f"after event {self.last}: {error}")

    def _next(self, link: Link) -> Iterator[Finding]:
        number = link.stored.sequence
        if not link.stored.follows(link.previous):
            yield Finding("EVENT_ALTERED", f"event {number} does not match its hash")
        anchor = self._anchors.get(number)
        if anchor is not None and not anchor.is_of(link.stored.hash):
            yield Finding("CHAIN_REWRITTEN", f"event {number} is not the one that {anchor} saw")
        if self.events == 0:
            self.first, self.previous = number, link.previous
            if number > 1 and self._whole:
                yield Finding("EVENT_MISSING", f"events 1 to {number - 1} are missing")
        elif number <= self.last:
            yield Finding("EVENT_MOVED", f"event {number} stands after event {self.last}")
        elif number == self.last + 1:
            if link.previous != self.head:
                yield Finding("CHAIN_REWRITTEN", f"event {number} does not follow event {self.last}")
        else:
            self.gaps += 1
            if self._whole:
                yield Finding("EVENT_MISSING", f"events {self.last + 1} to {number - 1} are missing")
        self.events += 1
        self.last, self.head = number, link.stored.hash
