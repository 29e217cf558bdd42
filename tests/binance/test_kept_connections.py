"""Connections kept open ahead of orders by REST: opened, renewed, and given up."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from actors.binance.client import BinanceClient
from actors.binance.direct_rest import DirectRest
from actors.binance.errors import OutcomeUnknown, RateLimited
from tests.binance.raw_venue import RawRequest, RawVenue, answer, say_nothing, says
from tests.binance.scripted_venue import until

OpenClient = Callable[..., Awaitable[BinanceClient]]
ORDER = {"symbol": "BTCUSDT", "newClientOrderId": "a:b"}
PATIENCE_S = 20.0


async def place(client: BinanceClient) -> bytes:
    """One order."""
    return await client.call("post", "order", ORDER, signed=True)


@pytest.mark.asyncio
async def test_connections_that_the_venue_has_closed_are_opened_again(
    raw: RawVenue, open_client: OpenClient
) -> None:
    client = await open_client()
    for writer in raw.connections:
        writer.close()
    await until(lambda: not client.direct.is_ready)
    await client.keep_direct()
    assert client.direct.is_ready
    assert await place(client) == b"{}"
    assert client.direct.sent == 2 + 2 + 1


def direct_of(client: BinanceClient, raw: RawVenue) -> DirectRest:
    """Other connections of the same client."""
    return DirectRest(client.session.connector, raw.endpoints.rest, {}, PATIENCE_S, Random(1))


def age(direct: DirectRest, idle_s: float) -> None:
    """As if what is open had been idle for so much longer."""
    for line in direct._ready:
        line.used_at_s -= idle_s


@pytest.mark.asyncio
async def test_a_connection_that_was_idle_for_too_long_carries_nothing(
    raw: RawVenue, open_client: OpenClient
) -> None:
    client = await open_client()
    ping = f"{raw.endpoints.rest}/v3/ping"
    direct = direct_of(client, raw)
    assert len(await direct.keep(ping, PATIENCE_S)) == 2
    assert await direct.request("DELETE", ping, None, PATIENCE_S) is not None
    age(direct, direct.idle_limit_s)
    assert not direct.is_ready
    assert await direct.request("DELETE", ping, None, PATIENCE_S) is None
    await until(lambda: sorted(raw.closed) == [2, 3])


@pytest.mark.asyncio
async def test_a_connection_that_was_seen_ready_is_still_there_a_moment_later(
    raw: RawVenue, open_client: OpenClient
) -> None:
    """An order that is placed at once has no task, and so could not take the session's way."""
    client = await open_client()
    direct = direct_of(client, raw)
    ping = f"{raw.endpoints.rest}/v3/ping"
    await direct.keep(ping, PATIENCE_S)
    age(direct, direct.idle_limit_s - 1.0)
    assert await direct.request("DELETE", ping, None, PATIENCE_S) is not None
    was_ready = direct.is_ready
    assert was_ready, "the one that has just been used"
    direct._ready.pop().close()
    assert not direct.is_ready, "the other one"
    direct.close()


@pytest.mark.asyncio
async def test_idle_connections_are_asked_one_by_one_and_the_surplus_goes(
    raw: RawVenue, open_client: OpenClient
) -> None:
    client = await open_client()
    ping = f"{raw.endpoints.rest}/v3/ping"
    direct = direct_of(client, raw)
    await asyncio.gather(*(direct.request("POST", ping, b"", PATIENCE_S) for _ in range(4)))
    await direct.keep(ping, PATIENCE_S)
    assert len(raw.pings) == 2 + 4
    await direct.keep(ping, PATIENCE_S)
    assert len(raw.pings) == 2 + 4, "those in use lately need no proof"
    age(direct, direct.renew_after_s)
    were_ready = []
    raw.script_pings = True

    async def note(request: RawRequest) -> None:
        were_ready.append(direct.is_ready)
        request.writer.write(answer())

    raw.script = note
    await direct.keep(ping, PATIENCE_S)
    assert were_ready == [True, True]
    await until(lambda: len(raw.closed) == 2)
    direct.close()


@pytest.mark.asyncio
async def test_a_connection_that_does_not_answer_its_ping_is_given_up(
    raw: RawVenue, open_client: OpenClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client = await open_client()
    raw.script_pings = True

    ping = f"{raw.endpoints.rest}/v3/ping"
    direct = direct_of(client, raw)
    raw.script = say_nothing
    assert await direct.keep(ping, 0.1) == []
    assert not direct.is_ready
    assert "no connection is kept ahead" in caplog.text
    await until(lambda: raw.closed == [2])


@pytest.mark.asyncio
async def test_a_venue_that_closes_after_each_answer_is_asked_ever_more_rarely(
    raw: RawVenue, open_client: OpenClient
) -> None:
    client = await open_client()
    raw.script_pings = True
    raw.script = says(answer("{}", "200 OK", "Connection: close"))
    client.direct.let_go()
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    async with asyncio.timeout(PATIENCE_S):
        while len(raw.pings) < 2 + 4 or loop.time() - begun_s < 0.6:
            await client.keep_direct()
            await asyncio.sleep(0.01)
    # From the first 50 ms on each pause may be twice as long, and is at least half of that.
    pauses = len(raw.pings) - 2 - 1
    assert loop.time() - begun_s >= 0.05 / 2 * (2**pauses - 1)
    assert await place(client) == b"{}"


@pytest.mark.asyncio
async def test_while_banned_nobody_pings_and_a_ping_can_bring_the_ban(
    raw: RawVenue, open_client: OpenClient
) -> None:
    client = await open_client()
    client.direct.let_go()
    raw.script_pings = True
    raw.script = says(answer("{}", "429 Too Many Requests", "Retry-After: 30"))
    await client.keep_direct()
    pings = len(raw.pings)
    client.direct.let_go()
    await client.keep_direct()
    assert len(raw.pings) == pings
    with pytest.raises(RateLimited, match="not sent"):
        await place(client)


@pytest.mark.asyncio
async def test_after_the_end_an_answer_still_comes_and_nothing_is_kept(
    raw: RawVenue, open_client: OpenClient
) -> None:
    client = await open_client()
    direct = direct_of(client, raw)
    ping = f"{raw.endpoints.rest}/v3/ping"
    await direct.keep(ping, 1.0)
    gate = asyncio.Event()

    async def answer_late(request: RawRequest) -> None:
        await gate.wait()
        request.writer.write(answer('"late"'))

    raw.script = answer_late
    order = f"{raw.endpoints.rest}/v3/order"
    asking = asyncio.create_task(direct.request("DELETE", order, None, 1.0))
    await until(lambda: raw.requests)
    direct.close()
    gate.set()
    answered = await asking
    assert answered is not None
    assert answered.body == b'"late"'
    assert await direct.keep(ping, 1.0) == []
    await until(lambda: sorted(raw.closed) == [2, 3])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "said",
    [b"what?\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"],
    ids=["text", "length"],
)
async def test_what_is_said_of_a_broken_answer_carries_no_signature(
    raw: RawVenue, open_client: OpenClient, said: bytes
) -> None:
    """aiohttp's own words name the whole address, signature included; they go to the log."""
    raw.script = says(said)
    client = await open_client()
    for method in ("get", "post"):
        with pytest.raises(OutcomeUnknown) as caught:
            await client.call(method, "order", ORDER, signed=True)
        assert "/v3/order" in str(caught.value)
        told = "".join(traceback.format_exception(caught.value))
        assert "signature=" not in told
        assert "newClientOrderId=" not in told
