"""The table of restores: which installation a journal was before it was restored from a backup."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from core.journal.chain import Event

TABLES = (
    """
    CREATE TABLE restores (
        sequence INTEGER PRIMARY KEY, previous TEXT NOT NULL, installation_id TEXT NOT NULL
    )
    """,
)

RESTORES = "SELECT sequence, previous FROM restores ORDER BY sequence"
NEWEST = "SELECT max(sequence) AS sequence FROM restores"
ADD_RESTORE = "INSERT INTO restores (sequence, previous, installation_id) VALUES (?, ?, ?)"
SET_INSTALLATION = "UPDATE installation SET id = ?"
# What the stages proved, they proved of another machine. The events keep it.
FORGET_EVIDENCE = "DELETE FROM evidence"
RECONCILED_SINCE = """
    SELECT until_ms, json_extract(record, '$.open_breaks') AS open_breaks FROM reconciliations
    WHERE account = ? AND sequence > ? ORDER BY sequence
"""


def _restored(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    db.execute(ADD_RESTORE, (event.sequence, told["previous"], told["installation_id"]))
    db.execute(SET_INSTALLATION, (told["installation_id"],))
    db.execute(FORGET_EVIDENCE)


HANDLERS: Mapping[str, Callable[[sqlite3.Connection, Event], None]] = {"RESTORED": _restored}
