"""Runbook pages become steps, and a page that is wrong says where."""

from __future__ import annotations

import pytest

from core.runbooks import PageError, Step, parse_page

PAGE = """\
# The order that hangs
<!-- ticks hold: 2h -->

An order is neither filled
nor gone.

More of it.

## Stop

1. Stop everything. Breathe.
   <!-- command: trader halt -->
2. Look at the books:
   <!-- gate: unsettled --> <!-- gate: journal -->

   ```console
   $ trader status
   1. not a step
   ```

Then think.

## Go on

3. Rehearse. <!-- evidence: stage 1 -->
4. Drill. <!-- drill: halt --> <!-- drill: flatten -->
"""


def test_a_page_is_prose_and_steps_in_order() -> None:
    page = parse_page("stuck", PAGE)
    assert (page.title, page.summary) == ("The order that hangs", "An order is neither filled nor gone.")
    assert page.ticks_hold_ms == 2 * 3_600_000
    assert page.steps == (
        Step(1, "Stop", "Stop everything. Breathe.", command="trader halt"),
        Step(
            2,
            "Stop",
            "Look at the books:\n\n```console\n$ trader status\n```",
            gates=("unsettled", "journal"),
        ),
        Step(3, "Go on", "Rehearse.", evidence=1),
        Step(4, "Go on", "Drill.", drills=("halt", "flatten")),
    )
    assert [step.headline for step in page.steps] == [
        "Stop everything.",
        "Look at the books",
        "Rehearse.",
        "Drill.",
    ]
    assert [step.is_manual for step in page.steps] == [True, False, False, False]
    prose = [part for part in page.parts if isinstance(part, str)]
    assert [text.splitlines()[0] for text in prose] == ["# The order that hangs", "Then think."]
    assert "<!--" not in "".join(prose)


def test_without_ticks_a_numbered_list_is_prose() -> None:
    page = parse_page("check", "# trader check\n\nAsks.\n\n1. One.\n2. Two.\n")
    assert page.steps == ()
    assert page.ticks_hold_ms is None


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("3. Rehearse", "4. Rehearse", "stuck.md:25: step 3 is due"),
        ("gate: unsettled", "gates: unsettled", "stuck.md:14: `gates: unsettled` names nothing"),
        ("gate: unsettled", "gate:", "stuck.md:14: `gate:` names nothing"),
        ("stage 1", "stage 3", "stuck.md:25: evidence is of `stage 0`"),
        ("drill: halt", "drill: parachute", "stuck.md:26: a drill is one of halt, "),
        ("2h", "long", "stuck.md:2: ticks hold was long"),
        ("# The", "The", "stuck.md:1: a page begins with its title"),
        ("<!-- ticks hold: 2h -->", "", "stuck.md:12: this command belongs to no step"),
        (
            "1. Stop everything. Breathe.\n   <!-- command: trader halt -->\n",
            "",
            "stuck.md:11: step 1 is due",
        ),
        ("   ```\n\nThen", "\nThen", "stuck.md:16: this code block has no end"),
        (
            "trader halt -->",
            "trader halt --> <!-- command: trader flatten -->",
            "stuck.md:12: a step has one",
        ),
    ],
)
def test_a_wrong_page_says_where(before: str, after: str, said: str) -> None:
    assert before in PAGE
    with pytest.raises(PageError) as wrong:
        parse_page("stuck", PAGE.replace(before, after))
    assert said in str(wrong.value)


def test_the_text_of_a_step_is_named_by_its_digest() -> None:
    first, other = (parse_page("stuck", PAGE.replace("Breathe.", word)).steps[0] for word in ("A.", "B."))
    assert first.digest != other.digest
