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
    PAPER,
    STILL,
    SYNTHETIC,
    AccountConfiguration,
    ExchangeAddresses,
    ExchangeConfiguration,
)
from actors.exchange.control import LOOPBACK, Control
from actors.exchange.desk import Desk
from actors.exchange.disturbances import Disturbances
from actors.exchange.errors import VenueError, no_binary
from actors.exchange.event_faults import FrameGate, UserEventLine
from actors.exchange.fault_rules import CONNECT, ActionRule, Ban, Error, RateLimitHit, RequestRule
from actors.exchange.faults import Faults
from actors.exchange.latency import Latencies
from actors.exchange.limits import Limits, RateLimited
from actors.exchange.methods import METHODS
from actors.exchange.neighbours import NEIGHBOUR_METHODS
from actors.exchange.paper_market import PaperMarket
from actors.exchange.recorded import RecordedMarket
from actors.exchange.request_faults import RequestFaults, error_of, limit_error
from actors.exchange.rest import JSON_TYPE, RestApi, describe
from actors.exchange.server_clock import ServerClock
from actors.exchange.sessions import UserStreams
from actors.exchange.signing import ApiKey, KeyKind
from actors.exchange.sockets import GOING_AWAY, SocketHabits, SocketSettings
from actors.exchange.sources import SyntheticMarket
from actors.exchange.state import StateError, StateFile
from actors.exchange.streams import StreamHub
from actors.exchange.symbols import allow_self_trades, make_plain, rules_for
from actors.exchange.times import read_time_unit
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
        self.clock = ServerClock(configuration.clock)
        if (plan := configuration.faults.clock) is not None:
            # From the start rather than with the other faults: the market begins at the exchange's own time.
            self.clock.set(plan.offset_ms, plan.drift_ppm)
        rng = random.Random(configuration.faults.seed)
        self.faults = Faults(rng, configuration.clock)
        self.latencies = Latencies(rng)
        rules = [rules_for(name) for name in configuration.symbols]
        for each in rules:
            if each.name in configuration.plain_symbols:
                make_plain(each)
            if configuration.allows_self_trades:
                allow_self_trades(each)
        self.venue = Venue(rules, self.clock)
        self.limits = Limits(configuration.limits)
        self.user_streams = UserStreams()
        self.user_events = UserEventLine(self.user_streams, self.faults, self.latencies)
        self.failure: asyncio.Future[None] | None = None
        self.state: StateFile | None = None
        if configuration.state is not None:
            self.state = StateFile(configuration.state, self.fail)
        try:
            self.build(configuration)
        except BaseException:
            self.close_state()
            raise

    def build(self, configuration: ExchangeConfiguration) -> None:
        """Opens the accounts and puts the servers around them."""
        keys = self.open_accounts(configuration)
        habits = SocketHabits()
        settings = SocketSettings(
            clock=self.clock,
            largest_buffer=configuration.largest_buffer,
            ping_interval_seconds=configuration.ping_interval_seconds,
            silence_seconds=configuration.silence_seconds,
            habits=habits,
        )
        window_us = configuration.receive_window_ms * 1000
        self.desk = Desk(self.venue, self.limits, keys, self.clock, window_us, self.faults)
        requests = RequestFaults(
            self.faults, self.latencies, configuration.engine_timeout_seconds, self.perform
        )
        self.requests = requests
        self.rest = RestApi(self.desk, (*METHODS, *NEIGHBOUR_METHODS), requests)
        self.ws_api = WebSocketApi(self.desk, METHODS, self.user_streams, settings, requests)
        gate = FrameGate(self.faults)
        self.streams = StreamHub(self.venue, settings, gate, self.latencies)
        self.disturbances = Disturbances(
            self.desk,
            self.ws_api,
            self.streams,
            self.faults,
            self.latencies,
            self.clock,
            habits,
        )
        self.market = make_market(configuration, self.venue)
        # The market goes by true time from where it began, so that a clock that jumps does not stop it.
        self.market_offset_us = self.clock.offset_us

    def open_accounts(self, configuration: ExchangeConfiguration) -> list[ApiKey]:
        """Opens every account, with what the state knows of it; the exchange's halves of all keys."""
        if self.state is not None:
            self.state.resume(self.venue)
        keys = [key for account in configuration.accounts for key in self.open_account(account)]
        if (state := self.state) is not None:
            self.venue.recorder = lambda transaction: state.record(self.venue, transaction)
        return keys

    def perform(self, rule: ActionRule) -> None:
        """Does what a request has brought about."""
        self.disturbances.perform(rule)

    def begin(self) -> None:
        """Puts the configured faults in force; called within the running loop."""
        self.failure = asyncio.get_running_loop().create_future()
        self.disturbances.apply(self.configuration.faults)

    def fail(self, error: Exception) -> None:
        """Ends the exchange, which cannot keep its state: what it answered must never be lost."""
        if self.failure is not None and not self.failure.done():
            self.failure.set_exception(
                StateError(f"{self.configuration.state}: the state cannot be written: {error}")
            )

    def close_state(self) -> None:
        """Closes the state file, if there is one."""
        if self.state is not None:
            self.state.close()

    def open_account(self, configuration: AccountConfiguration) -> list[ApiKey]:
        """Opens an account and listens to it; the exchange's halves of its keys."""
        state = self.state
        is_known = state is not None and state.knows(configuration.name)
        account = self.venue.open_account(
            configuration.name,
            {} if is_known else configuration.balances,
            configuration.maker_fee,
            configuration.taker_fee,
            configuration.uses_bnb,
        )
        if state is not None:
            if is_known:
                state.restore(self.venue, account)
            state.keep_account(account, configuration.keys)
        account.listeners.append(lambda event: self.hear(account, event))
        return [pair.for_exchange(account.name) for pair in configuration.keys]

    def hear(self, account: Account, event: dict[str, Any]) -> None:
        """Counts an account's orders by its own events, and passes the events on."""
        if event["e"] == "executionReport":
            self.count_order(account, event)
        self.user_events.publish(account.name, event)

    def count_order(self, account: Account, event: dict[str, Any]) -> None:
        """Keeps the unfilled order count (faqs/order_count_decrement.md)."""
        orders = self.limits.account(account.name)
        symbol, order_id, kind = event["s"], event["i"], event["x"]
        if kind == "NEW":
            orders.place(symbol, order_id, self.clock())
        elif kind == "TRADE":
            orders.fill(symbol, order_id, event["m"], self.clock())
        elif kind not in ("REPLACED", "TRADE_PREVENTION"):
            orders.forget(symbol, order_id)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Hands a request to the API that its path belongs to."""
        path = request.path
        if not is_socket_path(path):
            return await self.rest.handle(request)
        try:
            read_time_unit(request.query.get("timeUnit"))
            if self.faults.rules and (refusal := await self.refuse_socket(request)) is not None:
                return refusal
            if path.startswith("/ws-api/"):
                if "sbe" in request.query.getall("responseFormat", []):
                    raise no_binary(400)
                return await self.ws_api.handle(request)
            return await self.streams.handle(request)
        except VenueError as error:
            headers = {"Content-Type": JSON_TYPE}
            if isinstance(error, RateLimited):
                headers["Retry-After"] = str(error.retry_after_seconds)
            body = msgspec.json.encode(describe(error))
            return web.Response(body=body, status=error.http_status, headers=headers)

    async def refuse_socket(self, request: web.Request) -> web.Response | None:
        """What a rule puts in place of a socket that is about to be opened; None to let it open."""
        is_api = request.path.startswith("/ws-api/")
        rule = self.faults.strike(RequestRule, CONNECT, "websocket_api" if is_api else "market")
        if rule is None:
            return None
        await self.rest.wait(rule.delay_ms / 1000)
        if isinstance(rule, RateLimitHit | Ban):
            address = self.limits.address(request.remote or "")
            raise limit_error(rule, address, self.clock())
        if isinstance(rule, Error):
            raise error_of(rule)
        return await self.rest.spoil(rule, web.Response(status=400), request)

    async def drive(self) -> None:
        """Moves the market on until it ends, then waits: a market that has ended stands still."""
        while True:
            now = self.clock.true_clock() + self.market_offset_us
            due = self.market.advance(now)
            if self.state is not None:
                self.state.reserve(self.venue)
            if due is None:
                await asyncio.Event().wait()
            elif due > now:
                await asyncio.sleep(max((due - now) / 1_000_000, SHORTEST_SLEEP_SECONDS))
            else:
                # There is more to do than one call does: requests get their turn in between.
                await asyncio.sleep(0)

    def announce_shutdown(self) -> None:
        """Says goodbye on every socket and closes it; nobody waits for an answer any longer."""
        self.rest.ending.set()
        self.disturbances.stop()
        self.streams.announce_shutdown()
        self.ws_api.announce_shutdown()
        for connection in (*self.streams.connections, *self.ws_api.connections):
            connection.hang_up(GOING_AWAY)


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
    if configuration.market == PAPER:
        return PaperMarket(
            venue,
            configuration.symbols,
            configuration.source_rest,
            configuration.source_streams,
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

    Raises ValueError for a configuration that cannot work, OSError if the port is taken, StateError if the state
    cannot be written any longer.
    """
    await serve_exchange(Exchange(configuration), ready, stop)


async def serve_exchange(
    exchange: Exchange,
    ready: Callable[[ExchangeAddresses], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """As `serve`, for an exchange that the caller has made and may look into meanwhile."""
    configuration = exchange.configuration
    application = web.Application()
    # A path may hold anything, line ends as well.
    application.router.add_route("*", r"/{path:[\s\S]*}", exchange.handle)
    runners = [web.AppRunner(application, access_log=None, shutdown_timeout=1.0)]
    if configuration.has_control:
        names = [method.name for method in METHODS]
        control = Control(exchange.disturbances, names).application()
        runners.append(web.AppRunner(control, access_log=None, shutdown_timeout=1.0))
    tasks: list[asyncio.Future[Any]] = []
    try:
        addresses = await listen(configuration, runners)
        exchange.begin()
        ending = stop if stop is not None else asyncio.Event()
        tasks = [
            asyncio.ensure_future(exchange.drive()),
            asyncio.ensure_future(exchange.streams.run()),
            asyncio.ensure_future(ending.wait()),
        ]
        if isinstance(exchange.market, PaperMarket):
            tasks.append(asyncio.ensure_future(exchange.market.run()))
        if exchange.failure is not None:
            tasks.append(exchange.failure)
        if ready is not None:
            ready(addresses)
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if exchange.failure is not None and exchange.failure.done():
            exchange.failure.result()
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        exchange.announce_shutdown()
        for runner in runners:
            await runner.cleanup()
        await asyncio.gather(*tasks, return_exceptions=True)
        exchange.close_state()


async def listen(
    configuration: ExchangeConfiguration, runners: list[web.AppRunner]
) -> ExchangeAddresses:
    """Opens the ports: the exchange's own, and on loopback that of the control endpoint if it is the second runner."""
    for runner, host, port in zip(
        runners, (configuration.host, LOOPBACK), (configuration.port, 0), strict=False
    ):
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
    found = addresses_of(configuration, runners[0].addresses[0][1])
    if len(runners) == 1:
        return found
    control = f"http://{LOOPBACK}:{runners[1].addresses[0][1]}/control"
    return msgspec.structs.replace(found, control=control)
