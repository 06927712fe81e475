"""A process that appends to a journal until it is killed or has done its share.

Lines on stdout: `begin N`, then `done KIND CLIENT_ORDER_ID`, each written before, or after, what it is about.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

from core.orders import OrderStatus, Side
from tests.core.journal.books import fill, open_account, open_journal, record_intent, report, request


def tell(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def work(home: Path, share: int | None) -> None:
    with open_journal(home, busy_timeout_ms=30_000) as journal:
        account = open_account(journal)
        tell("ready")
        if share is not None:
            sys.stdin.readline()  # everybody starts together
        for number in itertools.count() if share is None else range(share):
            tell(f"begin {number}")
            wanted = request(Side.BUY if number % 2 == 0 else Side.SELL)
            intent = record_intent(journal, account, wanted, context={"stage": 1}).intent
            tell(f"done INTENT {intent.client_order_id}")
            tell(f"begin {number}")
            done = fill(intent, intent.sequence, "0.001", fee="0.000001", fee_asset="BTC")
            journal.record_report(intent, report(intent, OrderStatus.FILLED, done))
            tell(f"done REPORT {intent.client_order_id}")


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
