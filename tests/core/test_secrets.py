"""A secret reaches no screen, log, JSON or pickle."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from dataclasses import asdict, dataclass

import pytest

from core.secrets import Secret, key_fingerprint, last_four

TEXT = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"


@dataclass(frozen=True)
class Holder:
    secret: Secret


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{:>20}".format,
        "{!r}".format,
        lambda secret: f"{[secret]} {Holder(secret)}",
        lambda secret: "%s" % secret,  # noqa: UP031 - the oldest way to print must be safe too
        lambda secret: str(vars(Holder(secret))),
    ],
)
def test_no_way_of_printing_shows_the_text(show: object) -> None:
    shown = show(Secret(TEXT))  # type: ignore[operator]  # each case is callable
    assert "****" in shown
    assert TEXT not in shown


@pytest.mark.parametrize(
    "leak",
    [
        json.dumps,
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        list,
        "".join,
        len,
        hash,
        lambda secret: secret + "",
        lambda secret: asdict(Holder(secret)),
    ],
)
def test_serializing_copying_and_iterating_are_refused(leak: object) -> None:
    with pytest.raises(TypeError) as raised:
        leak(Secret(TEXT))  # type: ignore[operator]  # each case is callable
    assert TEXT not in "".join(traceback.format_exception(raised.value))


def test_reveal_is_the_one_way_to_the_text() -> None:
    assert Secret(TEXT).reveal() == TEXT


def test_secrets_compare_with_secrets_only() -> None:
    assert Secret("ä") == Secret("ä")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")
    assert Secret("x")


def test_the_fingerprint_is_stable_and_holds_no_part_of_the_key() -> None:
    assert key_fingerprint(TEXT) == "5ba1ed8425ba"
    assert key_fingerprint(TEXT) not in TEXT


@pytest.mark.parametrize(
    ("key", "shown"),
    [(TEXT, "Eh8A"), ("0123456789abcdef", "cdef"), ("0123456789abcde", "????"), ("", "????")],
)
def test_last_four_shows_the_end_of_long_keys_only(key: str, shown: str) -> None:
    assert last_four(key) == shown
