"""`bin/start`: trades, by default on the local exchange.

Only the command line is read here. All else is loaded once it is understood, so that `--help` comes at once and a Ctrl-C
while the program loads leaves no traceback.
"""

import argparse
import math
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from actors.commands.command_parser import CommandParser
from actors.commands.standard_streams import let_go_of_closed_outputs, print_any_character
from actors.spelling import suggest

DESCRIPTION = """\
Trades with the configured strategies. Without a configuration it starts a Binance of its own on this machine (no key, no
network) and trades BTCUSDT there with a market maker and a moving average cross. Ctrl-C stops it in good order: its
orders are canceled, what it holds is stated and left. A second Ctrl-C leaves at once.
"""
COMMANDS = ("status", "halt", "resume", "flatten")
EPILOGUE = """\
To a bot that runs speak: bin/start status, bin/start halt, bin/start resume, bin/start flatten (each with --help).
Exit codes: 0 done, 1 failed while running, 2 bad usage or configuration, 130 interrupted twice.
"""


def to_number(text: str) -> float:
    """A finite number."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return number


def positive(text: str) -> float:
    """A number above 0."""
    number = to_number(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
    return number


def not_negative(text: str) -> float:
    """A number of 0 or more."""
    number = to_number(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"must be 0 or more, not {text}")
    return number


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = CommandParser(prog="bin/start", description=DESCRIPTION, epilog=EPILOGUE)
    add = parser.add_argument
    add("--config", type=Path, metavar="FILE", help="the configuration, a TOML file")
    add(
        "--market",
        metavar="SOURCE",
        help="the local exchange's market: synthetic, paper (real prices, no money), or a file of trades",
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
        help="run this configured strategy alone, or one that needs no arguments; repeatable",
    )
    add("--wiring", action="store_true", help="print who sends what to whom, and leave")
    add("--summary", type=Path, metavar="FILE", help="write the summary at the end as JSON")
    add("--record", type=Path, metavar="FILE", help="record what every actor handles and sends")
    add(
        "--record-only",
        type=lambda text: tuple(text.split(",")),
        default=(),
        metavar="CLASSES",
        help="of that only these message classes, as Trade,Fill; such a recording cannot be replayed",
    )
    add("--flatten", action="store_true", help="sell what was bought before leaving")
    add("--live", action="store_true", help='needed beside environment = "live": trade real money')
    return parser


def describe_unknown(word: str) -> str:
    """What is said of a first word that is no command."""
    hint = suggest(word, COMMANDS, f"there are {', '.join(COMMANDS)}")
    return f"there is no command {word!r} ({hint})"


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit code: 0 done, 1 failed, 2 bad usage or configuration, 130 interrupted twice."""
    words = sys.argv[1:] if words is None else words
    if words and words[0] in COMMANDS:
        from actors.commands.send_command import send_command

        return send_command(words)
    if words and not words[0].startswith("-"):
        make_parser().error(describe_unknown(words[0]))
    arguments = make_parser().parse_args(words)
    from actors.commands.start_bot import start_bot

    return start_bot(arguments)


if __name__ == "__main__":
    # Until the bot takes signals itself nothing is traded, and Ctrl-C just ends the program. As an exception it could
    # come up in any line that is being loaded, and even be lost there.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    print_any_character()
    exit_code = main()
    # All is done: one more Ctrl-C must not spoil the end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    let_go_of_closed_outputs()
    sys.exit(exit_code)
