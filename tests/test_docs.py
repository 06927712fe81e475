"""Commands, settings and exit codes are documented, completely; `UPDATE_GOLDEN=1` writes what is made."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest

from cli import VERSION
from cli.registry import Entry, exit_codes, load
from cli.runbook_pages import all_pages
from core.backtest.figures import DEFINITIONS
from core.errors import CONDITIONS, EXIT_MEANINGS, MOST_DANGEROUS_FIRST
from core.reconciliation import RULES
from core.settings import describe_settings
from core.settings_text import settings_reference, settings_template
from tests.man_page import man_page
from tests.reference_pages import (
    ENTRIES,
    WAY_OUT,
    command_reference,
    conformance_reference,
    port_reference,
    said_of_errors,
    with_errors,
)

REPOSITORY = Path(__file__).resolve().parent.parent
EXIT_CODE_ROW = re.compile(r"^\| (\d+) \|", re.MULTILINE)


def exit_code_reference() -> str:
    lines = [
        "# Exit codes",
        "",
        "Made from the one table in `core/errors.py`. When several apply, the most dangerous wins: "
        f"{', '.join(map(str, MOST_DANGEROUS_FIRST))}.",
        "",
        "| exit | means |",
        "|---|---|",
        *(f"| {exit_code} | {meaning} |" for exit_code, meaning in EXIT_MEANINGS.items()),
        "",
        "Every error names a code for programs (`error.code` with `--json`):",
        "",
        "| code | exit | means |",
        "|---|---|---|",
        *(
            f"| `{condition.code}` | {condition.exit_code} | {condition.meaning} |"
            for condition in CONDITIONS
        ),
    ]
    return "\n".join(lines) + "\n"


def class_reference() -> str:
    rows = [
        f"| `{each}` | {rule.meaning} | {rule.window_ms // 1000 or '–'} | {rule.tolerance} | {rule.advice} |"
        for each, rule in RULES.items()
    ]
    head = ["| class | means | late for up to (s) | tolerance | what to do |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


def test_the_classes_of_breaks_are_listed() -> None:
    page = REPOSITORY / "docs/reconciliation.md"
    before, marker, _ = page.read_text(encoding="utf-8").partition("<!-- made from core/reconciliation -->\n")
    assert marker
    generated = f"{before}{marker}{class_reference()}"
    if os.environ.get("UPDATE_GOLDEN"):
        page.write_text(generated, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == generated


@pytest.mark.parametrize(
    ("name", "generated"),
    [
        (".env.example", settings_template()),
        ("docs/settings.md", settings_reference()),
        ("docs/exit-codes.md", exit_code_reference()),
    ],
)
def test_generated_page_is_up_to_date(name: str, generated: str) -> None:
    page = REPOSITORY / name
    if os.environ.get("UPDATE_GOLDEN"):
        page.write_text(generated, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == generated


@pytest.mark.parametrize("name", [".env.example", "docs/settings.md"])
def test_every_setting_is_listed_once(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    listed = re.findall(r"^(?:#|\| `)([A-Z][A-Z_]+)(?:=|`)", text, re.MULTILINE)
    assert sorted(listed) == sorted(described.name for described in describe_settings())


def test_every_exit_code_of_a_condition_has_a_meaning() -> None:
    assert {condition.exit_code for condition in CONDITIONS} <= set(EXIT_MEANINGS)


def runbook_of(command: str) -> str:
    path = REPOSITORY / "runbooks" / f"{command.split()[0]}.md"
    assert path.is_file(), f"{command} has no runbook"
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ENTRIES)
def test_the_runbook_names_the_command(command: str) -> None:
    assert f"trader {command}" in runbook_of(command)


@pytest.mark.parametrize("runbook", sorted({command.split()[0] for command in ENTRIES}))
def test_the_runbook_says_what_to_do_for_every_exit_code(runbook: str) -> None:
    entries = [entry for command, entry in ENTRIES.items() if command.split()[0] == runbook]
    possible = {exit_code for entry in entries for exit_code in exit_codes(entry)}
    documented = {int(code) for code in EXIT_CODE_ROW.findall(runbook_of(runbook))}
    assert documented == possible


def test_every_command_has_its_runbook_and_every_other_page_has_steps() -> None:
    pages = {page.name: page for page in all_pages()}
    assert {name for name, page in pages.items() if not page.steps} == {name.split()[0] for name in ENTRIES}


@pytest.mark.parametrize(("command", "entry"), ENTRIES.items(), ids=list(ENTRIES))
def test_the_command_can_be_loaded_and_its_example_calls_it(command: str, entry: Entry) -> None:
    assert load(entry).name == entry.name
    assert entry.example.startswith(f"trader {command}")
    assert entry.summary.endswith(".")


def test_the_version_is_the_project_s() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION


def figure_reference() -> str:
    rows = [f"| {each.title} | {each.text} | {each.source or '–'} |" for each in DEFINITIONS]
    return "\n".join(["| figure | definition | source |", "|---|---|---|", *rows]) + "\n"


def test_the_figures_of_a_backtest_are_listed() -> None:
    page = REPOSITORY / "docs/backtest.md"
    before, marker, _ = page.read_text(encoding="utf-8").partition(
        "<!-- made from core/backtest/figures.py -->\n"
    )
    assert marker
    generated = f"{before}{marker}{figure_reference()}"
    if os.environ.get("UPDATE_GOLDEN"):
        page.write_text(generated, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == generated


def test_the_manual_page_says_what_the_program_does() -> None:
    page = REPOSITORY / "docs/man/trader.1"
    generated = man_page()
    if os.environ.get("UPDATE_GOLDEN"):
        page.write_text(generated, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == generated


def test_the_commands_are_listed() -> None:
    page = REPOSITORY / "docs/commands.md"
    generated = command_reference()
    if os.environ.get("UPDATE_GOLDEN"):
        page.write_text(generated, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == generated


def test_every_error_has_its_entry_and_every_entry_its_error() -> None:
    page = REPOSITORY / "docs/troubleshooting.md"
    generated = with_errors(page.read_text(encoding="utf-8"))
    if os.environ.get("UPDATE_GOLDEN"):
        page.write_text(generated, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == generated


@pytest.mark.parametrize("code", [condition.code for condition in CONDITIONS])
def test_an_error_has_a_cause_and_a_way_out(code: str) -> None:
    """Written by hand: below the error's heading in docs/troubleshooting.md, in this form."""
    said = said_of_errors((REPOSITORY / "docs/troubleshooting.md").read_text(encoding="utf-8")).get(code, "")
    cause, _, way_out = said.partition(f"\n\n{WAY_OUT}")
    assert cause
    assert way_out


@pytest.mark.parametrize(
    ("source", "generated"),
    [
        ("core/ports.py", port_reference()),
        ("tests/exchanges/conformance", conformance_reference()),
    ],
)
def test_what_a_venue_must_do_is_listed(source: str, generated: str) -> None:
    page = REPOSITORY / "docs/writing-a-venue.md"
    text = page.read_text(encoding="utf-8")
    before, marker, rest = text.partition(f"<!-- made from {source} -->\n")
    assert marker
    after = re.search(r"^(## |Beside )", rest, re.MULTILINE)
    assert after
    renewed = f"{before}{marker}{generated}\n{rest[after.start() :]}"
    if os.environ.get("UPDATE_GOLDEN"):
        page.write_text(renewed, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == renewed
