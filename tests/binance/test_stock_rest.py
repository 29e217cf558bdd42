"""Where stock python-binance's REST client fails, shown on a scripted venue beside what ours does."""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import ClientTimeout, ContentTypeError, web
from binance.async_client import AsyncClient
from binance.exceptions import BinanceAPIException
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from actors.binance.client import BinanceClient
from actors.binance.errors import OutcomeUnknown, RequestRefused
from actors.binance.signing import Ed25519Signer
from tests.binance.scripted_venue import ScriptedVenue

MakeClient = Callable[..., BinanceClient]


def stock_client(venue: ScriptedVenue, **options: Any) -> AsyncClient:
    client = AsyncClient("key", "secret", **options)
    client.API_URL = venue.endpoints.rest
    return client


def answering(text: str, status: int, kind: str) -> Callable[..., Any]:
    """A script that always gives this answer."""

    async def script(request: web.Request, body: str) -> web.StreamResponse:
        return web.Response(text=text, status=status, content_type=kind)

    return script


@pytest.mark.asyncio
async def test_parameters_of_a_delete_stand_in_its_query_and_not_in_a_body(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    stock = stock_client(venue)
    await stock.cancel_order(symbol="BTCUSDT", orderId=5)
    await stock.session.close()
    await make_client().cancel_order(symbol="BTCUSDT", orderId=5)
    (_, _, stock_query, stock_body), (_, _, query, body) = venue.rest_requests
    assert (stock_query, dict(parse_qsl(stock_body))["orderId"]) == ("", "5")
    assert (dict(parse_qsl(query))["orderId"], body) == ("5", "")


@pytest.mark.asyncio
async def test_parameters_of_a_get_are_percent_encoded(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    stock = stock_client(venue)
    await stock._get("exchangeInfo", data={"symbols": '["A","B"]'})
    await stock.session.close()
    await make_client().call("get", "exchangeInfo", {"symbols": ["A", "B"]})
    (_, _, stock_query, _), (_, _, query, _) = venue.rest_requests
    assert "%5B" not in stock_query
    assert query == "symbols=%5B%22A%22%2C%22B%22%5D"


@pytest.mark.asyncio
async def test_the_text_of_an_error_page_is_kept(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    venue.rest = answering("<html>blocked by rule 7</html>", 403, "text/html")
    stock = stock_client(venue)
    with pytest.raises(BinanceAPIException) as lost:
        await stock.create_order(symbol="X", newClientOrderId="a")
    await stock.session.close()
    assert "rule 7" not in str(lost.value)
    with pytest.raises(RequestRefused, match="rule 7"):
        await make_client().create_order(symbol="X", newClientOrderId="a")


@pytest.mark.asyncio
async def test_json_under_another_label_is_read(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    venue.rest = answering('{"orderId":5}', 200, "text/plain")
    stock = stock_client(venue)
    with pytest.raises(ContentTypeError):
        await stock.create_order(symbol="X", newClientOrderId="a")
    await stock.session.close()
    assert await make_client().create_order(symbol="X", newClientOrderId="a") == {"orderId": 5}


@pytest.mark.asyncio
async def test_a_time_out_says_that_the_outcome_is_unknown(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    released = asyncio.Event()

    async def script(request: web.Request, body: str) -> web.StreamResponse:
        await released.wait()
        return web.json_response({})

    venue.rest = script
    stock = stock_client(venue, requests_params={"timeout": ClientTimeout(total=0.1)})
    with pytest.raises(TimeoutError):
        await stock.create_order(symbol="X", newClientOrderId="a")
    await stock.session.close()
    with pytest.raises(OutcomeUnknown):
        await make_client(timeout_s=0.1).create_order(symbol="X", newClientOrderId="a")
    released.set()


@pytest.mark.asyncio
async def test_the_clock_is_not_off_by_half_a_slow_round_trip_and_is_measured_again(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    drift_ms, slowness_s = [0], [0.3]

    async def script(request: web.Request, body: str) -> web.StreamResponse:
        if request.path.endswith("time"):
            now_ms = time.time_ns() // 1_000_000
            await asyncio.sleep(slowness_s[0])
            slowness_s[0] = 0.0
            return web.json_response({"serverTime": now_ms + drift_ms[0]})
        return web.json_response({})

    venue.rest = script
    stock = stock_client(venue)
    answer = await stock.get_server_time()
    stock.timestamp_offset = answer["serverTime"] - int(time.time() * 1000)
    assert stock.timestamp_offset < -250, "as `create` does it: late by the whole way back"
    slowness_s[0] = 0.3
    client = make_client()
    await client.synchronise_clock()
    assert abs(client.clock_offset.offset_ns) < 50_000_000
    # The venue's clock drifts by five seconds: ours follows when it is measured again, stock never does.
    drift_ms[0] = 5000
    await client.synchronise_clock()
    await client.get_account()
    await stock.get_account()
    await stock.session.close()
    stamps = [
        int(dict(parse_qsl(query))["timestamp"]) for _, _, query, _ in venue.rest_requests[-2:]
    ]
    venue_ms = time.time_ns() // 1_000_000 + 5000
    assert abs(stamps[0] - venue_ms) < 1000
    assert venue_ms - stamps[1] > 4000


@pytest.mark.asyncio
async def test_stock_microseconds_make_signed_time_stand_still(venue: ScriptedVenue) -> None:
    async def script(request: web.Request, body: str) -> web.StreamResponse:
        return web.json_response({"serverTime": time.time_ns() // 1000})

    venue.rest = script
    stock = stock_client(venue, time_unit="MICROSECOND")
    answer = await stock.get_server_time()
    stock.timestamp_offset = answer["serverTime"] - int(time.time() * 1000)
    stamps = []
    for _ in range(2):
        await stock.get_account()
        stamps.append(int(dict(parse_qsl(venue.rest_requests[-1][2]))["timestamp"]))
        await asyncio.sleep(0.1)
    await stock.session.close()
    # A tenth of a second is a hundred thousand microseconds; the stamps moved by a few hundred.
    assert stamps[1] - stamps[0] < 10_000


def test_a_key_with_windows_line_ends_is_read() -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    text = pem.decode().replace("\n", "\r\n")

    async def make_stock() -> None:
        AsyncClient("key", private_key=text)

    with pytest.raises(ValueError, match=r"RSA|key"):
        asyncio.run(make_stock())
    assert Ed25519Signer(text).sign("a") == Ed25519Signer(pem.decode()).sign("a")
