"""`bin/backtest replay`, `explain` and `divergence`: what a recorded run did, whether it does so again, and why not."""

import argparse
from pathlib import Path

from actors.backtest.causes import chain_of, describe_frame
from actors.backtest.divergence import compare_orders, read_live_orders, read_live_ticks
from actors.backtest.engine import run_backtest
from actors.backtest.errors import BacktestError
from actors.backtest.explain import explain_order
from actors.backtest.report import time_text
from actors.commands.backtest_setup import add_shared, parse_value, read_setup
from actors.commands.composition import Venue, compose
from actors.commands.configuration import load_configuration
from actors.commands.configured_actors import SHIPPED_ACTORS
from actors.runtime.config import read_actor
from actors.runtime.errors import ConfigurationError, Fault
from actors.runtime.replay import Divergence, replay
from actors.runtime.specification import ActorSpecification
from actors.spelling import suggest
from messages.recording import Opening, read_recording

DIFFERENT = 1


def add_replay(parser: argparse.ArgumentParser) -> None:
    """The options of a replay."""
    add = parser.add_argument
    add("recording", type=Path, metavar="RECORDING", help="what bin/start --record has written")
    add(
        "--config",
        type=Path,
        metavar="FILE",
        help="the run's configuration: the order manager is then re-executed too, with its limits",
    )
    add("--actor", action="append", metavar="NAME", help="this actor alone; repeatable")


def run_replay(arguments: argparse.Namespace) -> int:
    """Re-executes a recording; 1 if any actor does otherwise than recorded."""
    recording: Path = arguments.recording
    try:
        opening = next(read_recording(recording))
        specifications = find_actors(opening, arguments.config)
        known = [item.name for item in specifications]
        for name in arguments.actor or ():
            if name not in known:
                hint = suggest(name, known, f"there are {', '.join(known)}")
                raise BacktestError(f"--actor: {name!r} is none that can be re-executed ({hint})")
        if arguments.actor:
            specifications = [item for item in specifications if item.name in arguments.actor]
        if not specifications:
            raise BacktestError("none of these actors can be re-executed: see --config and --actor")
        actors = replay(read_recording(recording), specifications)
    except OSError as error:
        raise BacktestError(f"{recording}: {error.strerror}") from error
    except ValueError as error:
        raise BacktestError(str(error)) from error
    is_different = False
    for actor in actors:
        name = actor.specification.name
        if actor.divergence is None:
            print(
                f"{name}: {actor.handled:,} messages handled, {actor.outputs:,} sent, all as recorded"
            )
        else:
            is_different = True
            tell_divergence(recording, name, actor.divergence)
    return DIFFERENT if is_different else 0


def find_actors(record: object, config: Path | None) -> list[ActorSpecification]:
    """The actors to re-execute: of the configuration, or those that the recording's opening names.

    Raises ConfigurationError for those that cannot be built.
    """
    if config is not None:
        return compose(load_configuration(config), Venue.unopened())
    faults: list[Fault] = []
    found = []
    for item in record.actors if isinstance(record, Opening) else []:
        arguments = {
            key: parse_value(value) for key, value in item["arguments"].items() if value != "None"
        }
        table = {"class": item["class"], "name": item["name"], **arguments}
        specification = read_actor(table, f"recording: {item['name']}", faults, SHIPPED_ACTORS)
        if specification is not None:
            found.append(specification)
    if faults:
        raise ConfigurationError([*faults, Fault("recording", "give the run's own --config", "")])
    return found


def tell_divergence(recording: Path, name: str, divergence: Divergence) -> None:
    """The first difference of an actor, and what led to it."""
    print(f"{name}: parts from the recording at {time_text(divergence.time_ns)}")
    if divergence.recorded is None and divergence.replayed is None:
        print("  it fails now, where it did not when it was recorded")
    print(
        f"  recorded: {describe_frame(divergence.recorded) if divergence.recorded else 'nothing'}"
    )
    print(
        f"  now:      {describe_frame(divergence.replayed) if divergence.replayed else 'nothing'}"
    )
    print(f"  on:       {describe_frame(divergence.caused_by)}")
    for cause in chain_of(recording, divergence.caused_by):
        print(f"  because:  {cause}")


def add_explain(parser: argparse.ArgumentParser) -> None:
    """The options of an explanation."""
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="a recording, a journal, or a bot's state folder")
    add("--order", required=True, metavar="ID", help="any id of the order: ours, or the venue's")


def run_explain(arguments: argparse.Namespace) -> int:
    """Prints the way of one order."""
    for line in explain_order(arguments.run, arguments.order):
        print(line)
    return 0


def add_divergence(parser: argparse.ArgumentParser) -> None:
    """The options of the comparison."""
    parser.add_argument(
        "--recording", type=Path, required=True, metavar="FILE", help="the live run"
    )
    add_shared(parser)


def run_divergence(arguments: argparse.Namespace) -> int:
    """Says where a live run and a backtest part; 1 if they do."""
    live = read_live_orders(arguments.recording)
    if not arguments.words and not arguments.data:
        arguments.data = [str(arguments.recording)]
    setup = read_setup(arguments)
    run = run_backtest(setup.data, setup.actors, setup.settings)
    names = {actor.name for actor in setup.actors}
    differences = compare_orders(
        live.values(),
        run.record.orders.values(),
        lambda: read_live_ticks(arguments.recording, names),
        lambda: (frame for batch in setup.data.frames() for _, frame in batch),
    )
    for difference in differences:
        print(difference)
    print(
        f"{len(live)} orders live, {len(run.record.orders)} in the backtest, {len(differences)} differences"
    )
    return DIFFERENT if differences else 0
