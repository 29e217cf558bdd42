"""`bin/backtest`: strategies on yesterday's market; downloads data, searches parameters, and explains what a run did."""

import argparse
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from actors.commands.command_parser import CommandParser
from actors.commands.standard_streams import let_go_of_closed_outputs, print_any_character
from actors.runtime.errors import TicktroupeError
from actors.spelling import suggest

USAGE_ERROR = 2
FAILED = 1
INTERRUPTED = 130

DESCRIPTION = """\
Runs the actors that trade live on files of market data: Binance's public CSV and zip files, Parquet, recordings. Prints a
table of figures; --report writes a page for the browser, --json the whole result for machines.
"""
EPILOGUE = """\
commands:
  run            a backtest; the word may be left out
  lookahead      proves that a strategy does not use the future, or names where it does
  optimize       searches a strategy's parameters, walk-forward, on all cores
  replay         re-executes a recorded run and shows the first message that differs
  explain        prints the way from tick to fill of one order
  divergence     says order by order where a live recording and a backtest over the same data part, and why
  download       fetches data from Binance's public data site
  export         writes data or a recording as Parquet

Exit codes: 0 done, 1 failed or a difference was found, 2 bad usage, configuration or data.
"""

Adder = Callable[[argparse.ArgumentParser], None]
Runner = Callable[[argparse.Namespace], int]
COMMANDS = {
    "run": "backtest_run",
    "lookahead": "backtest_run",
    "optimize": "backtest_optimize",
    "replay": "backtest_trace",
    "explain": "backtest_trace",
    "divergence": "backtest_trace",
    "download": "backtest_data",
    "export": "backtest_data",
}
"""The module of each, which is loaded when it is asked for; it has `add_<command>` and `run_<command>`."""


def is_no_file(word: str) -> bool:
    """Whether a word is neither an option nor what the user has a file for."""
    return not word.startswith("-") and not Path(word).exists()


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    given = list(sys.argv[1:] if words is None else words)
    name = "run"
    if given and given[0] in COMMANDS:
        name = given.pop(0)
    elif given and (meant := suggest(given[0], COMMANDS)) and is_no_file(given[0]):
        print(f"there is no command {given[0]!r} ({meant})", file=sys.stderr)
        return USAGE_ERROR
    module = import_module(f"actors.commands.{COMMANDS[name]}")
    add: Adder = getattr(module, f"add_{name}")
    run: Runner = getattr(module, f"run_{name}")
    parser = CommandParser(
        prog="bin/backtest" if name == "run" else f"bin/backtest {name}",
        description=DESCRIPTION if name == "run" else None,
        epilog=EPILOGUE if name == "run" else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add(parser)
    arguments = parser.parse_intermixed_args(given)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            # A search that just died would leave its workers behind.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        return run(arguments)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except TicktroupeError as error:
        print(error, file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:
        # A reader who has left was not told all: that is no success, and nothing to be said either.
        return FAILED
    except OSError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Until it runs Ctrl-C just ends the program: as an exception it would come up in whatever is being loaded.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    print_any_character()
    exit_code = main()
    let_go_of_closed_outputs()
    sys.exit(exit_code)
