"""`trader paper serve`: the exchange in a box for other programs (runbooks/paper.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.commands.paper import PersonaOption
from cli.console import UsageError
from cli.invocation import Invocation

if TYPE_CHECKING:
    from cli.paper_wiring import PaperConfig, PaperEndpoint, Serving

Value = TypeVar("Value")
_HINT = "`trader paper serve --help` shows how"


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: a free one.")] = 0,
    state: Annotated[Path | None, typer.Option(help="Folder of the state; default: in the home.")] = None,
    ephemeral: Annotated[bool, typer.Option("--ephemeral", help="Forget the state at the end.")] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of TRADER_PAPER_SEED.")] = None,
    persona: PersonaOption = "testnet",
    speed: Annotated[str | None, typer.Option(help="Instead of TRADER_PAPER_SPEED.")] = None,
    socket_life: Annotated[str, typer.Option(help="How long a WebSocket connection may live.")] = "24h",
    legacy_listen_key: Annotated[
        bool, typer.Option("--legacy-listen-key", help="Serve the removed /api/v3/userDataStream.")
    ] = False,
    hmac_logon: Annotated[
        bool, typer.Option("--hmac-logon", help="Let session.logon take HMAC and RSA keys too.")
    ] = False,
    i_know: Annotated[
        bool, typer.Option("--i-know", help="Listen beyond this machine: whoever reaches it may trade.")
    ] = False,
) -> None:
    """Serve until SIGINT or SIGTERM; the first line of stdout says where."""
    import asyncio

    from cli.paper_wiring import Serving, paper_config
    from core.setting_values import clock_speed, is_loopback, positive_duration_ms

    run: Invocation = context.obj
    if not is_loopback(host) and not i_know:
        raise UsageError(
            f"--host was {host}, which is not loopback: whoever reaches it could use this exchange",
            hint="leave --host out, or add --i-know",
        )
    if ephemeral and state is not None:
        raise UsageError("--ephemeral forgets the state, and --state keeps it", hint="give one of them")
    chosen: dict[str, object] = {}
    if seed is not None:
        chosen["paper_seed"] = seed
    if speed is not None:
        chosen["paper_speed"] = _value("--speed", clock_speed, speed)
    settings = run.settings.model_copy(update=chosen)
    life_ms = _value("--socket-life", positive_duration_ms, socket_life)
    run.console.locate(venue="paper", environment=persona)
    with _folder(run, state, ephemeral=ephemeral) as folder:
        config = paper_config(settings, persona, folder, legacy_listen_key=legacy_listen_key)
        serving = Serving(
            host=host,
            port=port,
            socket_life_s=life_ms / 1000,
            hmac_may_log_on=hmac_logon,
            beyond_loopback=i_know,
        )
        asyncio.run(_serve(run, config, serving))


async def _serve(run: Invocation, config: PaperConfig, serving: Serving) -> None:
    import asyncio
    import signal

    from cli.paper_wiring import served
    from cli.supervisor import Supervisor

    supervisor = Supervisor(run.environ)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with served(config, serving) as endpoint:
        _announce(run, endpoint)
        supervisor.ready()
        await supervisor.wait(stopped)
        supervisor.stopping()


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


@contextmanager
def _folder(run: Invocation, state: Path | None, *, ephemeral: bool) -> Iterator[Path | None]:
    """Yield the folder of the state, None for the home's."""
    from tempfile import TemporaryDirectory

    if ephemeral:
        with TemporaryDirectory(prefix="trader-paper-") as folder:
            yield Path(folder)
    else:
        yield None if state is None else run.cwd / state


def _value(option: str, parse: Callable[[str], Value], text: str) -> Value:
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(f"{option} {error}", hint=_HINT) from None
