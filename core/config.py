"""Read the settings once: process environment over settings file over defaults.

An empty value counts as not set. A name that looks like a setting and is none is an error in the settings
file, since a limit with a typo would silently be no limit; in the process environment, where other programs
put their names too, it is a finding.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from core.errors import ConfigError
from core.keys.kept_secrets import FILE, KEYRING, SYSTEMD, kept_secrets, with_kept
from core.paper_market import market_choice
from core.setting_values import shown
from core.settings import Credentials, Finding, Settings, describe_settings
from core.settings_file import SettingsFile, find_settings_file, read_settings_file

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = [
    "PAPER",
    "Credentials",
    "Finding",
    "Settings",
    "home_folder",
    "load_settings",
    "resolve_venue",
    "told_home",
]

PAPER = "paper"
PREFIXES = ("BINANCE_", "TRADER_", "GATE_", "RECONCILE_", "LIVE_")
PATHS = (
    "TRADER_HOME",
    "TRADER_RUNTIME_DIR",
    "BINANCE_PRIVATE_KEY_PATH",
    "BINANCE_TESTNET_PRIVATE_KEY_PATH",
    "TRADER_TEST_DATA",
)
LOOSER_WHEN_LOWER = ("GATE_MIN_SOAK", "GATE_MIN_TRADES")
DECIDES_WHERE = frozenset(
    {
        "TRADER_VENUE",
        "TRADER_HOME",
        "TRADER_RUNTIME_DIR",
        "TRADER_ENV_FILE",
        "TRADER_SECRETS",
        "TRADER_PAPER_SPEED",
        "BINANCE_USE_TESTNET",
        "BINANCE_BASE_URL",
        "BINANCE_API_KEY",
        "BINANCE_API_SECRET",
        "BINANCE_PRIVATE_KEY_PATH",
        "BINANCE_TESTNET_API_KEY",
        "BINANCE_TESTNET_API_SECRET",
        "BINANCE_TESTNET_PRIVATE_KEY_PATH",
    }
)
"""Whose account a command is about, and with which key: without these nothing can be canceled or sold."""
TYPO_LIKENESS = 0.85
NEAREST_LIKENESS = 0.6

_SETTINGS = {described.name: described for described in describe_settings()}
KEPT = tuple(
    name for name, described in _SETTINGS.items() if described.secret or name.endswith("_PRIVATE_KEY_PATH")
)
"""What a store of secrets may hold."""


@dataclass(frozen=True, slots=True)
class _Problem:
    """One thing that is wrong: "{name} {reason}". `value`: as it was given, "" where it could be secret.

    `about`: the setting that it may mean, "" for none; None where it could be any.
    """

    name: str
    value: str
    reason: str
    way_out: str
    about: str | None
    code: str = "SETTINGS_INVALID"


def load_settings(
    environ: Mapping[str, str],
    cwd: Path,
    env_file: Path | None = None,
    home: Path | None = None,
    *,
    tolerant: bool = False,
) -> Settings:
    """Return the settings; `env_file` and `home` are what the command line said.

    `tolerant`: what is wrong with a setting that does not decide where is a finding, and its default is used:
    a typo in a limit must keep nobody from canceling.

    Raises ConfigError with every problem at once (details["problems"]), or because the settings file cannot
    be read. Reads nothing but that file, and where TRADER_SECRETS says that keys are kept.
    """
    set_outside = _set_outside(environ, home)
    path = _settings_path(environ, cwd, env_file, home)
    file = read_settings_file(path) if path else None
    set_in_file = _values_of(file)

    values = {
        **(_anchored(set_in_file, file.path.parent, environ) if file else {}),
        **_anchored(set_outside, cwd, environ),
    }
    values = with_kept(values, _kept_elsewhere(values, environ), set_outside)
    values.pop("TRADER_ENV_FILE", None)
    if "CONFIRM_LIVE" not in set_outside:
        values.pop("CONFIRM_LIVE", None)
    findings = [*_unknown_in_environment(environ), *_file_findings(file, set_in_file)]
    problems = [*_file_problems(file), *_key_problems(values)]
    wrong = [*_value_problems(_errors(values, environ), values, set_outside, file)]
    if tolerant:
        findings += [_ignored(each) for each in (*problems, *wrong) if _is_tolerable(each)]
        values = {name: text for name, text in values.items() if name not in {each.name for each in wrong}}
        problems, wrong = ([each for each in found if not _is_tolerable(each)] for found in (problems, wrong))
    if problems or wrong:
        raise _config_error([*problems, *wrong])
    settings = Settings.model_validate(
        {
            **values,
            "TRADER_HOME": _home(values, environ),
            "explicit": frozenset(values),
            "findings": tuple(findings),
        }
    )
    return settings.model_copy(update={"env_file": path})


def _kept_elsewhere(values: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets that the store holds. Raises ConfigError where it cannot be read."""
    store = values.get("TRADER_SECRETS", FILE).strip().lower()
    if store not in (KEYRING, SYSTEMD):
        return {}
    home = _home(values, environ)
    return _anchored(kept_secrets(store, KEPT, environ, home), home, environ)


def _errors(values: Mapping[str, str], environ: Mapping[str, str]) -> list[ErrorDetails]:
    try:
        Settings.model_validate({**values, "TRADER_HOME": _home(values, environ)})
    except ValidationError as error:
        return error.errors(include_url=False)
    return []


def _is_tolerable(problem: _Problem) -> bool:
    return problem.about is not None and problem.about not in DECIDES_WHERE


def _ignored(problem: _Problem) -> Finding:
    return Finding("SETTING_IGNORED", f"{problem.name} {problem.reason}; it is ignored here", problem.way_out)


@dataclass(frozen=True, slots=True)
class ToldHome:
    """The home as the settings name it. `doubt`: why they may mean another one, None when it is certain."""

    path: Path
    env_file: Path | None
    doubt: ConfigError | None


def told_home(
    environ: Mapping[str, str], cwd: Path, env_file: Path | None = None, home: Path | None = None
) -> ToldHome:
    """Return the home that `load_settings` would, whatever else is wrong with the settings.

    Leans on no other setting, and on no store of secrets: a locked keyring must keep nobody from halting.
    Raises ConfigError HOME_UNUSABLE.
    """
    set_outside = _anchored(_set_outside(environ, home), cwd, environ)
    try:
        path = _settings_path(environ, cwd, env_file, home)
        file = read_settings_file(path) if path else None
    except ConfigError as error:
        return ToldHome(_home(set_outside, environ), None, None if "TRADER_HOME" in set_outside else error)
    in_file = _anchored(_values_of(file), file.path.parent, environ) if file else {}
    doubts = [] if "TRADER_HOME" in set_outside else _file_problems(file)
    hidden = [each for each in doubts if each.about in (None, "TRADER_HOME")]
    doubt = _config_error(hidden) if hidden else None
    return ToldHome(_home({**in_file, **set_outside}, environ), path, doubt)


def _settings_path(
    environ: Mapping[str, str], cwd: Path, env_file: Path | None, home: Path | None
) -> Path | None:
    outside = environ.get("TRADER_ENV_FILE", "")
    named = env_file or (Path(outside) if outside.strip() else None)
    if named:
        # It may be what names the home, where cron or systemd set no HOME.
        return _absolute(named, cwd, environ)
    return find_settings_file(cwd, home_folder(environ, cwd, home))


def home_folder(environ: Mapping[str, str], cwd: Path, home: Path | None = None) -> Path:
    """Return the home before any settings file has spoken: the command line's, TRADER_HOME, or XDG's.

    Raises ConfigError HOME_UNUSABLE when nothing names one.
    """
    return _home(_anchored(_set_outside(environ, home), cwd, environ), environ)


def resolve_venue(settings: Settings, *, seen_real_venue: bool) -> str:
    """Return the venue to use; `seen_real_venue`: this home's journal has known another than paper.

    Raises ConfigError VENUE_NOT_CHOSEN where silence could mean a lost settings file, and SETTINGS_INVALID
    when gates are loosened for a real venue.
    """
    venue = settings.venue
    if venue is None:
        if settings.has_key or seen_real_venue:
            why = "a key is set" if settings.has_key else "this home has seen a real venue"
            raise ConfigError(
                f"TRADER_VENUE is not set, although {why}",
                code="VENUE_NOT_CHOSEN",
                hint="set TRADER_VENUE=binance (or paper) in the settings file, or name the file: --env-file",
                details={"env_file": str(settings.env_file) if settings.env_file else None},
            )
        venue = PAPER
    if venue != PAPER and (loosened := _loosened_gates(settings)):
        raise _config_error(loosened)
    return venue


def _loosened_gates(settings: Settings) -> list[_Problem]:
    defaults = Settings.model_validate({"TRADER_HOME": settings.home})
    problems = []
    for name, described in _SETTINGS.items():
        if not name.startswith("GATE_"):
            continue
        now, default = getattr(settings, described.attribute), getattr(defaults, described.attribute)
        if now < default if name in LOOSER_WHEN_LOWER else now > default:
            reason = f"is looser than {described.default}, which only the paper exchange allows"
            problems.append(_Problem(name, "", reason, f"{name}={described.default}", name))
    return problems


def _set_outside(environ: Mapping[str, str], home: Path | None) -> dict[str, str]:
    """Return what the process environment sets; the command line's home goes before TRADER_HOME."""
    result = {name: environ[name] for name in _SETTINGS if environ.get(name, "").strip()}
    return result if home is None else {**result, "TRADER_HOME": str(home)}


def _home(values: Mapping[str, str], environ: Mapping[str, str]) -> Path:
    if "TRADER_HOME" in values:
        return Path(values["TRADER_HOME"])
    state = environ.get("XDG_STATE_HOME", "")
    # The XDG specification asks to ignore a relative path.
    if state.startswith("/"):
        return Path(state) / "trader"
    if environ.get("HOME", "").startswith("/"):
        return Path(environ["HOME"]) / ".local" / "state" / "trader"
    raise ConfigError(
        "no home folder: neither TRADER_HOME nor XDG_STATE_HOME nor HOME is set to an absolute path",
        code="HOME_UNUSABLE",
        hint="set TRADER_HOME, or give --home",
    )


def _anchored(values: Mapping[str, str], folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the values with relative paths made absolute: they count from where they were written."""
    result = dict(values)
    for name in PATHS:
        if name in result:
            result[name] = str(_absolute(Path(result[name]), folder, environ))
    with contextlib.suppress(KeyError, ValueError):  # what it may not say is told with the other settings
        market = market_choice(result["TRADER_PAPER_MARKET"])
        anchored = market.with_paths(lambda path: _absolute(path, folder, environ))
        result["TRADER_PAPER_MARKET"] = str(anchored)
    return result


def _absolute(path: Path, folder: Path, environ: Mapping[str, str]) -> Path:
    if path.parts[:1] == ("~",) and environ.get("HOME"):
        return Path(environ["HOME"], *path.parts[1:])
    return folder / path


def _values_of(file: SettingsFile | None) -> dict[str, str]:
    if file is None:
        return {}
    return {name: text for name, text in file.values.items() if name in _SETTINGS and text.strip()}


def _nearest(name: str, likeness: float) -> str | None:
    matches = difflib.get_close_matches(name.upper(), _SETTINGS, n=1, cutoff=likeness)
    return matches[0] if matches else None


def _unknown_in_environment(environ: Mapping[str, str]) -> Iterator[Finding]:
    for name in sorted(environ):
        if name.startswith(PREFIXES) and name not in _SETTINGS:
            nearest = _nearest(name, NEAREST_LIKENESS)
            yield Finding(
                "UNKNOWN_SETTING",
                f"{shown(name)} in the process environment is not a setting",
                f"did you mean {nearest}?" if nearest else "docs/settings.md lists every setting",
            )


def _file_findings(file: SettingsFile | None, set_in_file: Mapping[str, str]) -> Iterator[Finding]:
    if file is None:
        return
    if file.readable_by_others and any(_SETTINGS[name].secret for name in set_in_file):
        yield Finding(
            "FILE_READABLE_BY_OTHERS",
            f"{file.path} holds a secret and other users can read it",
            f"chmod 600 {file.path}",
        )
    if "CONFIRM_LIVE" in set_in_file:
        yield Finding(
            "CONFIRM_LIVE_IN_FILE",
            f"CONFIRM_LIVE in {file.path} does not count; there it would stay for ever",
            "remove the line; write CONFIRM_LIVE=yes before the one command it is meant for",
        )


def _file_problems(file: SettingsFile | None) -> Iterator[_Problem]:
    if file is None:
        return
    for fault in file.faults:
        about = fault.name if fault.name in _SETTINGS else None
        reason, way_out = f"cannot be used: {fault.text}", f"correct it in {file.path}"
        yield _Problem(str(file.path), "", reason, way_out, about)
    for name, line in file.lines.items():
        where = f"line {line} of {file.path}"
        if name == "TRADER_ENV_FILE":
            yield _Problem(name, "", "counts only from the process environment", f"remove {where}", name)
        elif name not in _SETTINGS:
            nearest = _nearest(name, NEAREST_LIKENESS if name.startswith(PREFIXES) else TYPO_LIKENESS)
            if nearest:
                reason = f"is not a setting; did you mean {nearest}?"
                yield _Problem(shown(name), "", reason, f"correct {where}", nearest)
            elif name.startswith(PREFIXES):
                yield _Problem(shown(name), "", "is not a setting", f"remove {where}", "")


def _key_problems(values: Mapping[str, str]) -> Iterator[_Problem]:
    """Find halves of key pairs: a key needs either its secret or the file of its private key."""
    for prefix in ("BINANCE_", "BINANCE_TESTNET_"):
        key, secret, file = f"{prefix}API_KEY", f"{prefix}API_SECRET", f"{prefix}PRIVATE_KEY_PATH"
        halves = [name for name in (secret, file) if name in values]
        if key in values and not halves:
            reason = f"is missing: {key} is set without it (or {file})"
            way_out = f"set {secret}, or {file} for an Ed25519 key"
            yield _Problem(secret, "", reason, way_out, secret, "KEY_MISSING")
        elif key not in values and halves:
            reason = f"is missing: {halves[0]} is set without it"
            yield _Problem(key, "", reason, f"set {key}", key, "KEY_MISSING")
        elif len(halves) == 2:
            reason = f"and {file} are both set; a key has one of them"
            yield _Problem(secret, "", reason, f"remove {secret}", secret)


def _value_problems(
    errors: Iterable[ErrorDetails],
    values: Mapping[str, str],
    set_outside: Mapping[str, str],
    file: SettingsFile | None,
) -> Iterator[_Problem]:
    for entry in errors:
        name = str(entry["loc"][0])
        where = "the process environment" if name in set_outside or file is None else str(file.path)
        reason = str(entry.get("ctx", {}).get("error", "has a value that cannot be used"))
        value = shown(values.get(name, ""))
        # A reason that does not repeat the value had cause not to: it may hold a secret.
        if _SETTINGS[name].secret or value not in reason:
            value = ""
        yield _Problem(name, value, reason, f"correct {name} in {where}", name)


def _config_error(problems: Iterable[_Problem]) -> ConfigError:
    problems = list(problems)
    sentences = [f"{problem.name} {problem.reason}" for problem in problems]
    codes = {problem.code for problem in problems}
    single = len(problems) == 1
    return ConfigError(
        sentences[0] if single else f"{len(problems)} settings cannot be used: {'; '.join(sentences)}",
        code=codes.pop() if len(codes) == 1 else "SETTINGS_INVALID",
        hint=problems[0].way_out if single else "correct each of them; docs/settings.md lists every setting",
        details={
            "problems": [
                {"name": p.name, "value": p.value, "reason": p.reason, "way_out": p.way_out} for p in problems
            ]
        },
    )
