"""What `TRADER_PAPER_MARKET` may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.paper_market import MarketChoice, market_choice


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("synthetic", MarketChoice("synthetic")),
        (" data: ", MarketChoice("data")),
        ("mirror:https://api.example", MarketChoice("mirror", url="https://api.example")),
        ("file:bars.csv", MarketChoice("file", ((None, Path("bars.csv")),))),
        ("file:odd,name=1.csv", MarketChoice("file", ((None, Path("odd,name=1.csv")),))),
        ("file:BTCUSDT=a.csv", MarketChoice("file", (("BTCUSDT", Path("a.csv")),))),
        (
            "file:BTCUSDT=a,b.csv,ETHBTC=c=d.csv",
            MarketChoice("file", (("BTCUSDT", Path("a,b.csv")), ("ETHBTC", Path("c=d.csv")))),
        ),
    ],
)
def test_a_choice_is_read_and_written_back(text: str, choice: MarketChoice) -> None:
    assert market_choice(text) == choice
    assert market_choice(str(choice)) == choice


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it takes synthetic"),
        ("file:", "it takes synthetic"),
        ("file:a\0b", "it takes synthetic"),
        ("mirror:", "it takes synthetic"),
        ("data:BTCUSDT", "it takes synthetic"),
        ("csv:bars", "it takes synthetic"),
        ("file:bars.csv,ETHBTC=c.csv", "each of several files is SYMBOL=PATH"),
        ("file:ETHBTC=a.csv,ETHBTC=c.csv", "ETHBTC has two files"),
    ],
)
def test_what_is_none_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        market_choice(text)


def test_paths_are_changed_each() -> None:
    choice = market_choice("file:BTCUSDT=a.csv,ETHBTC=/b.csv")
    assert str(choice.with_paths(lambda path: Path("/x") / path)) == "file:BTCUSDT=/x/a.csv,ETHBTC=/b.csv"
