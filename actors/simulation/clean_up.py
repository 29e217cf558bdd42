"""The end of a run: what it left behind is finalised before another run begins, and nobody hears of it."""

import asyncio
import gc
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

MOST_COLLECTIONS = 5


@contextmanager
def unheard_finalizers() -> Iterator[None]:
    """Around the clearing of a run; what it leaves to the garbage collector is collected at the end."""
    hook, sys.unraisablehook = sys.unraisablehook, ignore_unraisable
    disabled, level = logging.root.manager.disable, logging.root.level
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
            for _ in range(MOST_COLLECTIONS):
                # What is finalised may leave new garbage.
                if gc.collect() == 0:
                    break
    finally:
        sys.unraisablehook = hook
        logging.disable(disabled)
        # A bot that is ended here takes its own log down, and sets the level that held when it came.
        logging.root.setLevel(level)


def close_coroutines(loop: asyncio.AbstractEventLoop) -> None:
    """Ends what every task of a loop was running."""
    for task in asyncio.all_tasks(loop):
        close_coroutine(task.get_coro())


class Unheard(AbstractContextManager[None]):
    """Around the last moments of what a run left behind: what it raises is nobody's any more."""

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        return isinstance(error, Exception | GeneratorExit | asyncio.CancelledError)


def close_coroutine(coroutine: Any) -> None:
    """Ends a coroutine of a run that is over, as often as its `finally` blocks wait for something."""
    for _ in range(MOST_COLLECTIONS):
        with Unheard():
            coroutine.close()
            return


def ignore_unraisable(unraisable: Any) -> None:
    """Killed programs leave coroutines behind, which may complain when they are finalised."""
