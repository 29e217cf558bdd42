"""What a program leaves over at its end: a timer that could still do something is told, whoever made it."""

import asyncio
from pathlib import Path

import aiohttp
from aiohttp import web

from actors.simulation.invariants import programs_ended_well
from actors.simulation.world import World


async def serve() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/socket":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for _ in socket:
                await socket.send_str("ok")
            return socket
        response = web.StreamResponse(headers={"Content-Length": "10"})
        await response.prepare(request)
        await response.write(b"half")
        await asyncio.sleep(3600)
        return response

    application = web.Application()
    application.router.add_get("/{name}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 80).start()
    await asyncio.Event().wait()


def violations_of(program: object) -> list[str]:
    world = World(seed=1)
    world.start("server", serve)
    client = world.start("client", program)  # type: ignore[arg-type]

    async def scenario() -> None:
        await world.ended(client)

    return world.run(scenario, [programs_ended_well]).violations


def test_a_timer_of_its_own_is_told() -> None:
    async def leave() -> None:
        asyncio.get_running_loop().call_later(60, Path)

    assert violations_of(leave) == ["client-0 left timers over: Path"]


def test_a_heartbeat_of_an_open_socket_is_told() -> None:
    sessions: list[aiohttp.ClientSession] = []
    kept: list[object] = []

    async def leave() -> None:
        await asyncio.sleep(1)
        session = aiohttp.ClientSession()
        sessions.append(session)
        kept.append(await session.ws_connect("http://server/socket", heartbeat=20))

    [told] = violations_of(leave)
    # It is never closed, as was meant, and shall not say so.
    sessions.pop().detach()
    assert told == "client-0 left timers over: ClientWebSocketResponse._send_heartbeat"


def test_a_time_out_under_which_a_task_waits_is_told() -> None:
    sessions: list[aiohttp.ClientSession] = []
    kept: list[object] = []

    async def leave() -> None:
        await asyncio.sleep(1)
        sessions.append(session := aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=600)))

        async def read() -> None:
            async with session.get("http://server/file") as response:
                await response.read()

        kept.append(asyncio.get_running_loop().create_task(read()))
        await asyncio.sleep(1)

    told = violations_of(leave)
    sessions.pop().detach()
    assert any("TimeoutHandle.__call__" in line for line in told)


def test_a_program_that_closes_what_it_opened_has_nothing_to_say() -> None:
    async def leave() -> None:
        await asyncio.sleep(1)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=600)) as session:
            async with session.ws_connect("http://server/socket", heartbeat=20) as socket:
                await socket.send_str("hello")
                await socket.receive()
            response = await session.get("http://server/file")
            assert response.status == 200

    assert violations_of(leave) == []
