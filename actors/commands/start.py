"""`bin/start`: trades, by default on the local exchange."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop

from actors.commands.configuration import Configuration, load_configuration
from actors.commands.run_bot import FAILED, BotControl, RunOptions, describe_composition, run_bot
from actors.runtime.errors import ConfigurationError, TicktroupeError

USAGE_ERROR = 2

DESCRIPTION = """\
Trades with the configured strategies. Without a configuration it starts a Binance of its own on this machine (no key, no
network) and trades BTCUSDT there with a market maker and a moving average cross. Ctrl-C stops it in good order: its
orders are canceled, what it holds is stated and left. A second Ctrl-C leaves at once.
"""


def positive(text: str) -> float:
    """A number above 0."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} must be above 0")
    return number


def not_negative(text: str) -> float:
    """A number of 0 or more."""
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} must be 0 or more")
    return number


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bin/start", description=DESCRIPTION)
    add = parser.add_argument
    add("--config", type=Path, metavar="FILE", help="the configuration, a TOML file")
    add(
        "--market",
        metavar="SOURCE",
        help="the local exchange's market: synthetic, or a file of recorded trades",
    )
    add("--rate", type=positive, metavar="N", help="trades a second of the synthetic market (10)")
    add(
        "--speed",
        type=not_negative,
        metavar="N",
        help="speed of a recorded market: 2 is twice as fast, 0 unbounded (1)",
    )
    add("--duration", type=positive, metavar="S", help="stop in good order after S seconds")
    add(
        "--strategy",
        action="append",
        metavar="CLASS",
        help="run this strategy instead of the configured ones; repeatable",
    )
    add("--wiring", action="store_true", help="print who sends what to whom, and leave")
    add("--summary", type=Path, metavar="FILE", help="write the summary at the end as JSON")
    add("--record", type=Path, metavar="FILE", help="record what every actor handles and sends")
    add("--flatten", action="store_true", help="sell what was bought before leaving")
    add("--live", action="store_true", help='needed beside environment = "live": trade real money')
    return parser


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
    """Runs the bot; a first SIGINT or SIGTERM asks it to stop, a second one makes it leave at once."""
    control = BotControl()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, control.interrupt)
    return await run_bot(configuration, options, control)


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit code: 0 done, 1 failed, 2 bad usage or configuration, 130 interrupted twice."""
    arguments = make_parser().parse_args(words)
    try:
        configuration = read_configuration(arguments)
        if arguments.wiring:
            print(describe_composition(configuration))
            return 0
        options = RunOptions(
            duration_s=arguments.duration,
            summary=arguments.summary,
            record=arguments.record,
            flatten=arguments.flatten,
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(run_until_signal(configuration, options))
    except ConfigurationError as error:
        print("\n".join(str(fault) for fault in error.faults), file=sys.stderr)
        return USAGE_ERROR
    except TicktroupeError as error:
        logging.getLogger("actors").debug("ended", exc_info=error)
        print(f"bin/start: {error}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
