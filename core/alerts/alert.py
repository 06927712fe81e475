"""One thing that a human must hear of."""

from __future__ import annotations

from dataclasses import dataclass

AGAIN_AFTER_MS = 30 * 60_000
"""The same subject is told again only after this; urgent ones too, for a storm of one thing is one thing."""
LONGEST_TEXT = 600
"""In characters: what a phone shows, and what services take."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A sentence for somebody who was asleep, with the command that comes next.

    `urgent`: no limit holds it back. `subject`: the same one is not told again for `again_after_ms`.
    """

    code: str
    title: str
    text: str
    urgent: bool
    subject: str
    time_ms: int
    again_after_ms: int = AGAIN_AFTER_MS


def sentence(what: str, account: str | None, command: str) -> str:
    """Return what happened, where, and the command to type. The command survives a text that is too long."""
    ending = f"{f' ({place(account)})' if account else ''}. Next: `{command}`"
    said = " ".join(what.split()).rstrip(".")
    said = said[:1].upper() + said[1:]
    room = LONGEST_TEXT - len(ending)
    return (said if len(said) <= room else f"{said[: room - 1]}…") + ending


def place(account: str) -> str:
    """Return an account as a human knows it: venue, environment and how its own name ends."""
    parts = account.split(":")
    return f"{parts[0]} {parts[1]} …{parts[-2][-4:]}" if len(parts) >= 5 else account
