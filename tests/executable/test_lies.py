"""A page that lies fails: what is compared, what is filtered, and that a walked page notices."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.executable.pages import Page, PageWrong, read_page
from tests.executable.person import Person
from tests.executable.program import PageTime
from tests.executable.shown import agrees, filtered, renewed
from tests.executable.test_pages import walk

PRINTED = [
    "venue paper, environment testnet, settings file none",
    "bought 0.00033 at 74880.55, sold 0.00032 at 74880.47, P&L -0.0479 USDT; orders 1, 3",
    "evidence ev18d74931 in /home/you/trade_audit.log",
    "✓ the books agree",
    "",
]
SHOWN = [
    "bought 0.0004 at 61896.46, sold 0.00039 at 61896.17, P&L -0.0484 USDT; orders 1, 3",
    "evidence ev16ee244f in /home/you/trade_audit.log",
    "✓ the books agree",
]


def test_what_differs_from_run_to_run_may_differ() -> None:
    assert agrees(SHOWN, PRINTED)
    assert agrees(PRINTED, PRINTED)
    assert agrees(["...", SHOWN[-1]], PRINTED)
    assert agrees([SHOWN[0], "…"], PRINTED)
    assert agrees(["bought … orders 1, 3", "…", "✓ the … agree"], PRINTED)


@pytest.mark.parametrize(
    "lie",
    [
        ["sold" + SHOWN[0].removeprefix("bought"), *SHOWN[1:]],
        [SHOWN[0].replace("1, 3", "1, 2"), *SHOWN[1:]],
        [SHOWN[0], SHOWN[1].replace("/home/you", "/home/me"), SHOWN[2]],
        [SHOWN[0], SHOWN[1], "✗ the books agree"],
        SHOWN[:2],
        [*SHOWN, "one line more"],
        ["...", SHOWN[0]],
        ["bought … orders 4", "..."],
        [PRINTED[0].replace("testnet", "mainnet"), *SHOWN],
        [SHOWN[1], SHOWN[0], SHOWN[2]],
    ],
    ids=lambda lie: lie[0][:20],
)
def test_a_line_that_was_not_printed_is_a_lie(lie: list[str]) -> None:
    assert not agrees(lie, PRINTED)
    assert agrees(renewed(lie, PRINTED), PRINTED)


def test_what_was_elided_stays_elided() -> None:
    assert renewed(["no", "..."], PRINTED) == [PRINTED[1], "..."]
    assert renewed(["...", "no"], PRINTED) == ["...", PRINTED[3]]
    assert renewed(SHOWN, PRINTED) == SHOWN


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("1 of 10 entries, 3 over 3600 s", "1 of 10 entries, 3 over SIZE"),
        ("2026-11-21T09:00:05.448Z, 2026-11-21", "TIME, DATE"),
        ("tr9f86d081884c7d65-42 key …a1b2", "trID-42 key …KEY"),
        ("exit 4, 10 trades, cap 25 USDT", "exit 4, 10 trades, cap 25 USDT"),
        ("-0.04797312 USDT and 93495602", "N USDT and N"),
        ("break  0d5bdb9e  0 s", "break N SIZE"),
    ],
)
def test_only_what_changes_is_filtered(line: str, word: str) -> None:
    assert filtered(line) == word


def page(folder: Path, text: str) -> Page:
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return read_page(path, folder)


def walked(folder: Path, text: str) -> None:
    with PageTime().kept():
        (block,) = page(folder, text).blocks
        walk(page(folder, text), block, Person(folder, PageTime()))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```console\n$ trader halt --reason x --hard\n```\n", "exit 2, not 0"),
        ("```console\n$ trader hold\n```\n", "exit 2, not 0"),
        ("<!-- exit: 4 -->\n```console\n$ trader halt --reason x\n```\n", "exit 0, not 4"),
        ("```console\n$ trader halt --reason x\nHALTED: /home/you\n```\n", "+HALTED: /home/you/.local"),
        ("<!-- typed: y -->\n```console\n$ trader halt --reason x\n```\n", "nothing asked for"),
        ("```console\n$ echo one | grep two\n```\n", "exit 1, not 0"),
    ],
)
def test_a_page_that_lies_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    monkeypatch.delenv("UPDATE_GOLDEN", raising=False)
    with pytest.raises(pytest.fail.Exception) as failed:
        walked(tmp_path, text)
    assert told in str(failed.value)


def test_the_same_page_without_the_lie_passes(tmp_path: Path) -> None:
    walked(
        tmp_path, "```console\n$ trader halt --reason x\nHALTED: …\n...\n$ echo one | grep one\none\n```\n"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<!-- not run: -->\n```console\n$ make\n```\n", "line 1: `not run` says nothing"),
        ("<!-- not run -->\n```console\n$ make\n```\n", "line 1: `not run` says nothing"),
        ("```console\n$ make\n", "line 1: this code block has no end"),
        ("   ```console\n $ make\n   ```\n", "line 2 is indented less"),
        ("<!-- exit: 4 -->\n", "after its last code block stands exit"),
    ],
)
def test_a_page_that_cannot_be_read_says_where(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(PageWrong, match=told):
        page(tmp_path, text)
