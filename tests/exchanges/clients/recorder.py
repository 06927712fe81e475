"""A pass-through between a client and the exchange that writes down what is said, as shapes.

A transcript holds what a client asks and the form of what it is told: names and types, no values, so that it
changes only when the conversation does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web

from exchanges.paper import PaperEndpoint

_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")
_HIDDEN = ("signature", "timestamp", "listenKey")


@dataclass
class Recorder:
    """Where the client connects to, and what was said so far."""

    endpoint: PaperEndpoint
    rest: str = ""
    stream: str = ""
    ws_api: str = ""
    lines: list[str] = field(default_factory=list)

    def transcript(self) -> str:
        """Return what was said, each thing once and sorted: who speaks first is a matter of chance.

        So is whether a list holds anything; a line with an empty one is left out when the same is there with
        a filled one.
        """
        lines = sorted(set(self.lines))
        return "".join(f"{line}\n" for line in lines if not _is_said_better(line, lines))

    async def serve_http(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method,
                self.endpoint.rest + request.raw_path,
                data=body,
                headers={name: value for name, value in request.headers.items() if name != "Host"},
            ) as response,
        ):
            answer = await response.read()
            asked = dict(parse_qsl(request.query_string)) | dict(parse_qsl(body.decode()))
            names = " ".join(sorted(name for name in asked if name not in _HIDDEN))
            self.lines.append(f"> {request.method} {request.path} {names}".rstrip())
            self.lines.append(f"< {request.method} {request.path} {response.status} {_shape_of(answer)}")
            headers = {"Content-Type": response.headers["Content-Type"]}
            headers |= {name: value for name, value in response.headers.items() if name.startswith("X-")}
            return web.Response(status=response.status, body=answer, headers=headers)

    async def serve_socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(self.endpoint.stream + request.raw_path) as upstream,
        ):
            back = asyncio.create_task(self._pass(upstream, socket, "<"))
            await self._pass(socket, upstream, ">")
            back.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await back
        return socket

    async def _pass(self, source: Any, target: Any, arrow: str) -> None:
        async for message in source:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.lines.append(f"{arrow} {_frame(json.loads(message.data), arrow)}")
                await target.send_str(message.data)


@asynccontextmanager
async def recording(endpoint: PaperEndpoint) -> AsyncIterator[Recorder]:
    """Stand between a client and the exchange."""
    recorder = Recorder(endpoint)

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await recorder.serve_socket(request)
        return await recorder.serve_http(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.5, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        recorder.rest, recorder.stream = f"http://{host}:{port}", f"ws://{host}:{port}"
        recorder.ws_api = f"{recorder.stream}/ws-api/v3"
        yield recorder
    finally:
        await runner.cleanup()


def _frame(message: Any, arrow: str) -> str:
    if not isinstance(message, dict):
        return json.dumps(_shape(message))
    if arrow == ">":
        params = message.get("params")
        said = sorted(params) if isinstance(params, dict) else params
        return f"{message.get('method')} {json.dumps(said)}"
    return json.dumps(_shape(message))


def _is_said_better(line: str, lines: list[str]) -> bool:
    if "[]" not in line:
        return False
    pattern = re.compile(re.escape(line).replace(r"\[\]", r"\[.*\]"))
    return any(other != line and pattern.fullmatch(other) for other in lines)


def _shape_of(body: bytes) -> str:
    try:
        return json.dumps(_shape(json.loads(body)))
    except ValueError:
        return "not JSON"


def _shape(value: Any) -> Any:
    """Return a value with its leaves replaced by their types; lists show what their first element is."""
    if isinstance(value, dict):
        return {name: _shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return "decimal"
    return {bool: "bool", int: "int", float: "float", str: "text", type(None): None}[type(value)]
