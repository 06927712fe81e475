"""Pages made from the program: its commands, and its errors with what people wrote about each."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cli.catalog import COMMANDS
from cli.options import shared_parameters
from cli.registry import Command, Entry, Section, exit_codes, load
from core.errors import CONDITIONS, EXIT_MEANINGS
from tests.cli.conversation import REPOSITORY

ENTRIES: Mapping[str, Entry] = {
    f"{declared.name} {entry.name}" if isinstance(declared, Section) else entry.name: entry
    for declared in COMMANDS
    for entry in (declared.entries if isinstance(declared, Section) else (declared,))
}
SHARED = {parameter.name for parameter in shared_parameters()} | {"help"}
WAY_OUT = "**Way out:** "
ERROR = re.compile(
    r"^### (?P<code>[A-Z_]+)\n\n\*[^\n]*\*\n\n(?P<said>.*?)\n*(?=^##|\Z)", re.MULTILINE | re.DOTALL
)


def command_reference() -> str:
    """Return docs/commands.md, in the words of --help."""
    anywhere = _context("status", load(ENTRIES["status"]))
    return "\n".join(
        [
            "# Commands",
            "",
            "Made from the program; `trader COMMAND --help` says the same. Each command has a runbook,",
            "which says what it prints when all is well and what to do for every [exit code](exit-codes.md).",
            "",
            "| every command takes | what it does |",
            "|---|---|",
            *(_row(*_help(parameter, anywhere)) for parameter in shared_parameters()),
            "| `-h`, `--help` | Show options, example, runbook and exit codes. |",
            "",
            *(line for name, entry in ENTRIES.items() for line in _command(name, entry)),
        ]
    )


def _command(name: str, entry: Entry) -> Iterator[str]:
    command = load(entry)
    context = _context(name, command)
    usage = " ".join(["trader", name, *command.collect_usage_pieces(context)])
    yield from (
        f"## trader {name}",
        "",
        entry.summary,
        "",
        f"- usage: `{usage}`",
        f"- example: `{entry.example}`",
    )
    page = name.split()[0]
    yield f"- runbook: [{page}](../runbooks/{page}.md)"
    yield f"- exit codes: {', '.join(map(str, exit_codes(entry)))}"
    yield ""
    if rows := [_row(*each) for each in _own_help(command, context)]:
        yield from ("| option | what it does |", "|---|---|", *rows, "")


def _context(name: str, command: Command) -> Any:
    return command.context_class(command, info_name=name)


def _own_help(command: Command, context: Any) -> Iterator[tuple[str, str]]:
    for parameter in command.get_params(context):
        hidden = parameter.get_help_record(context) is None
        if not hidden and parameter.name not in SHARED:
            yield _help(parameter, context)


def _help(parameter: Any, context: Any) -> tuple[str, str]:
    names, said = parameter.get_help_record(context)
    return names, " ".join(said.split())


def _row(names: str, said: str, separator: str | None = ", ") -> str:
    code = ", ".join(f"`{name}`" for name in (names.split(separator) if separator else [names]))
    return " | ".join(("", *(cell.replace("|", "\\|") for cell in (code, said)), "")).strip()


def said_of_errors(page: str) -> dict[str, str]:
    """Return code -> cause and way out, as people wrote them into docs/troubleshooting.md."""
    return {found["code"]: found["said"] for found in ERROR.finditer(page)}


def with_errors(page: str) -> str:
    """Return docs/troubleshooting.md with the errors there are, and what is said of each."""
    introduction, said = page.partition("## Exit")[0], said_of_errors(page)
    parts = [introduction.rstrip("\n")]
    for exit_code, meaning in EXIT_MEANINGS.items():
        conditions = [condition for condition in CONDITIONS if condition.exit_code == exit_code]
        if conditions:
            parts.append(f"## Exit {exit_code}: {meaning}")
        for condition in conditions:
            meant = condition.meaning[0].upper() + condition.meaning[1:]
            parts.append(f"### {condition.code}\n\n*{meant}.*\n\n{said.get(condition.code, '')}".rstrip("\n"))
    return "\n\n".join(parts) + "\n"


def port_reference() -> str:
    """Return the ports of a venue with their contracts, in the words of their docstrings."""
    tree = ast.parse((REPOSITORY / "core/ports.py").read_text(encoding="utf-8"))
    ports = [node for node in tree.body if isinstance(node, ast.ClassDef) and _is_protocol(node)]
    return "\n".join(line for port in ports for line in _port(port))


def _is_protocol(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)


def _port(port: ast.ClassDef) -> Iterator[str]:
    yield from (f"### {port.name}", "", "| method | contract |", "|---|---|")
    for method in port.body:
        if isinstance(method, ast.AsyncFunctionDef):
            arguments = ", ".join(each.arg for each in method.args.args[1:])
            returned = ast.unparse(method.returns) if method.returns else "None"
            contract = " ".join((ast.get_docstring(method) or "–").split())
            yield _row(f"{method.name}({arguments}) -> {returned}", contract, separator=None)
    yield ""


def conformance_reference() -> str:
    """Return what every venue is asked, as the names of the tests say it."""
    suites = sorted((REPOSITORY / "tests/exchanges/conformance").glob("test_*.py"))
    trees = [ast.parse(suite.read_text(encoding="utf-8")) for suite in suites]
    tests = [node.name for tree in trees for node in tree.body if isinstance(node, ast.AsyncFunctionDef)]
    asked = [
        name.removeprefix("test_").replace("_s_", "'s ").replace("_", " ")
        for name in tests
        if "test_" in name
    ]
    return "\n".join(f"- {each}" for each in asked) + "\n"
