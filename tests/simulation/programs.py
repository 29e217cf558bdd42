"""Small real programs to run in a world: an aiohttp server with a WebSocket, its client, a counter on SQLite."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from actors.runtime.journal import connect


async def answer(request: web.Request) -> web.Response:
    return web.Response(text=(await request.text())[::-1])


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Sends every text back, reversed."""
    socket = web.WebSocketResponse(heartbeat=5, compress=False)
    await socket.prepare(request)
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            await socket.send_str(message.data[::-1])
    return socket


async def serve(port: int = 80) -> None:
    """Serves until the end of the world."""
    application = web.Application()
    application.add_routes([web.post("/", answer), web.get("/socket", echo)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", port).start()
    await asyncio.Event().wait()


async def ask(url: str, questions: int, answers: list[str], errors: list[str]) -> None:
    """Asks one question after the other over HTTP; an error is noted and the next question asked."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        for number in range(questions):
            try:
                async with session.post(url, data=f"{number:06}") as response:
                    answers.append(await response.text())
            except (aiohttp.ClientError, OSError) as error:
                errors.append(type(error).__name__)


async def talk(url: str, words: int, answers: list[str]) -> None:
    """Says words over one WebSocket and keeps what comes back."""
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        for number in range(words):
            await socket.send_str(f"{number:06}")
            message = await socket.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            answers.append(message.data)


COUNTER = "CREATE TABLE IF NOT EXISTS counted (number INTEGER PRIMARY KEY, twice INTEGER)"


def open_counter(folder: Path, synchronous: str = "NORMAL") -> Any:
    database = connect(folder / "counter.sqlite")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute(f"PRAGMA synchronous={synchronous}")
    database.execute("PRAGMA wal_autocheckpoint=0")
    database.execute(COUNTER)
    return database


async def count(folder: Path, pause_s: float = 0.01, synchronous: str = "NORMAL") -> None:
    """Counts on, in transactions of two statements that belong together."""
    database = open_counter(folder, synchronous)
    number = database.execute("SELECT coalesce(max(number), 0) FROM counted").fetchone()[0]
    while True:
        number += 1
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO counted (number) VALUES (?)", (number,))
        database.execute("UPDATE counted SET twice = ? WHERE number = ?", (2 * number, number))
        database.execute("COMMIT")
        await asyncio.sleep(pause_s)


def counted(folder: Path) -> list[tuple[int, int]]:
    database = open_counter(folder)
    rows = database.execute("SELECT number, twice FROM counted ORDER BY number").fetchall()
    database.close()
    return [tuple(row) for row in rows]
