"""A server on loopback that does what a test tells it, right or wrong: REST, WebSocket API and market streams."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from actors.binance.endpoints import BinanceEndpoints, endpoints_at
from tests.free_port import free_port

Reply = dict[str, Any]
RestScript = Callable[[web.Request, str], Awaitable[web.StreamResponse]]
ApiScript = Callable[[web.WebSocketResponse, dict[str, Any]], Awaitable[None]]
StreamScript = Callable[[web.WebSocketResponse, str], Awaitable[None]]


async def answer_empty(request: web.Request, body: str) -> web.StreamResponse:
    """The REST script of a venue that has nothing to say."""
    return web.json_response({})


async def accept_all(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
    """The API script of a venue that accepts everything; subscriptions get an id."""
    await socket.send_json({"id": request["id"], "status": 200, "result": {"subscriptionId": 0}})


async def accept_stream_request(socket: web.WebSocketResponse, text: str) -> None:
    """The stream script of a venue that grants every subscription."""
    await socket.send_json({"result": None, "id": json.loads(text)["id"]})


class ScriptedVenue:
    """Keeps what it was asked, and answers by its three scripts."""

    def __init__(self) -> None:
        self.rest: RestScript = answer_empty
        self.api: ApiScript = accept_all
        self.stream: StreamScript = accept_stream_request
        self.on_stream_open: Callable[[web.WebSocketResponse], Awaitable[None]] | None = None
        self.rest_requests: list[tuple[str, str, str, str]] = []
        """Method, path, raw query, raw body."""
        self.rest_headers: list[dict[str, str]] = []
        self.api_requests: list[dict[str, Any]] = []
        self.api_headers: list[dict[str, str]] = []
        self.api_sockets: list[web.WebSocketResponse] = []
        self.stream_paths: list[str] = []
        self.stream_headers: list[dict[str, str]] = []
        self.stream_texts: list[str] = []
        self.stream_sockets: list[web.WebSocketResponse] = []
        self.autoping = True
        self.handshake_gate = asyncio.Event()
        """While it is cleared, sockets wait in their handshake."""
        self.handshake_gate.set()
        self.handshakes = 0
        self._port = free_port()
        self._runner: web.AppRunner | None = None
        self._scripts: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listens, on the same port as before if it was stopped."""
        application = web.Application()
        application.router.add_get("/ws-api/v3", self._serve_api)
        application.router.add_get("/stream", self._serve_stream)
        application.router.add_get("/ws", self._serve_stream)
        application.router.add_get("/ws/{name:.*}", self._serve_stream)
        application.router.add_route("*", "/{path:.*}", self._serve_rest)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()

    async def stop(self) -> None:
        """Cuts every connection and stops listening."""
        for task in list(self._scripts):
            task.cancel()
        for socket in (*self.api_sockets, *self.stream_sockets):
            cut(socket)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def endpoints(self) -> BinanceEndpoints:
        """Where it is reached."""
        return endpoints_at(
            f"http://127.0.0.1:{self._port}",
            f"ws://127.0.0.1:{self._port}",
            f"ws://127.0.0.1:{self._port}",
        )

    def api_methods(self) -> list[str]:
        """The methods asked for over the WebSocket API, in order."""
        return [request["method"] for request in self.api_requests]

    def open_api_sockets(self) -> list[web.WebSocketResponse]:
        """Those that nobody has closed."""
        return [socket for socket in self.api_sockets if not socket.closed]

    async def _serve_rest(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        self.rest_requests.append(
            (request.method, request.path, request.rel_url.raw_query_string, body)
        )
        self.rest_headers.append(dict(request.headers))
        return await self.rest(request, body)

    async def _serve_api(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=self.autoping)
        self.handshakes += 1
        await self.handshake_gate.wait()
        await socket.prepare(request)
        self.api_sockets.append(socket)
        self.api_headers.append(dict(request.headers))
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                parsed = json.loads(message.data)
                self.api_requests.append(parsed)
                self._run(self.api(socket, parsed))
        return socket

    async def _serve_stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=self.autoping)
        self.handshakes += 1
        await self.handshake_gate.wait()
        await socket.prepare(request)
        self.stream_sockets.append(socket)
        self.stream_paths.append(request.raw_path)
        self.stream_headers.append(dict(request.headers))
        if self.on_stream_open is not None:
            await self.on_stream_open(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.stream_texts.append(message.data)
                await self.stream(socket, message.data)
        return socket

    def _run(self, script: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(script)
        self._scripts.add(task)
        task.add_done_callback(self._scripts.discard)


def cut(socket: web.WebSocketResponse) -> None:
    """Ends a connection as a broken network does: no close frame."""
    transport = socket._req.transport if socket._req is not None else None
    if transport is not None and not transport.is_closing():
        transport.abort()


async def until(condition: Callable[[], object], within_s: float = 20.0) -> None:
    """Waits for a condition, asking again and again; an AssertionError says that it never came."""
    deadline_s = asyncio.get_running_loop().time() + within_s
    while not condition():
        if asyncio.get_running_loop().time() > deadline_s:
            raise AssertionError(f"not within {within_s} s")
        await asyncio.sleep(0.005)
