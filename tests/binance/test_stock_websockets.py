"""Where stock python-binance's sockets fail, shown on a scripted venue: each is why a part of ours is written anew.

The failures that stand in `test_ws_api.py` and `test_streams.py` beside the right behaviour are not repeated here.
"""

import ast
import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from binance.async_client import AsyncClient
from binance.exceptions import BinanceWebsocketUnableToConnect
from binance.ws.constants import WSListenerState
from binance.ws.depthcache import DepthCache
from binance.ws.reconnecting_websocket import ReconnectingWebsocket
from binance.ws.streams import BinanceSocketManager
from binance.ws.websocket_api import WebsocketAPI

from actors.binance.client import BinanceClient
from actors.binance.errors import NotSent, OutcomeUnknown
from actors.binance.signing import HmacSigner, websocket_payload
from actors.trading.order_book import LocalOrderBook
from tests.binance.scripted_venue import ScriptedVenue, cut, until

MakeClient = Callable[..., BinanceClient]
ROOT = Path(__file__).parents[2]
UNREAD_S = 0.3
"""Longer than a frame takes on loopback: what has not been read by then is not read."""


async def keep_silent(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
    """Takes every request and answers none."""


def stock_api(venue: ScriptedVenue, timeout_s: float = 0.5) -> WebsocketAPI:
    stock = WebsocketAPI(url=venue.endpoints.ws_api)
    stock._ws_kwargs = {"proxy": None}
    stock.TIMEOUT = timeout_s
    return stock


def stock_stream(venue: ScriptedVenue, **options: Any) -> ReconnectingWebsocket:
    return ReconnectingWebsocket(
        url=f"{venue.endpoints.streams}/", path="btcusdt@trade", proxy=None, **options
    )


def stock_client(venue: ScriptedVenue, **options: Any) -> AsyncClient:
    client = AsyncClient("key", "secret", **options)
    client.API_URL = venue.endpoints.rest
    client.ws_api._url = venue.endpoints.ws_api
    client.ws_api._ws_kwargs = {"proxy": None}
    return client


async def end(stock: Any) -> None:
    """Ends a stock socket without waiting for its own, slow, way."""
    stock.ws_state = WSListenerState.EXITING
    if stock.ws is not None:
        await stock.ws.close()
    handle = stock._handle_read_loop
    if handle is not None:
        handle.cancel()
    for task in asyncio.all_tasks():
        if "_read_loop" in repr(task.get_coro()):
            task.cancel()
    await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_stock_a_reply_to_a_caller_that_gave_up_raises_into_the_reader(
    venue: ScriptedVenue,
) -> None:
    stock = stock_api(venue)
    given_up: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    given_up.cancel()
    stock._responses["1"] = given_up
    with pytest.raises(asyncio.InvalidStateError):
        stock._handle_message(json.dumps({"id": "1", "status": 200, "result": {}}))


@pytest.mark.asyncio
async def test_stock_sent_and_unsent_look_the_same_and_a_lost_request_waits_in_vain(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    venue.api = keep_silent
    stock = stock_api(venue)
    started_s = time.monotonic()
    waiting = asyncio.create_task(stock.request("1", {"id": "1", "method": "order.place"}))
    await until(lambda: venue.api_requests)
    cut(venue.api_sockets[0])
    with pytest.raises(BinanceWebsocketUnableToConnect):
        await waiting
    assert time.monotonic() - started_s > 0.3
    await end(stock)
    client = make_client(timeout_s=30.0)
    ours = asyncio.create_task(client.ws_create_order(symbol="X"))
    await until(lambda: len(venue.api_requests) == 2)
    started_s = time.monotonic()
    cut(venue.api_sockets[-1])
    with pytest.raises(OutcomeUnknown):
        await ours
    assert time.monotonic() - started_s < 10
    await venue.stop()
    with pytest.raises(BinanceWebsocketUnableToConnect):
        await stock_api(venue).request("2", {"id": "2", "method": "order.place"})
    with pytest.raises(NotSent):
        await client.ws_create_order(symbol="X")


@pytest.mark.asyncio
async def test_stock_a_request_during_the_back_off_opens_a_second_connection(
    venue: ScriptedVenue,
) -> None:
    stock = stock_api(venue, timeout_s=2.5)
    await stock.request("1", {"id": "1", "method": "ping"})
    cut(venue.api_sockets[0])
    await until(lambda: stock.ws_state is WSListenerState.RECONNECTING)
    with pytest.raises(BinanceWebsocketUnableToConnect, match="timed out"):
        await stock.request("2", {"id": "2", "method": "order.place"})
    # The venue took the order and answered it, on a connection that nobody reads.
    assert venue.api_methods().count("order.place") == 1
    assert len(venue.open_api_sockets()) == 2
    await end(stock)
    for socket in venue.open_api_sockets():
        cut(socket)


@pytest.mark.asyncio
async def test_stock_the_user_stream_is_not_subscribed_again(venue: ScriptedVenue) -> None:
    client = stock_client(venue)
    socket = BinanceSocketManager(client).user_socket()
    await socket.connect()
    await until(lambda: venue.api_methods() == ["userDataStream.subscribe.signature"])
    cut(venue.api_sockets[0])
    await until(lambda: len(venue.api_sockets) == 2)
    await asyncio.sleep(UNREAD_S)
    assert venue.api_methods() == ["userDataStream.subscribe.signature"]
    await end(client.ws_api)
    await client.session.close()


@pytest.mark.asyncio
async def test_stock_an_announced_shutdown_is_dropped(venue: ScriptedVenue) -> None:
    stock = stock_api(venue)
    await stock.request("1", {"id": "1", "method": "ping"})
    await venue.api_sockets[0].send_json({"event": {"e": "serverShutdown", "E": 1}})
    await stock.request("2", {"id": "2", "method": "ping"})
    assert stock._queue.empty()
    assert len(venue.api_sockets) == 1
    await end(stock)


@pytest.mark.asyncio
async def test_stock_a_reply_above_a_mebibyte_ends_the_connection(venue: ScriptedVenue) -> None:
    async def script(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        result = {"symbols": ["X" * 1000] * 1100}
        await socket.send_json({"id": request["id"], "status": 200, "result": result})

    venue.api = script
    stock = stock_api(venue)
    with pytest.raises(BinanceWebsocketUnableToConnect):
        await stock.request("1", {"id": "1", "method": "exchangeInfo"})
    await until(lambda: venue.api_sockets[0].closed)
    assert venue.api_sockets[0].close_code == 1009
    await end(stock)


@pytest.mark.asyncio
async def test_stock_the_timestamp_is_taken_before_there_is_a_connection(
    venue: ScriptedVenue,
) -> None:
    client = stock_client(venue)
    venue.handshake_gate.clear()
    placing = asyncio.create_task(client.ws_create_order(symbol="X", newClientOrderId="a"))
    await until(lambda: venue.handshakes)
    await asyncio.sleep(UNREAD_S)
    opened_ms = time.time() * 1000
    venue.handshake_gate.set()
    await placing
    assert venue.api_requests[0]["params"]["timestamp"] < opened_ms - 200
    await end(client.ws_api)
    await client.session.close()


@pytest.mark.asyncio
async def test_stock_looks_at_an_attribute_that_its_socket_does_not_have(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    stock = stock_api(venue)
    await stock.request("1", {"id": "1", "method": "ping"})
    with pytest.raises(AttributeError):
        _ = stock.ws.closed
    await end(stock)
    # Ours asks its own transport, whose word on it is right before and after.
    client = make_client()
    await client.ws_ping()
    assert client.ws_api.is_connected
    cut(venue.api_sockets[-1])
    await until(lambda: not client.ws_api.is_connected)


@pytest.mark.asyncio
async def test_stock_closing_takes_a_whole_time_out(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    stock = stock_api(venue, timeout_s=0.8)
    await stock.request("1", {"id": "1", "method": "ping"})
    started_s = time.monotonic()
    await stock.close()
    assert time.monotonic() - started_s > 0.6
    client = make_client()
    await client.ws_ping()
    started_s = time.monotonic()
    await client.close_connection()
    assert time.monotonic() - started_s < 5


@pytest.mark.asyncio
async def test_stock_a_frame_that_is_no_json_ends_the_reader(venue: ScriptedVenue) -> None:
    stock = stock_stream(venue)
    await stock.connect()
    await until(lambda: venue.stream_sockets)
    await venue.stream_sockets[0].send_str("<html>")
    await until(lambda: stock._handle_read_loop is None)
    await stock.ws.close()


@pytest.mark.asyncio
async def test_stock_what_was_subscribed_while_running_does_not_come_back(
    venue: ScriptedVenue,
) -> None:
    stock = stock_stream(venue)
    await stock.connect()
    await stock.ws.send('{"method":"SUBSCRIBE","params":["ethusdt@trade"],"id":1}')
    await until(lambda: venue.stream_texts)
    cut(venue.stream_sockets[0])
    await until(lambda: len(venue.stream_sockets) == 2)
    await asyncio.sleep(UNREAD_S)
    assert venue.stream_paths[1] == "/ws/btcusdt@trade"
    assert len(venue.stream_texts) == 1
    await end(stock)


@pytest.mark.asyncio
async def test_stock_an_open_but_silent_stream_is_never_noticed(venue: ScriptedVenue) -> None:
    stock = stock_stream(venue)
    stock.NO_MESSAGE_RECONNECT_TIMEOUT = stock.TIMEOUT = 0.05
    await stock.connect()
    await asyncio.sleep(10 * 0.05)
    assert len(venue.stream_sockets) == 1
    assert stock._queue.empty()
    await end(stock)


@pytest.mark.asyncio
async def test_stock_offers_compression(venue: ScriptedVenue) -> None:
    stock = stock_stream(venue)
    await stock.connect()
    assert "permessage-deflate" in venue.stream_headers[0]["Sec-WebSocket-Extensions"]
    await end(stock)


@pytest.mark.asyncio
async def test_stock_goes_through_a_proxy_of_the_environment_even_to_this_machine(
    venue: ScriptedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    stock = ReconnectingWebsocket(url=f"{venue.endpoints.streams}/", path="btcusdt@trade")
    with pytest.raises(OSError, match=r"proxy|refused|Connect"):
        await stock.connect()
    assert venue.stream_sockets == []


@pytest.mark.asyncio
async def test_stock_signs_percent_encoded_what_the_venue_reads_raw(venue: ScriptedVenue) -> None:
    client = stock_client(venue)
    await client.ws_create_order(symbol="X", newClientOrderId="a:b/c")
    params = venue.api_requests[0]["params"]
    signature = params.pop("signature")
    assert signature != HmacSigner("secret").sign(websocket_payload(params))
    await end(client.ws_api)
    await client.session.close()


def test_stock_depth_cache_keeps_levels_that_are_gone() -> None:
    cache = DepthCache("BTCUSDT")
    cache.add_bid(["1.5", "2"])
    cache.add_bid(["1.5", "0.000"])
    assert cache.get_bids() == [[1.5, 0.0]]
    book = LocalOrderBook()
    book.apply_snapshot(1, [["1.5", "2"], ["1.4", "1"]], [["1.6", "1"]])
    book.apply_diff(2, 2, [["1.5", "0.000"]], [])
    assert book.top(5)[0] == [(1.4, 1.0)]


def test_stock_depth_cache_is_not_used() -> None:
    imported = {
        name
        for path in (ROOT / "actors").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom | ast.Import)
        for name in [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
    }
    assert "binance.async_client" in imported
    assert not {name for name in imported if "depthcache" in name.lower()}
    assert "DepthCacheManager" not in imported
