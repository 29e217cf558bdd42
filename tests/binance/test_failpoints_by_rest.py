"""Failpoints within a request by REST, over either kind of connection: each lies where it says."""

from collections.abc import Awaitable, Callable

import pytest

from actors.binance import client as client_module
from actors.binance import direct_rest
from actors.binance.client import BinanceClient
from actors.runtime.failpoints import Failpoint
from tests.binance.raw_venue import RawVenue
from tests.binance.scripted_venue import ScriptedVenue

MakeClient = Callable[..., BinanceClient]
OpenClient = Callable[..., Awaitable[BinanceClient]]
ORDER = {"symbol": "BTCUSDT", "newClientOrderId": "a"}


def arm(monkeypatch: pytest.MonkeyPatch, place: str, strike: Callable[[], None]) -> None:
    """Something else than a kill happens at a place."""
    armed = Failpoint(place, 1, strike)
    for module in (client_module, direct_rest):
        monkeypatch.setattr(module, "ARMED", armed)


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["post", "delete"])
@pytest.mark.parametrize(("place", "heard"), [("before", 0), ("answered", 1)])
async def test_over_a_session(
    place: str,
    heard: int,
    method: str,
    venue: ScriptedVenue,
    make_client: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    struck: list[int] = []
    name = f"rest.{place}.{method.upper()}.order"
    arm(monkeypatch, name, lambda: struck.append(len(venue.rest_requests)))
    client = make_client()
    for each in ("get", method, method):
        venue.rest_requests.clear()
        await client.call(each, "order", ORDER, signed=True)
    assert struck == [heard]


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["post", "delete"])
@pytest.mark.parametrize(
    ("place", "state"), [("before", (0, 0)), ("written", (1, 0)), ("answered", (1, 1))]
)
async def test_over_a_connection_that_is_kept_open(
    place: str,
    state: tuple[int, int],
    method: str,
    raw: RawVenue,
    open_client: OpenClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = await open_client()
    sent = client.direct.sent
    struck: list[tuple[int, int]] = []
    name = f"rest.{place}.{method.upper()}.order/cancelReplace"
    arm(
        monkeypatch,
        name,
        lambda: struck.append((client.direct.sent - sent, len(raw.requests))),
    )
    for _ in range(2):
        await client.call(method, "order/cancelReplace", ORDER, signed=True)
    assert struck == [state]
