"""What every test stands on: an environment without settings, and a home of its own."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# A busy machine must not fail a property: no test here asserts a time.
hypothesis.settings.register_profile("trader", deadline=None)
hypothesis.settings.load_profile("trader")
# So that a golden conversation that differs shows where.
pytest.register_assert_rewrite("tests.cli.conversation")

REPOSITORY = Path(__file__).resolve().parent.parent
RECORDED_DATA = Path(os.environ.get("TRADER_TEST_DATA") or REPOSITORY.parent / "shared" / "data")
SETTING_PREFIXES = ("BINANCE_", "TRADER_", "GATE_", "RECONCILE_", "LIVE_", "ALERT_", "CONFIRM_")


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Keep a developer's exported keys, `.env` and journal out of reach; return the test's home."""
    for name in list(os.environ):
        if name.startswith(SETTING_PREFIXES):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    monkeypatch.setenv("TRADER_HOME", str(home))
    monkeypatch.setenv("TRADER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of recorded data (`TRADER_TEST_DATA`, else `../shared/data`); tests skip without it."""
    if not RECORDED_DATA.is_dir():
        pytest.skip("no recorded data; TRADER_TEST_DATA names its folder")
    return RECORDED_DATA.resolve()
