"""The first word with the venue, and waiting that can be called off."""

import asyncio
import time
from collections.abc import Callable

import pytest

from actors.binance.endpoints import endpoints_at
from actors.commands.composition import ApiKeys, Venue
from actors.commands.control import BotControl
from actors.commands.halting import unless
from actors.commands.venue_check import VenueError, check_venue, told_when_slow
from tests.commands.harness import LocalVenue

NOWHERE = "127.0.0.1:9"
"""The discard port: nothing listens there."""


def venue_of(local: LocalVenue, *, secret: str | None = None, kind: str = "hmac") -> Venue:
    """The venue with its own keys, or with a wrong secret."""
    line = local.line
    keys = ApiKeys(line["api_key"], line["api_secret"] if secret is None else secret)
    if kind == "ed25519":
        keys = ApiKeys(line["ed25519_api_key"], "", line["ed25519_private_key"])
    return Venue(endpoints_at(line["rest"], line["ws_api"], line["streams"]), keys)


@pytest.mark.asyncio
async def test_a_venue_that_answers_is_taken_and_a_wrong_secret_is_not(
    start_venue: Callable[..., LocalVenue],
) -> None:
    local = start_venue()
    await check_venue(venue_of(local))
    await check_venue(venue_of(local, kind="ed25519"))
    with pytest.raises(VenueError, match="refuses the key") as caught:
        await check_venue(venue_of(local, secret="z" * 64))
    assert "z" * 64 not in str(caught.value)


@pytest.mark.asyncio
async def test_a_private_key_that_is_none_is_told() -> None:
    endpoints = endpoints_at(f"http://{NOWHERE}", f"ws://{NOWHERE}", f"ws://{NOWHERE}")
    with pytest.raises(VenueError, match="the key cannot be used"):
        await check_venue(Venue(endpoints, ApiKeys("key", "", "no PEM at all")))


@pytest.mark.asyncio
async def test_a_venue_out_of_reach_is_tried_again_and_then_told() -> None:
    endpoints = endpoints_at(f"http://{NOWHERE}", f"ws://{NOWHERE}", f"ws://{NOWHERE}")
    started = time.monotonic()
    with pytest.raises(VenueError, match=r"cannot be reached.*nothing was traded"):
        await check_venue(Venue(endpoints, ApiKeys("key", "secret")), patience_s=0.6)
    assert time.monotonic() - started >= 0.6


@pytest.mark.asyncio
async def test_slow_work_is_told_and_quick_work_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    async with told_when_slow(lambda: "quick", after_s=5.0):
        await asyncio.sleep(0)
    async with told_when_slow(lambda: "slow", after_s=0.001):
        await asyncio.sleep(0.05)
    assert capsys.readouterr().err == "slow\n"


@pytest.mark.asyncio
async def test_work_ends_with_its_result_its_error_or_when_it_is_called_off() -> None:
    stop = asyncio.Event()
    was_canceled = []

    async def answer() -> int:
        return 5

    async def fail() -> None:
        raise ValueError("no")

    async def wait_for_ever() -> int:
        try:
            return int(await asyncio.Event().wait())
        finally:
            was_canceled.append(True)

    assert await unless(stop, answer()) == 5
    with pytest.raises(ValueError, match="no"):
        await unless(stop, fail())
    asyncio.get_running_loop().call_later(0.01, stop.set)
    assert await unless(stop, wait_for_ever()) is None
    assert was_canceled == [True]


@pytest.mark.asyncio
async def test_the_first_interrupt_stops_and_the_second_abandons() -> None:
    control = BotControl()
    control.interrupt()
    assert control.stop.is_set()
    assert not control.abandon.is_set()
    control.interrupt()
    assert control.abandon.is_set()
