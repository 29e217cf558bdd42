"""A coroutine that has begun before its task: what eager tasks are, for interpreters without them.

A task takes its first step only after the loop has come round. A request that has nothing to wait for is on its way before
that if the coroutine that sends it is run up to its first wait at once; the task then takes over from there.
"""

from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

ResultType = TypeVar("ResultType")


class Begun(Generic[ResultType]):
    """Runs a coroutine up to its first wait; awaiting this, once, is awaiting the rest.

    What it raises before that is raised where it is awaited. It must not ask for the current task before its first wait.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, ResultType]) -> None:
        self._coroutine = coroutine
        self._error: BaseException | None = None
        self._is_done = False
        try:
            self._awaited = coroutine.send(None)
        except StopIteration as stop:
            self._is_done, self._result = True, stop.value
        except BaseException as error:
            self._is_done, self._error = True, error

    def __await__(self) -> Generator[Any, Any, ResultType]:
        if self._error is not None:
            raise self._error
        if self._is_done:
            result: ResultType = self._result
            return result
        awaited = self._awaited
        while True:
            try:
                try:
                    value = yield awaited
                except GeneratorExit:
                    self._coroutine.close()
                    raise
                except BaseException as error:
                    awaited = self._coroutine.throw(error)
                else:
                    awaited = self._coroutine.send(value)
            except StopIteration as stop:
                result = stop.value
                return result

    def close(self) -> None:
        """Ends it where it stands, if nobody will await it."""
        self._coroutine.close()
