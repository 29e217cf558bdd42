"""`bin/exchange`: the local exchange alone, for any Binance client."""

import argparse
import asyncio
import dataclasses
import logging
import signal
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec
import uvloop

from actors.commands.command_parser import CommandParser
from actors.commands.input_files import find_file_problem
from actors.commands.standard_streams import let_go_of_closed_outputs, say
from actors.exchange.app import serve
from actors.exchange.configuration import (
    DEFAULT_ACCOUNT,
    NO_FAULTS,
    PAPER,
    PUBLIC_REST,
    PUBLIC_STREAMS,
    STILL,
    SYNTHETIC,
    AccountConfiguration,
    ExchangeAddresses,
    ExchangeConfiguration,
    default_keys,
)
from actors.exchange.fault_plan import read_plan
from actors.exchange.keys import read_keys
from actors.exchange.limits import DEFAULT_LIMITS, RateLimit
from actors.exchange.methods import METHODS
from actors.exchange.request_faults import ENGINE_TIMEOUT_SECONDS
from actors.exchange.signing import KeyPair
from actors.exchange.state import StateError, stored_keys
from actors.exchange.symbols import rules_for

LAST_PORT = 65_535

DESCRIPTION = """\
A local Binance Spot exchange: REST, market streams, WebSocket API. Prints one line of JSON with its addresses and the
keys of its account (new at every start, whatever the seed, unless --keys or --state brings them), then serves until
SIGTERM or SIGINT. actors/exchange/README.md tells more.
"""


def parse_symbols(text: str) -> tuple[str, ...]:
    """`A,B` as symbols that can be listed."""
    names = tuple(dict.fromkeys(name.strip().upper() for name in text.split(",") if name.strip()))
    if not names:
        raise argparse.ArgumentTypeError("name at least one symbol")
    for name in names:
        try:
            rules_for(name)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return names


def parse_market(text: str) -> str:
    """`synthetic`, `still`, `paper`, or a file that exists."""
    if text not in (SYNTHETIC, STILL, PAPER) and (problem := find_file_problem(Path(text))):
        raise argparse.ArgumentTypeError(
            f"{problem}, and it is neither {SYNTHETIC!r} nor {STILL!r} nor {PAPER!r}"
        )
    return text


def parse_fee(text: str) -> Decimal:
    """A fraction from 0 up to, not including, 1."""
    try:
        fee = Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not (fee.is_finite() and 0 <= fee < 1):
        raise argparse.ArgumentTypeError(f"{text} is not a fraction; 0.001 is a tenth of a percent")
    return fee


def parse_positive(text: str) -> float:
    """A finite number above 0."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} must be above 0")
    return number


def parse_speed(text: str) -> float:
    """A finite number, 0 or above."""
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} must be 0 (as fast as possible) or above")
    return number


def parse_port(text: str) -> int:
    """A port; 0 for a free one."""
    number = int(text) if text.isdecimal() else -1
    if not 0 <= number <= LAST_PORT:
        raise argparse.ArgumentTypeError(
            f"{text} is no port: they are 0 (a free one) to {LAST_PORT}"
        )
    return number


def parse_limit(text: str) -> int:
    """A whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} must be above 0")
    return number


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = CommandParser(prog="bin/exchange", description=DESCRIPTION)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=parse_port, default=0, help="port; 0 lets the system choose (default)")
    add("--symbols", type=parse_symbols, default=("BTCUSDT",), metavar="A,B", help="what is listed")
    add(
        "--plain",
        type=parse_symbols,
        default=(),
        metavar="A,B",
        help="symbols that take no orders with a trigger and no order lists",
    )
    add(
        "--market",
        type=parse_market,
        default=SYNTHETIC,
        help="synthetic, still, paper (Binance's public streams; orders fill on paper), or a CSV file of trades",
    )
    add("--source-rest", default=PUBLIC_REST, metavar="URL", help="REST of a paper market's source")
    add("--source-streams", default=PUBLIC_STREAMS, metavar="URL", help="its market streams")
    add("--seed", type=int, default=0, help="of the synthetic market, not of the keys")
    add("--rate", type=parse_positive, default=10.0, help="synthetic trades a second")
    add("--speed", type=parse_speed, default=1.0, help="of a recording; 0 is as fast as possible")
    add("--order-limit", type=parse_limit, help="unfilled orders in 10 seconds (Binance: 50)")
    add("--weight-limit", type=parse_limit, help="request weight in a minute (Binance: 6000)")
    add("--fee", type=parse_fee, default=Decimal("0.001"), help="of maker and taker, a fraction")
    add("--bnb-fees", action="store_true", help="pay fees in BNB as long as there is any")
    add("--faults", type=Path, metavar="FILE", help="what goes wrong and when, .toml or .json")
    add("--control", action="store_true", help="take faults over HTTP, on another loopback port")
    add("--state", type=Path, metavar="FILE", help="keep accounts and orders there over restarts")
    add("--keys", type=Path, metavar="FILE", help="fixed keys: JSON like the first line, mode 600")
    add("--receive-window", type=parse_limit, default=5000, metavar="MS", help="default recvWindow")
    add(
        "--engine-timeout",
        type=parse_positive,
        default=ENGINE_TIMEOUT_SECONDS,
        metavar="SECONDS",
        help="when an engine made slow by a fault is given up with -1007 (default: %(default)s)",
    )
    add("--until-parent-exits", action="store_true", help="end when standard input is closed")
    return parser


def make_limits(orders: int | None, weight: int | None) -> tuple[RateLimit, ...]:
    """Binance's limits, with those replaced that were given."""
    changed: list[RateLimit] = []
    for limit in DEFAULT_LIMITS:
        if orders is not None and (limit.kind, limit.interval) == ("ORDERS", "SECOND"):
            changed.append(dataclasses.replace(limit, limit=orders))
        elif orders is not None and limit.kind == "ORDERS":
            # A raised limit must not run into the day's after all.
            changed.append(dataclasses.replace(limit, limit=max(limit.limit, orders * 8640)))
        elif weight is not None and limit.kind == "REQUEST_WEIGHT":
            changed.append(dataclasses.replace(limit, limit=weight))
        else:
            changed.append(limit)
    return tuple(changed)


def make_configuration(arguments: argparse.Namespace) -> ExchangeConfiguration:
    """What the arguments ask for. Raises ValueError for files that are not as they should be, and OSError."""
    for name in arguments.plain:
        if name not in arguments.symbols:
            listed = ", ".join(arguments.symbols)
            raise ValueError(f"--plain {name}: it is not listed; listed are {listed} (--symbols)")
    account = AccountConfiguration(
        keys=find_keys(arguments.keys, arguments.state),
        maker_fee=arguments.fee,
        taker_fee=arguments.fee,
        uses_bnb=arguments.bnb_fees,
    )
    faults = NO_FAULTS
    if arguments.faults is not None:
        names = [method.name for method in METHODS]
        faults = read_plan(arguments.faults, names, arguments.symbols)
    return ExchangeConfiguration(
        host=arguments.host,
        port=arguments.port,
        symbols=arguments.symbols,
        plain_symbols=arguments.plain,
        market=arguments.market,
        seed=arguments.seed,
        trades_per_second=arguments.rate,
        speed=arguments.speed,
        source_rest=arguments.source_rest,
        source_streams=arguments.source_streams,
        accounts=(account,),
        limits=make_limits(arguments.order_limit, arguments.weight_limit),
        receive_window_ms=arguments.receive_window,
        engine_timeout_seconds=arguments.engine_timeout,
        faults=faults,
        has_control=arguments.control,
        state=arguments.state,
    )


def find_keys(file: Path | None, state: Path | None) -> tuple[KeyPair, ...]:
    """The account's keys: those of the file, else those that the state remembers, else new ones. Raises ValueError."""
    if file is not None:
        return read_keys(file)
    remembered = stored_keys(state, DEFAULT_ACCOUNT) if state is not None else ()
    return remembered or default_keys()


def announce(addresses: ExchangeAddresses) -> None:
    """Prints the one line. Raises ValueError if it cannot be written: nobody would know where to connect."""
    if not say(msgspec.json.encode(addresses).decode()):
        raise ValueError("its addresses cannot be written to the output: is its disk full?")


class InputWatcher(asyncio.Protocol):
    """Sets `stop` when standard input ends, which it does when whoever holds its other end is gone."""

    def __init__(self, stop: asyncio.Event) -> None:
        self.stop = stop

    def eof_received(self) -> bool:
        """The other end was closed."""
        self.stop.set()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The pipe broke."""
        self.stop.set()


async def run(configuration: ExchangeConfiguration, until_parent_exits: bool) -> None:
    """Serves until a signal, or until standard input ends if asked."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if until_parent_exits:
        await loop.connect_read_pipe(lambda: InputWatcher(stop), sys.stdin)
    await serve(configuration, announce, stop)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the exchange; the exit code: 0 done, 1 failed to listen, 2 bad usage or configuration."""
    parsed = make_parser().parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    try:
        configuration = make_configuration(parsed)
    except (ValueError, OSError) as error:
        text = str(error)
        if isinstance(error, OSError) and error.filename is not None:
            text = f"{error.filename}: {error.strerror}"
        for line in text.splitlines():
            print(f"bin/exchange: {line}", file=sys.stderr)
        return 2
    try:
        uvloop.run(run(configuration, parsed.until_parent_exits))
    except ValueError as error:
        print(f"bin/exchange: {error}", file=sys.stderr)
        return 2
    except StateError as error:
        print(f"bin/exchange: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        # The one that names a file is about the market's.
        what = f"cannot serve on port {parsed.port} of {parsed.host}: {error}"
        text = what if error.filename is None else f"{error.filename}: {error.strerror}"
        print(f"bin/exchange: {text}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    exit_code = main()
    let_go_of_closed_outputs()
    sys.exit(exit_code)
