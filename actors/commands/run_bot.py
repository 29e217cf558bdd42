"""The whole bot as one coroutine: composes the actors, runs them, and stops them in good order."""

import asyncio
import logging
import os
import platform
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from actors.binance.errors import BinanceError
from actors.commands.composition import (
    MONITOR_NAME,
    Venue,
    cancel_what_is_ours,
    compose,
    open_venue,
)
from actors.commands.configuration import Configuration
from actors.commands.local_exchange import LocalExchange, exchange_arguments, start_local_exchange
from actors.commands.monitor import Monitor
from actors.commands.state_folder import StateFolder
from actors.commands.summary import build_summary, describe_summary, write_summary
from actors.commands.terminal import Terminal
from actors.runtime.clock import RealClock
from actors.runtime.errors import ConfigurationError, Fault
from actors.runtime.journal import Journal
from actors.runtime.logs import set_up_logging, tear_down_logging
from actors.runtime.system import System
from actors.runtime.tap import RecordingTap
from actors.runtime.wiring import describe_wiring
from messages.control import HaltTrading
from messages.recording import Opening

HALT_PATIENCE_S = 15.0
FAILED = 1
INTERRUPTED_TWICE = 130
RECORDED_PACKAGES = ("msgspec", "python-binance", "aiohttp")

log = logging.getLogger("actors.bot")


@dataclass(frozen=True)
class RunOptions:
    """What the command line asks beside the configuration."""

    duration_s: float | None = None
    summary: Path | None = None
    record: Path | None = None
    flatten: bool = False


@dataclass
class BotControl:
    """How the world outside tells a running bot to stop."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    abandon: asyncio.Event = field(default_factory=asyncio.Event)

    def interrupt(self) -> None:
        """The first time: stop in good order. The second time: leave at once."""
        (self.abandon if self.stop.is_set() else self.stop).set()


def describe_composition(configuration: Configuration) -> str:
    """Who sends what to whom in this configuration."""
    return describe_wiring(compose(configuration, Venue.unopened()))


async def run_bot(configuration: Configuration, options: RunOptions, control: BotControl) -> int:
    """Runs the bot until it is told to stop, its time is up, or it fails; returns the exit code.

    Raises ConfigurationError for what cannot be started, with nothing left running.
    """
    with StateFolder(configuration.bot.folder) as folder:
        handlers = set_up_logging(folder.log)
        exchange: LocalExchange | None = None
        try:
            if configuration.venue.is_local:
                arguments = exchange_arguments(
                    configuration.venue, configuration.symbols(), configuration.bot.seed
                )
                exchange = await start_local_exchange(arguments)
            venue = open_venue(configuration, exchange.addresses if exchange else None)
            return await run_on_venue(configuration, options, control, venue, folder)
        finally:
            if exchange is not None:
                await exchange.stop()
            tear_down_logging(handlers)


async def run_on_venue(
    configuration: Configuration,
    options: RunOptions,
    control: BotControl,
    venue: Venue,
    folder: StateFolder,
) -> int:
    """Runs the actors on an open venue."""
    journal = Journal(folder.journal, configuration.bot.name, configuration.bot.journal_synchronous)
    tap = None
    try:
        run = journal.grant_run()
        clock = RealClock()
        if options.record is not None:
            tap = open_tap(options.record, configuration, run, clock.now_ns())
        system = System(
            compose(configuration, venue),
            clock,
            run=run,
            seed=configuration.bot.seed,
            journal=journal,
            tap=tap,
        )
        await system.start()
        monitor = system.cells[MONITOR_NAME].instance
        assert isinstance(monitor, Monitor)
        title = f"{configuration.bot.name} on {configuration.venue.exchange} ({configuration.venue.environment})"
        terminal = Terminal(title, lambda: monitor.figures, system)
        terminal.start()
        try:
            await wait_for_end(system, options, control, terminal)
            code = await halt(configuration, options, control, venue, system, monitor)
        finally:
            terminal.stop()
        await system.stop()
        report(options, monitor, system)
        return code
    finally:
        if tap is not None:
            tap.close()
        journal.close()


async def wait_for_end(
    system: System, options: RunOptions, control: BotControl, terminal: Terminal
) -> None:
    """Shows how things stand until there is a reason to stop."""
    loop = asyncio.get_running_loop()
    deadline = None if options.duration_s is None else loop.time() + options.duration_s
    waiters = [loop.create_task(event.wait()) for event in (control.stop, system.ended)]
    try:
        while not control.stop.is_set() and not system.ended.is_set():
            left = (
                terminal.interval_s
                if deadline is None
                else min(terminal.interval_s, deadline - loop.time())
            )
            if left <= 0:
                return
            await asyncio.wait(waiters, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            terminal.refresh()
    finally:
        for waiter in waiters:
            waiter.cancel()


async def halt(
    configuration: Configuration,
    options: RunOptions,
    control: BotControl,
    venue: Venue,
    system: System,
    monitor: Monitor,
) -> int:
    """Cancels what is ours, waits for the venue's word on each, and returns the exit code."""
    if system.failure is None:
        system.send(HaltTrading(reason="the bot stops", flatten=options.flatten))
    if await wait_for_halt(control, monitor):
        return FAILED if system.failure else 0
    if control.abandon.is_set():
        return INTERRUPTED_TWICE
    # Gateway or order manager is what failed, or does not answer: a fresh client asks and cancels by itself.
    try:
        left = await cancel_what_is_ours(configuration, venue, system.run)
    except BinanceError as error:
        log.error(
            "whether orders are still open is not known, the venue cannot be asked: %s", error
        )
        return FAILED
    for client_order_id in left:
        log.error("still open at the venue: %s", client_order_id)
    return FAILED


async def wait_for_halt(control: BotControl, monitor: Monitor) -> bool:
    """Whether the order manager has proven within its time that none of our orders is open."""
    loop = asyncio.get_running_loop()
    waiters = [
        loop.create_task(event.wait()) for event in (monitor.halt_completed, control.abandon)
    ]
    try:
        await asyncio.wait(waiters, timeout=HALT_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()
    return monitor.halt_completed.is_set() and monitor.figures.halt_open_orders == 0


def open_tap(path: Path, configuration: Configuration, run: int, now_ns: int) -> RecordingTap:
    """A recording that opens with what is needed to run its actors again.

    Raises ConfigurationError if the file cannot be written.
    """
    opening = Opening(
        run=run,
        seed=configuration.bot.seed,
        start_time_ns=now_ns,
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in RECORDED_PACKAGES},
        },
        actors=[
            {
                "name": item.name,
                "class": f"{item.actor_class.__module__}.{item.actor_class.__qualname__}",
                "arguments": {key: str(value) for key, value in item.arguments.items()},
            }
            for item in configuration.actors
        ],
        hash_seed=os.environ.get("PYTHONHASHSEED", ""),
    )
    try:
        return RecordingTap(path, opening)
    except OSError as error:
        raise ConfigurationError(
            [Fault(f"--record {path}", f"cannot be written: {error.strerror}")]
        ) from error


def report(options: RunOptions, monitor: Monitor, system: System) -> None:
    """Says at the end what came of it.

    Raises ConfigurationError if the summary cannot be written.
    """
    print(describe_summary(monitor.figures, system))
    for order in monitor.figures.open_orders.values():
        print(f"open      {order.client_order_id} {order.side} {order.symbol} {order.status}")
    if options.summary is not None:
        try:
            write_summary(options.summary, build_summary(monitor.figures, system))
        except OSError as error:
            raise ConfigurationError(
                [Fault(f"--summary {options.summary}", f"cannot be written: {error.strerror}")]
            ) from error
