"""The settings as one frozen value; `core.config` reads them.

Every field is declared once, with all that the operator is told about it: `.env.example`, `trader init` and
`docs/settings.md` are made from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from core.account import Environment
from core.errors import ConfigError
from core.position_texts import Locks, Rate
from core.secrets import Secret
from core.setting_fields import (
    BarInterval,
    ClockSpeed,
    FilePath,
    Flag,
    Fraction,
    HttpRoot,
    LossCount,
    Market,
    Milliseconds,
    OptionalFraction,
    OptionalMilliseconds,
    PositiveMilliseconds,
    QuoteAmount,
    SecretsStore,
    SecretText,
    SecretUrls,
    Seed,
    SettingDescription,
    SigmaCount,
    Symbol,
    Symbols,
    TradeCount,
    VenueName,
    WebsocketRoot,
    describe,
    setting,
)

if TYPE_CHECKING:
    from core.positions.rules import PositionRules


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the settings that works but should be known. `way_out`: what would mend it."""

    code: str
    message: str
    way_out: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """One usable key: with a secret (HMAC), or with the file of an Ed25519 private key; never both."""

    api_key: Secret
    api_secret: Secret | None
    private_key_path: Path | None


class Settings(BaseModel):
    """Every setting, typed. Amounts named `_usdt` in the settings are in the symbol's quote asset.

    `explicit`: names that the environment or the file set; the others have their default.
    `confirm_live` is true only by the process environment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    venue: VenueName = setting(
        "TRADER_VENUE",
        None,
        "The venue: paper (the exchange in a box on this machine, which leaves the keys below unused unless "
        "BINANCE_BASE_URL points at it) or binance. May be left out, meaning paper, only while no key is set "
        "and this home has never seen a real venue.",
        section="Where",
    )
    home: Path = setting(
        "TRADER_HOME",
        None,
        "The folder of the journal, the audit log and the paper exchange's state; default: trader/ in the "
        "user's XDG state folder.",
        danger="another home is another journal: it knows nothing of this one's positions",
    )
    runtime_dir: FilePath = setting(
        "TRADER_RUNTIME_DIR",
        None,
        "The folder in which all commands of this user agree who may send and how much may be asked; "
        "default: /var/tmp/trader-UID, whatever the home.",
        danger="commands with different folders do not see each other: two may trade on one account",
    )
    env_file: FilePath = setting(
        "TRADER_ENV_FILE",
        None,
        "The settings file to read, instead of ./.env, then .env in the home. Counts only from the process "
        "environment.",
    )
    secrets_store: SecretsStore = setting(
        "TRADER_SECRETS",
        "file",
        "Where keys are kept: file (this settings file), keyring (the OS keyring; needs the extra "
        "keyring), or systemd (credentials of LoadCredential). What is kept there goes before "
        "the settings file.",
    )

    api_key: SecretText = setting(
        "BINANCE_API_KEY",
        None,
        "The API key for the selected environment.",
        section="Keys",
        danger="a key that may withdraw is refused for live trading",
    )
    api_secret: SecretText = setting(
        "BINANCE_API_SECRET", None, "The secret of an HMAC key.", danger="whoever reads it can trade"
    )
    private_key_path: FilePath = setting(
        "BINANCE_PRIVATE_KEY_PATH",
        None,
        "The file of an Ed25519 private key (PEM), recommended instead of the secret.",
    )
    testnet_api_key: SecretText = setting(
        "BINANCE_TESTNET_API_KEY",
        None,
        "The API key used on testnet, when set: so testnet and live keys can be configured at once.",
    )
    testnet_api_secret: SecretText = setting(
        "BINANCE_TESTNET_API_SECRET", None, "The secret of the testnet's HMAC key."
    )
    testnet_private_key_path: FilePath = setting(
        "BINANCE_TESTNET_PRIVATE_KEY_PATH", None, "The file of the testnet's Ed25519 private key (PEM)."
    )

    use_testnet: Flag = setting(
        "BINANCE_USE_TESTNET",
        "true",
        "Testnet (true) or the live venue (false). The stage must agree.",
        section="Environment",
        danger="false is real money",
    )
    dry_run: Flag = setting(
        "BINANCE_DRY_RUN",
        "true",
        "Validate orders at the venue without placing them; stage 0 wants true, stages 1 and 2 want false. "
        "Never affects cancel-all, halt, flatten, reconcile and rotate-key.",
        danger="false sends orders",
    )
    base_url: HttpRoot = setting(
        "BINANCE_BASE_URL",
        None,
        "Root URL of REST and SAPI, for a relay or tunnel; default: the official host of the environment.",
        danger="a host that cannot be proven to be a testnet counts as the live venue",
    )
    stream_url: WebsocketRoot = setting(
        "BINANCE_STREAM_URL", None, "Root URL of the market streams; default: the official host."
    )
    ws_api_url: WebsocketRoot = setting(
        "BINANCE_WS_API_URL", None, "URL of the WebSocket API; default: the official host."
    )

    symbol: Symbol = setting(
        "BINANCE_SYMBOL", "BTCUSDT", "What is traded, in the venue's spelling.", section="What is traded"
    )
    symbols_allowed: Symbols = setting(
        "BINANCE_SYMBOLS_ALLOWED",
        None,
        "The symbols that may be bought, separated by commas; default: BINANCE_SYMBOL, and what --symbol "
        "names for one command.",
        risk=True,
    )
    bar: BarInterval = setting("TRADER_BAR", "15m", "Length of the bars that strategies read.", risk=True)

    risk_fraction: Fraction = setting(
        "BINANCE_RISK_FRACTION",
        "0.02",
        "How much of the free quote balance one entry may use.",
        section="Limits per order",
        unit="fraction",
        danger="1 is everything",
        risk=True,
    )
    risk_max_order: QuoteAmount = setting(
        "BINANCE_RISK_MAX_ORDER_USDT",
        "25",
        "Cap of one entry, price × quantity.",
        unit="quote asset (USDT of BTCUSDT)",
        danger="the most that one order can lose",
        risk=True,
    )
    risk_max_slippage_rate: Fraction = setting(
        "BINANCE_RISK_MAX_SLIPPAGE_RATE",
        "0.001",
        "How far beyond the best book price an order may fill.",
        unit="fraction of the price",
        danger="wide limits fill at bad prices in a thin book",
        risk=True,
    )
    risk_price_band_rate: Fraction = setting(
        "BINANCE_RISK_PRICE_BAND_RATE",
        "0.02",
        "How far the order's price may be from the venue's average price.",
        unit="fraction of the price",
        risk=True,
    )
    risk_max_quote_age_ms: PositiveMilliseconds = setting(
        "BINANCE_RISK_MAX_QUOTE_AGE",
        "2s",
        "Age of the book at which it is too old for an entry.",
        unit="duration",
        risk=True,
    )

    risk_max_positions: TradeCount = setting(
        "BINANCE_RISK_MAX_POSITIONS",
        "5",
        "Positions open at the same time, over all symbols; dust is none.",
        section="Limits on all that is held",
        unit="positions",
        risk=True,
    )
    risk_max_asset_exposure: Fraction = setting(
        "BINANCE_RISK_MAX_ASSET_EXPOSURE",
        "0.1",
        "How much of the equity may be in one asset, after the order.",
        unit="fraction of the equity",
        danger="1 is everything in one asset",
        risk=True,
    )
    risk_max_exposure: Fraction = setting(
        "BINANCE_RISK_MAX_EXPOSURE",
        "1",
        "How much of the equity may be in positions altogether, after the order.",
        unit="fraction of the equity",
        risk=True,
    )
    live_max_var: OptionalFraction = setting(
        "LIVE_MAX_VAR",
        None,
        "Value at Risk (1 day, 95 %, the larger of simulated and historical) that all positions may have, "
        "after the order; off when not set. Needs 30 daily bars of every symbol held.",
        unit="fraction of the equity",
        risk=True,
    )

    news: FilePath = setting(
        "TRADER_NEWS",
        None,
        "A file of headlines for strategies that look at news (lead-lag), a line of JSON each; what is added "
        "while a run waits is read (docs/strategies.md).",
        section="What strategies look at",
    )

    break_even_from: Rate = setting(
        "TRADER_BREAK_EVEN_FROM",
        "0",
        "Gain from which the stop of a position covers its entry and both fees; 0: never. These rules hold "
        "for every strategy that trades by signal, from one closed bar to the next (docs/positions.md).",
        section="While a position is held",
        unit="fraction of the entry price",
        risk=True,
    )
    trail_from: Rate = setting(
        "TRADER_TRAIL_FROM",
        "0",
        "Gain from which the stop follows the best price.",
        unit="fraction of the entry price",
        risk=True,
    )
    trail_by: Rate = setting(
        "TRADER_TRAIL_BY",
        "0",
        "Distance at which it follows; 0: it does not.",
        unit="fraction of the best price",
        risk=True,
    )
    gain_locks: Locks = setting(
        "TRADER_GAIN_LOCKS",
        None,
        "Gains after fees that the stop keeps once a larger one was reached, as 0.01:0.002,0.02:0.008.",
        unit="fractions of the entry price",
        risk=True,
    )
    max_hold_ms: Milliseconds = setting(
        "TRADER_MAX_HOLD", "0s", "Time after which a position is sold; 0s: none.", unit="duration", risk=True
    )
    max_hold_extension_ms: Milliseconds = setting(
        "TRADER_MAX_HOLD_EXTENSION",
        "0s",
        "How much longer it may be held while it is losing.",
        unit="duration",
        danger="a loss that is given time may grow, up to the stop",
        risk=True,
    )
    cooldown_ms: Milliseconds = setting(
        "TRADER_COOLDOWN",
        "0s",
        "Time between our newest fill on a symbol and the next entry by signal.",
        unit="duration",
        risk=True,
    )

    live_max_trades_per_day: TradeCount = setting(
        "LIVE_MAX_TRADES_PER_DAY",
        "10",
        "Live entries per account and UTC day, over all processes.",
        section="Limits per day",
        unit="entries",
        risk=True,
    )
    live_max_loss_per_day: QuoteAmount = setting(
        "LIVE_MAX_LOSS_USDT_PER_DAY",
        "10",
        "Realized and unrealized loss per account and UTC day at which no entry follows.",
        unit="quote asset (USDT of BTCUSDT)",
        risk=True,
    )
    live_max_drawdown: Fraction = setting(
        "LIVE_MAX_DRAWDOWN_PER_DAY",
        "0.03",
        "Share of the equity at the start of the UTC day that may be lost, realized and unrealized, before a "
        "breaker latches until the next day.",
        unit="fraction of the equity",
        risk=True,
    )
    live_max_drawdown_from_peak: Fraction = setting(
        "LIVE_MAX_DRAWDOWN_FROM_PEAK",
        "0.1",
        "Share of the equity at its peak that may be lost, realized and unrealized, before a breaker latches "
        "until a human resets it.",
        unit="fraction of the equity",
        risk=True,
    )
    live_max_losses_in_a_row: LossCount = setting(
        "LIVE_MAX_LOSSES_IN_A_ROW",
        "3",
        "Losing trades in a row at which a breaker latches until the next UTC day.",
        unit="trades",
        risk=True,
    )
    live_max_minute_sigmas: SigmaCount = setting(
        "LIVE_MAX_MINUTE_SIGMAS",
        "10",
        "Move of one minute, in standard deviations of the hour before, beyond which a breaker latches for "
        "15 minutes.",
        unit="standard deviations",
        risk=True,
    )
    live_max_five_minute_move: Fraction = setting(
        "LIVE_MAX_FIVE_MINUTE_MOVE",
        "0.03",
        "Move of five minutes at which a breaker latches for 15 minutes.",
        unit="fraction of the price",
        risk=True,
    )
    confirm_live: Flag = setting(
        "CONFIRM_LIVE",
        "no",
        "yes permits stage 2. Counts only from the process environment of one command: in a file it would "
        "stay there for ever.",
        danger="permits real money",
    )

    gate_min_soak_ms: Milliseconds = setting(
        "GATE_MIN_SOAK",
        "1h",
        "Time between the first and the last stage-1 fill before stage 2 opens. GATE_ settings may be "
        "loosened on the paper exchange only.",
        section="Gates of stage 2",
        unit="duration",
        risk=True,
    )
    gate_min_trades: TradeCount = setting(
        "GATE_MIN_TRADES", "3", "Stage-1 trades before stage 2 opens.", unit="trades", risk=True
    )
    gate_max_evidence_age_ms: PositiveMilliseconds = setting(
        "GATE_MAX_EVIDENCE_AGE",
        "7d",
        "Age at which evidence of stages 0 and 1 no longer counts.",
        unit="duration",
        risk=True,
    )
    gate_max_clock_offset_ms: PositiveMilliseconds = setting(
        "GATE_MAX_CLOCK_OFFSET",
        "500ms",
        "Difference between this machine's clock and the venue's.",
        unit="duration",
        risk=True,
    )
    gate_max_key_age_ms: PositiveMilliseconds = setting(
        "GATE_MAX_KEY_AGE", "90d", "Age at which a key must be replaced.", unit="duration", risk=True
    )
    gate_max_reconcile_age_ms: PositiveMilliseconds = setting(
        "GATE_MAX_RECONCILE_AGE", "24h", "Age of the last clean reconciliation.", unit="duration", risk=True
    )
    gate_max_drill_age_ms: PositiveMilliseconds = setting(
        "GATE_MAX_DRILL_AGE",
        "7d",
        "Age of the last drills of halt, cancel-all and flatten.",
        unit="duration",
        risk=True,
    )

    reconcile_halt_on_intruder: Flag = setting(
        "RECONCILE_HALT_ON_INTRUDER",
        "false",
        "Halt when reconciliation finds an order or fill that is not ours.",
        section="Reconciliation and alerts",
    )
    alert_urls: SecretUrls = setting(
        "ALERT_URLS", None, "Where alerts go: URLs separated by commas. A secret: they contain passwords."
    )
    alert_silence_ms: OptionalMilliseconds = setting(
        "ALERT_SILENCE",
        None,
        "Alert when no reconciliation was completed for this long, e.g. 26h.",
        unit="duration",
    )
    alert_no_trade_ms: OptionalMilliseconds = setting(
        "ALERT_NO_TRADE", None, "Alert when nothing was traded for this long, e.g. 48h.", unit="duration"
    )
    heartbeat_url: SecretUrls = setting(
        "HEARTBEAT_URL",
        None,
        "Asked for after each completed reconciliation, and each minute while a position is watched: what is"
        " there alarms when that stops. A secret.",
    )

    paper_seed: Seed = setting(
        "TRADER_PAPER_SEED",
        "0",
        "Seed of the synthetic market: the same seed is the same market.",
        section="The paper exchange",
    )
    paper_market: Market = setting(
        "TRADER_PAPER_MARKET",
        "synthetic",
        "synthetic, file:PATH, file:SYMBOL=PATH,…, data: (what was imported) or mirror:URL (an exchange).",
    )
    paper_speed: ClockSpeed = setting(
        "TRADER_PAPER_SPEED",
        None,
        "How fast the paper exchange's clock runs; default: as it last ran, at first 1.",
        unit="times real time",
    )
    test_data: FilePath = setting(
        "TRADER_TEST_DATA", None, "Folder of recorded data; read by the tests of trader only."
    )

    explicit: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()

    @property
    def environment(self) -> Environment:
        """What the operator wants; which environment the host is, is decided by the host."""
        return Environment.TESTNET if self.use_testnet else Environment.MAINNET

    @property
    def allowed_symbols(self) -> tuple[str, ...]:
        return self.symbols_allowed or (self.symbol,)

    @property
    def position_rules(self) -> PositionRules:
        """Return the rules of every position. Raises ConfigError for rules that contradict each other."""
        from core.positions.rules import PositionRules  # with all that orders and strategies need

        try:
            return PositionRules(
                break_even_from=self.break_even_from,
                trail_from=self.trail_from,
                trail_by=self.trail_by,
                locks=self.gain_locks or (),
                max_hold_ms=self.max_hold_ms,
                extend_losing_ms=self.max_hold_extension_ms,
                cooldown_ms=self.cooldown_ms,
            )
        except ValueError as error:
            raise ConfigError(str(error), hint="TRADER_TRAIL_FROM goes with TRADER_TRAIL_BY") from None

    @property
    def has_key(self) -> bool:
        return bool(self.api_key or self.testnet_api_key)

    def credentials(self, environment: Environment) -> Credentials:
        """Return the key for an environment: the testnet twin on testnet when set, else the general one.

        Raises ConfigError KEY_MISSING.
        """
        if environment is Environment.TESTNET and self.testnet_api_key:
            return Credentials(self.testnet_api_key, self.testnet_api_secret, self.testnet_private_key_path)
        if self.api_key:
            return Credentials(self.api_key, self.api_secret, self.private_key_path)
        wanted = "BINANCE_TESTNET_API_KEY" if environment is Environment.TESTNET else "BINANCE_API_KEY"
        raise ConfigError(
            f"no API key is set for the {environment} environment",
            code="KEY_MISSING",
            hint=f"set {wanted} and its secret or private key path in the settings file",
        )


def describe_settings() -> tuple[SettingDescription, ...]:
    """Return what the operator is told about every setting, in the order of the class."""
    return describe(Settings)
