"""`trader paper`: the exchange in a box for other programs (runbooks/paper.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.console import UsageError
from cli.invocation import Invocation

if TYPE_CHECKING:
    from cli.paper_wiring import PaperConfig, PaperEndpoint

PersonaOption = Annotated[
    Literal["testnet", "mainnet"], typer.Option(help="What the exchange plays; each has its own account.")
]


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: a free one.")] = 0,
    state: Annotated[Path | None, typer.Option(help="Folder of the state; default: in the home.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of TRADER_PAPER_SEED.")] = None,
    persona: PersonaOption = "testnet",
    speed: Annotated[str | None, typer.Option(help="Instead of TRADER_PAPER_SPEED.")] = None,
) -> None:
    """Serve until SIGINT or SIGTERM; the first line of stdout says where."""
    import asyncio

    from cli.paper_wiring import paper_config
    from core.setting_values import is_loopback

    run: Invocation = context.obj
    if not is_loopback(host):
        raise UsageError(
            f"--host was {host}, which is not loopback: this exchange is for programs on this machine",
            hint="leave --host out",
        )
    chosen: dict[str, object] = {}
    if seed is not None:
        chosen["paper_seed"] = seed
    if speed is not None:
        chosen["paper_speed"] = _speed(speed)
    settings = run.settings.model_copy(update=chosen)
    config = paper_config(settings, persona, None if state is None else run.cwd / state)
    run.console.locate(venue="paper", environment=persona)
    asyncio.run(_serve(run, config, host, port))


async def _serve(run: Invocation, config: PaperConfig, host: str, port: int) -> None:
    import asyncio
    import signal

    from cli.paper_wiring import served

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with served(config, host=host, port=port) as endpoint:
        _announce(run, endpoint)
        await stopped.wait()


def _announce(run: Invocation, endpoint: PaperEndpoint) -> None:
    address = {
        "rest": endpoint.rest,
        "stream": endpoint.stream,
        "ws_api": endpoint.ws_api,
        "api_key": endpoint.api_key,
        "api_secret": endpoint.api_secret,
        "persona": endpoint.persona,
        "pid": endpoint.pid,
    }
    if run.options.as_json:
        run.console.only_line(address)
        return
    for name, value in address.items():
        run.console.line(f"{name:<11} {value}")
    run.console.say("serving until interrupted")


def _speed(text: str) -> object:
    from core.setting_values import clock_speed

    try:
        return clock_speed(text)
    except ValueError as error:
        raise UsageError(f"--speed {error}", hint="`trader paper serve --help` shows how") from None


def reset(
    context: typer.Context,
    persona: PersonaOption = "testnet",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Wipe one persona's account as a testnet is wiped; keys stay."""
    from cli.paper_wiring import paper_config, paper_exchange

    run: Invocation = context.obj
    config = paper_config(run.settings, persona)
    run.console.locate(venue="paper", environment=persona)
    run.console.confirm(f"Wipe orders, trades and balances of the paper {persona} account?", yes=yes)
    with paper_exchange(config) as exchange:
        exchange.reset()
    run.console.result(persona=persona)
    run.console.say(f"the paper {persona} account starts anew")
