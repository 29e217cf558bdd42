"""Who receives what: market data by (class, exchange, symbol, interval), everything else by class."""

from collections.abc import Iterable
from typing import Any, Generic, Protocol, TypeVar

from actors.runtime.actor import Actor, Subscription, needs_interval
from actors.runtime.context import Envelope
from messages.base import Message, Routing


class Receiver(Protocol):
    """What the router must know of a receiver."""

    @property
    def name(self) -> str:
        """The actor's name."""
        ...

    @property
    def actor_class(self) -> type[Actor[Any]]:
        """Its class, with handlers and declarations."""
        ...

    @property
    def exchange(self) -> str | None:
        """The only venue it serves, or None for all."""
        ...


ReceiverType = TypeVar("ReceiverType", bound=Receiver)


class Router(Generic[ReceiverType]):
    """The routing table; an answer is computed once for each key and kept until the table changes."""

    def __init__(self) -> None:
        self.receivers: dict[str, ReceiverType] = {}
        self.subscribers: dict[tuple[type[Message], tuple[Any, ...]], dict[str, ReceiverType]] = {}
        self.wildcards: dict[type[Message], dict[str, ReceiverType]] = {}
        self.answers: dict[tuple[type[Message], tuple[Any, ...]], tuple[ReceiverType, ...]] = {}
        self.dead_letters = 0

    def add(self, receiver: ReceiverType, subscriptions: Iterable[Subscription]) -> None:
        """Enters a receiver with the streams it asks for; without any for a class, it gets all of that class."""
        self.receivers[receiver.name] = receiver
        subscribed = set()
        for subscription in subscriptions:
            self.subscribe(receiver, subscription)
            subscribed.add(subscription.message_class)
        for message_class in receiver.actor_class.handlers:
            if message_class.routing is Routing.BY_MARKET and message_class not in subscribed:
                self.wildcards.setdefault(message_class, {})[receiver.name] = receiver
        self.answers.clear()

    def subscribe(self, receiver: ReceiverType, subscription: Subscription) -> None:
        """Adds one stream; asking twice changes nothing."""
        key: tuple[Any, ...] = (subscription.exchange, subscription.symbol)
        if needs_interval(subscription.message_class):
            key = (*key, subscription.interval)
        if receiver.name in self.wildcards.get(subscription.message_class, {}):
            return
        streams = self.subscribers.setdefault((subscription.message_class, key), {})
        streams[receiver.name] = receiver
        self.answers.clear()

    def remove(self, name: str) -> None:
        """Takes a receiver out; what is addressed to it from now on is a dead letter."""
        self.receivers.pop(name, None)
        for table in (*self.subscribers.values(), *self.wildcards.values()):
            table.pop(name, None)
        self.answers.clear()

    def receivers_of(self, envelope: Envelope) -> tuple[ReceiverType, ...]:
        """Everyone who receives this message, in the order in which they were added."""
        lookup = (envelope.message_class, envelope.key)
        answer = self.answers.get(lookup)
        if answer is None:
            answer = self.answers[lookup] = self._find(*lookup)
        if not answer:
            self.dead_letters += 1
        return answer

    def _find(self, message_class: type[Message], key: tuple[Any, ...]) -> tuple[ReceiverType, ...]:
        handling = [
            item for item in self.receivers.values() if message_class in item.actor_class.handlers
        ]
        routing = message_class.routing
        if routing is Routing.BY_MARKET:
            asked = self.subscribers.get((message_class, key), {})
            every = self.wildcards.get(message_class, {})
            return tuple(item for item in handling if item.name in asked or item.name in every)
        if routing is Routing.BY_VENUE:
            return tuple(item for item in handling if item.exchange in (None, key[0]))
        if routing is Routing.TO_OWNER:
            return tuple(
                item for item in handling if item.name == key[0] or not item.actor_class.is_owner
            )
        if routing is Routing.TO_TARGET:
            target = self.receivers.get(key[0])
            return (target,) if target is not None else ()
        return tuple(handling)
