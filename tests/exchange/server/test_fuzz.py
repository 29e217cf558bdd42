"""Nonsense of every kind: never a 500, never a dead connection, never a dead exchange."""

import asyncio
import io
import random
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
import pytest

from actors.exchange.methods import METHODS
from tests.exchange.server.client import World

UNKNOWN_ERROR = "An unknown error occurred while processing the request."
ODD = [
    "",
    "0",
    "-1",
    "1e400",
    "NaN",
    "null",
    "true",
    "[]",
    '["BTCUSDT"]',
    "{}",
    "BTCUSDT",
    "btcusdt",
]
ODD += [
    "\u00fc",
    "\x00",
    "a" * 300,
    "9" * 25,
    "2**63",
    "%",
    "&",
    "=",
    "+",
    "\u8fd9",
    "1m",
    "GTC",
    "BUY",
]
LITERALS = [
    "null",
    "true",
    "1",
    "-0",
    "1e400",
    "[]",
    "{}",
    '""',
    '"x"',
    '"BTCUSDT"',
    "[[[[]]]]",
    '"\\u0000"',
]
NAMES = sorted({parameter.name for method in METHODS for parameter in method.parameters})


@pytest.mark.asyncio
async def test_rest_requests(still_world: World) -> None:
    rng = random.Random(1)
    rest = still_world.rest()
    paths = sorted({method.path for method in METHODS if method.path})
    for _ in range(400):
        values = {rng.choice([*NAMES, "x"]): rng.choice(ODD) for _ in range(rng.randrange(5))}
        verb = rng.choice(["GET", "POST", "DELETE", "PUT"])
        headers = {"X-MBX-APIKEY": rng.choice([rest.pair.key, "", "A" * 64])}
        form = rest.form(values) if rng.random() < 0.6 else urlencode(values)
        target, body = rng.choice(paths), form.encode()
        if rng.random() < 0.5:
            target, body = (
                f"{target}?{form}",
                bytes(rng.randrange(256) for _ in range(rng.randrange(9))),
            )
        answer = await rest.raw(verb, target, body, headers)
        assert answer.status in (200, 400, 401, 404, 405, 429), (verb, target, body, answer)
    assert (await rest.get("ping")).status in (200, 429)


@pytest.mark.asyncio
async def test_broken_encodings_in_rest_requests(still_world: World) -> None:
    rest = still_world.rest()
    headers = {"X-MBX-APIKEY": rest.pair.key}
    for text in ("%ff%fe=1", "symbol=%ff", "%", "%zz=%zz", "=", "&&&", "a" * 3000):
        for verb in ("GET", "POST"):
            answer = await rest.raw(verb, f"/api/v3/order/test?{text}", b"\xff\xfe=\xff", headers)
            assert answer.status in (400, 405)
    big = await rest.raw("POST", "/api/v3/order", io.BytesIO(b"x" * (2 << 20)), headers)
    assert big.status == 413


@pytest.mark.asyncio
async def test_raw_bytes_instead_of_http(still_world: World) -> None:
    host, port = still_world.addresses.rest.removeprefix("http://").split(":")
    rng = random.Random(2)
    for _ in range(30):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(bytes(rng.randrange(256) for _ in range(50)) + b"\r\n\r\n")
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 10)
        assert not answer.startswith(b"HTTP/1.1 500")
        writer.close()
    assert (await still_world.rest().get("ping")).status == 200


def random_request(rng: random.Random, number: int) -> str:
    """A request whose parameters are JSON, but hardly ever what the method wants."""
    method = rng.choice([*(method.name for method in METHODS), "nothing"])
    fields = [
        f"{msgspec.json.encode(rng.choice(NAMES)).decode()}:{rng.choice(LITERALS)}"
        for _ in range(rng.randrange(4))
    ]
    return f'{{"id":{number},"method":"{method}","params":{{{",".join(fields)}}}}}'


@pytest.mark.asyncio
async def test_websocket_api_messages(still_world: World) -> None:
    rng = random.Random(3)
    async with still_world.api() as api:
        for number in range(300):
            await api.socket.send_str(random_request(rng, number))
            reply = await api.reply(number)
            assert reply["status"] in (200, 400, 401, 429), reply
        for text in (b"\xff\xfe", b"[" * 5000, b'{"id":1' + b" " * 5000, b'"\xc3('):
            await api.socket.send_bytes(text)
            assert (await api.next())["error"]["code"] == -1135
        assert (await api.call("session.status"))["id"] is not None


@pytest.mark.asyncio
async def test_signed_websocket_api_messages(still_world: World) -> None:
    rng = random.Random(4)
    names = [method.name for method in METHODS if method.security.value == "SIGNED"]
    async with still_world.api(number=1) as api:
        for _ in range(300):
            values: dict[str, Any] = {
                rng.choice(NAMES): rng.choice(ODD) for _ in range(rng.randrange(4))
            }
            reply = await api.signed(rng.choice(names), **values)
            assert reply["status"] in (200, 400, 401, 429), reply
        assert (await api.call("session.status"))["id"] is not None


@pytest.mark.asyncio
async def test_stream_messages(still_world: World) -> None:
    rng = random.Random(5)
    methods = [
        "SUBSCRIBE",
        "UNSUBSCRIBE",
        "LIST_SUBSCRIPTIONS",
        "SET_PROPERTY",
        "GET_PROPERTY",
        "X",
    ]
    for _ in range(8):
        async with still_world.streams(
            f"/ws/{quote(rng.choice(ODD))}/btcusdt@kline_{rng.choice(ODD)[:5].strip(chr(0))}"
        ) as streams:
            for number in range(30):
                literals = ",".join(rng.choice(LITERALS) for _ in range(rng.randrange(3)))
                text = f'{{"method":"{rng.choice(methods)}","params":[{literals}],"id":{number}}}'
                await streams.socket.send_str(text)
                answer = await streams.next()
                assert "result" in answer or "code" in answer
            await streams.socket.send_bytes(b"\xff\xfe")
            assert (await streams.next())["code"] == 3


@pytest.mark.asyncio
async def test_broken_frames_end_their_connection_alone(still_world: World) -> None:
    host, port = still_world.addresses.rest.removeprefix("http://").split(":")
    rng = random.Random(6)
    async with still_world.api() as witness:
        for path in ("/ws-api/v3", "/ws") * 10:
            reader, writer = await asyncio.open_connection(host, int(port))
            handshake = (
                f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            writer.write(handshake.encode())
            assert b"101" in await reader.readline()
            writer.write(bytes(rng.randrange(256) for _ in range(200)))
            writer.close()
        assert (await witness.call("ping"))["status"] == 200


@pytest.mark.asyncio
async def test_too_long_a_message_ends_its_connection_alone(still_world: World) -> None:
    async with still_world.api() as witness, still_world.api() as api:
        await api.socket.send_str("x" * (2 << 20))
        message = await api.socket.receive(timeout=10)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1009)
        assert (await witness.call("ping"))["status"] == 200


@pytest.mark.asyncio
async def test_a_body_that_is_not_in_its_encoding(still_world: World) -> None:
    rest = still_world.rest()
    for encoding in ("gzip", "deflate"):
        headers = {"X-MBX-APIKEY": rest.pair.key, "Content-Encoding": encoding}
        answer = await rest.raw("POST", "/api/v3/order", io.BytesIO(b"symbol=BTCUSDT"), headers)
        assert answer.error == (400, -1000, UNKNOWN_ERROR)


@pytest.mark.asyncio
async def test_a_line_end_in_a_path(still_world: World) -> None:
    async with still_world.streams("/ws/btcusdt@%0D%0A") as streams:
        assert (await streams.call("LIST_SUBSCRIPTIONS"))["result"] == ["btcusdt@\r\n"]
    answer = await still_world.rest().raw("GET", "/api/v3/%0Aping")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.asyncio
async def test_a_client_that_leaves_amid_its_body_is_no_failure(
    still_world: World, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = still_world.addresses.rest.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
    await asyncio.sleep(0.1)
    writer.transport.abort()
    await asyncio.sleep(0.1)
    assert (await still_world.rest().get("ping")).status == 200
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
