"""A copy of a function for one class of actor, so that the interpreter adapts it to what that class does.

CPython specialises the bytecode of a function by the types that it meets (PEP 659), in caches that lie in the code itself:
a function that runs for every actor meets all their classes and all their messages, and is specialised for none. A copy
for each actor class meets few. It saves an eighth of a message's way through four actors.
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any, ParamSpec, TypeVar, cast
from weakref import WeakKeyDictionary

Parameters = ParamSpec("Parameters")
ResultType = TypeVar("ResultType")

COPIES: WeakKeyDictionary[type, dict[Any, Any]] = WeakKeyDictionary()
"""One for each class and function, however many actors are of the class."""


def copy_for(
    owner: type, function: Callable[Parameters, ResultType]
) -> Callable[Parameters, ResultType]:
    """The same function, with caches of its own for what this class does."""
    copies = COPIES.setdefault(owner, {})
    if function not in copies:
        original = cast(FunctionType, function)
        copied = FunctionType(
            original.__code__.replace(),
            original.__globals__,
            original.__name__,
            original.__defaults__,
            original.__closure__,
        )
        copied.__kwdefaults__ = original.__kwdefaults__
        copied.__doc__, copied.__qualname__ = original.__doc__, original.__qualname__
        copies[function] = copied
    return cast(Callable[Parameters, ResultType], copies[function])
