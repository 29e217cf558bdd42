"""One actor as the configuration describes it: enough to check the wiring, to build it, and to build it again."""

import inspect
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
            parameter = inspect.signature(self.actor_class).parameters.get("exchange")
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
