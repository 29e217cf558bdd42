"""One round: an exchange of its own on loopback, some thousand requests and frames, then everybody is compared."""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from aiohttp.http_exceptions import HttpProcessingError

from actors.exchange.app import Exchange, serve_exchange
from actors.exchange.configuration import (
    STILL,
    AccountConfiguration,
    ExchangeAddresses,
    ExchangeConfiguration,
)
from actors.exchange.limits import DEFAULT_LIMITS
from actors.exchange.signing import KeyPair
from tests.exchange.fuzz.agreement import Told, check_account, check_engine
from tests.exchange.fuzz.broken import draw_broken, draw_frames
from tests.exchange.fuzz.hostile import SYMBOLS
from tests.exchange.fuzz.requests import (
    HttpRequest,
    draw_http,
    draw_message,
    draw_stream_message,
    stream_name,
)
from tests.exchange.fuzz.wires import (
    Answer,
    ConnectionDied,
    HttpWire,
    SocketWire,
    until_closed,
)
from tests.exchange.server.client import PATIENCE_SECONDS, Rest, Socket, World

GENEROUS = tuple(replace(limit, limit=10**9) for limit in DEFAULT_LIMITS)
BATCH = 25
STREAM_BATCH = 10
MESSAGES_OF_A_STREAM_CONNECTION = 40
JSON_STATUSES = (200, 400, 401, 409, 410)
PAGE_STATUSES = (400, 404, 405, 413, 426)


class Wrong(Exception):
    """What an exchange must not do."""


@dataclass(slots=True)
class RoundReport:
    """What came of one round."""

    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    orders: int = 0
    trades: int = 0
    seconds: float = 0.0
    wrong: str = ""

    @property
    def requests(self) -> int:
        """All that was sent."""
        return self.counts.total()


class ErrorLog(logging.Handler):
    """Keeps what the server logs as an error: it logs every exception that it turns into a 500."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        # What is no HTTP is logged as well, and answered with a 400.
        if not isinstance(error, HttpProcessingError):
            self.lines.append(self.format(record))


def configuration_of_a_round() -> ExchangeConfiguration:
    """Two accounts that alone trade two symbols, one with fees in BNB; limits that nobody reaches."""
    return ExchangeConfiguration(
        allows_self_trades=True,
        symbols=(*SYMBOLS, "BNBUSDT"),
        market=STILL,
        limits=GENEROUS,
        accounts=(
            AccountConfiguration(uses_bnb=True),
            AccountConfiguration(name="other"),
        ),
    )


@asynccontextmanager
async def running_exchange(
    configuration: ExchangeConfiguration,
) -> AsyncIterator[tuple[Exchange, World]]:
    """An exchange that serves until the block ends, and its engine."""
    exchange = Exchange(configuration)
    found: asyncio.Future[ExchangeAddresses] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    task = asyncio.create_task(serve_exchange(exchange, found.set_result, stop))
    await asyncio.wait((task, found), return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    async with aiohttp.ClientSession() as session:
        try:
            yield exchange, World(configuration, await found, session, stop, task)
        finally:
            stop.set()
            await asyncio.wait_for(task, PATIENCE_SECONDS)


class Round:
    """Sends what the seed says and checks every answer."""

    def __init__(self, report: RoundReport, exchange: Exchange, world: World) -> None:
        self.report = report
        self.rng = random.Random(report.seed)
        self.exchange, self.world = exchange, world
        self.port = int(world.addresses.rest.rpartition(":")[2])
        self.pairs = [world.pair(account=number) for number in range(2)]
        self.accounts = [
            exchange.venue.accounts[pair_account(exchange, pair)] for pair in self.pairs
        ]
        self.told = [
            Told(
                {name: (f"{one.free:.8f}", f"{one.locked:.8f}") for name, one in a.balances.items()}
            )
            for a in self.accounts
        ]
        self.witnesses: list[Socket] = []

    async def run(self, count: int) -> None:
        """Sends `count` requests and frames, then compares. Raises Wrong or AssertionError."""
        async with AsyncExitStack() as stack:
            for number in range(2):
                witness = await stack.enter_async_context(self.world.api(account=number))
                reply = await witness.signed("userDataStream.subscribe.signature")
                assert reply["status"] == 200, reply
                self.witnesses.append(witness)
            http = await HttpWire.open(self.port)
            stack.callback(http.close)
            api = await SocketWire.open(self.port, "/ws-api/v3?returnRateLimits=false")
            stack.callback(api.close)
            broken: list[asyncio.Task[None]] = []
            while self.report.requests < count:
                await self.ask_rest(http)
                await self.ask_api(api)
                if self.rng.random() < 0.3:
                    await self.ask_streams()
                if self.rng.random() < 0.5 and all(one.done() for one in broken):
                    broken.append(asyncio.create_task(self.send_broken(draw_broken(self.rng))))
                await self.listen()
            await asyncio.gather(*broken)
            check_engine(self.exchange)
            for told, account, pair in zip(self.told, self.accounts, self.pairs, strict=True):
                rest = Rest(self.world.session, self.world.addresses.rest, pair)
                await check_account(rest, told, account)
                self.report.orders += len(told.orders)
                self.report.trades += len(told.trades)

    async def listen(self) -> None:
        """Takes in the user events that have come."""
        for witness, told in zip(self.witnesses, self.told, strict=True):
            assert (await witness.call("ping"))["status"] == 200
            for message in witness.events:
                told.hear(message["event"])
            witness.events.clear()

    async def ask_rest(self, wire: HttpWire) -> None:
        """Some requests one behind the other on one connection."""
        requests = [draw_http(self.rng, self.rng.choice(self.pairs)) for _ in range(BATCH)]
        verbs = [request.verb for request in requests]
        try:
            answers = await wire.ask([request.encode() for request in requests], verbs)
        except (ConnectionDied, TimeoutError) as error:
            raise Wrong(f"REST: {error!r} among {requests}") from error
        for request, answer in zip(requests, answers, strict=True):
            self.report.counts["REST"] += 1
            self.report.answers[f"REST {answer.status}"] += 1
            if problem := problem_of_answer(request, answer):
                raise Wrong(f"REST: {problem}: {request} -> {answer}")

    async def ask_api(self, wire: SocketWire) -> None:
        """Some messages one behind the other on one connection."""
        messages = [
            draw_message(self.rng, self.rng.choice(self.pairs), number) for number in range(BATCH)
        ]
        wire.send(b"".join(draw_frames(self.rng, message) for message in messages))
        for message in messages:
            try:
                reply = await next_with(wire, "status")
            except ConnectionDied as error:
                raise Wrong(f"WebSocket API: {error} at {messages}") from error
            self.report.counts["WebSocket API"] += 1
            self.report.answers[f"WebSocket API {reply['status']}"] += 1
            if problem := problem_of_reply(reply):
                raise Wrong(f"WebSocket API: {problem}: {message!r} -> {reply}")

    async def ask_streams(self) -> None:
        """One connection to the market streams, as long as one may go on talking."""
        names = "/".join(quote(stream_name(self.rng), safe="@!+:") for _ in range(3))
        path = self.rng.choice(("/ws", "/stream", f"/ws/{names}", f"/stream?streams={names}"))
        wire = await SocketWire.open(self.port, path)
        try:
            for _ in range(MESSAGES_OF_A_STREAM_CONNECTION // STREAM_BATCH):
                messages = [draw_stream_message(self.rng, number) for number in range(STREAM_BATCH)]
                wire.send(b"".join(draw_frames(self.rng, message) for message in messages))
                for message in messages:
                    answer = await next_with(wire, "id")
                    self.report.counts["streams"] += 1
                    if problem := problem_of_stream_answer(answer):
                        raise Wrong(f"streams: {problem}: {message!r} -> {answer}")
        except ConnectionDied as error:
            raise Wrong(f"streams: {error} at {path} {messages}") from error
        finally:
            wire.close()

    async def send_broken(self, message: bytes) -> None:
        """Bytes that are no HTTP or no WebSocket, on a connection of their own: only that one may end."""
        found = await until_closed(self.port, message)
        self.report.counts["broken connections"] += 1
        if b"HTTP/1.1 5" in found:
            raise Wrong(f"broken: {message!r} -> {found!r}")


def pair_account(exchange: Exchange, pair: KeyPair) -> str:
    """The name of a key's account."""
    return exchange.desk.keys[pair.key].account


async def next_with(wire: SocketWire, name: str) -> dict[str, Any]:
    """The next message that has a field: the answers, between events that have not."""
    while True:
        message = msgspec.json.decode(await wire.text())
        if isinstance(message, dict) and name in message:
            return message


def is_error(found: Any) -> bool:
    """Whether something is Binance's form of an error: a negative code, a text, perhaps data."""
    return (
        isinstance(found, dict)
        and isinstance(found.get("code"), int)
        and found["code"] < 0
        and isinstance(found.get("msg"), str)
        and set(found) <= {"code", "msg", "data"}
    )


def problem_of_answer(request: HttpRequest, answer: Answer) -> str:
    """What is wrong with an HTTP answer; empty if nothing."""
    if not request.is_json and "json" not in answer.content_type:
        return "" if answer.status in PAGE_STATUSES else "no answer for a page"
    if answer.status not in JSON_STATUSES or "json" not in answer.content_type:
        return "no answer that Binance gives"
    if request.verb == "HEAD":
        return ""
    content = msgspec.json.decode(answer.body)
    if answer.status == 200:
        return "an error that says 200" if is_error(content) else ""
    return "" if is_error(content) else "not Binance's form of an error"


def problem_of_reply(reply: dict[str, Any]) -> str:
    """What is wrong with a reply of the WebSocket API; empty if nothing."""
    if reply["status"] == 200:
        return "" if set(reply) <= {"id", "status", "result", "rateLimits"} else "odd fields"
    if reply["status"] not in JSON_STATUSES or not is_error(reply.get("error")):
        return "no error that Binance gives"
    return "" if set(reply) <= {"id", "status", "error", "rateLimits"} else "odd fields"


def problem_of_stream_answer(answer: dict[str, Any]) -> str:
    """What is wrong with an answer of the market streams; empty if nothing."""
    if set(answer) == {"result", "id"}:
        return ""
    if set(answer) == {"code", "msg", "id"} and isinstance(answer["code"], int):
        return "" if isinstance(answer["msg"], str) else "no text"
    return "odd fields"


async def run_round(seed: int, count: int) -> RoundReport:
    """One round; whatever is wrong is in its report."""
    report = RoundReport(seed)
    log = ErrorLog()
    server_log = logging.getLogger("aiohttp.server")
    server_log.addHandler(log)
    server_log.propagate = False
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: log.lines.append(str(context)))
    started = time.monotonic()
    try:
        async with running_exchange(configuration_of_a_round()) as (exchange, world):
            await Round(report, exchange, world).run(count)
        if log.lines:
            report.wrong = "logged: " + "\n".join(log.lines[:3])
    except (Wrong, AssertionError, ConnectionDied) as error:
        report.wrong = f"{type(error).__name__}: {error}"[:4000] + "".join(
            f"\n{one}" for one in log.lines[:2]
        )
    finally:
        loop.set_exception_handler(None)
        server_log.propagate = True
        server_log.removeHandler(log)
    report.seconds = time.monotonic() - started
    return report
