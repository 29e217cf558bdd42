"""Orders by REST over connections that were open before, against a server that says whatever it likes."""

import asyncio
import contextvars
import gzip
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import aiohttp
import pytest

from actors.binance.client import BinanceClient
from actors.binance.direct_rest import DirectRest
from actors.binance.errors import NotSent, OutcomeUnknown, RateLimited, RequestRefused
from actors.binance.signing import HmacSigner
from actors.gateways.begun import Begun
from tests.binance.raw_venue import RawRequest, RawVenue, answer, say_nothing, says
from tests.binance.scripted_venue import ScriptedVenue, until

MakeClient = Callable[..., BinanceClient]
OpenClient = Callable[..., Awaitable[BinanceClient]]
COMPRESSED = gzip.compress(b'{"a":1}', mtime=0)
ZIPPED = (
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(COMPRESSED)
    + COMPRESSED
)
ORDER = {"symbol": "BTCUSDT", "newClientOrderId": "a:b"}


async def place(client: BinanceClient, **options: Any) -> bytes:
    """One order."""
    return await client.call("post", "order", ORDER, signed=True, **options)


@pytest.mark.asyncio
async def test_an_order_is_on_its_way_before_there_is_a_task_for_it(
    raw: RawVenue, open_client: OpenClient
) -> None:
    client = await open_client()
    begun: list[Begun[bytes]] = []

    def place_without_a_task() -> None:
        assert asyncio.current_task() is None
        begun.append(Begun(place(client)))

    asyncio.get_running_loop().call_soon(place_without_a_task, context=contextvars.Context())
    await until(lambda: raw.requests)
    assert await begun[0] == b"{}"
    assert raw.requests[0].reads == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["post", "put", "delete"])
async def test_what_is_sent_is_what_a_session_sends_but_for_compression(
    raw: RawVenue, open_client: OpenClient, method: str
) -> None:
    client = await open_client(now_ns=lambda: 1_700_000_000_000_000_000)
    await client.call(method, "order", ORDER, signed=True)
    client.direct.let_go()
    await client.call(method, "order", ORDER, signed=True)
    direct, ordinary = raw.requests
    assert client.direct.sent == 2 + 1
    assert (direct.start, direct.body) == (ordinary.start, ordinary.body)
    assert ordinary.headers.pop("Accept-Encoding")
    ordinary.headers.pop("Content-Length", None)
    assert direct.headers.pop("Content-Length", "0") == str(len(direct.body))
    assert direct.headers == ordinary.headers
    payload, _, signature = (direct.body or direct.start.split()[1].partition("?")[2]).rpartition(
        "&signature="
    )
    assert signature == HmacSigner("secret").sign(payload)
    assert direct.headers["X-MBX-APIKEY"] == "key"


@pytest.mark.asyncio
async def test_one_request_at_a_time_on_each_connection_and_the_rest_by_a_session(
    raw: RawVenue, open_client: OpenClient
) -> None:
    gate = asyncio.Event()

    async def script(request: RawRequest) -> None:
        await gate.wait()
        request.writer.write(answer(f'"{request.connection}"'))

    raw.script = script
    client = await open_client()
    placing = [asyncio.create_task(place(client)) for _ in range(4)]
    await until(lambda: len(raw.requests) == 4)
    assert client.direct.sent == 2 + 2
    gate.set()
    said = [(await task).strip(b'"') for task in placing]
    assert sorted(said) == [b"0", b"1", b"2", b"3"]
    # As many as were missing are open the next time; no new one is made where a session has left some.
    await client.keep_direct()
    await asyncio.gather(*(place(client) for _ in range(4)))
    assert client.direct.sent == 2 + 2 + 2 + 4
    assert len(raw.connections) == 4


@pytest.mark.asyncio
async def test_questions_stay_with_the_session(raw: RawVenue, open_client: OpenClient) -> None:
    client = await open_client()
    await client.call("get", "order", ORDER, signed=True)
    assert client.direct.sent == 2
    assert len(raw.requests) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("pieces", "then_closes", "stays"),
    [
        ([answer('{"a":1}')], False, True),
        ([bytes([byte]) for byte in answer('{"a":1}')], False, True),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n", b"4\r\n\":1}\r\n0\r\n\r\n"], False, True),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", answer('{"a":1}')], False, True),
        ([answer('{"a":1}', "200 OK", "Connection: close")], False, False),
        ([answer('{"a":1}', "200 OK", "Connection: close")], True, False),
        ([b'HTTP/1.1 200 OK\r\n\r\n{"a"', b":1}"], True, False),
        ([b'HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}'], True, False),
        ([ZIPPED], False, True),
        ([answer('{"a":1}') + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"], False, False),
    ],
)  # fmt: skip
async def test_answers_of_every_form(
    raw: RawVenue, open_client: OpenClient, pieces: list[bytes], then_closes: bool, stays: bool
) -> None:
    raw.script = says(*pieces, then_closes=then_closes)
    client = await open_client()
    assert await place(client) == b'{"a":1}'
    first = raw.requests[0].connection
    raw.script = says(answer('{"b":2}'))
    assert await place(client) == b'{"b":2}'
    assert (raw.requests[1].connection == first) is stays


@pytest.mark.asyncio
async def test_an_answer_without_a_body_or_of_a_great_length(
    raw: RawVenue, open_client: OpenClient
) -> None:
    raw.script = says(b"HTTP/1.1 204 No Content\r\n\r\n")
    client = await open_client()
    assert await place(client) == b"{}"
    raw.script = says(answer("x" * 3_000_000))
    assert await place(client) == b"x" * 3_000_000
    assert {request.connection for request in raw.requests} == {1}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"HTTP/1.1 200 OK\r\nContent-Le"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"],
        [b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"],
        [b"garbage that is no HTTP\r\n\r\n"],
        [b"\x16\x03\x01\x02\x00\x01\x00"],
        [b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 20_000],
        [b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(5000))],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"],
        [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"],
    ],
)
async def test_no_answer_that_can_be_read_leaves_the_outcome_unknown(
    raw: RawVenue, open_client: OpenClient, pieces: list[bytes]
) -> None:
    raw.script = says(*pieces, then_closes=True)
    client = await open_client()
    with pytest.raises(OutcomeUnknown):
        await place(client)
    await asyncio.sleep(0.05)
    assert len(raw.requests) == 1
    raw.script = says(answer())
    assert await place(client) == b"{}"
    assert raw.requests[0].connection != raw.requests[1].connection


@pytest.mark.asyncio
async def test_a_reset_while_waiting(raw: RawVenue, open_client: OpenClient) -> None:
    async def reset(request: RawRequest) -> None:
        request.writer.transport.abort()

    raw.script = reset
    client = await open_client()
    for method in ("post", "put", "delete"):
        await client.keep_direct()
        with pytest.raises(OutcomeUnknown, match="broke"):
            await client.call(method, "order", ORDER, signed=True)
    assert len(raw.requests) == 3


@pytest.mark.asyncio
async def test_what_comes_after_the_deadline_answers_nothing(
    raw: RawVenue, open_client: OpenClient
) -> None:
    late = asyncio.Event()

    async def script(request: RawRequest) -> None:
        if len(raw.requests) == 1:
            await late.wait()
            request.writer.write(answer('"late"'))
        else:
            request.writer.write(answer('"in time"'))

    raw.script = script
    client = await open_client()
    with pytest.raises(OutcomeUnknown, match="in time"):
        await place(client, timeout_s=0.1)
    late.set()
    assert await place(client) == b'"in time"'
    await until(lambda: raw.closed == [raw.requests[0].connection])
    assert await place(client) == b'"in time"'
    assert len(raw.requests) == 3


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "begin",
    [b"HTTP/1.1 200 OK\r\nX: 1\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"],
)
async def test_an_answer_that_drips_has_the_same_deadline(
    raw: RawVenue, open_client: OpenClient, begin: bytes
) -> None:
    drops = 0

    async def drip(request: RawRequest) -> None:
        nonlocal drops
        request.writer.write(begin)
        for _ in range(40):
            await asyncio.sleep(0.05)
            request.writer.write(b"x")
            drops += 1

    raw.script = drip
    client = await open_client()
    with pytest.raises(OutcomeUnknown, match="in time"):
        await place(client, timeout_s=0.15)
    assert drops < 30, "long before the last one"


@pytest.mark.asyncio
async def test_a_request_that_is_given_up_takes_its_connection_with_it(
    raw: RawVenue, open_client: OpenClient
) -> None:
    raw.script = say_nothing
    client = await open_client()
    placing = asyncio.create_task(place(client))
    await until(lambda: raw.requests)
    placing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await placing
    begun = Begun(place(client))
    await until(lambda: len(raw.requests) == 2)
    begun.close()
    await until(lambda: sorted(raw.closed) == [0, 1])
    assert not client.direct.is_ready


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "said", [answer("", "408 Request Timeout", "Connection: close"), b"HTTP/1.1 200", b"\r\n"]
)
async def test_a_connection_that_spoke_unasked_carries_nothing(
    raw: RawVenue, open_client: OpenClient, said: bytes
) -> None:
    client = await open_client()
    for writer in raw.connections:
        writer.write(said)
    await until(lambda: not client.direct.is_ready)
    assert await place(client) == b"{}"
    assert raw.requests[0].connection == 2


@pytest.mark.asyncio
async def test_without_a_connection_an_order_is_proven_unsent(
    raw: RawVenue, open_client: OpenClient
) -> None:
    client = await open_client()
    await raw.stop()
    await until(lambda: not client.direct.is_ready)
    with pytest.raises(NotSent, match="no connection"):
        await place(client)
    await client.keep_direct()
    assert not client.direct.is_ready
    assert raw.requests == []


@pytest.mark.asyncio
async def test_what_an_answer_says_is_heard(raw: RawVenue, open_client: OpenClient) -> None:
    now = [1_700_000_000 * 10**9]
    client = await open_client(now_ns=lambda: now[0])
    raw.script = says(
        answer('{"code":-2010,"msg":"no"}', "400 Bad Request", "X-MBX-USED-WEIGHT-1M: 17")
    )
    with pytest.raises(RequestRefused, match="no"):
        await place(client)
    assert client.usage.count_of("REQUEST_WEIGHT", 60 * 10**9) == 17
    # Where python-binance's users look for it.
    assert client.response.headers["X-MBX-USED-WEIGHT-1M"] == "17"
    raw.script = says(answer('{"code":-1003,"msg":"slow"}', "418 I'm a teapot", "Retry-After: 30"))
    with pytest.raises(RateLimited) as caught:
        await place(client)
    assert caught.value.is_ban
    assert caught.value.retry_at_ns == now[0] + 30 * 10**9
    with pytest.raises(RateLimited, match="not sent"):
        await place(client)
    assert len(raw.requests) == 2
    assert client.direct.sent == 2 + 2
    with pytest.raises(NotSent, match="too late"):
        await place(client, send_before_ns=1)


@pytest.mark.asyncio
async def test_closing_the_client_ends_what_is_in_flight(
    raw: RawVenue, open_client: OpenClient
) -> None:
    raw.script = say_nothing
    client = await open_client()
    placing = asyncio.create_task(place(client, timeout_s=600.0))
    await until(lambda: raw.requests)
    await client.close_connection()
    with pytest.raises(OutcomeUnknown):
        await asyncio.wait_for(placing, 20.0)
    await until(lambda: sorted(raw.closed) == [0, 1])
    await client.keep_direct()
    assert not client.direct.is_ready


@pytest.mark.asyncio
async def test_python_binances_own_calls_go_the_same_way(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    await client.keep_direct()
    assert await client.create_order(symbol="BTCUSDT", newClientOrderId="这是") == {}
    assert await client.cancel_order(symbol="BTCUSDT", orderId=5) == {}
    assert client.direct.sent == 2 + 2
    assert [verb for verb, *_ in venue.rest_requests] == ["GET", "GET", "POST", "DELETE"]


@pytest.mark.asyncio
@pytest.mark.parametrize("key", ["a\r\nX-Evil: 1", "a\x00"])
async def test_a_key_that_no_header_can_have_is_refused(raw: RawVenue, key: str) -> None:
    with pytest.raises(ValueError, match="no key has"):
        BinanceClient(raw.endpoints, key, "secret")


@pytest.mark.asyncio
async def test_what_has_not_left_by_the_deadline_never_leaves(raw: RawVenue) -> None:
    taken: list[int] = []
    gate = asyncio.Event()

    async def read_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer("{}"))
        await gate.wait()
        size = 0
        try:
            while data := await reader.read(65_536):
                size += len(data)
        except OSError:
            pass
        taken.append(size)
        writer.close()

    server = await asyncio.start_server(read_late, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api"
    async with aiohttp.TCPConnector() as connector:
        direct = DirectRest(connector, base, {}, 1.0, Random(1))
        assert len(await direct.keep(f"{base}/v3/ping", 1.0)) == 2
        body = b"x" * 50_000_000
        with pytest.raises(TimeoutError):
            await direct.request("POST", f"{base}/v3/order", body, 0.1)
        gate.set()
        direct.close()
        await until(lambda: len(taken) == 2)
    server.close()
    assert max(taken) < len(body)
