"""Frames and answers that are not what they should be, on every road: none ends a connection, none is taken for a word."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from aiohttp import web

from actors.binance.client import BinanceClient
from actors.binance.errors import BinanceError, OutcomeUnknown, classify_http
from actors.binance.market_decoder import MarketDecoder
from actors.binance.market_requests import AnswerUnreadable, BinanceMarket
from actors.binance.orders import BinanceOrders
from actors.binance.streams import MarketStream
from messages.enums import Exchanges
from messages.market import Trade
from tests.binance.scripted_venue import ScriptedVenue, until

MakeClient = Callable[..., BinanceClient]
DEEP = "[" * 100_000
BROKEN = {
    "empty": "",
    "html": "<html>no</html>",
    "cut": '{"e":"trade","t":1',
    "deep": DEEP,
    "deep within": '{"e":"trade","x":' + DEEP,
    "nul": "\0\0\0",
    "lone surrogate": '{"e":"\\ud800"}',
    "list": "[]",
    "number": "1e999999",
    "null": "null",
    "wrong types": '{"e":5,"s":[],"id":{},"code":"x","orderId":"y","serverTime":"z","balances":0}',
    "no number": '{"e":"trade","E":1,"s":"X","t":1,"p":"NaN","q":"1","T":1,"m":true}',
    "infinite": '{"e":"trade","E":1,"s":"X","t":1,"p":"Infinity","q":"1e400","T":1,"m":true}',
}
TRADE = '{"e":"trade","E":1,"s":"X","t":7,"p":"1.5","q":"2","T":1,"m":true,"M":true}'


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
@pytest.mark.asyncio
async def test_a_market_stream_goes_on(text: str, venue: ScriptedVenue) -> None:
    seen: list[Any] = []
    decoder = MarketDecoder(Exchanges.BINANCE)

    def take(frame: bytes) -> None:
        decoded = decoder.decode(frame, 1)
        if isinstance(decoded, Trade):
            seen.append(decoded.trade_id)

    lost: list[str] = []
    stream = MarketStream(
        f"{venue.endpoints.streams}/",
        Random(1),
        take,
        lambda: None,
        lost.append,
        streams=("x@trade",),
    )
    async with running(stream):
        await until(lambda: venue.stream_sockets)
        for frame in (text, '{"stream":"x@trade","data":' + (text or "0") + "}", TRADE):
            await venue.stream_sockets[0].send_str(frame)
        await until(lambda: seen == [7])
        assert not lost


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
@pytest.mark.asyncio
async def test_the_websocket_api_goes_on(
    text: str, venue: ScriptedVenue, make_client: MakeClient
) -> None:
    async def script(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await socket.send_str(text)
        await socket.send_str('{"subscriptionId":0,"event":' + (text or "0") + "}")
        await socket.send_json(
            {"id": request["id"], "status": 200, "result": {"subscriptionId": 0}}
        )

    venue.api = script
    client = make_client()
    unread: list[bytes] = []
    await client.ws_api.subscribe_user_stream(unread.append)
    assert await client.ws_ping() == {"subscriptionId": 0}
    assert len(venue.api_sockets) == 1


READS: dict[str, Callable[[BinanceClient], Awaitable[Any]]] = {
    "time": lambda client: client.synchronise_clock(samples=1),
    "order": lambda client: over_rest(client).query("X", "a"),
    "open orders": lambda client: over_rest(client).open_orders("X"),
    "account": lambda client: over_rest(client).account([]),
    "trades": lambda client: over_rest(client).trades("X"),
    "cancel": lambda client: over_rest(client).cancel("X", "a"),
    "rules": lambda client: BinanceMarket(client, Exchanges.BINANCE).rules(),
    "depth": lambda client: BinanceMarket(client, Exchanges.BINANCE).depth_snapshot("X"),
    "public trades": lambda client: BinanceMarket(client, Exchanges.BINANCE).recent_trades("X"),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
@pytest.mark.asyncio
async def test_an_answer_that_cannot_be_read_proves_nothing(
    read: Callable[[BinanceClient], Awaitable[Any]], venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    for name, text in BROKEN.items():

        async def script(request: web.Request, body: str, text: str = text) -> web.StreamResponse:
            return web.Response(text=text, content_type="application/json")

        venue.rest = script
        if name == "list" and read in (
            READS["open orders"],
            READS["trades"],
            READS["public trades"],
        ):
            assert await read(client) == []
            continue
        with pytest.raises((OutcomeUnknown, AnswerUnreadable)) as caught:
            await read(client)
        assert isinstance(caught.value, BinanceError), name


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_an_error_that_cannot_be_read_is_still_one(text: str) -> None:
    refused = "OutcomeUnknown" if '"code"' in text else "RequestRefused"
    for status, kind in ((400, refused), (429, "RateLimited"), (502, "OutcomeUnknown")):
        error = classify_http(status, text.encode(), "no number", 5)
        assert type(error).__name__ == kind


@asynccontextmanager
async def running(stream: MarketStream) -> AsyncIterator[None]:
    """A stream that runs within a block, and is closed after it."""
    task = asyncio.create_task(stream.run())
    try:
        yield
    finally:
        await stream.close()
        await task


def over_rest(client: BinanceClient) -> BinanceOrders:
    """Orders over REST."""
    return BinanceOrders(client, over_websocket=False)
