"""The way of user events and market frames to their subscribers, with what may happen to them on it."""

import asyncio
from typing import Any

from actors.exchange.fault_rules import (
    EventLate,
    EventRule,
    EventTwice,
    EventWithheld,
    FrameDropped,
    FrameRule,
    ZeroForms,
)
from actors.exchange.faults import Faults
from actors.exchange.latency import DelayLine, Latencies
from actors.exchange.sessions import UserStreams

ZERO_QUANTITY = "0.00000000"


class UserEventLine:
    """Publishes each account's events in their order, unless a rule says otherwise."""

    def __init__(self, streams: UserStreams, faults: Faults, latencies: Latencies) -> None:
        self.streams = streams
        self.faults = faults
        self.latencies = latencies
        self.lines: dict[str, DelayLine] = {}

    def publish(self, account: str, event: dict[str, Any]) -> None:
        """Sends an event on its way to the account's subscriptions."""
        delay = self.latencies.user_events()
        line = self.lines.setdefault(account, DelayLine())
        rule = None
        if self.faults.rules:
            rule = self.faults.strike(EventRule, name_of(event), account)
        if isinstance(rule, EventWithheld):
            return
        if isinstance(rule, EventLate | EventTwice):
            asyncio.get_running_loop().call_later(
                delay + rule.delay_ms / 1000, self.streams.publish, account, event
            )
            if isinstance(rule, EventLate):
                return
        if delay or line.waiting:
            line.send(lambda: self.streams.publish(account, event), delay)
        else:
            self.streams.publish(account, event)


def name_of(event: dict[str, Any]) -> str:
    """What rules call an event: `executionReport.NEW`, or its bare type."""
    kind: str = event["e"]
    return f"{kind}.{event['x']}" if kind == "executionReport" else kind


class FrameGate:
    """What stands between a topic and its subscribers."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.zeros = 0

    def __call__(self, stream: str, message: Any) -> Any:
        """The message to send, or None."""
        if not self.faults.rules:
            return message
        rule = self.faults.strike(FrameRule, stream)
        if isinstance(rule, FrameDropped):
            return None
        if isinstance(rule, ZeroForms) and isinstance(message, dict) and "b" in message:
            return {**message, **{side: self.rewrite(rule, message[side]) for side in ("b", "a")}}
        return message

    def rewrite(self, rule: ZeroForms, levels: Any) -> Any:
        """Price levels with their zero quantities in the forms of the rule, one after the other."""
        if not isinstance(levels, list):
            return levels
        rows = []
        for price, quantity in levels:
            if quantity == ZERO_QUANTITY:
                quantity = rule.forms[self.zeros % len(rule.forms)]
                self.zeros += 1
            rows.append([price, quantity])
        return rows
