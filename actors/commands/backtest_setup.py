"""What the commands of a backtest share: the command line's words, the configuration file, and what they come to."""

import argparse
import sys
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from actors.backtest.arguments import default_cache_folder, parse_data_files
from actors.backtest.errors import BacktestError
from actors.backtest.latency import parse_latency
from actors.backtest.settings import (
    BacktestSettings,
    BarModel,
    FillModel,
    parse_balances,
    parse_fees,
)
from actors.backtest.source import END_OF_TIME_NS, MarketData, open_data
from actors.commands.backtest_section import BacktestSection
from actors.commands.configuration import (
    DEFAULT_RISK,
    SECTIONS,
    BotSection,
    VenueSection,
    read_section,
)
from actors.commands.configured_actors import SHIPPED_ACTORS, find_classes_near, read_actors
from actors.commands.outputs import find_output_faults
from actors.runtime.config import check_keys, read_actor, read_toml
from actors.runtime.errors import ConfigurationError, Fault
from actors.runtime.specification import ActorSpecification
from actors.trading.risk import RiskLimits


@dataclass(frozen=True)
class BacktestSetup:
    """Data, actors and settings."""

    data: MarketData
    actors: list[ActorSpecification]
    settings: BacktestSettings


def add_shared(parser: argparse.ArgumentParser) -> None:
    """The options of every command that runs a backtest."""
    add = parser.add_argument
    add(
        "words",
        nargs="*",
        metavar="DATA",
        help="files of market data, or SYMBOL=FILE; and key=value for the constructor of the --strategy",
    )
    add("--data", action="append", default=[], metavar="FILE", help="the same as DATA")
    add("--config", type=Path, metavar="FILE", help="the configuration, a TOML file")
    add(
        "--strategy",
        metavar="CLASS",
        help="run this strategy instead of the configured actors; key=value words are its arguments",
    )
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="the same as a key=value")
    add(
        "--from",
        dest="begin",
        type=instant,
        metavar="TIME",
        help="from this time on (UTC, ISO 8601)",
    )
    add("--to", dest="end", type=instant, metavar="TIME", help="to before this time")
    add("--balance", action="append", metavar="ASSET=AMOUNT", help="what the account begins with")
    add("--fees", metavar="MAKER[,TAKER[,ASSET]]", help="0.001,0.001,received; quote, base or bnb")
    add("--fill-model", choices=[str(item) for item in FillModel], help="for resting orders")
    add("--bar-model", choices=[str(item) for item in BarModel], help="how bars make a market")
    add("--latency", metavar="[FEED,]ORDER", help="as 50ms or 5ms,50ms, or a file of measurements")
    add("--seed", type=int, metavar="N", help="of the strategies' random numbers")
    add("--flatten", action="store_true", help="sell at the end what the strategies hold")
    add("--columns", action="append", default=[], metavar="MAP", help="columns of other CSV files")
    add("--repair", action="store_true", help="leave out broken rows, and sort what goes back")
    add("--cache", type=Path, metavar="FOLDER", help="where converted data are kept")


def instant(text: str) -> int:
    """Nanoseconds since the epoch of an ISO 8601 time, UTC unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: write 2026-01-31 or 2026-01-31T12:00"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1_000_000_000 + moment.microsecond * 1_000


def read_setup(arguments: argparse.Namespace, searched: Collection[str] = ()) -> BacktestSetup:
    """Everything that the command line and the file say; the first actor's `searched` arguments may be missing there.

    Raises ConfigurationError with every fault of the configuration, DataError and BacktestError for the rest.
    """
    files, pairs = split_words([*arguments.words, *arguments.data])
    section, risk, actors = read_configuration(arguments, [*pairs, *arguments.set], searched)
    settings = read_settings(arguments, section, risk)
    words = files or list(section.data)
    if not words:
        raise BacktestError("name files of market data, such as BTCUSDT-trades-2026-01-01.zip")
    found = parse_data_files(words, columns=[*section.columns, *arguments.columns])
    # A result that cannot be written is told before the work, not after it; and no file that is read is written over.
    read_files = [Path(arguments.latency or section.latency), *(item.path for item in found)]
    outputs = {
        f"--{name}": path
        for name in ("json", "report", "study")
        if (path := getattr(arguments, name, None)) is not None and str(path) != "-"
    }
    if faults := find_output_faults(outputs, [arguments.config, *read_files]):
        raise ConfigurationError(faults)
    data = open_data(
        found,
        arguments.cache or default_cache_folder(),
        repair=arguments.repair,
        on_progress=show_conversion,
    )
    if arguments.begin is not None or arguments.end is not None:
        data = data.within(arguments.begin or 0, arguments.end or END_OF_TIME_NS)
    return BacktestSetup(data, actors, settings)


def split_words(words: list[str]) -> tuple[list[str], list[str]]:
    """Files of data, and the arguments of the strategy: `key=value` in lower case is one, `SYMBOL=FILE` the other."""
    files: list[str] = []
    pairs: list[str] = []
    for word in words:
        name, equals, _ = word.partition("=")
        is_pair = bool(equals) and name.isidentifier() and name == name.lower()
        (pairs if is_pair and not Path(word).exists() else files).append(word)
    return files, pairs


def read_configuration(
    arguments: argparse.Namespace, pairs: list[str], searched: Collection[str] = ()
) -> tuple[BacktestSection, RiskLimits, list[ActorSpecification]]:
    """`[backtest]`, `[risk]` and the actors. Raises ConfigurationError with every fault."""
    file: Path | None = arguments.config
    faults: list[Fault] = []
    tables = read_toml(file) if file is not None else {}
    place = str(file) if file is not None else "command line"
    find_classes_near(file)
    check_keys(tables, (*SECTIONS, "actors"), place, faults)
    # They have no say here, but a slip in them is told by whatever reads the file.
    read_section(BotSection, tables, "bot", place, faults)
    read_section(VenueSection, tables, "venue", place, faults)
    section = read_section(BacktestSection, tables, "backtest", place, faults)
    risk = RiskLimits() if file is None else DEFAULT_RISK
    if "risk" in tables:
        risk = read_section(RiskLimits, tables, "risk", place, faults)
    actors: list[ActorSpecification] = []
    if arguments.strategy is not None:
        table = {"class": arguments.strategy} | dict(map(parse_pair, pairs))
        found = read_actor(table, "--strategy", faults, SHIPPED_ACTORS, searched)
        actors = [found] if found is not None else []
    else:
        if pairs:
            faults.append(Fault("command line", f"{pairs[0]!r} goes with --strategy", "name one"))
        if file is None:
            faults.append(
                Fault("command line", "there is no strategy", "give --strategy or --config")
            )
        else:
            actors = read_actors(tables, None, place, faults, searched)
    if faults or section is None or risk is None:
        raise ConfigurationError(faults)
    return section, risk, actors


def parse_pair(word: str) -> tuple[str, Any]:
    """A constructor's argument. Raises ConfigurationError for what is none."""
    name, equals, text = word.partition("=")
    if not equals or not name:
        raise ConfigurationError([Fault("command line", f"{word!r} is no key=value", "")])
    return name, parse_value(text)


def parse_value(text: str) -> Any:
    """A whole number, a number, true or false, else the text itself."""
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return {"true": True, "false": False, "True": True, "False": False}.get(text, text)


def read_settings(
    arguments: argparse.Namespace, section: BacktestSection, risk: RiskLimits
) -> BacktestSettings:
    """The settings, the command line's over the file's. Raises BacktestError."""
    feed, order = parse_latency(arguments.latency or section.latency)
    try:
        settings = BacktestSettings(
            balances=section.balances,
            bnb_price=section.bnb_price,
            fill_model=FillModel(arguments.fill_model or section.fill_model),
            bar_model=BarModel(arguments.bar_model or section.bar_model),
            feed_latency=feed,
            order_latency=order,
            risk=risk,
            seed=section.seed if arguments.seed is None else arguments.seed,
            rules=section.rules,
            flatten=arguments.flatten or section.flatten,
            **parse_fees(arguments.fees or section.fees),
        )
    except ValueError as error:
        raise BacktestError(f"[backtest]: {error}") from error
    if arguments.balance:
        settings = replace(settings, balances=parse_balances(arguments.balance))
    return settings


def show_conversion(name: str, part: float) -> None:
    """How far the conversion of a file has come, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r{name}: {part:.0%}   ", end="", file=sys.stderr, flush=True)
