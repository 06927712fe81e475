"""Settings: who wins, what is refused and how it is said, and that no rubbish ever makes a traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.account import Environment
from core.config import Settings, load_settings, resolve_venue
from core.errors import ConfigError
from core.settings import describe_settings
from core.settings_text import settings_template
from core.values import Quote

NAMES = [described.name for described in describe_settings()]
KEY = "k" * 64
SECRET = "s3cr3t" * 10


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    folder = tmp_path / "cwd"
    folder.mkdir()
    return folder


def read(cwd: Path, text: str = "", /, **environ: str) -> Settings:
    if text:
        (cwd / ".env").write_text(text)
        (cwd / ".env").chmod(0o600)
    return load_settings({"HOME": str(cwd / "user"), **environ}, cwd)


def problems(error: ConfigError) -> dict[str, str]:
    """Return name -> reason of each problem."""
    listed = error.details["problems"]
    assert isinstance(listed, list)
    return {problem["name"]: problem["reason"] for problem in listed}


# --- where values come from -----------------------------------------------------------------------------


def test_everything_has_a_default(cwd: Path) -> None:
    settings = read(cwd)
    assert settings.venue is None
    assert settings.home == cwd / "user/.local/state/trader"
    assert settings.env_file is None
    assert settings.environment is Environment.TESTNET
    assert settings.dry_run
    assert settings.allowed_symbols == ("BTCUSDT",)
    assert settings.risk_fraction == Decimal("0.02")
    assert settings.risk_max_order == Quote(Decimal(25))
    assert settings.gate_min_soak_ms == 3_600_000
    assert settings.explicit == frozenset()
    assert settings.findings == ()


def test_environment_wins_over_file_wins_over_default(cwd: Path) -> None:
    text = "BINANCE_RISK_FRACTION=0.5\nBINANCE_RISK_MAX_ORDER_USDT=50\n"
    settings = read(cwd, text, BINANCE_RISK_FRACTION="0.1")
    assert settings.risk_fraction == Decimal("0.1")
    assert settings.risk_max_order == Quote(Decimal(50))
    assert settings.live_max_trades_per_day == 10
    assert settings.explicit == {"BINANCE_RISK_FRACTION", "BINANCE_RISK_MAX_ORDER_USDT"}


def test_an_empty_value_counts_as_not_set(cwd: Path) -> None:
    settings = read(cwd, "BINANCE_API_KEY=\nBINANCE_DRY_RUN=false\nTRADER_VENUE=''\n", BINANCE_DRY_RUN=" ")
    assert settings.api_key is None
    assert not settings.dry_run
    assert settings.venue is None


def test_file_order(cwd: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    files = {name: tmp_path / f"{name}.env" for name in ("flag", "variable")}
    files |= {"folder": cwd / ".env", "home": home / ".env"}
    for name, path in files.items():
        path.write_text(f"BINANCE_SYMBOL={name}")
    environ = {"TRADER_HOME": str(home), "TRADER_ENV_FILE": str(files["variable"])}

    def used(flag: Path | None = None) -> str:
        settings = load_settings(environ, cwd, flag)
        assert settings.env_file == files[settings.symbol.lower()]
        return settings.symbol

    assert used(files["flag"]) == "FLAG"
    assert used() == "VARIABLE"
    del environ["TRADER_ENV_FILE"]
    assert used() == "FOLDER"
    files["folder"].unlink()
    assert used() == "HOME"
    files["home"].unlink()
    assert load_settings(environ, cwd).env_file is None


def test_the_file_may_name_the_home_and_the_command_line_wins(cwd: Path) -> None:
    assert read(cwd, "TRADER_HOME=state").home == cwd / "state"
    assert read(cwd, TRADER_HOME="/from/environment").home == Path("/from/environment")
    assert load_settings({"TRADER_HOME": "/a"}, cwd, home=Path("mine")).home == cwd / "mine"
    assert load_settings({"XDG_STATE_HOME": "/xdg"}, cwd / "none").home == Path("/xdg/trader")


def test_relative_paths_count_from_where_they_were_written(cwd: Path, tmp_path: Path) -> None:
    file = tmp_path / "other" / "x.env"
    file.parent.mkdir()
    file.write_text(
        f"BINANCE_API_KEY={KEY}\nBINANCE_PRIVATE_KEY_PATH=key.pem\nTRADER_PAPER_MARKET=file:bars.csv\n"
    )
    settings = load_settings({"HOME": "/home/me", "TRADER_TEST_DATA": "~/data"}, cwd, file)
    assert settings.private_key_path == tmp_path / "other/key.pem"
    assert settings.paper_market == f"file:{tmp_path}/other/bars.csv"
    assert settings.test_data == Path("/home/me/data")


def test_values_are_taken_as_written(cwd: Path) -> None:
    file_text = "BINANCE_SYMBOL = 'btc/usdt' # spot\nexport ALERT_URLS=mailto://${HOME}\nSOMETHING_ELSE=1\n"
    settings = read(cwd, file_text, BINANCE_SYMBOLS_ALLOWED="eth-usdt, BTCUSDT,ethusdt")
    assert settings.symbol == "BTCUSDT"
    assert settings.symbols_allowed == ("BTCUSDT", "ETHUSDT")
    assert settings.alert_urls is not None
    assert settings.alert_urls.reveal() == "mailto://${HOME}"


def test_settings_are_frozen(cwd: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        read(cwd).dry_run = False


# --- what is refused ------------------------------------------------------------------------------------

WRONG_VALUES = [
    ("TRADER_VENUE", "binnance", "was binnance; it takes paper or binance"),
    ("BINANCE_USE_TESTNET", "maybe", "was maybe; it takes true or false"),
    ("BINANCE_DRY_RUN", "tru", "was tru; it takes true or false"),
    ("BINANCE_RISK_FRACTION", "0", "was 0; it must be above 0 and at most 1 (0.02 is 2 %)"),
    ("BINANCE_RISK_FRACTION", "1.01", "was 1.01; it must be above 0 and at most 1 (0.02 is 2 %)"),
    ("BINANCE_RISK_FRACTION", "-0.02", "was -0.02; it must be above 0 and at most 1 (0.02 is 2 %)"),
    ("BINANCE_RISK_FRACTION", "2%", "was 2%; it takes a plain decimal number"),
    ("BINANCE_RISK_MAX_ORDER_USDT", "NaN", "was NaN; it takes a plain decimal number"),
    ("BINANCE_RISK_MAX_ORDER_USDT", "1e3", "was 1e3; it takes a plain decimal number"),
    ("BINANCE_RISK_MAX_ORDER_USDT", "25,5", "was 25,5; it takes a plain decimal number"),
    ("BINANCE_RISK_MAX_ORDER_USDT", "0", "was 0; it must be above 0"),
    ("LIVE_MAX_TRADES_PER_DAY", "0", "was 0; it takes a whole number from 1 to 10000"),
    ("LIVE_MAX_TRADES_PER_DAY", "1.5", "was 1.5; it takes a whole number from 1 to 10000"),
    ("GATE_MIN_SOAK", "60", "was 60; it takes a duration such as 500ms, 90s, 15m, 1h or 7d"),
    ("GATE_MAX_KEY_AGE", "0d", "was 0d; it must be longer than 0s"),
    ("TRADER_BAR", "7m", "was 7m; it takes a bar length such as 1m, 15m, 1h or 1d"),
    ("BINANCE_SYMBOL", "BTC USDT", "was BTC USDT; symbols look like BTCUSDT"),
    ("BINANCE_SYMBOLS_ALLOWED", "BTCUSDT,", "was ; symbols look like BTCUSDT"),
    (
        "TRADER_PAPER_MARKET",
        "file:",
        "was file:; it takes synthetic, data:, mirror:URL, file:PATH or file:SYMBOL=PATH,SYMBOL=PATH",
    ),
    (
        "TRADER_PAPER_MARKET",
        "mirror:http://api.binance.com",
        "must begin with https:// (only this machine is reached without TLS)",
    ),
    ("TRADER_PAPER_SPEED", "0", "was 0; it must be above 0 and at most 100000"),
    ("TRADER_PAPER_SEED", "-1", "was -1; it takes a whole number from 0 to 9223372036854775807"),
    ("BINANCE_BASE_URL", "api.binance.com", "must be a URL such as https://host"),
    (
        "BINANCE_BASE_URL",
        "http://relay.example",
        "must begin with https:// (only this machine is reached without TLS)",
    ),
    ("BINANCE_BASE_URL", "https://[::1", "must be a URL, with a host and perhaps a port"),
    ("BINANCE_STREAM_URL", "https://host", "must be a URL such as wss://host"),
]


@pytest.mark.parametrize(("name", "value", "reason"), WRONG_VALUES)
def test_wrong_value(cwd: Path, name: str, value: str, reason: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(cwd, **{name: value})
    assert raised.value.code == "SETTINGS_INVALID"
    assert raised.value.exit_code == 3
    assert raised.value.message == f"{name} {reason}"
    assert raised.value.hint == f"correct {name} in the process environment"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BINANCE_BASE_URL", "http://127.0.0.1:8750/"),
        ("BINANCE_BASE_URL", "http://[::1]:8750"),
        ("BINANCE_BASE_URL", "https://relay.example/binance"),
        ("BINANCE_WS_API_URL", "ws://localhost:1/ws-api/v3"),
        ("GATE_MIN_SOAK", "0s"),
        ("BINANCE_RISK_FRACTION", "1"),
    ],
)
def test_value_at_the_edge_is_taken(cwd: Path, name: str, value: str) -> None:
    assert name in read(cwd, **{name: value}).explicit


def test_every_problem_is_reported_at_once(cwd: Path) -> None:
    text = "BINANCE_RISK_FRACTION=2\nBINANCE_RISK_MAX_ORDER_USD=10\nnonsense\nTRADER_BAR=1m\nTRADER_BAR=5m\n"
    with pytest.raises(ConfigError) as raised:
        read(cwd, text, BINANCE_TESTNET_API_KEY=KEY, GATE_MIN_TRADES="none")
    found = problems(raised.value)
    assert set(found) == {
        str(cwd / ".env"),
        "BINANCE_RISK_FRACTION",
        "BINANCE_RISK_MAX_ORDER_USD",
        "BINANCE_TESTNET_API_SECRET",
        "GATE_MIN_TRADES",
    }
    assert raised.value.message.startswith("6 settings cannot be used: ")
    assert "line 3 is not NAME=value" in raised.value.message
    assert "TRADER_BAR is set twice, in lines 4 and 5" in raised.value.message
    assert "did you mean BINANCE_RISK_MAX_ORDER_USDT?" in found["BINANCE_RISK_MAX_ORDER_USD"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("BINANCE_RISK_FRACTON=0.01", "is not a setting; did you mean BINANCE_RISK_FRACTION?"),
        ("binance_risk_fraction=0.01", "is not a setting; did you mean BINANCE_RISK_FRACTION?"),
        ("TRADER_QQQQQQQQQ=1", "is not a setting"),
        ("CONFIRM_LIV=yes", "is not a setting; did you mean CONFIRM_LIVE?"),
        ("TRADER_ENV_FILE=x", "counts only from the process environment"),
    ],
)
def test_unknown_name_in_the_file_is_an_error(cwd: Path, line: str, reason: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(cwd, line)
    assert problems(raised.value) == {line.partition("=")[0]: reason}


def test_unknown_name_in_the_environment_is_a_finding(cwd: Path) -> None:
    settings = read(cwd, BINANCE_RISK_MAX_ORDER_USD="1", TRADER_QQQQQQQQQ="1", PATH="/bin")
    assert [(finding.code, finding.way_out) for finding in settings.findings] == [
        ("UNKNOWN_SETTING", "did you mean BINANCE_RISK_MAX_ORDER_USDT?"),
        ("UNKNOWN_SETTING", "docs/settings.md lists every setting"),
    ]


def test_wrong_value_in_the_file_names_the_file(cwd: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        read(cwd, "BINANCE_DRY_RUN=perhaps")
    assert raised.value.hint == f"correct BINANCE_DRY_RUN in {cwd / '.env'}"


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"x" * 1_000_001, "folder"])
def test_a_file_that_cannot_be_used_is_not_passed_over(cwd: Path, content: bytes | str | None) -> None:
    file = cwd / "named.env"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content == "folder":
        file.mkdir()
    with pytest.raises(ConfigError) as raised:
        load_settings({"HOME": "/home/me", "TRADER_ENV_FILE": "named.env"}, cwd)
    assert raised.value.code == "SETTINGS_FILE_UNREADABLE"


def test_a_dangling_env_file_is_not_passed_over(cwd: Path) -> None:
    (cwd / ".env").symlink_to(cwd / "gone")
    with pytest.raises(ConfigError, match="does not exist"):
        read(cwd)


def test_a_named_file_may_name_the_home_where_nothing_else_does(cwd: Path) -> None:
    (cwd / "cron.env").write_text("TRADER_HOME=/srv/trader\n")
    assert load_settings({}, cwd, Path("cron.env")).home == Path("/srv/trader")


def test_no_home_at_all(cwd: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load_settings({"XDG_STATE_HOME": "relative", "HOME": ""}, cwd)
    assert raised.value.code == "HOME_UNUSABLE"


# --- keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("twin", ["BINANCE_", "BINANCE_TESTNET_"])
@pytest.mark.parametrize(
    ("present", "missing"),
    [(["API_KEY"], "API_SECRET"), (["API_SECRET"], "API_KEY"), (["PRIVATE_KEY_PATH"], "API_KEY")],
)
def test_half_a_key_pair_names_the_missing_half(
    cwd: Path, twin: str, present: list[str], missing: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        read(cwd, **{f"{twin}{name}": SECRET for name in present})
    assert raised.value.code == "KEY_MISSING"
    assert list(problems(raised.value)) == [f"{twin}{missing}"]


def test_a_key_has_a_secret_or_a_private_key_not_both(cwd: Path) -> None:
    with pytest.raises(ConfigError, match="are both set"):
        read(cwd, BINANCE_API_KEY=KEY, BINANCE_API_SECRET=SECRET, BINANCE_PRIVATE_KEY_PATH="/k.pem")


def test_the_testnet_twin_is_used_on_testnet_only(cwd: Path) -> None:
    live = {"BINANCE_API_KEY": KEY, "BINANCE_API_SECRET": SECRET}
    twin = {"BINANCE_TESTNET_API_KEY": "t" * 64, "BINANCE_TESTNET_PRIVATE_KEY_PATH": "/t.pem"}
    both = read(cwd, **live, **twin)
    assert both.credentials(Environment.TESTNET).api_key.reveal() == "t" * 64
    assert both.credentials(Environment.TESTNET).private_key_path == Path("/t.pem")
    assert both.credentials(Environment.MAINNET).api_key.reveal() == KEY
    assert read(cwd, **live).credentials(Environment.TESTNET).api_key.reveal() == KEY
    with pytest.raises(ConfigError, match="no API key is set for the mainnet environment") as raised:
        read(cwd, **twin).credentials(Environment.MAINNET)
    assert raised.value.code == "KEY_MISSING"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BINANCE_API_SECRET", f"{SECRET} "),
        ("BINANCE_API_SECRET", f"{SECRET}\n{SECRET}"),
        ("BINANCE_API_KEY", f"{SECRET}ä"),
        ("BINANCE_BASE_URL", f"https://user:{SECRET}@host"),
        ("BINANCE_BASE_URL", f"https://host/?signature={SECRET}"),
        ("ALERT_URLS", f"mailto://{SECRET}\n"),
    ],
)
def test_no_error_repeats_what_could_be_secret(cwd: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(cwd, **{name: value})
    error = raised.value
    assert name in error.message
    assert SECRET not in f"{error.message} {error.hint} {json.dumps(error.details)} {error!r}"


def test_settings_do_not_print_their_secrets(cwd: Path) -> None:
    settings = read(cwd, BINANCE_API_KEY=KEY, BINANCE_API_SECRET=SECRET, ALERT_URLS="https://u:p@h")
    assert KEY not in repr(settings)
    assert SECRET not in repr(settings) + str(settings)
    assert "u:p" not in repr(settings)


@pytest.mark.parametrize(
    ("mode", "codes"),
    [(0o600, []), (0o640, ["FILE_READABLE_BY_OTHERS"]), (0o604, ["FILE_READABLE_BY_OTHERS"])],
)
def test_a_readable_file_with_a_secret_is_a_finding(cwd: Path, mode: int, codes: list[str]) -> None:
    read(cwd, f"BINANCE_API_KEY={KEY}\nBINANCE_API_SECRET={SECRET}\n")
    (cwd / ".env").chmod(mode)
    assert [finding.code for finding in read(cwd).findings] == codes


def test_a_readable_file_without_a_secret_is_fine(cwd: Path) -> None:
    read(cwd, "BINANCE_SYMBOL=ETHUSDT\n")
    (cwd / ".env").chmod(0o644)
    assert read(cwd).findings == ()


def test_confirm_live_counts_only_from_the_process_environment(cwd: Path) -> None:
    from_file = read(cwd, "CONFIRM_LIVE=yes\n")
    assert not from_file.confirm_live
    assert [finding.code for finding in from_file.findings] == ["CONFIRM_LIVE_IN_FILE"]
    assert read(cwd, CONFIRM_LIVE="yes").confirm_live


# --- the venue ------------------------------------------------------------------------------------------


def test_paper_is_the_default_only_where_nothing_else_was_ever_configured(cwd: Path) -> None:
    key = {"BINANCE_TESTNET_API_KEY": KEY, "BINANCE_TESTNET_API_SECRET": SECRET}
    assert resolve_venue(read(cwd), seen_real_venue=False) == "paper"
    for settings, seen in ((read(cwd, **key), False), (read(cwd), True)):
        with pytest.raises(ConfigError) as raised:
            resolve_venue(settings, seen_real_venue=seen)
        assert raised.value.code == "VENUE_NOT_CHOSEN"
        assert raised.value.exit_code == 3
    assert resolve_venue(read(cwd, TRADER_VENUE="paper", **key), seen_real_venue=True) == "paper"
    assert resolve_venue(read(cwd, TRADER_VENUE="Binance"), seen_real_venue=False) == "binance"


@pytest.mark.parametrize(
    ("name", "looser", "tighter"),
    [
        ("GATE_MIN_SOAK", "0s", "2h"),
        ("GATE_MIN_TRADES", "2", "30"),
        ("GATE_MAX_EVIDENCE_AGE", "8d", "1d"),
        ("GATE_MAX_CLOCK_OFFSET", "501ms", "100ms"),
        ("GATE_MAX_KEY_AGE", "91d", "30d"),
        ("GATE_MAX_RECONCILE_AGE", "25h", "1h"),
        ("GATE_MAX_DRILL_AGE", "30d", "1d"),
    ],
)
def test_gates_are_loosened_on_paper_only(cwd: Path, name: str, looser: str, tighter: str) -> None:
    assert resolve_venue(read(cwd, TRADER_VENUE="paper", **{name: looser}), seen_real_venue=True) == "paper"
    assert (
        resolve_venue(read(cwd, TRADER_VENUE="binance", **{name: tighter}), seen_real_venue=True) == "binance"
    )
    with pytest.raises(ConfigError) as raised:
        resolve_venue(read(cwd, TRADER_VENUE="binance", **{name: looser}), seen_real_venue=True)
    assert list(problems(raised.value)) == [name]


# --- rubbish --------------------------------------------------------------------------------------------

names = st.one_of(st.sampled_from(NAMES), st.text(max_size=12).map("BINANCE_".__add__), st.text(max_size=12))
values = st.one_of(
    st.text(max_size=40),
    st.text("0123456789.-+eEnNaAiI_ ", max_size=60),
    st.text("https://[]@:?#%._-aA1 ", max_size=30),
    st.sampled_from(["true", "1h", "999999999d", "file:", "~", "..", "\0", "ⅷ", "1" * 5000, "BTCUSDT"]),
)


@contextmanager
def config_error_at_most() -> Iterator[None]:
    """Let a ConfigError pass whose details are ready for JSON, and nothing else."""
    try:
        yield
    except ConfigError as error:
        json.dumps(error.details)


@given(st.dictionaries(names, values, max_size=8))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rubbish_in_the_environment_is_settings_or_a_config_error(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    with config_error_at_most():
        load_settings({"HOME": "/home/me", **environ}, tmp_path)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.lists(st.tuples(names, values)).map(
            lambda lines: "\n".join(f"{name}={value}" for name, value in lines).encode()
        ),
    )
)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rubbish_in_the_file_is_settings_or_a_config_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rubbish.env").write_bytes(content)
    with config_error_at_most():
        load_settings({"HOME": "/home/me"}, tmp_path, Path("rubbish.env"))


def test_the_template_with_every_default_is_the_default_settings(cwd: Path) -> None:
    defaults = {d.name: d.default for d in describe_settings() if d.default and d.name != "CONFIRM_LIVE"}
    spelled_out = read(cwd, settings_template(defaults))
    (cwd / ".env").write_text(settings_template())
    untouched = read(cwd)
    assert spelled_out.model_copy(update={"explicit": frozenset()}) == untouched


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_home_survives_the_template(tmp_path: Path, name: str) -> None:
    home = tmp_path / "homes" / name
    (tmp_path / "home.env").write_text(settings_template({"TRADER_HOME": str(home)}))
    assert load_settings({"HOME": "/home/me"}, tmp_path, Path("home.env")).home == home


# --- commands that only reduce risk ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "BINANCE_RISK_FRACTION=7",
        "BINANCE_RISK_MAX_ORDER_USDT=lots",
        "BINANCE_SYMBOL=B T C",
        "GATE_MIN_TRADES=-1",
        "BINANCE_RISK_FRACTON=0.01",
        "LIVE_XYZZY=1",
        "TRADER_BAR=17m",
        "LIVE_MAX_TRADES_PER_DAY 5",
        "GATE_MIN_TRADES=4\nGATE_MIN_TRADES=5",
    ],
)
def test_what_does_not_decide_where_is_ignored_and_said(cwd: Path, line: str) -> None:
    (cwd / ".env").write_text(f"TRADER_VENUE=paper\n{line}\n")
    settings = load_settings({"HOME": str(cwd / "user")}, cwd, tolerant=True)
    assert settings.venue == "paper"
    (finding,) = settings.findings
    assert finding.code == "SETTING_IGNORED"
    assert line.partition("=")[0] in finding.message or "line 2 is not NAME=value" in finding.message
    with pytest.raises(ConfigError):
        load_settings({"HOME": str(cwd / "user")}, cwd)


@pytest.mark.parametrize(
    "line",
    [
        "BINANCE_USE_TESTNET=perhaps",
        "BINANCE_USE_TESTNETT=false",
        "TRADER_VENUE=binnance",
        "BINANCE_API_KEY=half-a-pair",
        "BINANCE_BASE_URL=ftp://x",
        "this is no setting at all",
        "BINANCE_USE_TESTNET false",
        "TRADER_HOME=/a\nTRADER_HOME=/b",
        "LIVE_MAX_TRADES_PER DAY=5",
    ],
)
def test_what_may_decide_where_stops_every_command(cwd: Path, line: str) -> None:
    (cwd / ".env").write_text(f"{line}\nBINANCE_RISK_FRACTION=7\n")
    with pytest.raises(ConfigError) as refused:
        load_settings({"HOME": str(cwd / "user")}, cwd, tolerant=True)
    assert "BINANCE_RISK_FRACTION" not in refused.value.message


@given(texts=st.dictionaries(st.sampled_from(NAMES), st.text(max_size=12)))
def test_tolerance_never_makes_more_problems(texts: dict[str, str]) -> None:
    environ = {"HOME": "/nowhere", **{name: text for name, text in texts.items() if "\0" not in text}}
    try:
        strict = load_settings(environ, Path("/nowhere"))
    except ConfigError:
        return
    tolerant = load_settings(environ, Path("/nowhere"), tolerant=True)
    assert tolerant == strict
