"""`trader rotate-key` end to end on a live venue of paper: the human's part is done by its operator."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any
from unittest import mock
from urllib.request import ProxyHandler, build_opener

import pytest

from core.account import AccountKey, Environment
from core.clock import SystemClock
from core.lease import Lease
from core.secrets import key_fingerprint
from exchanges.paper import Permissions
from tests.cli.loopback import body, untouched, when
from tests.cli.rotating import BEFORE, Place, rotating


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with rotating(tmp_path) as place:
        yield place


def test_a_whole_rotation_at_a_terminal(place: Place) -> None:
    old, new = place.venue.api_key, place.new_key()
    asked: list[str] = []

    def human(question: str) -> str:
        asked.append(question)
        if "secret" in question:
            return new.secret
        if "API key" in question:
            return new.api_key
        if "press Enter" in question:
            if sum("press Enter" in each for each in asked) == 2:
                place.delete(old)
            return ""
        return place.phrase(new)

    result = place.rotate(human=human)["result"]["rotation"]
    assert (result["old_ending"], result["new_ending"]) == (old[-4:], new.api_key[-4:])
    assert len(asked) == 5
    expected = BEFORE.replace("'{key}'", new.api_key).format(secret=new.secret, root=place.venue.root)
    assert place.env_file.read_text() == expected
    assert stat.S_IMODE(place.env_file.stat().st_mode) == 0o600
    assert place.told() == ["KEY_ROTATION", "KEY_SWAPPED", "KEY_CONFIGURED", "KEY_USED", "KEY_DEAD"]
    assert not (place.home / "rotation.json").exists()
    assert place.rotate("--resume")["result"]["rotation"] is None


def test_a_script_rotates_and_goes_on_once_the_old_key_is_deleted(place: Place) -> None:
    old, new = place.venue.api_key, place.new_key()
    error = place.rotate(new=new, exit_code=5)["error"]
    assert error["code"] == "KEY_UNPROVEN"
    assert f"the venue still knows the old key …{old[-4:]}" in error["message"]
    record = place.home / "rotation.json"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert place.venue.api_secret not in record.read_text()
    assert new.secret not in record.read_text()
    assert place.rotate(new=place.new_key("third"), exit_code=4)["error"]["code"] == "ROTATION_UNFINISHED"
    place.delete(old)
    assert place.rotate("--resume")["result"]["rotation"]["new_ending"] == new.api_key[-4:]


def test_the_control_request_tells_a_dead_key_from_a_dead_line(place: Place) -> None:
    new = place.new_key()
    place.rotate(new=new, exit_code=5)
    place.delete(place.venue.api_key)
    refused = b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}'
    place.venue.spoil = when("/api/v3/account", body(refused, 401))
    error = place.rotate("--resume", exit_code=5)["error"]
    assert error["message"].startswith("unproven: the new key did not work just now")
    place.venue.spoil = untouched
    place.rotate("--resume")


def test_a_venue_that_looks_at_the_signature_first_proves_nothing(place: Place) -> None:
    refused = body(b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}', 401)
    place.venue.spoil = lambda _, answer: refused(answer) if b"-1022" in answer.body else answer
    error = place.rotate(new=place.new_key(), exit_code=5)["error"]
    assert error["code"] == "KEY_UNPROVEN"
    assert "KEY_DEAD" not in place.told()


def test_nobody_deletes_a_key_before_the_new_one_was_read_back(place: Place) -> None:
    new = place.new_key()
    with mock.patch("core.keys.store.edit_settings_file"):  # a disk that forgets
        error = place.rotate(new=new, exit_code=3)["error"]
    assert (error["code"], "does not hold the new key" in error["message"]) == ("KEY_OUT_OF_REACH", True)
    assert "KEY_CONFIGURED" not in place.told()


@pytest.mark.parametrize(
    ("is_over", "code", "exit_code"), [(False, "ROTATION_UNFINISHED", 4), (True, "KEY_OUT_OF_REACH", 3)]
)
def test_of_two_rotations_at_once_one_happens(place: Place, is_over: bool, code: str, exit_code: int) -> None:
    new, theirs = place.new_key(), place.new_key("third")
    phrase = place.phrase(new)

    def human(question: str) -> str:
        if "secret" in question:
            return new.secret
        if "API key" in question:
            return new.api_key
        other = Thread(target=place.rotate, kwargs={"new": theirs, "exit_code": 5})
        other.start()
        other.join()
        if is_over:
            (place.home / "rotation.json").unlink()
        return phrase

    assert place.rotate(human=human, exit_code=exit_code)["error"]["code"] == code
    assert place.configured == theirs.api_key


def test_no_key_is_deleted_under_a_command_that_trades(place: Place) -> None:
    new = place.new_key()
    place.rotate(new=new, exit_code=5)
    place.venue.api_key, place.venue.api_secret = new.api_key, new.secret
    uid = place.venue.ask("/api/v3/account")["uid"]
    account = AccountKey("paper", Environment.MAINNET, "paper", str(uid))
    runtime = Path(place.shell.environ["TRADER_RUNTIME_DIR"])
    # It read the settings before the swap, and trades with the old key.
    with Lease(runtime, account, command="trader stage 2", clock=SystemClock()).acquired():
        error = place.rotate("--resume", exit_code=4, human=lambda _: pytest.fail("asked"))["error"]
    assert error["code"] == "LEASE_HELD"
    assert place.rotate("--resume", exit_code=5)["error"]["code"] == "KEY_UNPROVEN"


def test_an_address_that_is_shut_out_meanwhile_proves_nothing(place: Place) -> None:
    place.rotate(new=place.new_key(), exit_code=5)
    refused = body(b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}', 401)
    answers = 0

    def shut_out(answer: Any) -> Any:
        nonlocal answers
        answers += 1
        return answer if answers == 1 else refused(answer)

    place.venue.spoil = when("/api/v3/account", shut_out)
    error = place.rotate("--resume", exit_code=5)["error"]
    assert error["message"].startswith("unproven: the new key did not work just now")
    assert answers == 3
    assert "KEY_DEAD" not in place.told()


def test_a_key_that_was_refused_before_is_never_proven_dead(place: Place) -> None:
    old, new = place.venue.api_key, place.new_key()
    place.rotate(new=new, exit_code=5)
    place.delete(old)
    place.rotate("--resume")
    # The journal knows now whose the second key is.
    place.venue.api_key, place.venue.api_secret = new.api_key, new.secret
    third = place.new_key("third")
    phrase = place.phrase(third)
    place.delete(new.api_key)
    with mock.patch.object(Place, "phrase", return_value=phrase):
        error = place.rotate(new=third, exit_code=5)["error"]
    assert "refused from here, but it was before as well" in error["message"]
    assert place.configured == third.api_key
    assert place.rotate("--resume")["result"]["rotation"] is None


@pytest.mark.parametrize(
    ("rights", "said"),
    [
        ({"permissions": Permissions(withdrawals=True)}, "it may withdraw"),
        ({"permissions": Permissions(futures=True)}, "it may trade futures"),
        ({"permissions": Permissions(spot_trading=False)}, "it may not trade spot"),
        ({"ip_list": ()}, "it works from any address"),
    ],
)
def test_a_key_that_may_more_is_refused(place: Place, rights: dict[str, Any], said: str) -> None:
    error = place.rotate(new=place.new_key(**rights), exit_code=4)["error"]
    assert (error["code"], said in error["message"]) == ("KEY_UNFIT", True)
    assert place.configured == place.venue.api_key
    assert place.told() == []


def test_the_old_key_and_an_exposed_one_are_no_new_ones(place: Place) -> None:
    (old,) = place.keys()
    assert "it is the old one" in place.rotate(new=old, exit_code=4)["error"]["message"]
    new = place.new_key()
    with place.journal() as journal:
        journal.keys.record_exposed(key_fingerprint(new.api_key), "shown on a screen")
    assert "it is exposed" in place.rotate(new=new, exit_code=4)["error"]["message"]


def test_a_key_of_another_account_is_refused(place: Place) -> None:
    new = place.new_key()
    uid = str(place.venue.ask("/api/v3/account")["uid"]).encode()

    def another(request: Any, answer: Any) -> Any:
        if request.headers.get("X-MBX-APIKEY") == new.api_key:
            return body(answer.body.replace(uid, b"987654321"))(answer)
        return answer

    place.venue.spoil = another
    assert place.rotate(new=new, exit_code=3)["error"]["code"] == "WRONG_ACCOUNT"
    assert place.configured == place.venue.api_key


def test_a_key_of_another_account_of_the_same_venue_is_refused(place: Place) -> None:
    new = place.new_key(account="other")
    error = place.rotate(new=new, exit_code=3)["error"]
    assert error["code"] == "WRONG_ACCOUNT"
    assert place.configured == place.venue.api_key
    assert place.told() == []


def test_a_wrong_phrase_and_a_held_lease_change_nothing(place: Place) -> None:
    new = place.new_key()
    with mock.patch.object(Place, "phrase", return_value="yes"):
        assert place.rotate(new=new, exit_code=4)["error"]["code"] == "NOT_CONFIRMED"
    place.rotate(new=new, exit_code=5)
    place.delete(place.venue.api_key)
    place.rotate("--resume")
    place.venue.api_key, place.venue.api_secret = new.api_key, new.secret
    with place.journal() as journal:
        account = next(iter(journal.keys.accounts_of(key_fingerprint(new.api_key))))
    assert account.startswith("paper:mainnet:paper:")
    runtime = Path(place.shell.environ["TRADER_RUNTIME_DIR"])
    key = AccountKey("paper", Environment.MAINNET, "paper", account.split(":")[3])
    with Lease(runtime, key, command="trader stage 2", clock=SystemClock()).acquired():
        error = place.rotate(new=place.new_key("third"), exit_code=4)["error"]
    assert error["code"] == "LEASE_HELD"
    assert place.configured == new.api_key


def test_a_key_from_the_process_environment_is_out_of_reach(place: Place) -> None:
    place.shell.environ["BINANCE_API_KEY"] = place.venue.api_key
    error = place.rotate(new=place.new_key(), exit_code=3)["error"]
    assert error["code"] == "KEY_OUT_OF_REACH"
    assert "process environment" in error["message"]


def test_exposure_is_written_down_and_ends_what_was_proven(place: Place) -> None:
    old, new = place.venue.api_key, place.new_key()
    place.rotate("--exposed", new=new, exit_code=5)
    with place.journal() as journal:
        assert set(journal.keys.exposed()) == {key_fingerprint(old)}
        assert journal.keys.last_exposure_ms() is not None
    place.delete(old)
    place.rotate("--resume")


def test_resting_orders_stay(place: Place) -> None:
    with build_opener(ProxyHandler({})).open(f"{place.venue.root}/api/v3/avgPrice?symbol=BTCUSDT") as answer:
        price = Decimal(json.loads(answer.read())["price"])
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    order |= {"quantity": "0.001", "price": str((price * Decimal("0.9")).quantize(Decimal(1)))}
    place.venue.send("POST", "/api/v3/order", **order)
    new = place.new_key()
    place.rotate(new=new, exit_code=5)
    place.venue.api_key, place.venue.api_secret = new.api_key, new.secret
    assert len(place.venue.ask("/api/v3/openOrders")) == 1


def test_a_key_of_systemd_is_refused_before_anything_is_done(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "BINANCE_API_KEY").write_text(place.venue.api_key)
    (folder / "BINANCE_API_SECRET").write_text(place.venue.api_secret)
    place.shell.environ |= {"TRADER_SECRETS": "systemd", "CREDENTIALS_DIRECTORY": str(folder)}
    new = place.new_key()
    phrase = place.phrase(new)
    asked = len(place.venue.requests)
    with mock.patch.object(Place, "phrase", return_value=phrase):
        error = place.rotate(new=new, exit_code=3)["error"]
    assert error["code"] == "KEY_OUT_OF_REACH"
    assert len(place.venue.requests) == asked


def test_who_only_ever_presses_enter_is_not_asked_for_ever(place: Place) -> None:
    place.rotate(new=place.new_key(), exit_code=5)
    asked: list[str] = []

    def human(question: str) -> str:
        asked.append(question)
        return ""

    assert place.rotate("--resume", human=human, exit_code=5)["error"]["code"] == "KEY_UNPROVEN"
    assert len(asked) == 10
