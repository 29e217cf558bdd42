"""What an actor class handles and sends, read from its annotations once, when the class is created."""

import inspect
import types
import typing
from collections.abc import Callable
from typing import Any, Never, Union, get_args, get_origin

import typing_extensions

from actors.runtime.errors import HandlerError
from messages.base import Message, Policy
from messages.market import MarketMessage

LIFECYCLE_HOOKS = frozenset({"on_start", "on_stop"})
LIFECYCLE_MESSAGES = frozenset({"Start", "Stop", "TimerFired"})
"""What the runtime handles for every actor, before the class could."""
HandlerTable = dict[type[Message], tuple[str, ...]]


def find_handlers(cls: type) -> HandlerTable:
    """The methods that handle each message class: the base's own (`_on_...`) first, then `on_...`.

    Raises HandlerError for a handler that is no plain method of one annotated message, naming class, method and type.
    """
    own: dict[type[Message], str] = {}
    inner: dict[type[Message], list[str]] = {}
    for name in dir(cls):
        if not name.startswith(("on_", "_on_")) or name in LIFECYCLE_HOOKS:
            continue
        method = inspect.getattr_static(cls, name)
        if not isinstance(method, types.FunctionType):
            if not (callable(method) or isinstance(method, (classmethod, property))):
                # A constant; None is how a subclass does without a handler of its base.
                continue
            raise HandlerError(
                f"{cls.__qualname__}.{name}: a handler is a plain method, not a {type(method).__name__}"
            )
        for message_class in handled_classes(cls, name, method):
            if message_class.__name__ in LIFECYCLE_MESSAGES:
                raise HandlerError(
                    f"{cls.__qualname__}.{name}: {message_class.__name__} is the runtime's own; "
                    "define on_start or on_stop, or give schedule() a callback"
                )
            if name.startswith("_"):
                inner.setdefault(message_class, []).append(name)
            elif message_class in own:
                raise HandlerError(
                    f"{cls.__qualname__}: both {own[message_class]} and {name} handle {message_class.__name__}"
                )
            else:
                own[message_class] = name
    return {
        message_class: (*inner.get(message_class, ()), *filter(None, [own.get(message_class)]))
        for message_class in sorted({*own, *inner}, key=lambda item: item.__name__)
    }


def handled_classes(cls: type, name: str, method: Callable[..., Any]) -> tuple[type[Message], ...]:
    """The message classes that one handler's annotation names."""
    where = f"{cls.__qualname__}.{name}"
    check_plain(method, where)
    parameters = list(inspect.signature(method).parameters.values())[1:]
    if len(parameters) != 1 or parameters[0].kind not in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    ):
        raise HandlerError(f"{where}: a handler takes self and exactly one message")
    try:
        annotation = typing.get_type_hints(method).get(parameters[0].name)
    except (NameError, AttributeError, TypeError) as error:
        raise HandlerError(
            f"{where}: its annotation cannot be resolved ({error}); import message classes at run time, "
            "not under TYPE_CHECKING"
        ) from error
    if annotation is None:
        raise HandlerError(f"{where}: annotate its parameter with the message class it handles")
    return message_classes_of(annotation, where)


def check_plain(method: Callable[..., Any], where: str) -> None:
    """Raises HandlerError for a method whose call would run nothing, but make a coroutine or a generator."""
    if (
        inspect.iscoroutinefunction(method)
        or inspect.isasyncgenfunction(method)
        or inspect.isgeneratorfunction(method)
    ):
        raise HandlerError(
            f"{where}: a handler is a plain `def` without `yield`; "
            "await in run() or in a task given to self.spawn()"
        )


def check_declarations(cls: type, lazy_inputs: frozenset[type[Message]]) -> None:
    """Raises HandlerError for hooks that would never run, a `run` that is no coroutine, and lazy classes that queue."""
    for name in sorted(LIFECYCLE_HOOKS):
        check_plain(getattr(cls, name), f"{cls.__qualname__}.{name}")
    run = getattr(cls, "run", None)
    if run is not None and not inspect.iscoroutinefunction(run):
        raise HandlerError(f"{cls.__qualname__}.run: the actor's own task is an `async def`")
    for message_class in sorted(lazy_inputs, key=lambda item: item.__name__):
        if message_class.policy is not Policy.NEWEST:
            raise HandlerError(
                f"{cls.__qualname__}.lazy_inputs: {message_class.__name__} is no NEWEST class; none may be lost"
            )


def describe_misnamed(cls: type) -> list[str]:
    """Methods that look like handlers of market data but are none by their name, where a class has no other."""
    handled = getattr(cls, "handlers", {})
    if any(issubclass(item, MarketMessage) for item in handled):
        return []
    lines = []
    for name in dir(cls):
        method = inspect.getattr_static(cls, name)
        if name.startswith(("_", "on_")) or not isinstance(method, types.FunctionType):
            continue
        parameters = list(inspect.signature(method).parameters)[1:]
        try:
            hints = typing.get_type_hints(method)
        except (NameError, AttributeError, TypeError):
            continue
        found = hints.get(parameters[0]) if len(parameters) == 1 else None
        if isinstance(found, type) and issubclass(found, MarketMessage):
            lines.append(
                f"handles no market data: is {name}({parameters[0]}: {found.__name__}) meant to? "
                "The name of a handler begins with `on_`"
            )
    return lines


def find_outputs(cls: type) -> frozenset[type[Message]]:
    """The message classes that a class may send: the type arguments of `Actor[...]`, its bases' included."""
    found: set[type[Message]] = set()
    for base in cls.__mro__:
        for generic in getattr(base, "__orig_bases__", ()):
            if get_origin(generic) is None or not isinstance(get_origin(generic), type):
                continue
            if not hasattr(get_origin(generic), "handlers"):
                continue
            for argument in get_args(generic):
                found.update(message_classes_of(argument, f"{cls.__qualname__}: its type argument"))
    return frozenset(found)


def message_classes_of(annotation: Any, where: str) -> tuple[type[Message], ...]:
    """The message classes in a class, a union, or `Never`.

    Raises HandlerError for anything else.
    """
    if isinstance(annotation, (typing.TypeVar, typing_extensions.TypeVar)) or annotation in (
        Never,
        typing_extensions.Never,
        typing.NoReturn,
    ):
        return ()
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(
            item for part in get_args(annotation) for item in message_classes_of(part, where)
        )
    if not (isinstance(annotation, type) and issubclass(annotation, Message)):
        shown = getattr(annotation, "__qualname__", repr(annotation))
        raise HandlerError(f"{where}: {shown} is not a message class")
    return (annotation,)
