"""`trader address`: where to deposit, and whether a human confirmed that (runbooks/address.md)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.invocation import Invocation

if TYPE_CHECKING:
    from cli.wiring import Wiring
    from core.operations.address import AddressResult


def address(
    context: typer.Context,
    asset: Annotated[str, typer.Argument(metavar="ASSET", help="The coin to deposit, e.g. USDT.")],
    network: Annotated[str | None, typer.Option(help="Its network; default: the venue's.")] = None,
    confirm: Annotated[
        str | None,
        typer.Option(
            metavar="ENDING", help="The last 6 characters, and the tag if any, as on the venue's page."
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Confirm another address than before.")] = False,
    png: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the QR code to this new file.")
    ] = None,
) -> None:
    """Show where to deposit: coin, network, address and tag together."""
    from cli.address_view import address_result, show_code
    from cli.wiring import Wiring

    run: Invocation = context.obj
    wiring = Wiring(run)
    coin, chosen = asset.strip().upper(), network and network.strip().upper()
    wiring.locate(wiring.settings.environment)
    result = asyncio.run(_asked(wiring, coin, chosen, confirm, replace=replace))
    address_result(run.console, result)
    result.raise_if_changed()
    result.raise_if_invalid()
    show_code(run.console, result, None if png is None else run.cwd / png)


async def _asked(
    wiring: Wiring, coin: str, network: str | None, confirm: str | None, *, replace: bool
) -> AddressResult:
    """Read the address; have it confirmed where it was not, or where another one is to be."""
    from cli.address_view import address_result
    from core.gates import DEFAULT_STRATEGY
    from core.operations.address import ENDING, pin, read_address
    from core.strategies import strategy

    settings = wiring.settings
    async with (
        wiring.venue(settings.environment) as venue,
        wiring.desk(
            venue, symbol=settings.symbol, strategy=strategy(DEFAULT_STRATEGY), dry_run=False
        ) as desk,
    ):
        result = await read_address(venue, desk.journal, desk.account, coin, network)
        if result.pinned is not None and not result.is_confirmed and not replace:
            told = {"coin": coin, "network": result.address.network, "address": result.address.address}
            desk.journal.record_note("ADDRESS_CHANGED", desk.account, told)
        elif not result.is_confirmed:
            and_tag = ", a space, and the tag" if result.address.tag else ""
            ending = confirm or wiring.invocation.console.ask(
                f"{coin} on {result.address.network}: {result.address.address}\n"
                f"Open the venue's deposit page. The last {ENDING} characters of the address there{and_tag}: "
            )
            if ending is None:
                address_result(wiring.invocation.console, result)
            pin(desk.journal, desk.account, result, ending)
            result = await read_address(venue, desk.journal, desk.account, coin, network)
    return result
