"""The search over a strategy's constructor parameters: walk-forward, out of sample, the same for any number of workers.

The data are cut into windows of equal length. In each, the first part is searched and the last part, which the search has
never seen, is played once with the best parameters: the returns of those parts alone, chained, are what the search is worth.

Trials are asked for in batches of a fixed size and told in their order, each batch by a sampler whose seed is that of the
batch: so a study comes to the same result with one worker and with many, in one go and after an interruption.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import optuna
import sqlalchemy.exc

from actors.backtest.errors import BacktestError
from actors.backtest.source import MarketData
from actors.spelling import suggest

BATCH = 8
NO_VALUE = -1e300
"""What a trial without the figure that is searched for is worth: less than any that has it."""
REFUSAL = "refusal"
"""The one figure of a set of parameters that the strategy refuses or fails with: why it does."""
Parameters = dict[str, Any]
Evaluate = Callable[[MarketData, list[Parameters]], list[dict[str, Any]]]
"""Runs one backtest for each set of parameters; gives their metrics, in this order; of what is refused its `REFUSAL`."""


@dataclass(frozen=True)
class Space:
    """What one parameter may be: a range of whole numbers or of reals, or one of some values."""

    name: str
    low: float = 0.0
    high: float = 0.0
    is_whole: bool = False
    choices: tuple[Any, ...] = ()

    def suggest(self, trial: optuna.trial.Trial) -> Any:
        """A value for a trial."""
        if self.choices:
            return trial.suggest_categorical(self.name, list(self.choices))
        if self.is_whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high))
        return trial.suggest_float(self.name, self.low, self.high)


def parse_space(word: str) -> Space:
    """`fast=5..50` (whole numbers), `spread=0.001..0.01` (reals), `interval=1m|5m` (choices). Raises BacktestError."""
    name, equals, text = word.partition("=")
    low, dots, high = text.partition("..")
    parts = [low, high] if dots else text.split("|")
    try:
        if not equals or not name.isidentifier() or not all(parts):
            raise ValueError("write name=low..high or name=a|b|c")
        if not dots:
            return Space(name, choices=tuple(parts))
        is_whole = "." not in low.strip("-") and "." not in high
        space = Space(name, float(low), float(high), is_whole)
        for part, value in ((low, space.low), (high, space.high)):
            if not math.isfinite(value):
                raise ValueError(f"{part} is not a finite number")
        if not space.low < space.high:
            raise ValueError(f"{low} is not below {high}")
    except ValueError as error:
        raise BacktestError(f"--over {word}: {error}") from error
    return space


@dataclass(frozen=True)
class Window:
    """One step of the walk: what is searched, and what is then played unseen."""

    number: int
    begin_ns: int
    split_ns: int
    end_ns: int


def make_windows(data: MarketData, count: int, part: float) -> list[Window]:
    """Windows that follow each other; of each the last `part` is unseen. Raises BacktestError for impossible figures."""
    if count < 1 or not 0 < part < 1:
        raise BacktestError("there must be 1 or more windows, and an unseen part between 0 and 1")
    begin, end = data.first_time_ns, data.last_time_ns + 1
    # Unseen parts follow each other without a hole: a window moves on by the length of its unseen part.
    length = (end - begin) / (1 + (count - 1) * part)
    # Each border is reckoned once: what lies at it is unseen in one window, and in one alone.
    splits = [begin + round(length * (1 - part + number * part)) for number in range(count)]
    windows = []
    for number, (split, last) in enumerate(pairwise([*splits, end])):
        windows.append(Window(number, begin + round(number * length * part), split, last))
    return windows


@dataclass(frozen=True)
class Step:
    """What one window came to."""

    window: Window
    parameters: Parameters
    seen: dict[str, Any]
    """Metrics of the searched part with the best parameters."""
    unseen: dict[str, Any]
    """The same parameters on what the search has not seen."""
    trials: int


def search(
    data: MarketData,
    spaces: Sequence[Space],
    evaluate: Evaluate,
    *,
    objective: str,
    trials: int,
    windows: Sequence[Window],
    storage: str | None = None,
    name: str = "study",
    seed: int = 0,
    terms: Mapping[str, str] | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> list[Step]:
    """Searches every window; `objective` is the name of the metric that is to be great.

    With a `storage` (an optuna URL) trials that it holds already are not run again; `terms` is what a trial's figures rest
    on beside what is given here, each by its name. Raises BacktestError for an unknown objective, a storage that is none or
    of another search, and where every set of parameters is refused.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    steps = []
    with open_storage(storage) as kept:
        for window in windows:
            study = optuna.create_study(
                study_name=f"{name}-{window.number}",
                storage=kept,
                direction="maximize",
                load_if_exists=True,
            )
            mine = {
                "data": data.digest,
                "windows": f"{window.begin_ns} {window.split_ns} {window.end_ns}",
                "values": repr(sorted(spaces, key=lambda space: space.name)),
                "objective": objective,
                "seed": str(seed),
                **(terms or {}),
            }
            refuse_other_search(study, mine)
            part = data.within(window.begin_ns, window.split_ns)
            search_window(study, part, spaces, evaluate, objective, trials, seed, on_progress)
            best = best_of(study)
            if why := best.user_attrs["metrics"].get(REFUSAL):
                raise BacktestError(
                    f"the strategy refuses every set of parameters that was tried, {best.params} because {why}"
                )
            values = complete(spaces, best.params)
            unseen = evaluate(data.within(window.split_ns, window.end_ns), [values])[0]
            steps.append(
                Step(window, values, dict(best.user_attrs["metrics"]), unseen, len(study.trials))
            )
    return steps


@contextmanager
def open_storage(url: str | None) -> Iterator[optuna.storages.RDBStorage | None]:
    """Optuna's own storage at an address; without one trials are kept in memory. Raises BacktestError if it is none.

    Left alone, its connections stay open until the garbage is collected.
    """
    if url is None:
        yield None
        return
    file = url.removeprefix("sqlite:///")
    try:
        storage = optuna.storages.RDBStorage(url)
    except (sqlalchemy.exc.DBAPIError, RuntimeError) as error:
        why = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
        raise BacktestError(f"{file} is no study: {why}") from error
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def search_window(
    study: optuna.Study,
    data: MarketData,
    spaces: Sequence[Space],
    evaluate: Evaluate,
    objective: str,
    trials: int,
    seed: int,
    on_progress: Callable[[str], None] | None,
) -> None:
    """Runs what is missing of a window's trials, whole batches of them."""
    drop_unfinished(study)
    while (done := len(finished(study))) < trials:
        batch = done // BATCH
        study.sampler = optuna.samplers.TPESampler(
            seed=seed * 1_000_003 + batch, n_startup_trials=2 * BATCH, constant_liar=True
        )
        count = min(BATCH, trials - done)
        asked = [study.ask() for _ in range(count)]
        sets = [suggest_all(trial, spaces) for trial in asked]
        for trial, figures in zip(asked, evaluate(data, sets), strict=True):
            value = figure_of(figures, objective)
            trial.set_user_attr("metrics", {key: figures[key] for key in sorted(figures)})
            study.tell(trial, NO_VALUE if value is None else value)
        if on_progress is not None:
            best = best_of(study).value
            text = "none yet" if best == NO_VALUE else f"{best:.6g}"
            on_progress(f"{study.study_name}: {done + count} of {trials}, best {text}")


def refuse_other_search(study: optuna.Study, terms: Mapping[str, str]) -> None:
    """Raises BacktestError if the study's trials are of another search: their figures would be told as this one's."""
    known = study.user_attrs.get("search")
    if known is None and not study.trials:
        study.set_user_attr("search", dict(terms))
        return
    others = [name for name, value in terms.items() if (known or {}).get(name) != value]
    if others:
        raise BacktestError(
            f"--study holds a search over other {', '.join(others)}: name another file"
        )


def suggest_all(trial: optuna.trial.Trial, spaces: Sequence[Space]) -> Parameters:
    """A value for each parameter."""
    return {space.name: space.suggest(trial) for space in spaces}


def figure_of(figures: Mapping[str, Any], objective: str) -> float | None:
    """What a trial is worth; None where it has no such figure. Raises BacktestError if none ever has."""
    if REFUSAL in figures:
        return None
    value = figures.get(objective)
    if objective in figures and (value is None or isinstance(value, int | float)):
        return value
    known = sorted(
        key for key, item in figures.items() if item is None or isinstance(item, int | float)
    )
    hint = suggest(objective, known, f"there are {', '.join(known)}")
    raise BacktestError(f"--objective: there is no figure {objective!r} ({hint})")


def drop_unfinished(study: optuna.Study) -> None:
    """Trials that an interruption has left: they are told as failed, and run again."""
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)


def finished(study: optuna.Study) -> list[Any]:
    """Trials with a result."""
    states = (optuna.trial.TrialState.COMPLETE,)
    return list(study.get_trials(deepcopy=False, states=states))


def best_of(study: optuna.Study) -> Any:
    """The trial with the greatest value; of equals one that was not refused, and the first of these."""

    def rank(trial: Any) -> tuple[float, bool, int]:
        return trial.value, REFUSAL not in trial.user_attrs["metrics"], -trial.number

    return max(finished(study), key=rank)


def complete(spaces: Sequence[Space], values: Mapping[str, Any]) -> Parameters:
    """The values of all parameters, in the order of the spaces."""
    return {space.name: values[space.name] for space in spaces}


def chain_returns(steps: Sequence[Step]) -> float | None:
    """The return of the unseen parts one after the other; None if one of them has none."""
    whole = 1.0
    for step in steps:
        value = step.unseen.get("return")
        if value is None:
            return None
        whole *= 1 + value
    return whole - 1
