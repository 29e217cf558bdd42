"""The first word with the venue, and waiting that can be called off."""

import asyncio
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.binance.endpoints import endpoints_at
from actors.commands import venue_check
from actors.commands.composition import ApiKeys, Venue
from actors.commands.control import BotControl
from actors.commands.halting import unless
from actors.commands.venue_check import VenueCheck, VenueError, check_venue, told_when_slow
from actors.testing import make_order_update
from messages.enums import OrderStatus
from messages.orders import Order
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


@pytest.mark.asyncio
async def test_the_time_of_waiting_is_announced(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(venue_check, "TELL_AFTER_S", 0.1)
    endpoints = endpoints_at(f"http://{NOWHERE}", f"ws://{NOWHERE}", f"ws://{NOWHERE}")
    with pytest.raises(VenueError, match="cannot be reached"):
        await check_venue(Venue(endpoints, ApiKeys("key", "secret")), patience_s=1.5)
    said = capsys.readouterr().err
    assert f"waiting for the venue at http://{NOWHERE}/api: not sent" in said
    assert re.search(r"tried again for [12] s more", said)


def make_left_order() -> Order:
    """An order that an earlier run has left at the venue."""
    order = make_order_update("1", OrderStatus.NEW).order
    order.client_order_id = "bot-Quotes-1-7"
    return order


@pytest.mark.parametrize("is_in_doubt", [False, True])
@pytest.mark.asyncio
async def test_while_orders_may_be_open_it_is_tried_without_an_end(is_in_doubt: bool) -> None:
    endpoints = endpoints_at(f"http://{NOWHERE}", f"ws://{NOWHERE}", f"ws://{NOWHERE}")
    check = VenueCheck(
        Venue(endpoints, ApiKeys("key", "secret")),
        patience_s=0.1,
        find_left=lambda: [] if is_in_doubt else [make_left_order()],
        is_in_doubt=is_in_doubt,
    )
    task = asyncio.get_running_loop().create_task(check.run())
    done, _ = await asyncio.wait((task,), timeout=2.0)
    assert not done
    name = "the journal may lack some" if is_in_doubt else "bot-Quotes-1-7"
    assert check.describe().endswith(f"orders of ours may be open: {name}")
    task.cancel()
    await asyncio.wait((task,))
    assert task.cancelled()


@pytest.mark.asyncio
async def test_an_answer_that_comes_late_is_waited_for(
    start_venue: Callable[..., LocalVenue],
) -> None:
    local = start_venue()
    local.process.send_signal(signal.SIGSTOP)
    loop = asyncio.get_running_loop()
    try:
        check = VenueCheck(venue_of(local), request_timeout_s=1.0, patience_s=60)
        task = loop.create_task(check.run())
        while True:
            if "no answer" in check.reason:
                break
            await asyncio.sleep(0.05)
    finally:
        local.process.send_signal(signal.SIGCONT)
    done, _ = await asyncio.wait((task,), timeout=60)
    assert done
    task.result()


@pytest.mark.asyncio
async def test_a_refused_key_names_the_orders_that_are_left(
    start_venue: Callable[..., LocalVenue],
) -> None:
    local = start_venue()
    with pytest.raises(VenueError) as caught:
        await check_venue(venue_of(local, secret="z" * 64), find_left=lambda: [make_left_order()])
    first, second = str(caught.value).splitlines()
    assert "refuses the key" in first
    assert first.endswith("these orders of an earlier run may be open:")
    assert second.startswith("  bot-Quotes-1-7 ")


@pytest.mark.parametrize("has_left", [False, True])
@pytest.mark.asyncio
async def test_a_venue_that_wants_to_be_left_alone(
    has_left: bool, start_venue: Callable[..., LocalVenue], tmp_path: Path
) -> None:
    plan = tmp_path / "faults.toml"
    pause_ms = 1500 if has_left else 120_000
    plan.write_text(
        f'[[faults]]\nkind = "rate_limit"\non = "time"\nnth = 1\nretry_after_ms = {pause_ms}\n'
    )
    local = start_venue("--faults", str(plan))
    if has_left:
        await check_venue(venue_of(local), patience_s=0.1, find_left=lambda: [make_left_order()])
    else:
        with pytest.raises(VenueError, match=r"left alone until \d\d:\d\d:\d\d UTC; nothing"):
            await check_venue(venue_of(local))


@pytest.mark.asyncio
async def test_a_time_that_is_refused_is_measured_again_so_many_times(
    start_venue: Callable[..., LocalVenue],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(venue_check, "LONGEST_PAUSE_S", 0.5)
    faults = tmp_path / "faults.toml"
    rule = '[[faults]]\nkind = "{kind}"\non = "{on}"\n{more}\n'
    # Set between the reading and the request that rests on it.
    faults.write_text(
        rule.format(kind="clock_changed", on="account.status", more="nth = 1\noffset_ms = 30000")
    )
    await check_venue(venue_of(start_venue("--faults", str(faults))))
    assert "its clock is measured again, try 1 of 5" in caplog.text
    caplog.clear()
    faults.write_text(rule.format(kind="bad_timestamp", on="account.status", more=""))
    with pytest.raises(VenueError, match=r"refuses our time.*nothing was traded"):
        await check_venue(venue_of(start_venue("--faults", str(faults))))
    assert [record.message.rpartition("try ")[2] for record in caplog.records] == [
        f"{number} of 5" for number in range(1, 6)
    ]
