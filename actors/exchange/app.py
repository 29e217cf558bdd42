"""The exchange as one coroutine: `serve` opens a port, drives the market, and ends when it is told to.

It starts no thread and no second loop and keeps nothing in a module, so any number of exchanges can run in one
process, on asyncio, uvloop or a loop of virtual time.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
from aiohttp import web

from actors.exchange.accounts import Account
from actors.exchange.configuration import (
    STILL,
    SYNTHETIC,
    AccountConfiguration,
    ExchangeAddresses,
    ExchangeConfiguration,
)
from actors.exchange.desk import Desk
from actors.exchange.errors import VenueError
from actors.exchange.limits import Limits, RateLimited
from actors.exchange.methods import METHODS
from actors.exchange.recorded import RecordedMarket
from actors.exchange.rest import JSON_TYPE, RestApi, check_time_unit, describe
from actors.exchange.sessions import UserStreams
from actors.exchange.signing import ApiKey, KeyKind
from actors.exchange.sockets import SocketSettings
from actors.exchange.sources import SyntheticMarket
from actors.exchange.streams import StreamHub
from actors.exchange.symbols import rules_for
from actors.exchange.venue import Venue
from actors.exchange.ws_api import WebSocketApi

LOGGER = logging.getLogger(__name__)
SHORTEST_SLEEP_SECONDS = 0.001


class MarketSource(Protocol):
    """Makes the market move."""

    def advance(self, now_us: int) -> int | None:
        """Does all that is due by now and tells when the next is due; None at the end."""


class StillMarket:
    """A market of the accounts alone."""

    def advance(self, now_us: int) -> int | None:
        """Nothing is ever due."""
        return None


class Exchange:
    """The parts of one exchange, put together. Raises ValueError for a configuration that cannot work."""

    def __init__(self, configuration: ExchangeConfiguration) -> None:
        self.configuration = configuration
        self.clock = configuration.clock
        self.venue = Venue([rules_for(name) for name in configuration.symbols], self.clock)
        self.limits = Limits(configuration.limits)
        self.user_streams = UserStreams()
        keys: list[ApiKey] = []
        for account in configuration.accounts:
            keys.extend(self.open_account(account))
        settings = SocketSettings(
            clock=self.clock,
            largest_buffer=configuration.largest_buffer,
            ping_interval_seconds=configuration.ping_interval_seconds,
            silence_seconds=configuration.silence_seconds,
        )
        self.desk = Desk(self.venue, self.limits, keys, self.clock)
        self.rest = RestApi(self.desk, METHODS)
        self.ws_api = WebSocketApi(self.desk, METHODS, self.user_streams, settings)
        self.streams = StreamHub(self.venue, settings)
        self.market = make_market(configuration, self.venue)

    def open_account(self, configuration: AccountConfiguration) -> list[ApiKey]:
        """Opens an account and listens to it; the exchange's halves of its keys."""
        account = self.venue.open_account(
            configuration.name,
            configuration.balances,
            configuration.maker_fee,
            configuration.taker_fee,
            configuration.uses_bnb,
        )
        account.listeners.append(lambda event: self.hear(account, event))
        return [pair.for_exchange(account.name) for pair in configuration.keys]

    def hear(self, account: Account, event: dict[str, Any]) -> None:
        """Counts an account's orders by its own events, and passes the events on."""
        if event["e"] == "executionReport":
            self.count_order(account, event)
        self.user_streams.publish(account.name, event)

    def count_order(self, account: Account, event: dict[str, Any]) -> None:
        """Keeps the unfilled order count (faqs/order_count_decrement.md)."""
        orders = self.limits.account(account.name)
        symbol, order_id, kind = event["s"], event["i"], event["x"]
        if kind == "NEW":
            orders.place(symbol, order_id, self.clock())
        elif kind == "TRADE":
            orders.fill(symbol, order_id, event["m"], self.clock())
        elif kind != "REPLACED":
            orders.forget(symbol, order_id)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Hands a request to the API that its path belongs to."""
        path = request.path
        if not is_socket_path(path):
            return await self.rest.handle(request)
        try:
            check_time_unit(request.query.get("timeUnit"))
            if path.startswith("/ws-api/"):
                return await self.ws_api.handle(request)
            return await self.streams.handle(request)
        except VenueError as error:
            headers = {"Content-Type": JSON_TYPE}
            if isinstance(error, RateLimited):
                headers["Retry-After"] = str(error.retry_after_seconds)
            body = msgspec.json.encode(describe(error))
            return web.Response(body=body, status=error.http_status, headers=headers)

    async def drive(self) -> None:
        """Moves the market on until it ends, then waits: a market that has ended stands still."""
        while True:
            now = self.clock()
            due = self.market.advance(now)
            if due is None:
                await asyncio.Event().wait()
            elif due > now:
                await asyncio.sleep(max((due - now) / 1_000_000, SHORTEST_SLEEP_SECONDS))
            else:
                # There is more to do than one call does: requests get their turn in between.
                await asyncio.sleep(0)

    def announce_shutdown(self) -> None:
        """Says goodbye on every socket."""
        self.streams.announce_shutdown()
        self.ws_api.announce_shutdown()


def is_socket_path(path: str) -> bool:
    """Whether a path belongs to the WebSocket API or the market streams."""
    return path in ("/ws", "/stream") or path.startswith(("/ws/", "/stream/", "/ws-api/"))


def make_market(configuration: ExchangeConfiguration, venue: Venue) -> MarketSource:
    """The market source that a configuration names. Raises ValueError for a recording of several symbols."""
    if configuration.market == SYNTHETIC:
        return SyntheticMarket(
            venue,
            list(configuration.symbols),
            random.Random(configuration.seed),
            configuration.trades_per_second,
        )
    if configuration.market == STILL:
        return StillMarket()
    if len(configuration.symbols) != 1:
        raise ValueError(
            f"a recording holds one symbol, but {len(configuration.symbols)} are listed: "
            f"name the one that {configuration.market} was recorded of"
        )
    return RecordedMarket(
        venue,
        configuration.symbols[0],
        Path(configuration.market),
        configuration.speed,
        lambda: LOGGER.warning("%s has ended: the market stands still", configuration.market),
    )


def addresses_of(configuration: ExchangeConfiguration, port: int) -> ExchangeAddresses:
    """Where the exchange listens, and the first account's keys."""
    host = f"[{configuration.host}]" if ":" in configuration.host else configuration.host
    pairs = configuration.accounts[0].keys if configuration.accounts else ()
    found = {pair.kind: pair for pair in reversed(pairs)}
    shared, ed25519 = found.get(KeyKind.HMAC), found.get(KeyKind.ED25519)
    return ExchangeAddresses(
        rest=f"http://{host}:{port}",
        streams=f"ws://{host}:{port}",
        ws_api=f"ws://{host}:{port}/ws-api/v3",
        api_key=shared.key if shared else "",
        api_secret=shared.secret if shared else "",
        ed25519_api_key=ed25519.key if ed25519 else "",
        ed25519_private_key=ed25519.secret if ed25519 else "",
    )


async def serve(
    configuration: ExchangeConfiguration,
    ready: Callable[[ExchangeAddresses], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serves until `stop` is set or the task is canceled; `ready` is called once it listens.

    Raises ValueError for a configuration that cannot work, and OSError if the port is taken.
    """
    exchange = Exchange(configuration)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", exchange.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    tasks: list[asyncio.Task[Any]] = []
    try:
        site = web.TCPSite(runner, configuration.host, configuration.port)
        await site.start()
        port = runner.addresses[0][1]
        ending = stop if stop is not None else asyncio.Event()
        tasks = [
            asyncio.create_task(exchange.drive()),
            asyncio.create_task(exchange.streams.run()),
            asyncio.create_task(ending.wait()),
        ]
        if ready is not None:
            ready(addresses_of(configuration, port))
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        exchange.announce_shutdown()
        await runner.cleanup()
        await asyncio.gather(*tasks, return_exceptions=True)
