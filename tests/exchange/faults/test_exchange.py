"""Clock, symbols, triggers, and the control endpoint of a running exchange."""

import asyncio
import time

import pytest

from tests.exchange.faults.world import eventually, faulty
from tests.exchange.server.client import PATIENCE_SECONDS


@pytest.mark.asyncio
async def test_clock_offset_and_both_refusals_for_it() -> None:
    async with faulty(clock={"offset_ms": 7000}) as world:
        rest = world.rest()
        asked_ms = time.time() * 1000
        server_ms = (await rest.get("time")).json["serverTime"]
        assert asked_ms - 1 <= server_ms - 7000 <= time.time() * 1000
        assert (await rest.place("BUY", "0.01", "50000")).error == (
            400,
            -1021,
            "Timestamp for this request is outside of the recvWindow.",
        )
        await world.give({"kind": "clock_changed", "offset_ms": -7000})
        assert (await rest.place("BUY", "0.01", "50000")).error == (
            400,
            -1021,
            "Timestamp for this request was 1000ms ahead of the server's time.",
        )
        now = (await rest.get("time")).json["serverTime"]
        placed = await rest.place("BUY", "0.01", "50000", timestamp=now)
        assert placed.status == 200


@pytest.mark.asyncio
async def test_clock_drift() -> None:
    async with faulty(clock={"drift_ppm": 5_000_000}) as world:
        asked_ms = time.time() * 1000
        most_ahead = (await world.rest().get("time")).json["serverTime"] - asked_ms

        async def is_further_ahead() -> bool:
            server_ms = (await world.rest().get("time")).json["serverTime"]
            return bool(server_ms - time.time() * 1000 >= most_ahead + 400)

        await eventually(is_further_ahead)


@pytest.mark.asyncio
async def test_the_market_goes_on_when_the_clock_jumps_back() -> None:
    async with faulty(market="synthetic", trades_per_second=200.0) as world:
        async with world.streams("/ws/btcusdt@trade") as feed:
            await world.give(clock={"offset_ms": -60_000})
            for _ in range(40):
                last = await feed.next()
        assert last["E"] < time.time() * 1000 - 50_000


@pytest.mark.asyncio
async def test_a_symbols_rules_change_while_it_trades() -> None:
    async with faulty() as world:
        rest = world.rest()
        assert (await rest.place("BUY", "0.01", "50000.01")).status == 200
        change = {"symbol": "BTCUSDT", "tick_size": "0.1", "lot_size": 0.001, "min_notional": 10}
        await world.give({"kind": "symbol_changed", **change})
        info = (await rest.get("exchangeInfo", symbol="BTCUSDT")).json["symbols"][0]
        filters = {one["filterType"]: one for one in info["filters"]}
        assert filters["PRICE_FILTER"]["tickSize"] == "0.10000000"
        assert filters["LOT_SIZE"]["stepSize"] == "0.00100000"
        refused = await rest.place("BUY", "0.01", "50000.01")
        assert refused.error == (400, -1013, "Filter failure: PRICE_FILTER")
        await world.give({"kind": "symbol_changed", "symbol": "BTCUSDT", "status": "CANCEL_ONLY"})
        info = (await rest.get("exchangeInfo", symbol="BTCUSDT")).json["symbols"][0]
        assert info["status"] == "CANCEL_ONLY"
        assert (await rest.place("BUY", "0.01", "50000")).error[:2] == (400, -2010)
        canceled = await rest.signed("DELETE", "order", symbol="BTCUSDT", orderId=1)
        assert canceled.json["status"] == "CANCELED"


@pytest.mark.asyncio
async def test_actions_by_time_and_by_request() -> None:
    rules = (
        {"kind": "symbol_changed", "symbol": "ETHUSDT", "status": "HALT", "at_seconds": 0.1},
        {"kind": "sockets_closed", "on": "order.place", "nth": 2, "channel": "market"},
    )
    thrice = {"kind": "unauthorized", "at_seconds": 0.05, "period_seconds": 0.05, "times": 3}
    async with faulty(*rules) as world, world.streams("/ws") as feed, world.api() as api:
        rest = world.rest()
        # Only who is connected by then hears the first.
        await world.give(thrice)
        for _ in range(3):
            assert (await api.next())["id"] is None

        async def is_halted() -> bool:
            info = (await rest.get("exchangeInfo", symbol="ETHUSDT")).json
            return bool(info["symbols"][0]["status"] == "HALT")

        await eventually(is_halted)
        await rest.place("BUY", "0.01", "50000")
        assert not feed.socket.closed
        await rest.place("BUY", "0.01", "50000")
        assert (await feed.socket.receive(timeout=PATIENCE_SECONDS)).data == 1001
        assert (await rest.signed("GET", "openOrders")).json[1]["orderId"] == 2


@pytest.mark.asyncio
async def test_control() -> None:
    async with faulty() as world:
        first, second = await world.give(
            {"kind": "error", "code": -1008, "on": "ping", "nth": [1, 3]},
            {"kind": "late", "delay_ms": 1, "on": ["order.*", "time"]},
            latency={"rest": {"ms": 1}},
        )
        statuses = [(await world.rest().get("ping")).status for _ in range(4)]
        assert statuses == [503, 200, 503, 200]
        state = (await world.control("GET", "state")).json
        told = {one["number"]: one for one in state["faults"]}
        assert (told[first]["seen"], told[first]["struck"]) == (4, 2)
        assert told[second]["rule"]["on"] == ["order.*", "time"]
        assert state["sockets"] == {"market": 0, "websocketApi": 0, "userStreams": 0}
        assert (await world.control("DELETE", f"faults/{first}")).json == {"removed": 1}
        assert (await world.control("DELETE", f"faults/{first}")).status == 404
        assert (await world.control("DELETE", "faults")).json == {"removed": 1}
        assert (await world.control("GET", "state")).json["faults"] == []


@pytest.mark.asyncio
async def test_control_tells_everything_that_is_wrong() -> None:
    async with faulty() as world:
        answer = await world.control(
            "POST", "faults", {"faults": [{"kind": "late"}, {"kind": "lat"}], "seeds": 1}
        )
        assert (answer.status, answer.json["problems"]) == (
            400,
            [
                "seeds: unknown key; did you mean 'seed'?",
                "faults[0].delay_ms: missing",
                "faults[1].kind: unknown kind 'lat'; did you mean 'late'?",
            ],
        )
        assert (await world.control("GET", "state")).json["faults"] == []
        url = f"{world.addresses.control}/faults"
        text = '[[faults]]\nkind = "late"\ndelay_ms = 1\n'
        headers = {"Content-Type": "application/toml"}
        async with world.session.post(url, data=text, headers=headers) as response:
            assert response.status == 200
        async with world.session.post(url, json={}, headers={"Origin": "http://x"}) as response:
            assert response.status == 403


@pytest.mark.asyncio
async def test_without_control_there_is_no_such_path() -> None:
    async with faulty(has_control=False) as world:
        assert not world.addresses.control
        for verb, path in (("GET", "state"), ("POST", "faults"), ("DELETE", "faults")):
            answer = await world.rest().raw(verb, f"/control/{path}")
            assert answer.status == 404


@pytest.mark.asyncio
async def test_a_pending_fault_does_not_hold_up_the_end() -> None:
    # It would be a second each time. A busy machine may take as long for another reason, but not every time.
    for _ in range(10):
        if (seconds := await seconds_of_an_end()) < 0.9:
            break
    assert seconds < 0.9


async def seconds_of_an_end() -> float:
    """How long the end of an exchange takes while a request waits for a late answer."""
    async with faulty({"kind": "late", "delay_ms": 60_000}, {"kind": "silence"}) as world:
        waiting = asyncio.create_task(world.rest().get("ping"))

        async def has_come() -> bool:
            told = (await world.control("GET", "state")).json["faults"]
            return any(one["struck"] for one in told)

        await eventually(has_come)
        start = time.monotonic()
        world.stop.set()
        await asyncio.wait({world.task}, timeout=PATIENCE_SECONDS)
        seconds = time.monotonic() - start
        await asyncio.gather(waiting, return_exceptions=True)
    return seconds
