"""Parameters: read from text, refused out of range, described, and written down in one form."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest

from core.strategies import known_strategies, strategy
from core.strategies.parameters import as_dict, changed, check, described, parameter
from core.strategies.registry import BUILT_IN


@dataclass(frozen=True)
class Inner:
    weight: float = parameter(1.0, "a weight", above=0)


@dataclass(frozen=True)
class Sample:
    count: int = parameter(3, "how many", low=1, high=9)
    share: float = parameter(0.5, "how much", low=0, below=1)
    rate: Decimal = parameter(Decimal("0.01"), "a rate", above=0)
    swap: bool = parameter(False, "whether")
    kind: str = parameter("a", "which", choices=("a", "b"))
    names: tuple[str, ...] = parameter(("x", "y"), "several", choices=("x", "y", "z"))
    inner: Inner = Inner()

    def __post_init__(self) -> None:
        check(self, "sample")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", "7", 7),
        ("share", "0.25", 0.25),
        ("rate", "0.020", Decimal("0.020")),
        ("swap", "True", True),
        ("kind", "b", "b"),
        ("names", "z, x", ("z", "x")),
        ("names", "", ()),
    ],
)
def test_text_is_read_by_type(name: str, text: str, value: object) -> None:
    assert getattr(changed(Sample(), {name: text}), name) == value


@pytest.mark.parametrize(
    ("name", "text", "finding"),
    [
        ("count", "7.5", "count must be a value of type int, was '7.5'"),
        ("count", "10", "count must be ≥ 1, ≤ 9, was 10"),
        ("share", "1", "share must be ≥ 0, < 1, was 1.0"),
        ("share", "nan", "share must be ≥ 0, < 1, was nan"),
        ("rate", "x", "rate must be a value of type Decimal, was 'x'"),
        ("rate", "0", "rate must be > 0, was 0"),
        ("swap", "maybe", "swap must be true or false, was 'maybe'"),
        ("kind", "c", r"kind must be a \| b, was c"),
        ("names", "w", "names must be"),
        ("inner", "1", "there is no parameter 'inner'"),
        ("cuont", "1", "did you mean 'count'"),
    ],
)
def test_bad_text_is_refused(name: str, text: str, finding: str) -> None:
    with pytest.raises(ValueError, match=finding):
        changed(Sample(), {name: text})


def test_every_finding_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"bad sample parameters: count must be .*; share must be"):
        Sample(count=0, share=2.0)


def test_no_change_is_the_same() -> None:
    sample = Sample()
    assert changed(sample, {}) is sample


def test_description_has_default_range_and_sentence() -> None:
    texts = {each.name: (each.default, each.range, each.about) for each in described(Sample(share=0.25))}
    assert texts == {
        "count": ("3", "≥ 1, ≤ 9", "how many"),
        "share": ("0.25", "≥ 0, < 1", "how much"),
        "rate": ("0.01", "> 0", "a rate"),
        "swap": ("false", "true | false", "whether"),
        "kind": ("a", "a | b", "which"),
        "names": ("x,y", "x | y | z", "several"),
        "inner.weight": ("1.0", "> 0", "a weight"),
    }


def test_digest_form_is_json_without_floats() -> None:
    assert as_dict(Sample(share=1 / 3)) == {
        "count": 3,
        "share": "0.3333333333333333",
        "rate": "0.01",
        "swap": False,
        "kind": "a",
        "names": ["x", "y"],
        "inner": {"weight": "1.0"},
    }


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_parameter_of_ours_has_a_range_and_a_sentence(name: str) -> None:
    for each in described(strategy(name).parameters):
        assert each.about, each.name
        assert each.range, each.name


def test_names_are_listed_once() -> None:
    assert len(set(known_strategies())) == len(known_strategies())
