"""The check that actors fit together, made on classes and configuration before anything starts.

All faults are found at once: a handled class that nobody sends, a command without exactly one handler per venue, market
data that no feed of the venue provides, names used twice, and message classes that share a name.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from actors.runtime.actor import Actor, Subscription, needs_interval
from actors.runtime.errors import Fault
from actors.runtime.handlers import describe_misnamed
from actors.runtime.specification import ActorSpecification
from actors.spelling import did_you_mean
from messages.base import Message, Routing
from messages.control import (
    ActorFailed,
    ActorRestarted,
    ActorStopped,
    CommandFailed,
    Gap,
    HaltTrading,
    HoldTrading,
    JournalFailed,
    Recovered,
    ReleaseTrading,
    ResumeTrading,
    Resync,
    ResyncRequest,
    Start,
    Stop,
    Subscribe,
    TimerFired,
)
from messages.enums import Exchanges, KlineInterval
from messages.market import MarketMessage

SYSTEM_NAME = "system"
"""The sender of what the runtime itself sends; no actor may have it, or ids would meet."""

ACTOR_NAME = re.compile(r"[A-Za-z0-9_-]+")
SYSTEM_OUTPUTS: frozenset[type[Message]] = frozenset(
    {
        ActorFailed,
        ActorRestarted,
        ActorStopped,
        CommandFailed,
        Gap,
        HaltTrading,
        HoldTrading,
        JournalFailed,
        Recovered,
        ReleaseTrading,
        ResumeTrading,
        Resync,
        ResyncRequest,
        Start,
        Stop,
        Subscribe,
        TimerFired,
    }
)
"""What the runtime and the composition root send themselves."""


def find_wiring_faults(specifications: Sequence[ActorSpecification]) -> list[Fault]:
    """Every way in which these actors do not fit together; empty when they do."""
    return [
        *find_name_faults(specifications),
        *find_declaration_faults(specifications),
        *find_unsent_inputs(specifications),
        *find_command_faults(specifications),
        *find_shared_class_names(specifications),
    ]


def find_name_faults(specifications: Sequence[ActorSpecification]) -> list[Fault]:
    """Names used twice, or with characters that no id may hold."""
    faults = []
    seen: dict[str, ActorSpecification] = {}
    for item in specifications:
        if item.name == SYSTEM_NAME:
            faults.append(
                Fault(
                    place_of(item), f"the name {item.name!r} is the runtime's own", "choose another"
                )
            )
        if not ACTOR_NAME.fullmatch(item.name):
            faults.append(
                Fault(
                    place_of(item), f"the name {item.name!r} is not usable", "use A-Z a-z 0-9 _ -"
                )
            )
        if item.name in seen:
            faults.append(
                Fault(
                    place_of(item),
                    f"the name {item.name!r} is taken",
                    "give each actor its own `name`",
                )
            )
        seen[item.name] = item
    return faults


def find_declaration_faults(specifications: Sequence[ActorSpecification]) -> list[Fault]:
    """Limits that a class cannot mean."""
    return [
        Fault(
            place_of(item),
            f"{item.actor_class.__name__}.max_restarts is {item.actor_class.max_restarts}",
            "0 (never restart) or more, or None for the system's default",
        )
        for item in specifications
        if item.actor_class.max_restarts is not None and item.actor_class.max_restarts < 0
    ]


def find_subscription_faults(item: ActorSpecification, subscription: Subscription) -> list[Fault]:
    """What is wrong with one stream that an instance asks for."""
    spelt = subscription.symbol.strip().upper()
    if subscription.symbol != spelt:
        # The configuration's own were looked at; this one a constructor has made of them.
        problem = (
            f"{item.actor_class.__name__} asks for {subscription.symbol!r}, which is no symbol"
        )
        return [Fault(place_of(item), problem, did_you_mean(spelt))]
    if needs_interval(subscription.message_class) and subscription.interval is None:
        return [
            Fault(
                place_of(item),
                f"{item.actor_class.__name__} handles {subscription.message_class.__name__} and names no interval",
                "give it an `interval` such as 1m",
            )
        ]
    if subscription.interval is KlineInterval.UNRECOGNISED:
        name = item.actor_class.__name__
        return [
            Fault(place_of(item), f"{name} names no interval that there is", "1s 1m 5m 1h 1d ...")
        ]
    return []


def describe_unheard(
    specifications: Sequence[ActorSpecification],
    subscriptions: Mapping[str, Collection[Subscription]],
) -> list[str]:
    """Strategies that ask for no market data, and what they handle of it that nobody else asks for either.

    That is a forgotten `symbol`, or a `subscribe` still to come: a reason to speak, none to refuse the start.
    """
    asked = {each.message_class for wanted in subscriptions.values() for each in wanted}
    lines = []
    for item in specifications:
        unheard = [
            message_class.__name__
            for message_class in item.actor_class.handlers
            if issubclass(message_class, MarketMessage) and message_class not in asked
        ]
        if item.actor_class.is_owner and not subscriptions[item.name] and unheard:
            lines.append(
                f"{item.name} handles {', '.join(unheard)}, but neither it nor another actor asks for any symbol's: "
                "it gets none unless it has a `symbol` or `symbols`, or calls `subscribe`"
            )
        if item.actor_class.is_owner:
            lines += [f"{item.name} {line}" for line in describe_misnamed(item.actor_class)]
    return lines


def find_unsent_inputs(specifications: Sequence[ActorSpecification]) -> list[Fault]:
    """Handled events that no actor sends, or for market data: that no actor of that venue sends.

    A command that nobody gives is no fault: its handler offers a service, such as a gateway's amending of orders.
    """
    faults = []
    for item in specifications:
        for message_class in own_inputs(item.actor_class):
            senders = [
                other for other in specifications if message_class in other.actor_class.outputs
            ]
            if message_class.routing is Routing.BY_MARKET and item.exchange is not None:
                senders = [other for other in senders if other.exchange in (None, item.exchange)]
            if senders or message_class.is_command or message_class in SYSTEM_OUTPUTS:
                continue
            venue = (
                f" for {item.exchange}"
                if message_class.routing is Routing.BY_MARKET and item.exchange
                else ""
            )
            faults.append(
                Fault(
                    place_of(item),
                    f"{item.actor_class.__name__} handles {message_class.__name__}, which nobody sends{venue}",
                    "add the actor that sends it, or remove the handler",
                )
            )
    return faults


def own_inputs(actor_class: type[Actor[Any]]) -> list[type[Message]]:
    """The classes that handlers named `on_...` take; what the base handles for itself need not be sent."""
    return [
        message_class
        for message_class, names in actor_class.handlers.items()
        if not names[-1].startswith("_")
    ]


def find_command_faults(specifications: Sequence[ActorSpecification]) -> list[Fault]:
    """Commands that some actor sends and that have no handler, or several, at some venue.

    A venue is one that an owner of orders or a handler of the command names: a feed alone makes none to trade at.
    The runtime's own `ResyncRequest` needs no handler: without one, strategies begin with nothing.
    """
    faults = []
    is_resynchronised = any(
        ResyncRequest in item.actor_class.handlers for item in specifications
    ) and any(item.actor_class.is_owner for item in specifications)
    commands = sorted(
        {
            message_class
            for item in specifications
            for message_class in item.actor_class.outputs
            if message_class.is_command
        }
        | ({ResyncRequest} if is_resynchronised else set()),
        key=lambda message_class: message_class.__name__,
    )
    for command in commands:
        handling = [item for item in specifications if command in item.actor_class.handlers]
        scopes: list[Exchanges | None] = [None]
        if command.routing is Routing.BY_VENUE:
            traders = [item for item in specifications if item.actor_class.is_owner]
            named = {item.exchange for item in (*handling, *traders)} - {None}
            scopes = sorted(named, key=str) or [None]
        for venue in scopes:
            found = [item for item in handling if venue is None or item.exchange in (None, venue)]
            if len(found) == 1:
                continue
            at = f" at {venue}" if venue else ""
            who = ", ".join(item.name for item in found) or "nobody"
            senders = (
                ", ".join(
                    item.name for item in specifications if command in item.actor_class.outputs
                )
                or SYSTEM_NAME
            )
            faults.append(
                Fault(
                    "wiring",
                    f"{command.__name__}{at}, sent by {senders}, needs exactly one handler and has {who}",
                    "add or remove an actor",
                )
            )
    return faults


def find_shared_class_names(specifications: Sequence[ActorSpecification]) -> list[Fault]:
    """Two message classes of one name, which a frame could not tell apart."""
    by_name: dict[str, type[Message]] = {item.__name__: item for item in SYSTEM_OUTPUTS}
    faults = []
    for item in specifications:
        for message_class in (
            *item.actor_class.handlers,
            *sorted(item.actor_class.outputs, key=str),
        ):
            other = by_name.setdefault(message_class.__name__, message_class)
            if other is not message_class:
                faults.append(
                    Fault(
                        place_of(item),
                        f"two message classes are named {message_class.__name__} "
                        f"({other.__module__} and {message_class.__module__})",
                        "rename one: the name is what a frame carries",
                    )
                )
    return faults


def describe_wiring(specifications: Sequence[ActorSpecification]) -> str:
    """Who sends what to whom, a line for each actor and each class that it sends."""
    lines = []
    for item in specifications:
        lines.append(f"{item.name} ({item.actor_class.__name__})")
        for message_class in sorted(item.actor_class.outputs, key=lambda each: each.__name__):
            receivers = [
                other.name
                for other in specifications
                if message_class in other.actor_class.handlers
            ]
            if receivers:
                lines.append(f"  {message_class.__name__} -> {', '.join(receivers)}")
    return "\n".join(lines)


def place_of(item: ActorSpecification) -> str:
    """Where the configuration describes an actor."""
    return item.where or f"actor {item.name!r}"
