"""What the digests cover: a change that matters voids evidence, one that does not leaves it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from core.config import load_settings
from core.digests import code_digest, risk_digest
from core.settings import describe_settings

OTHER_VALUES = {
    "BINANCE_SYMBOLS_ALLOWED": "ETHUSDT",
    "TRADER_BAR": "5m",
    "BINANCE_RISK_FRACTION": "0.03",
    "BINANCE_RISK_MAX_ORDER_USDT": "26",
    "BINANCE_RISK_MAX_SLIPPAGE_RATE": "0.002",
    "BINANCE_RISK_PRICE_BAND_RATE": "0.03",
    "BINANCE_RISK_MAX_QUOTE_AGE": "3s",
    "BINANCE_RISK_MAX_POSITIONS": "6",
    "BINANCE_RISK_MAX_ASSET_EXPOSURE": "0.2",
    "BINANCE_RISK_MAX_EXPOSURE": "0.9",
    "TRADER_BREAK_EVEN_FROM": "0.01",
    "TRADER_TRAIL_FROM": "0.02",
    "TRADER_TRAIL_BY": "0.01",
    "TRADER_GAIN_LOCKS": "0.01:0.002",
    "TRADER_MAX_HOLD": "2h",
    "TRADER_MAX_HOLD_EXTENSION": "1h",
    "TRADER_COOLDOWN": "5m",
    "LIVE_MAX_VAR": "0.1",
    "LIVE_MAX_DRAWDOWN_PER_DAY": "0.02",
    "LIVE_MAX_DRAWDOWN_FROM_PEAK": "0.2",
    "LIVE_MAX_LOSSES_IN_A_ROW": "4",
    "LIVE_MAX_MINUTE_SIGMAS": "8",
    "LIVE_MAX_FIVE_MINUTE_MOVE": "0.02",
    "LIVE_MAX_TRADES_PER_DAY": "11",
    "LIVE_MAX_LOSS_USDT_PER_DAY": "11",
    "GATE_MIN_SOAK": "2h",
    "GATE_MIN_TRADES": "4",
    "GATE_MAX_EVIDENCE_AGE": "6d",
    "GATE_MAX_CLOCK_OFFSET": "400ms",
    "GATE_MAX_KEY_AGE": "80d",
    "GATE_MAX_RECONCILE_AGE": "23h",
    "GATE_MAX_DRILL_AGE": "6d",
}
HARMLESS = {
    "TRADER_VENUE": "binance",
    "TRADER_HOME": "/elsewhere",
    "BINANCE_API_KEY": "k",
    "BINANCE_API_SECRET": "s",
    "BINANCE_USE_TESTNET": "false",
    "BINANCE_DRY_RUN": "false",
    "BINANCE_BASE_URL": "https://relay.example",
    "CONFIRM_LIVE": "yes",
    "TRADER_PAPER_SPEED": "60",
}
PARAMETERS = {"enter": 0.938, "leave": 0.934, "minimum_hold": 3}


def digest(tmp_path: Path, **environ: str) -> str:
    return risk_digest(load_settings({"HOME": "/home/me", **environ}, tmp_path), PARAMETERS)


def test_every_risk_setting_has_a_case() -> None:
    assert set(OTHER_VALUES) == {described.name for described in describe_settings() if described.risk}


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_a_risk_setting_changes_the_risk_digest(tmp_path: Path, name: str) -> None:
    assert digest(tmp_path, **{name: OTHER_VALUES[name]}) != digest(tmp_path)


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_writing_a_default_down_changes_nothing(tmp_path: Path, name: str) -> None:
    default = next(described.default for described in describe_settings() if described.name == name)
    assert digest(tmp_path, **{name: default}) == digest(tmp_path)


def test_stages_differ_in_nothing_that_the_risk_digest_covers(tmp_path: Path) -> None:
    assert digest(tmp_path, **HARMLESS) == digest(tmp_path)


def test_the_spelling_of_a_number_changes_nothing(tmp_path: Path) -> None:
    assert digest(tmp_path, BINANCE_RISK_FRACTION="0.0200") == digest(tmp_path)


def test_strategy_parameters_are_covered_in_any_order(tmp_path: Path) -> None:
    settings = load_settings({"HOME": "/home/me"}, tmp_path)
    backwards = dict(reversed(PARAMETERS.items()))
    assert risk_digest(settings, backwards) == risk_digest(settings, PARAMETERS)
    assert risk_digest(settings, {**PARAMETERS, "enter": 0.939}) != risk_digest(settings, PARAMETERS)
    assert risk_digest(settings, {"stop": Decimal("1.0")}) == risk_digest(settings, {"stop": Decimal("1.00")})


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_what_has_no_canonical_text_is_refused(tmp_path: Path, value: object) -> None:
    settings = load_settings({"HOME": "/home/me"}, tmp_path)
    with pytest.raises((TypeError, ValueError)):
        risk_digest(settings, {"parameter": value})


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("cli/main.py", "core/a.py", "core/deep/b.py", "exchanges/c.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")
    (tmp_path / "requirements.lock").write_text("numpy==2\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("core/deep/b.py", "# changed\n"),
        ("exchanges/new.py", ""),
        ("requirements.lock", "numpy==3\n"),
    ],
)
def test_a_changed_source_or_lock_changes_the_code_digest(checkout: Path, name: str, text: str) -> None:
    before = code_digest(checkout)
    (checkout / name).write_text(text)
    assert code_digest(checkout) != before


def test_moved_text_changes_the_code_digest(checkout: Path) -> None:
    before = code_digest(checkout)
    (checkout / "core/a.py").rename(checkout / "core/z.py")
    assert code_digest(checkout) != before


def test_other_files_do_not_change_the_code_digest(checkout: Path) -> None:
    before = code_digest(checkout)
    for name in ("core/__pycache__/a.pyc", "README.md", "tests/test_a.py"):
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text("x")
    assert code_digest(checkout) == before


def test_checkout_and_installed_wheel_have_the_same_code_digest(checkout: Path) -> None:
    before = code_digest(checkout)
    (checkout / "requirements.lock").rename(checkout / "core/requirements.lock")
    assert code_digest(checkout) == before
    (checkout / "core/requirements.lock").unlink()
    assert code_digest(checkout) != before


def test_the_installed_code_has_a_digest() -> None:
    assert len(code_digest()) == 64
