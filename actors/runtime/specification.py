"""One actor as the configuration describes it: enough to check the wiring, to build it, and to build it again."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from actors.runtime.actor import Actor
from actors.runtime.context import ActorContext
from messages.enums import Exchanges


@dataclass(frozen=True)
class ActorSpecification:
    """Class, name and constructor arguments of one actor."""

    actor_class: type[Actor[Any]]
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    where: str = ""
    """File and key, for messages about faults."""

    @property
    def exchange(self) -> Exchanges | None:
        """The only venue it serves: its `exchange` argument or attribute; None when it serves all."""
        value = self.arguments.get("exchange")
        if value is None:
            parameter = parameters_of(self.actor_class).get("exchange")
            if parameter is not None and parameter.default is not inspect.Parameter.empty:
                value = parameter.default
        if value is None:
            value = getattr(self.actor_class, "exchange", None)
        return Exchanges(value) if value is not None else None

    def build(self, context: ActorContext, now_ns: int = 0) -> Actor[Any]:
        """A new instance: bound to its context first, so that its constructor has name, time and randomness.

        What the constructor sends, schedules and spawns counts as done by the handler of the first message; if it
        raises, it has done nothing: even its random numbers come again. Raises what the constructor raises.
        """
        instance: Actor[Any] = self.actor_class.__new__(self.actor_class, **self.arguments)
        instance.bind(context)
        instance.now_ns = now_ns
        before = (context.counter, context.timer_counter, context.random.getstate())
        instance._in_handler = True
        try:
            instance.__init__(**self.arguments)  # type: ignore[misc] # a user's own signature
        except BaseException:
            instance.discard()
            context.counter, context.timer_counter, random_state = before
            context.random.setstate(random_state)
            raise
        finally:
            instance._in_handler = False
        return instance


def parameters_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """What a caller gives: of an actor's class the parameters of its `__init__`, wherever that is inherited from.

    In some versions of Python (3.11.2 among them) inspect prefers the base's `__new__` to an inherited `__init__`.
    """
    if isinstance(function, type) and issubclass(function, Actor):
        constructor = inspect.getattr_static(function, "__init__")
        return dict(list(inspect.signature(constructor).parameters.items())[1:])
    return inspect.signature(function).parameters
