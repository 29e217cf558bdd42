"""Clocks, randomness and SQLite of this Python process, redirected to the simulated process that runs.

While an `Entropy` is installed, every reference to `time.time`, `os.urandom`, `sqlite3.connect` and the like that Python's
garbage collector can find (names imported into modules, default arguments, attributes of classes) leads to a stand-in.
Outside of a running world a stand-in does what the original does; removal puts every original back.
"""

import _thread
import gc
import logging
import os
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from types import FunctionType, TracebackType
from typing import Any

from actors.simulation.disk import open_database
from actors.simulation.fence import refuse
from actors.simulation.socket_calls import NetworkLoop

MONOTONIC_CLOCKS = ("monotonic", "perf_counter", "process_time", "thread_time")
PROCESS_NUMBERS_FROM = 1_000


class Entropy:
    """Installs the stand-ins for the length of a `with` block; one block may hold any number of runs.

    Runs are made one after another, each within `running(loop)`.
    """

    def __init__(self) -> None:
        self.loop: NetworkLoop | None = None
        self._replaced: list[tuple[Callable[[Any], None], Any]] = []
        self._generators: list[Random] = []
        self._real_seed = Random.seed

    def __enter__(self) -> "Entropy":
        # What an earlier freeze took out of sight could not be found.
        gc.unfreeze()
        stand_ins = self._stand_ins()
        self._replace_references(stand_ins)
        self._replace_seeding()
        self._number_hashes()
        self._own_log_handlers()
        self._generators = [item for item in gc.get_objects() if type(item) is Random]
        gc.collect()
        # What exists now outlives every run: the collections between runs need not look at it.
        gc.freeze()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for restore, original in reversed(self._replaced):
            restore(original)
        self._replaced.clear()
        self._generators.clear()
        Random.seed = self._real_seed  # type: ignore[method-assign]
        gc.unfreeze()

    @contextmanager
    def running(self, loop: NetworkLoop) -> Iterator[None]:
        """For one run: its loop is asked for time and randomness, and every generator there is starts anew.

        The garbage collector rests meanwhile, for it would finalise at moments that differ from run to run. What the
        programs log goes to their own handlers: those of the process outside would hear all of them at once, and keep what
        a killed program has left behind.
        """
        was_enabled = gc.isenabled()
        state = random.getstate()
        level = logging.getLogger().level
        states = [generator.getstate() for generator in self._generators]
        random.seed(f"{loop.seed}:global")
        for generator in self._generators:
            # They cannot be told apart in a way that lasts: all get the same start.
            generator.seed(f"{loop.seed}:generator")
        outside = list(logging.getLogger().handlers)
        for handler in outside:
            handler.addFilter(hear_nothing)
        gc.disable()
        self.loop = loop
        try:
            yield
        finally:
            self.loop = None
            for handler in outside:
                handler.removeFilter(hear_nothing)
            random.setstate(state)
            logging.getLogger().setLevel(level)
            for generator, old in zip(self._generators, states, strict=True):
                generator.setstate(old)
            forget_applications()
            if was_enabled:
                gc.enable()

    # The stand-ins.

    def _stand_ins(self) -> list[tuple[Any, Any]]:
        """Pairs of an original and what takes its place."""
        pairs: list[tuple[Any, Any]] = [
            (time.time, self._clock(time.time, lambda loop: loop.wall_ns() / 1e9)),
            (time.time_ns, self._clock(time.time_ns, lambda loop: loop.wall_ns())),
            (time.sleep, self._refusal(time.sleep, "time.sleep()", "await asyncio.sleep()")),
            (time.gmtime, self._calendar(time.gmtime)),
            (time.localtime, self._calendar(time.localtime)),
            (time.strftime, self._text_of_time(time.strftime)),
            (os.urandom, self._random_bytes(os.urandom)),
            (os.getpid, self._process_number(os.getpid)),
            (sqlite3.connect, self._connect(sqlite3.connect)),
        ]
        # `threading` starts its own by the second since Python 3.13.
        for name in ("start_new_thread", "start_joinable_thread"):
            if (start := getattr(_thread, name, None)) is not None:
                pairs.append((start, self._refusal(start, "a thread", "bot and exchange use none")))
        for name in MONOTONIC_CLOCKS:
            seconds, nanoseconds = getattr(time, name), getattr(time, f"{name}_ns")
            pairs.append((seconds, self._clock(seconds, lambda loop: loop.read_clock_ns() / 1e9)))
            pairs.append((nanoseconds, self._clock(nanoseconds, lambda loop: loop.read_clock_ns())))
        return pairs

    def _clock(self, real: Callable[[], Any], simulated: Callable[[NetworkLoop], Any]) -> Any:
        def read_clock() -> Any:
            return real() if self.loop is None else simulated(self.loop)

        return read_clock

    def _refusal(self, real: Callable[..., Any], what: str, instead: str) -> Any:
        def refuse_if_running(*arguments: Any, **options: Any) -> Any:
            if self.loop is not None:
                refuse(what, instead)
            return real(*arguments, **options)

        return refuse_if_running

    def _calendar(self, real: Callable[..., Any]) -> Any:
        def split_time(seconds: float | None = None) -> Any:
            if seconds is None and self.loop is not None:
                seconds = self.loop.wall_ns() / 1e9
            return real(seconds)

        return split_time

    def _text_of_time(self, real: Callable[..., str]) -> Any:
        def format_time(form: str, *moment: Any) -> str:
            if not moment and self.loop is not None:
                moment = (time.localtime(),)
            return real(form, *moment)

        return format_time

    def _random_bytes(self, real: Callable[[int], bytes]) -> Any:
        def draw_bytes(size: int) -> bytes:
            return real(size) if self.loop is None else self.loop.current.entropy.randbytes(size)

        return draw_bytes

    def _process_number(self, real: Callable[[], int]) -> Any:
        def number_of_process() -> int:
            if self.loop is None:
                return real()
            return PROCESS_NUMBERS_FROM + self.loop.current.number

        return number_of_process

    def _connect(self, real: Callable[..., sqlite3.Connection]) -> Any:
        def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
            if self.loop is None:
                return real(*arguments, **options)
            return open_database(self.loop, real, *arguments, **options)

        return connect

    def _replace_seeding(self) -> None:
        """`Random()` without a seed takes one from the operating system in C; here it takes it from the process."""
        real = self._real_seed

        def seed(generator: Random, a: Any = None, version: int = 2) -> None:
            if a is None and self.loop is not None:
                a = int.from_bytes(self.loop.current.entropy.randbytes(32), "big")
            real(generator, a, version)

        Random.seed = seed  # type: ignore[method-assign, assignment]

    def _number_hashes(self) -> None:
        """aiohttp keeps its connections in sets, which would be closed in the order of their addresses in memory."""
        module = sys.modules.get("aiohttp.client_proto")
        handler = getattr(module, "ResponseHandler", None)
        if handler is None or "__hash__" in vars(handler):
            return

        def numbered_hash(item: Any) -> int:
            number = vars(item).get("_simulated_number")
            if number is None:
                if self.loop is None:
                    return object.__hash__(item)
                number = self.loop.next_number()
                vars(item)["_simulated_number"] = number
            return int(number)

        handler.__hash__ = numbered_hash
        self._replaced.append((lambda _: delattr(handler, "__hash__"), None))

    def _own_log_handlers(self) -> None:
        """Loggers are shared by all processes: a handler hears only the process that added it, and dies with it."""
        real = logging.Logger.addHandler

        def add_handler(logger: logging.Logger, handler: logging.Handler) -> None:
            loop = self.loop
            if loop is not None:
                process = loop.current
                process.log_handlers.append((logger, handler))
                handler.addFilter(lambda record: loop.current is process)
            real(logger, handler)

        logging.Logger.addHandler = add_handler  # type: ignore[method-assign, assignment]
        self._replaced.append(
            (lambda original: setattr(logging.Logger, "addHandler", original), real)
        )

    # Finding and replacing.

    def _replace_references(self, pairs: list[tuple[Any, Any]]) -> None:
        by_identity = {id(original): stand_in for original, stand_in in pairs}
        originals = [original for original, _ in pairs]
        dicts: list[dict[Any, Any]] = []
        tuples: list[tuple[Any, ...]] = []
        for referrer in gc.get_referrers(*originals):
            if type(referrer) is dict:
                dicts.append(referrer)
            elif type(referrer) is tuple:
                tuples.append(referrer)
        of_classes = dicts_of_classes(dicts)
        for found in dicts:
            if id(found) not in of_classes:
                self._replace_in_dict(found, by_identity)
        owned = {id(item) for item in tuples}
        for referrer in gc.get_referrers(*tuples) if tuples else ():
            if isinstance(referrer, FunctionType) and id(referrer.__defaults__) in owned:
                defaults = referrer.__defaults__
                assert defaults is not None
                self._replaced.append((default_setter(referrer), defaults))
                referrer.__defaults__ = tuple(
                    by_identity.get(id(value), value) for value in defaults
                )

    def _replace_in_dict(self, found: dict[Any, Any], by_identity: dict[int, Any]) -> None:
        for key, value in list(found.items()):
            stand_in = by_identity.get(id(value))
            if stand_in is not None:
                self._replaced.append((item_setter(found, key), value))
                found[key] = stand_in


def hear_nothing(record: logging.LogRecord) -> bool:
    """The filter of a handler that is not concerned."""
    return False


def dicts_of_classes(dicts: list[dict[Any, Any]]) -> set[int]:
    """Which of these hold a class's attributes: a function put there would become a method."""
    identities = {id(found) for found in dicts}
    return {
        id(found)
        for owner in gc.get_referrers(*dicts)
        if isinstance(owner, type)
        for found in gc.get_referents(owner)
        if id(found) in identities
    }


def item_setter(found: dict[Any, Any], key: Any) -> Callable[[Any], None]:
    """Puts a value back into a dict."""

    def put_back(value: Any) -> None:
        found[key] = value

    return put_back


def default_setter(function: FunctionType) -> Callable[[Any], None]:
    """Puts default arguments back into a function."""

    def put_back(value: Any) -> None:
        function.__defaults__ = value

    return put_back


def forget_applications() -> None:
    """aiohttp keeps handlers with their applications in a cache of its module, which would keep a whole run alive."""
    module = sys.modules.get("aiohttp.web_app")
    cached = getattr(module, "_cached_build_middleware", None)
    if cached is not None:
        cached.cache_clear()
