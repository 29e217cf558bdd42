"""Decides which fault strikes when: rules, counts, chances and spans of time, and nothing else.

It does not know what a fault does. Whoever is about to answer a request, publish an event or send a frame asks `strike`
for the rule that applies, if one does. Time and chance are injected, so equal seeds and equal questions give equal faults.
"""

import fnmatch
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from actors.exchange.fault_rules import CONNECT, EventRule, RequestRule, Rule, kind_of

if TYPE_CHECKING:
    from random import Random

RuleT = TypeVar("RuleT", bound=Rule)


def matches(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern; upper and lower case differ."""
    return fnmatch.fnmatchcase(name, pattern)


@dataclass(slots=True)
class ArmedRule:
    """One rule at work: since when (microseconds), how often its occasion came, how often it struck."""

    number: int
    rule: Rule
    since_us: int
    seen: int = 0
    struck: int = 0

    def concerns(self, name: str, channel: str) -> bool:
        """Whether this is an occasion for the rule."""
        rule = self.rule
        if name == CONNECT:
            if CONNECT not in rule.names:
                return False
        elif not any(matches(pattern, name) for pattern in rule.names):
            return False
        if isinstance(rule, RequestRule):
            fits = name == CONNECT or channel in rule.channels
            return fits and rule.channel in (None, channel)
        return not isinstance(rule, EventRule) or rule.account in (None, channel)

    def strikes(self, now_us: int, rng: "Random") -> bool:
        """Counts an occasion and tells whether the rule strikes at it."""
        self.seen += 1
        rule = self.rule
        passed = (now_us - self.since_us) / 1_000_000
        wanted = (rule.nth,) if isinstance(rule.nth, int) else rule.nth
        if (
            passed < rule.from_seconds
            or (rule.until_seconds is not None and passed >= rule.until_seconds)
            or (rule.times is not None and self.struck >= rule.times)
            or (wanted is not None and self.seen not in wanted)
            or (rule.every is not None and self.seen % rule.every)
            # The last condition, so that a chance is drawn only when it decides.
            or (rule.probability < 1 and rng.random() >= rule.probability)
        ):
            return False
        self.struck += 1
        return True


class Faults:
    """All rules of one exchange. `clock` gives true microseconds, whatever the exchange's own clock says."""

    def __init__(self, rng: "Random", clock: Callable[[], int]) -> None:
        self.rng = rng
        self.clock = clock
        self.rules: dict[int, ArmedRule] = {}
        self.made = 0

    def add(self, rule: Rule) -> ArmedRule:
        """Arms a rule, from now on."""
        self.made += 1
        armed = self.rules[self.made] = ArmedRule(self.made, rule, self.clock())
        return armed

    def remove(self, number: int) -> ArmedRule | None:
        """Disarms a rule; None if there is none of this number."""
        return self.rules.pop(number, None)

    def struck_by(self, family: type[RuleT], name: str, channel: str) -> Iterator[RuleT]:
        """The rules of a family that strike at an occasion, in the order in which they were given; all of them count it."""
        now_us = self.clock()
        for armed in tuple(self.rules.values()):
            rule = armed.rule
            if (
                isinstance(rule, family)
                and armed.concerns(name, channel)
                and armed.strikes(now_us, self.rng)
            ):
                yield rule

    def strike(self, family: type[RuleT], name: str, channel: str = "") -> RuleT | None:
        """The first rule of a family that strikes at an occasion; `channel` is where, or whose event it is."""
        if not self.rules:
            return None
        found = list(self.struck_by(family, name, channel))
        return found[0] if found else None

    def has(self, family: type[Rule]) -> bool:
        """Whether any rule of a family is armed."""
        return any(isinstance(armed.rule, family) for armed in self.rules.values())

    def report(self) -> list[dict[str, Any]]:
        """Every armed rule with its number and counts, ready for JSON."""
        return [
            {
                "number": armed.number,
                "kind": kind_of(type(armed.rule)),
                "seen": armed.seen,
                "struck": armed.struck,
                "rule": msgspec.to_builtins(armed.rule),
            }
            for armed in self.rules.values()
        ]
