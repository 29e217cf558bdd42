"""Market streams that are cut, silent, broken, flooded and moved."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from binance.exceptions import ReadLoopClosed
from binance.ws.reconnecting_websocket import ReconnectingWebsocket

from actors.binance.client import BinanceClient
from actors.binance.market_decoder import MarketDecoder
from actors.binance.streams import MarketStream
from messages.market import Trade
from tests.binance.scripted_venue import ScriptedVenue, cut, until

QUIET_S = 0.2
"""Long enough for a few attempts to connect in vain."""

MakeClient = Callable[..., BinanceClient]
MakeStream = Callable[..., "Listener"]


class Listener:
    """The owner of a stream: keeps what it is told."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.story: list[str] = []
        self.stream: MarketStream
        self.task: asyncio.Task[None]

    def on_frame(self, frame: bytes) -> None:
        """A frame."""
        self.frames.append(frame)

    def on_connected(self) -> None:
        """A connection."""
        self.story.append("connected")

    def on_lost(self, reason: str) -> None:
        """The end of one."""
        self.story.append(f"lost: {reason}")


def trade_frame(number: int, stream: str = "btcusdt@trade") -> dict[str, Any]:
    """A combined trade frame."""
    data = {
        "e": "trade", "E": 1, "s": "BTCUSDT", "t": number, "p": "1.5", "q": "2", "T": 1, "m": True, "M": True,
    }  # fmt: skip
    return {"stream": stream, "data": data}


@pytest_asyncio.fixture
async def make_stream(venue: ScriptedVenue) -> AsyncIterator[MakeStream]:
    """Runs streams of the venue; they are closed at the end."""
    made: list[Listener] = []

    def make(
        *streams: str, on_frame: Callable[[bytes], None] | None = None, **options: Any
    ) -> Listener:
        listener = Listener()
        listener.stream = MarketStream(
            f"{venue.endpoints.streams}/",
            Random(1),
            on_frame or listener.on_frame,
            listener.on_connected,
            listener.on_lost,
            streams=streams,
            **options,
        )
        listener.task = asyncio.create_task(listener.stream.run())
        made.append(listener)
        return listener

    yield make
    for listener in made:
        await listener.stream.close()
        await asyncio.gather(listener.task, return_exceptions=True)


def requests_of(venue: ScriptedVenue) -> list[tuple[str, list[str]]]:
    """What was subscribed and unsubscribed, in order."""
    parsed = [json.loads(text) for text in venue.stream_texts]
    return [(request["method"], request["params"]) for request in parsed]


@pytest.mark.asyncio
async def test_frames_of_a_combined_connection(
    venue: ScriptedVenue, make_stream: MakeStream
) -> None:
    listener = make_stream("btcusdt@trade", "ethusdt@depth@100ms")
    await until(lambda: listener.story == ["connected"])
    await venue.stream_sockets[0].send_json(trade_frame(7))
    await until(lambda: listener.frames)
    trade = MarketDecoder().decode(listener.frames[0])
    assert isinstance(trade, Trade)
    assert trade.trade_id == 7
    assert venue.stream_paths == ["/stream?streams=btcusdt@trade/ethusdt@depth@100ms"]
    assert venue.stream_texts == []
    assert "Sec-WebSocket-Extensions" not in venue.stream_headers[0]


@pytest.mark.asyncio
async def test_a_symbol_in_another_script_is_percent_encoded(
    venue: ScriptedVenue, make_stream: MakeStream
) -> None:
    listener = make_stream("测试@trade")
    await until(lambda: listener.story)
    assert venue.stream_paths == ["/stream?streams=%E6%B5%8B%E8%AF%95@trade"]


@pytest.mark.asyncio
async def test_subscribing_and_unsubscribing_while_it_runs(
    venue: ScriptedVenue, make_stream: MakeStream
) -> None:
    listener = make_stream()
    listener.stream.subscribe(["a@trade"])
    await until(lambda: listener.story)
    assert venue.stream_paths == ["/stream?streams=a@trade"]
    listener.stream.subscribe(["b@trade", "c@trade", "a@trade"])
    listener.stream.unsubscribe(["a@trade"])
    await until(lambda: len(venue.stream_texts) == 2)
    assert requests_of(venue) == [
        ("SUBSCRIBE", ["b@trade", "c@trade"]),
        ("UNSUBSCRIBE", ["a@trade"]),
    ]
    assert listener.stream.subscriptions == ["b@trade", "c@trade"]
    assert listener.frames == []


@pytest.mark.asyncio
async def test_all_that_is_wanted_is_there_again_after_a_cut(
    venue: ScriptedVenue, make_stream: MakeStream
) -> None:
    listener = make_stream("a@trade")
    await until(lambda: listener.story)
    listener.stream.subscribe(["b@trade"])
    await until(lambda: venue.stream_texts)
    started_s = time.monotonic()
    cut(venue.stream_sockets[0])
    await until(lambda: len(listener.story) == 3)
    assert time.monotonic() - started_s < 15, "no longer pause after a single loss"
    assert listener.story == [
        "connected",
        "lost: connection lost without a close frame",
        "connected",
    ]
    assert venue.stream_paths[1] == "/stream?streams=a@trade/b@trade"


@pytest.mark.asyncio
async def test_what_is_subscribed_during_the_pause_after_a_request_survives_a_cut(
    venue: ScriptedVenue, make_stream: MakeStream
) -> None:
    listener = make_stream("a@trade")
    await until(lambda: listener.story)
    listener.stream.subscribe(["b@trade"])
    await until(lambda: venue.stream_texts)
    cut(venue.stream_sockets[0])
    await until(lambda: len(listener.story) == 3)
    listener.stream.subscribe(["c@trade"])
    await until(lambda: ("SUBSCRIBE", ["c@trade"]) in requests_of(venue))


@pytest.mark.asyncio
async def test_hundreds_of_streams_keep_the_url_short_and_the_pace_slow(
    venue: ScriptedVenue, make_stream: MakeStream
) -> None:
    names = [f"s{number}@trade" for number in range(250)]
    listener = make_stream(*names)
    await until(lambda: len(venue.stream_texts) == 2)
    in_url = venue.stream_paths[0].partition("streams=")[2].split("/")
    asked = [name for _, batch in requests_of(venue) for name in batch]
    assert in_url + asked == names
    assert listener.story == ["connected"]


@pytest.mark.asyncio
async def test_it_waits_for_a_venue_that_is_away(
    venue: ScriptedVenue, make_stream: MakeStream
) -> None:
    await venue.stop()
    listener = make_stream("a@trade")
    await asyncio.sleep(QUIET_S)
    assert listener.story == []
    await venue.start()
    await until(lambda: listener.story == ["connected"])


@pytest.mark.asyncio
async def test_an_open_but_silent_stream_is_noticed(
    venue: ScriptedVenue, make_stream: MakeStream
) -> None:
    listener = make_stream("a@trade", silence_limit_s=0.2)
    await until(lambda: len(listener.story) >= 3)
    assert listener.story[:3] == ["connected", "lost: silent for 0.2 s", "connected"]


@pytest.mark.asyncio
async def test_a_stream_that_talks_or_has_nothing_to_say_is_left_alone(
    venue: ScriptedVenue, make_stream: MakeStream
) -> None:
    talking = make_stream("a@trade", silence_limit_s=1.5)
    await until(lambda: talking.story)
    idle = make_stream(silence_limit_s=1.5)
    for number in range(20):
        await venue.stream_sockets[0].send_json(trade_frame(number))
        await asyncio.sleep(0.1)
    assert talking.story == idle.story == ["connected"]


@pytest.mark.asyncio
async def test_a_peer_that_answers_no_ping_is_given_up(
    venue: ScriptedVenue, make_stream: MakeStream
) -> None:
    venue.autoping = False
    listener = make_stream("a@trade", ping_limit_s=0.3)
    await until(lambda: len(listener.story) >= 2)
    assert "PONG" in listener.story[1]


@pytest.mark.asyncio
async def test_a_frame_that_cannot_be_read_does_not_end_the_stream(
    venue: ScriptedVenue, make_stream: MakeStream
) -> None:
    decoder, trades = MarketDecoder(), []
    listener = make_stream("a@trade", on_frame=lambda frame: trades.append(decoder.decode(frame)))
    await until(lambda: listener.story)
    socket = venue.stream_sockets[0]
    for text in ("<html>", '{"stream":"btcusdt@trade","data":{"e":"trade"}}', "{"):
        await socket.send_str(text)
    await socket.send_json(trade_frame(7))
    await until(lambda: trades)
    assert listener.stream.unreadable_frames == 3
    assert listener.story == ["connected"]


@pytest.mark.asyncio
async def test_an_owner_that_fails_ends_the_run_with_its_error(
    venue: ScriptedVenue, make_stream: MakeStream
) -> None:
    def on_frame(frame: bytes) -> None:
        raise ZeroDivisionError("the owner's fault")

    listener = make_stream("a@trade", on_frame=on_frame)
    await until(lambda: listener.story)
    await venue.stream_sockets[0].send_json(trade_frame(7))
    with pytest.raises(ZeroDivisionError):
        await listener.task
    assert not listener.stream.is_connected


@pytest.mark.asyncio
async def test_a_burst_overflows_nothing(venue: ScriptedVenue, make_stream: MakeStream) -> None:
    listener = make_stream("btcusdt@trade")
    await until(lambda: listener.story)
    for number in range(5000):
        await venue.stream_sockets[0].send_json(trade_frame(number))
    await until(lambda: len(listener.frames) == 5000)
    numbers = [msgspec.json.decode(frame)["data"]["t"] for frame in listener.frames]
    assert numbers == list(range(5000))


@pytest.mark.asyncio
async def test_stock_python_binance_dies_of_a_burst(venue: ScriptedVenue) -> None:
    async def burst(socket: web.WebSocketResponse) -> None:
        for number in range(500):
            await socket.send_json(trade_frame(number))

    venue.on_stream_open = burst
    stock = ReconnectingWebsocket(
        url=f"{venue.endpoints.streams}/", path="btcusdt@trade", proxy=None
    )
    await stock.connect()
    await until(lambda: stock._handle_read_loop is None)
    with pytest.raises(ReadLoopClosed):
        await stock.recv()
    await stock.ws.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "notice",
    [
        {"e": "serverShutdown", "E": 1770123456789},
        {"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1770123456789}},
    ],
)
async def test_a_server_that_will_shut_down_is_left_for_a_new_one_first(
    venue: ScriptedVenue, make_stream: MakeStream, notice: dict[str, Any]
) -> None:
    listener = make_stream("a@trade", overlap_s=1.0)
    await until(lambda: listener.story)
    await venue.stream_sockets[0].send_json(notice)
    await until(lambda: len(venue.stream_sockets) == 2)
    # What the old server still says is heard; the new one's words come after it.
    await venue.stream_sockets[1].send_json(trade_frame(8))
    await venue.stream_sockets[0].send_json(trade_frame(7))
    await until(lambda: len(listener.frames) == 2)
    assert [msgspec.json.decode(frame)["data"]["t"] for frame in listener.frames] == [7, 8]
    await until(lambda: venue.stream_sockets[0].closed)
    assert listener.story == ["connected"]


@pytest.mark.asyncio
async def test_a_connection_is_renewed_before_the_venue_ends_it(
    venue: ScriptedVenue, make_stream: MakeStream
) -> None:
    listener = make_stream("a@trade", lifetime_s=0.1, overlap_s=0.05)
    await until(lambda: len(venue.stream_sockets) >= 4)
    assert listener.story == ["connected"]
    await venue.stop()
    await until(lambda: len(listener.story) == 2)
    await venue.start()
    await until(lambda: listener.story[2:] == ["connected"])


@pytest.mark.asyncio
async def test_a_refused_subscription_is_kept_and_is_no_data(
    venue: ScriptedVenue, make_stream: MakeStream
) -> None:
    async def script(socket: web.WebSocketResponse, text: str) -> None:
        error = {"code": 2, "msg": "Invalid request: unknown stream"}
        await socket.send_json({"error": error, "id": json.loads(text)["id"]})

    venue.stream = script
    listener = make_stream()
    await until(lambda: listener.story)
    listener.stream.subscribe(["nonsense"])
    await until(lambda: listener.stream.refused)
    assert "unknown stream" in listener.stream.refused[0]
    assert listener.frames == []


@pytest.mark.asyncio
async def test_closing_is_quick_and_leaves_nothing_behind(
    venue: ScriptedVenue, make_stream: MakeStream
) -> None:
    tasks_before = len(asyncio.all_tasks())
    listener = make_stream("a@trade")
    await until(lambda: listener.story)
    started_s = time.monotonic()
    await listener.stream.close()
    await listener.task
    assert time.monotonic() - started_s < 8
    assert listener.story == ["connected", "lost: closed by us"]
    await until(lambda: len(asyncio.all_tasks()) <= tasks_before)


@pytest.mark.asyncio
async def test_a_run_that_is_cancelled_closes_too(
    venue: ScriptedVenue, make_stream: MakeStream
) -> None:
    listener = make_stream("a@trade")
    await until(lambda: listener.story)
    listener.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listener.task
    await until(lambda: venue.stream_sockets[0].closed)
