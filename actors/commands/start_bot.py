"""What `bin/start` does once its command line is read: configuration, signals, and the bot in a loop of its own."""

import argparse
import asyncio
import logging
import sys
from contextlib import nullcontext
from typing import Any

import uvloop

from actors.commands.configuration import Configuration, load_configuration
from actors.commands.control import BotControl
from actors.commands.halting import FAILED
from actors.commands.run_bot import RunOptions, describe_composition, run_bot
from actors.commands.standard_streams import say
from actors.commands.stop_signals import stop_signals
from actors.runtime.busy_polling import busy_polling
from actors.runtime.errors import ConfigurationError, TicktroupeError
from actors.runtime.garbage import settle_garbage_collector

USAGE_ERROR = 2


def read_configuration(arguments: argparse.Namespace) -> Configuration:
    """The configuration file with the command line's words on top.

    Raises ConfigurationError with every fault.
    """
    venue: dict[str, Any] = {}
    if arguments.market is not None:
        venue["market"] = arguments.market
    if arguments.rate is not None:
        venue["trades_per_second"] = arguments.rate
    if arguments.speed is not None:
        venue["speed"] = arguments.speed
    return load_configuration(
        arguments.config, {"venue": venue} if venue else {}, arguments.strategy, arguments.live
    )


async def run_until_signal(configuration: Configuration, options: RunOptions) -> int:
    """Runs the bot; a first signal asks it to stop, a second one makes it leave at once.

    A closed terminal (SIGHUP) is such a signal, unless it is ignored, as under nohup.
    """
    control = BotControl()
    loop = asyncio.get_running_loop()
    polling = busy_polling(loop) if configuration.bot.busy_polling else nullcontext()
    with stop_signals(control), polling:
        return await run_bot(configuration, options, control)


def start_bot(arguments: argparse.Namespace) -> int:
    """Runs the bot as the command line asks; returns the exit code."""
    try:
        configuration = read_configuration(arguments)
        if arguments.wiring:
            if say(describe_composition(configuration)):
                return 0
            raise TicktroupeError("the wiring cannot be written to the output: is its disk full?")
        options = RunOptions(
            duration_s=arguments.duration,
            summary=arguments.summary,
            record=arguments.record,
            record_only=arguments.record_only,
            flatten=arguments.flatten,
            takes_commands=True,
        )
        settle_garbage_collector()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(run_until_signal(configuration, options))
    except ConfigurationError as error:
        print("\n".join(str(fault) for fault in error.faults), file=sys.stderr)
        return USAGE_ERROR
    except TicktroupeError as error:
        logging.getLogger("actors").debug("ended", exc_info=error)
        print(f"bin/start: {error}", file=sys.stderr)
        return FAILED
