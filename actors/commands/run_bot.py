"""The whole bot as one coroutine: composes the actors, runs them, and stops them in good order."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from actors.commands.command_desk import CommandDesk
from actors.commands.command_socket import listen_for_commands
from actors.commands.composition import Venue, compose
from actors.commands.configuration import Configuration
from actors.commands.control import BotControl
from actors.commands.halting import find_monitor, halt
from actors.commands.journal_start import JournalStart
from actors.commands.outputs import find_class_faults, find_output_faults, open_tap
from actors.commands.standard_streams import say
from actors.commands.standstill import watch_for_standstill
from actors.commands.state_folder import StateFolder
from actors.commands.summary import build_summary, describe_end, write_summary
from actors.commands.terminal import Terminal
from actors.commands.venue_start import VenueStart
from actors.runtime.clock import RealClock
from actors.runtime.errors import (
    ConfigurationError,
    Fault,
    TicktroupeError,
    WiringError,
)
from actors.runtime.journal import Journal
from actors.runtime.logs import set_up_logging, tear_down_logging
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from actors.runtime.tap import RecordingTap
from actors.runtime.wiring import describe_wiring, find_wiring_faults

STOP_PATIENCE_S = 2.0
"""How long each actor may take to end, and a slow one over the market data that it has not handled yet."""
HASTE_S = 0.5
"""The same for a bot that is to leave at once."""


@dataclass(frozen=True)
class RunOptions:
    """What the command line asks beside the configuration."""

    duration_s: float | None = None
    summary: Path | None = None
    record: Path | None = None
    record_only: tuple[str, ...] = ()
    """The message classes to record; empty: all."""
    flatten: bool = False
    takes_commands: bool = False
    """Whether it opens the socket for `bin/start status` and its kin."""
    has_threads: bool = True
    """Whether what waits for the disk may do so in a thread; a simulated world has none."""


def describe_composition(configuration: Configuration) -> str:
    """Who sends what to whom in this configuration.

    Raises WiringError with every fault.
    """
    specifications = compose(configuration, Venue.unopened())
    faults = find_wiring_faults(specifications)
    if faults:
        raise WiringError(faults)
    return describe_wiring(specifications)


async def run_bot(configuration: Configuration, options: RunOptions, control: BotControl) -> int:
    """Runs the bot until it is told to stop, its time is up, or it fails; returns the exit code.

    Raises ConfigurationError for what cannot be started, and another TicktroupeError for a venue or a file that fails
    it, with nothing left running.
    """
    faults = find_output_faults(
        {"--summary": options.summary, "--record": options.record}, configuration.inputs()
    )
    faults += find_class_faults(options.record_only)
    faults += find_wiring_faults(compose(configuration, Venue.unopened()))
    if faults:
        raise ConfigurationError(faults)
    with StateFolder(configuration.bot.folder) as folder, logging_to(folder):
        async with AsyncExitStack() as stack:
            journal_start = JournalStart(
                folder.journal, configuration.bot, control, has_thread=options.has_threads
            )
            journal = await stack.enter_async_context(journal_start.open())
            desk = CommandDesk(configuration, RealClock().now_ns())
            if options.takes_commands:
                await stack.enter_async_context(listen_for_commands(folder.path, desk))
            start = VenueStart(configuration, control, journal, desk)
            venue = await stack.enter_async_context(start.reach())
            if control.stop.is_set():
                return start.tell_what_is_left()
            specifications = compose(configuration, venue)
            return await run_on_venue(
                configuration, options, control, venue, journal, specifications, desk
            )


@contextmanager
def logging_to(folder: StateFolder) -> Iterator[None]:
    """Logs to stderr and to the folder's file.

    Raises ConfigurationError if that file cannot be written.
    """
    try:
        handlers = set_up_logging(folder.log)
    except OSError as error:
        raise ConfigurationError(
            [Fault(str(folder.log), f"the log cannot be written: {error.strerror}")]
        ) from error
    try:
        yield
    finally:
        tear_down_logging(handlers)


async def run_on_venue(
    configuration: Configuration,
    options: RunOptions,
    control: BotControl,
    venue: Venue,
    journal: Journal,
    specifications: Sequence[ActorSpecification],
    desk: CommandDesk | None = None,
) -> int:
    """Runs the actors on an open venue; returns the exit code."""
    run = await JournalStart(journal.path, configuration.bot, control).grant_run(
        journal, venue.identity, is_temporary=configuration.venue.is_local
    )
    clock = RealClock()
    tap: RecordingTap | None = None
    if options.record is not None:
        tap = open_tap(options.record, configuration, run, clock.now_ns(), options.record_only)
    try:
        system = System(
            specifications, clock, run=run, seed=configuration.bot.seed, journal=journal, tap=tap
        )
        system.tell_end = partial(control.expect_end, 0.0)
        section = configuration.venue
        title = f"{configuration.bot.name} on {section.exchange} ({section.place})"
        terminal = Terminal(title, lambda: find_monitor(system).figures, system)
        terminal.tell_where(journal.path.parent)
        await system.start()
        if desk is not None:
            desk.open(system, venue)
        terminal.start()
        try:
            try:
                await wait_for_end(system, options, control, terminal)
            finally:
                # Whatever happened: no order of ours stays behind.
                control.expect_end(0.0)
                if desk is not None:
                    desk.is_ending = True
                code = await halt(configuration, control, venue, system, flatten=options.flatten)
        finally:
            terminal.stop()
            await system.stop(HASTE_S if control.abandon.is_set() else STOP_PATIENCE_S)
        if control.has_lost_venue:
            find_monitor(system).figures.lose_account()
        report(options, system)
        return code
    finally:
        if tap is not None:
            tap.close()


async def wait_for_end(
    system: System, options: RunOptions, control: BotControl, terminal: Terminal
) -> None:
    """Shows how things stand until there is a reason to stop."""
    loop = asyncio.get_running_loop()
    deadline = None if options.duration_s is None else loop.time() + options.duration_s
    if options.duration_s is not None:
        control.expect_end(options.duration_s)
    waiters = [loop.create_task(event.wait()) for event in (control.stop, system.ended)]
    watch = loop.create_task(watch_for_standstill())
    try:
        while not control.stop.is_set() and not system.ended.is_set():
            left = terminal.interval_s
            if deadline is not None:
                left = min(left, deadline - loop.time())
            if left <= 0:
                return
            await asyncio.wait(waiters, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            terminal.refresh()
    finally:
        for waiter in (*waiters, watch):
            waiter.cancel()


def report(options: RunOptions, system: System) -> None:
    """Says at the end what came of it.

    Raises TicktroupeError if the summary cannot be written.
    """
    figures = find_monitor(system).figures
    say(describe_end(figures, system))
    if options.summary is not None:
        try:
            write_summary(options.summary, build_summary(figures, system))
        except OSError as error:
            raise TicktroupeError(
                f"the summary {options.summary} cannot be written: {error.strerror}"
            ) from error
