"""How a deposit address looks to a person, in the JSON document and as a code for a camera."""

from __future__ import annotations

import io
from pathlib import Path

from cli.console import Console
from core.address_forms import Checksum
from core.operations.address import AddressResult

CHECKSUMS = {
    Checksum.GOOD: "its checksum is right",
    Checksum.WRONG: "ITS CHECKSUM IS WRONG",
    Checksum.NONE: "nothing in it can be checked",
}


def address_result(console: Console, result: AddressResult) -> None:
    """Show coin, network, address and tag together, and every network the venue offers."""
    found = result.address
    console.result(
        coin=found.coin,
        network=found.network,
        address=found.address,
        tag=found.tag or None,
        checksum=result.checksum,
        confirmed=result.is_confirmed,
        was=None if result.pinned is None else result.pinned.address,
        networks=[
            {"network": each.network, "deposits": each.deposits, "default": each.is_default}
            for each in result.networks
        ],
    )
    console.line(f"coin      {found.coin}")
    console.line(f"network   {found.network}")
    console.line(f"address   {found.address}")
    console.line(f"tag       {found.tag or 'none'}")
    checked = "a toy's: no network accepts it" if result.is_toy else CHECKSUMS[result.checksum]
    confirmed = "compared with the venue's page by a human" if result.is_confirmed else "NOT CONFIRMED"
    console.line(f"checked   {checked}; {confirmed}")
    listed = ", ".join(
        each.network + ("" if each.deposits else " (closed)") + (" (default)" if each.is_default else "")
        for each in result.networks
    )
    console.line(f"networks  {listed}")
    tag = f" with tag {found.tag}" if found.tag else ""
    console.warn(
        f"send only {found.coin}, only on {found.network}{tag}: on another network"
        f"{', or without the tag,' if found.tag else ''} the money is lost"
    )


def show_code(console: Console, result: AddressResult, png: Path | None) -> None:
    """Draw the address as a QR code on a terminal, or into a new file. Never one that was not confirmed.

    Raises ConfigError FILE_EXISTS or FILE_UNWRITABLE.
    """
    if not result.is_confirmed:
        return
    import segno

    code = segno.make(result.address.address, micro=False)
    if png is not None:
        from core.new_files import new_file

        with new_file(png) as file:
            code.save(file, kind="png", scale=8)
        console.result(png=png)
        console.say(f"wrote {png}")
    elif console.shows_all and not console.options.as_json:
        drawn = io.StringIO()
        code.terminal(drawn, compact=True)
        console.line(drawn.getvalue().rstrip("\n"))
