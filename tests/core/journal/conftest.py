from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.account import AccountKey
from core.journal import Journal
from tests.core.journal.books import CountedBytes, open_account, open_journal


@pytest.fixture
def journal(own_home: Path) -> Iterator[Journal]:
    with open_journal(own_home, random_bytes=CountedBytes()) as journal:
        yield journal


@pytest.fixture
def account(journal: Journal) -> AccountKey:
    return open_account(journal)
