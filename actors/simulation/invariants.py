"""What must hold once a run has settled, as plain comparisons: each tells what is wrong in words, or nothing."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.simulation.world import World


@dataclass(frozen=True)
class OrderFact:
    """One order as one side knows it."""

    client_order_id: str
    is_open: bool
    executed_quantity: Decimal = Decimal(0)


def compare_orders(
    intended: Iterable[str], known: Iterable[OrderFact], at_venue: Iterable[OrderFact]
) -> Iterator[str]:
    """The bot's orders against the venue's.

    `intended` are the client order ids that the bot wrote down before sending, `known` what it believes now,
    `at_venue` every order of the bot that the venue has, doubled ones twice.
    """
    venue_facts = list(at_venue)
    intents = set(intended)
    ours = {fact.client_order_id: fact for fact in known}
    counts = Counter(fact.client_order_id for fact in venue_facts)
    for client_order_id, count in counts.items():
        if count > 1:
            yield f"{client_order_id} was placed {count} times"
    for fact in venue_facts:
        name = fact.client_order_id
        belief = ours.get(name)
        if name not in intents:
            yield f"{name} is at the venue and was never written down"
        if belief is None:
            yield f"{name} is at the venue and the bot does not know it"
        elif belief.executed_quantity != fact.executed_quantity:
            yield (
                f"{name} has executed {fact.executed_quantity}, "
                f"the bot believes {belief.executed_quantity}"
            )
        elif belief.is_open != fact.is_open:
            states = {True: "open", False: "closed"}
            yield f"{name} is {states[fact.is_open]}, the bot believes {states[belief.is_open]}"
    for name, belief in ours.items():
        if name not in counts and (belief.is_open or belief.executed_quantity):
            yield f"{name} is not at the venue, the bot believes it to be open or executed"


def compare_amounts(
    what: str, ours: Mapping[str, Decimal], at_venue: Mapping[str, Decimal]
) -> Iterator[str]:
    """Positions, balances or the like by name, to the last digit; an absent name is 0."""
    for name in sorted({*ours, *at_venue}):
        one, other = ours.get(name, Decimal(0)), at_venue.get(name, Decimal(0))
        if one != other:
            yield f"{what} of {name}: ours {one}, the venue's {other}"


def programs_ended_well(world: "World") -> Iterator[str]:
    """No program ended by an error, and none left a task or a timer over."""
    for program in world.programs.values():
        for number, outcome in enumerate(program.outcomes):
            name = f"{program.name}-{number}"
            if outcome.how == "raised":
                yield f"{name} ended with {outcome.error!r}"
            if outcome.leftover_tasks:
                yield f"{name} left tasks over: {', '.join(outcome.leftover_tasks)}"
            if outcome.leftover_timers:
                yield f"{name} left timers over: {', '.join(outcome.leftover_timers)}"
