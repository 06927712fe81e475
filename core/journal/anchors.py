"""Anchors: what the chain's head was at one time, kept where nobody who could alter the journal can reach.

The chain alone cannot show that its end was cut off, or that all of it was written anew; an anchor can. As
text for mail or paper it is `SEQUENCE-XXXXX-XXXXX-XXXXX-XXXXX-XXXXX-CC`: the first 125 bits of the hash in
Crockford's base 32, whose letters are hard to mistake, and ten bits that catch a wrong letter.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256

from core.clock import iso_utc

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LETTERS, _CHECK_LETTERS, _GROUP = 25, 2, 5
_HASH_BITS = 256
_TEXT = re.compile(rf"([0-9]{{1,18}})-([{_ALPHABET}]{{{_LETTERS}}})([{_ALPHABET}]{{{_CHECK_LETTERS}}})\Z")
_MISREAD = str.maketrans("OIL", "011")
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of a chain. `letters`: how its hash begins; the rest is None where it came from paper."""

    sequence: int
    letters: str
    hash: str | None = None
    time_ms: int | None = None
    installation_id: str | None = None

    @property
    def text(self) -> str:
        """The short form, for a letter or a sheet of paper."""
        groups = [self.letters[at : at + _GROUP] for at in range(0, _LETTERS, _GROUP)]
        return "-".join([str(self.sequence), *groups, _check(self.sequence, self.letters)])

    def is_of(self, event_hash: object) -> bool:
        """Tell whether this is the hash of the event that was anchored."""
        if not isinstance(event_hash, bytes) or letters_of(event_hash) != self.letters:
            return False
        return self.hash is None or self.hash == event_hash.hex()

    def line(self) -> str:
        """Return the line of an anchors file."""
        return json.dumps(
            {
                "schema": _SCHEMA,
                "anchor": self.text,
                "sequence": self.sequence,
                "hash": self.hash,
                "time_ms": self.time_ms,
                "installation_id": self.installation_id,
            }
        )

    def __str__(self) -> str:
        when = "" if self.time_ms is None else f" of {iso_utc(self.time_ms)}"
        return f"the anchor {self.text}{when}"


def make_anchor(sequence: int, event_hash: bytes, time_ms: int, installation_id: str) -> Anchor:
    return Anchor(sequence, letters_of(event_hash), event_hash.hex(), time_ms, installation_id)


def letters_of(event_hash: bytes) -> str:
    """Return the first 125 bits of a hash, five bits a letter."""
    number = int.from_bytes(event_hash)
    return "".join(_ALPHABET[number >> (_HASH_BITS - 5 * at) & 31] for at in range(1, _LETTERS + 1))


def _check(sequence: int, letters: str) -> str:
    digest = sha256(f"{sequence}-{letters}".encode()).digest()
    return _ALPHABET[digest[0] & 31] + _ALPHABET[digest[1] & 31]


def parse_text(text: str) -> Anchor:
    """Return the anchor that somebody typed: small letters, O for 0, spaces and missing dashes do no harm.

    Raises ValueError when it cannot be right.
    """
    sequence, _, rest = "".join(text.split()).upper().partition("-")
    found = _TEXT.match(f"{sequence}-{rest.replace('-', '').translate(_MISREAD)}")
    if found is None:
        raise ValueError(f"{text!r} does not look like an anchor: 1234-XXXXX-XXXXX-XXXXX-XXXXX-XXXXX-CC")
    anchor = Anchor(int(found[1]), found[2])
    if _check(anchor.sequence, anchor.letters) != found[3]:
        raise ValueError(f"{text!r} was mistyped: its last two letters do not belong to the others")
    return anchor


def parse_file(text: str) -> tuple[Anchor, ...]:
    """Return the anchors of a file, one a line, as `line` writes them or in the short form.

    Raises ValueError for a line that is neither.
    """
    return tuple(_parse_line(line) for line in text.splitlines() if line.strip())


def _parse_line(line: str) -> Anchor:
    if not line.lstrip().startswith("{"):
        return parse_text(line)
    try:
        told = json.loads(line)
        short, event_hash = parse_text(told["anchor"]), bytes.fromhex(told["hash"])
        anchor = make_anchor(told["sequence"], event_hash, int(told["time_ms"]), str(told["installation_id"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{line[:80]!r} is not the line of an anchor: {error}") from None
    if (anchor.sequence, anchor.letters) != (short.sequence, short.letters):
        raise ValueError(f"{line[:80]!r} contradicts itself")
    return anchor
