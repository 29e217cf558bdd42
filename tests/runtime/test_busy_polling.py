"""The loop that never sleeps."""

import asyncio
import time

import pytest

from actors.runtime.busy_polling import busy_polling


async def measure_share() -> float:
    """Of the time that passes while nothing happens, how much this thread works."""
    began, worked = time.perf_counter(), time.thread_time()
    await asyncio.sleep(0.1)
    return (time.thread_time() - worked) / (time.perf_counter() - began)


@pytest.mark.asyncio
async def test_the_loop_works_all_the_time_and_only_within() -> None:
    with busy_polling(asyncio.get_running_loop()):
        busy = await measure_share()
    await asyncio.sleep(0.01)
    idle = await measure_share()
    assert idle < busy / 4


@pytest.mark.asyncio
async def test_timers_and_sockets_are_served() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    with busy_polling(asyncio.get_running_loop()):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"tick\n")
        async with asyncio.timeout(10):
            assert await reader.readline() == b"tick\n"
            await asyncio.sleep(0.01)
        writer.close()
        await writer.wait_closed()
    server.close()
    await server.wait_closed()
