"""`trader paper keys`: what the human does on a real venue's page (runbooks/paper.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.paper import MAIN, PersonaOption
from cli.console import UsageError
from cli.invocation import Invocation

if TYPE_CHECKING:
    from cli.paper_key_wiring import PaperKey


def keys(
    context: typer.Context,
    persona: PersonaOption = "testnet",
    new: Annotated[str | None, typer.Option(metavar="LABEL", help="Make one more key.")] = None,
    account: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --new: whose key; a new account is made.")
    ] = None,
    restrict: Annotated[
        str | None, typer.Option(metavar="KEY", help="Change this key's rights; a label or an ending.")
    ] = None,
    delete: Annotated[
        str | None, typer.Option(metavar="KEY", help="Delete this key; a label or an ending.")
    ] = None,
    trading: Annotated[bool, typer.Option(help="Whether the key may trade.")] = True,
    withdrawals: Annotated[bool, typer.Option(help="Whether the key may withdraw.")] = False,
    ip: Annotated[
        list[str] | None, typer.Option(help="Only address the key may be used from; repeatable.")
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --new: an Ed25519 public key (PEM).")
    ] = None,
    state: Annotated[Path | None, typer.Option(help="Folder of the state; default: in the home.")] = None,
) -> None:
    """Show a persona's keys with their secrets: they open nothing but this exchange."""
    from cli.paper_key_wiring import Rights, add_paper_key, delete_paper_key, paper_keys, restrict_paper_key
    from cli.paper_wiring import paper_config

    run: Invocation = context.obj
    if sum(each is not None for each in (new, restrict, delete)) > 1:
        raise UsageError("--new, --restrict and --delete exclude each other", hint="give one of them")
    if public_key is not None and new is None:
        raise UsageError("--public-key makes a new key", hint="add --new LABEL")
    if account is not None and new is None:
        raise UsageError("--account says whose key is made", hint="add --new LABEL")
    config = paper_config(run.settings, persona, None if state is None else run.cwd / state)
    run.console.locate(venue="paper", environment=persona)
    rights = Rights(trading, withdrawals, tuple(ip or ()))
    if new is not None:
        pem = None if public_key is None else _text_of(run.cwd / public_key)
        shown: tuple[PaperKey, ...] = (add_paper_key(config, new, rights, pem, account or MAIN),)
    elif restrict is not None:
        shown = (restrict_paper_key(config, restrict, rights),)
    elif delete is not None:
        gone = delete_paper_key(config, delete)
        run.console.result(deleted=gone.api_key)
        run.console.say(f"deleted: {gone.label}")
        return
    else:
        shown = paper_keys(config)
    run.console.result(keys=shown)
    told = [_told(key) for key in shown]
    if all(key.account == MAIN for key in shown):
        told = [{name: value for name, value in each.items() if name != "account"} for each in told]
    if len(told) == 1:
        # A table might break the key over two lines, and it is there to be copied.
        for name, value in told[0].items():
            run.console.line(f"{name:<10}  {value}")
    elif told:
        run.console.table(list(told[0]), [list(each.values()) for each in told])


def _told(key: PaperKey) -> dict[str, str]:
    rights = ["read", *(["trade"] if key.trading else []), *(["withdraw"] if key.withdrawals else [])]
    return {
        "label": key.label,
        "account": key.account,
        "may": " ".join(rights),
        "from": ", ".join(key.ip_list) or "anywhere",
        "api_key": key.api_key,
        "api_secret": key.api_secret or f"({key.kind})",
    }


def _text_of(path: Path) -> str:
    from core.errors import ConfigError

    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not text'}",
            code="FILE_UNREADABLE",
        ) from None
