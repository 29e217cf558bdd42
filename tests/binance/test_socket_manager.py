"""python-binance's socket manager and its own sockets, over ours."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from actors.binance.client import BinanceClient
from actors.binance.socket_manager import BinanceStreams
from tests.binance.scripted_venue import ScriptedVenue, until

MakeClient = Callable[..., BinanceClient]


def trade_frame(number: int, stream: str = "btcusdt@trade") -> dict[str, Any]:
    """A combined trade frame."""
    data = {
        "e": "trade", "E": 1, "s": "BTCUSDT", "t": number, "p": "1.5", "q": "2", "T": 1, "m": True, "M": True,
    }  # fmt: skip
    return {"stream": stream, "data": data}


@pytest.mark.asyncio
async def test_the_manager_opens_streams_where_its_client_trades(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    connected: list[bool] = []
    stream = BinanceStreams(make_client()).open_streams(
        ["a@trade"], lambda frame: None, lambda: connected.append(True), lambda reason: None
    )
    running = asyncio.create_task(stream.run())
    await until(lambda: connected)
    assert venue.stream_paths == ["/stream?streams=a@trade"]
    await stream.close()
    await running


@pytest.mark.asyncio
async def test_python_binances_own_sockets_are_ours(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    async def greet(socket: web.WebSocketResponse) -> None:
        for number in range(300):
            await socket.send_json(trade_frame(number)["data"])

    venue.on_stream_open = greet
    manager = BinanceStreams(make_client())
    async with manager.trade_socket("BTCUSDT") as socket:
        received = [await socket.recv() for _ in range(300)]
    assert [message["t"] for message in received] == list(range(300))
    assert venue.stream_paths == ["/ws/btcusdt@trade"]
    async with manager.multiplex_socket(["a@trade", "b@trade"]) as socket:
        await socket.recv()
    assert venue.stream_paths[1] == "/stream?streams=a@trade/b@trade"


@pytest.mark.asyncio
async def test_python_binances_user_socket_works_over_our_websocket_api(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    socket = BinanceStreams(client).user_socket()
    await socket.connect()
    await venue.api_sockets[0].send_json({"subscriptionId": 0, "event": {"e": "balanceUpdate"}})
    assert await socket.recv() == {"e": "balanceUpdate"}
    await socket.__aexit__(None, None, None)
    assert venue.api_methods() == [
        "userDataStream.subscribe.signature",
        "userDataStream.unsubscribe",
    ]
