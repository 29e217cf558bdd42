"""`bin/backtest optimize`: searches a strategy's parameters on all cores, and reports what it is worth on unseen data."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

import msgspec

from actors.backtest.engine import describe_actor, run_backtest
from actors.backtest.errors import BacktestError
from actors.backtest.report import build_metrics, number, time_text
from actors.backtest.search import (
    REFUSAL,
    Parameters,
    Space,
    Step,
    chain_returns,
    make_windows,
    parse_space,
    search,
)
from actors.backtest.settings import BacktestSettings
from actors.backtest.source import MarketData
from actors.commands.backtest_setup import add_shared, parse_value, read_setup
from actors.runtime.config import check_arguments
from actors.runtime.errors import ConfigurationError, Fault
from actors.runtime.specification import ActorSpecification, parameters_of

TO_THE_MINUTE, TO_THE_SECOND = 16, 19
SHORT_WINDOW_NS = 600 * 10**9
LOOK_INTERVAL_S = 0.2


def add_optimize(parser: argparse.ArgumentParser) -> None:
    """The options of a search."""
    add_shared(parser)
    add = parser.add_argument
    add("--over", action="append", required=True, metavar="NAME=LOW..HIGH", help="or NAME=A|B|C")
    add("--trials", type=int, default=64, metavar="N", help="in each window (64)")
    add("--objective", default="sharpe", metavar="FIGURE", help="what is to be great (sharpe)")
    add("--windows", type=int, default=3, metavar="N", help="of the walk forward (3)")
    add("--unseen", type=float, default=0.3, metavar="PART", help="of each window (0.3)")
    add("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="all cores")
    add(
        "--study",
        type=Path,
        metavar="FILE",
        help="keeps the trials: the search can be gone on with",
    )
    add("--json", type=Path, metavar="FILE", help="write the result as JSON")


@dataclass(frozen=True)
class Trial:
    """One backtest of the search: all that a worker needs."""

    data: MarketData
    actors: list[ActorSpecification]
    settings: BacktestSettings
    parameters: Parameters


def run_trial(trial: Trial) -> dict[str, Any]:
    """Runs one backtest; its metrics. Parameters that the strategy refuses, or fails with, give only the reason.

    One that failed has stopped trading, and would be the best of a search in which the others lose.
    """
    first, *others = trial.actors
    faults: list[Fault] = []
    table = {**first.arguments, **trial.parameters}
    arguments = check_arguments(first.actor_class, table, "optimize", faults)
    if faults:
        raise ConfigurationError(faults)
    try:
        first.actor_class(**arguments)
    except ValueError as error:
        return {REFUSAL: str(error)}
    actors = [replace(first, arguments=arguments), *others]
    run = run_backtest(trial.data, actors, trial.settings)
    for failure in filter(None, [run.failure, *run.record.failures]):
        return {REFUSAL: f"with them it fails: {failure}"}
    return build_metrics(run)


PARTS_OF_A_WHOLE = ("return", "win_rate", "maximum_drawdown")
METRICS = (
    "return",
    "sharpe",
    "sortino",
    "calmar",
    "profit_factor",
    "win_rate",
    "net_profit",
    "maximum_drawdown",
)


def run_optimize(arguments: argparse.Namespace) -> int:
    """Searches and reports."""
    spaces = read_spaces(arguments)
    setup = read_setup(arguments, [space.name for space in spaces])
    spaces = fit_spaces(spaces, setup.actors[0])
    windows = make_windows(setup.data, arguments.windows, arguments.unseen)
    storage = f"sqlite:///{arguments.study}" if arguments.study is not None else None
    with workers(arguments.workers) as run_all:

        def evaluate(data: MarketData, sets: list[Parameters]) -> list[dict[str, Any]]:
            trials = [Trial(data, setup.actors, setup.settings, item) for item in sets]
            results: list[dict[str, Any]] = run_all(trials)
            return results

        steps = search(
            setup.data,
            spaces,
            evaluate,
            objective=arguments.objective,
            trials=arguments.trials,
            windows=windows,
            storage=storage,
            name=setup.actors[0].name,
            seed=setup.settings.seed,
            terms={
                "actors": str([describe_actor(actor) for actor in setup.actors]),
                "settings": repr(setup.settings),
            },
            on_progress=lambda text: print(text, file=sys.stderr),
        )
    tell(steps, arguments.objective)
    if arguments.json is not None:
        try:
            arguments.json.write_bytes(to_json(steps, arguments.objective))
        except OSError as error:
            raise BacktestError(f"{arguments.json}: {error.strerror}") from error
    return 0


def read_spaces(arguments: argparse.Namespace) -> list[Space]:
    """What the command line wants searched. Raises BacktestError for what cannot be, and for impossible figures."""
    for name in ("trials", "workers"):
        if getattr(arguments, name) < 1:
            raise BacktestError(f"--{name} must be 1 or more, not {getattr(arguments, name)}")
    spaces: dict[str, Space] = {}
    for word in arguments.over:
        space = parse_space(word)
        if space.name in spaces:
            raise BacktestError(f"--over {word}: it is searched already")
        spaces[space.name] = space
    return list(spaces.values())


def fit_spaces(spaces: list[Space], actor: ActorSpecification) -> list[Space]:
    """The spaces, choices in the types that the constructor wants.

    Raises ConfigurationError with every parameter that it has not, or that cannot be of these values.
    """
    faults: list[Fault] = []
    fitted = []
    for space in spaces:
        others = parameters_of(actor.actor_class).keys() - {space.name}

        def find_faults(value: Any, name: str = space.name, others: Any = others) -> list[Fault]:
            found: list[Fault] = []
            check_arguments(actor.actor_class, {name: value}, "--over", found, others)
            return found

        choices = []
        for choice in space.choices:
            typed = choice if not find_faults(choice) else parse_value(choice)
            faults.extend(find_faults(typed))
            choices.append(typed)
        if not choices:
            ends = (space.low, space.high)
            found = [find_faults(int(end) if space.is_whole else end) for end in ends]
            faults.extend(found[0] or found[1])
        fitted.append(replace(space, choices=tuple(choices)))
    if faults:
        raise ConfigurationError(list(dict.fromkeys(faults)))
    return fitted


@contextmanager
def workers(count: int) -> Iterator[Any]:
    """What runs trials, in this process or in several; the results come in the order of the trials."""
    if count <= 1:
        yield lambda trials: [run_trial(trial) for trial in trials]
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(
        count, mp_context=context, initializer=take_path, initargs=(list(sys.path),)
    ) as pool:
        try:
            yield lambda trials: run_in_pool(pool, trials, count)
        except KeyboardInterrupt:
            # What they are at is of no use any more. A pool that is asked to end may miss that (seen on CPython 3.11.2), but
            # not that its workers are gone.
            for worker in active_children():
                worker.terminate()
            raise


def run_in_pool(pool: ProcessPoolExecutor, trials: list[Trial], count: int) -> list[dict[str, Any]]:
    """The results of trials, in their order. Raises what a trial raises, and KeyboardInterrupt after a signal to end.

    Each of the `count` workers is given a trial when it has none, so that nothing waits in the pool that would have to be
    canceled.

    A signal is noted, and looked for between two waits: raised wherever it comes, it may leave one of the pool's locks
    taken, and the pool would never end. Ctrl-C goes to workers too, which are started here at first: they inherit that it
    is blocked, and end with the pool.
    """
    signals: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: signals.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    results: dict[int, dict[str, Any]] = {}
    running: dict[Future[dict[str, Any]], int] = {}
    left = list(reversed(range(len(trials))))
    try:
        while (left or running) and not signals:
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                while left and len(running) < count:
                    place = left.pop()
                    running[pool.submit(run_trial, trials[place])] = place
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            done, _ = wait(running, LOOK_INTERVAL_S, FIRST_COMPLETED)
            for future in done:
                results[running.pop(future)] = future.result()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if signals:
        raise KeyboardInterrupt
    return [results[place] for place in range(len(trials))]


def take_path(path: list[str]) -> None:
    """A worker finds the user's modules where this process does."""
    sys.path[:] = path


def tell(steps: list[Step], objective: str) -> None:
    """The steps of the walk, and what they are worth together."""
    figures = [objective] if objective == "return" else [objective, "return"]
    for place, step in enumerate(steps, 1):
        window = step.window
        values = ", ".join(f"{name}={value}" for name, value in step.parameters.items())
        if step.seen.get(objective) is None:
            print(f"window {place}: {values} is the first of {step.trials}: none has a {objective}")
        else:
            print(f"window {place}: {values} is the best of {step.trials}")
        parts = (
            ("searched", window.begin_ns, window.split_ns, step.seen),
            ("unseen", window.split_ns, window.end_ns, step.unseen),
        )
        for name, begin_ns, end_ns, found in parts:
            cells = "  ".join(f"{key} {figure_text(key, found.get(key)):>9}" for key in figures)
            cells = found.get(REFUSAL, cells)
            print(f"  {name:<8} {span_text(begin_ns, end_ns)}  {cells}")
    print(f"return of all unseen parts: {figure_text('return', chain_returns(steps))}")


def span_text(begin_ns: int, end_ns: int) -> str:
    """From when to when, UTC; to the minute, or of a short window to the second."""
    length = TO_THE_MINUTE if end_ns - begin_ns >= SHORT_WINDOW_NS else TO_THE_SECOND
    begin, end = (time_text(each)[:length].replace("T", " ") for each in (begin_ns, end_ns))
    return f"{begin} to {end}"


def figure_text(name: str, value: Any) -> str:
    """A figure for people: what is a part of a whole in percent."""
    if value is not None and name in PARTS_OF_A_WHOLE:
        return f"{value:.4%}"
    return text(value)


def text(value: Any) -> str:
    """A figure for people."""
    return "-" if value is None else f"{value:.5g}"


def to_json(steps: list[Step], objective: str) -> bytes:
    """The result for machines."""
    found = {
        "objective": objective,
        "unseen_return": number(chain_returns(steps)),
        "windows": [
            {
                "begin": time_text(step.window.begin_ns),
                "split": time_text(step.window.split_ns),
                "end": time_text(step.window.end_ns),
                "parameters": step.parameters,
                "trials": step.trials,
                "searched": {name: step.seen.get(name) for name in METRICS},
                "unseen": {name: step.unseen.get(name) for name in METRICS},
            }
            for step in steps
        ],
    }
    return msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"
