"""What becomes of one request when the network is slow or a fault strikes: its way to the engine, and to its answer.

Both APIs send a request along a `Course` and are called back once with its `Outcome`; how a missing answer or a broken
connection looks on the wire is theirs. Once a request is on its course it is executed when its time comes, whether the
client is still there or not.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from actors.exchange.desk import Call, Desk, Method, Request
from actors.exchange.errors import VenueError, timed_out
from actors.exchange.fault_rules import (
    ActionRule,
    BadTimestamp,
    Ban,
    Error,
    RateLimitHit,
    RequestRule,
    SlowEngine,
)
from actors.exchange.faults import Faults
from actors.exchange.latency import Latencies
from actors.exchange.limits import AddressLimits, RateLimit, too_many_orders

ENGINE_TIMEOUT_SECONDS = 10.0
AHEAD = "Timestamp for this request was 1000ms ahead of the server's time."
OUTSIDE = "Timestamp for this request is outside of the recvWindow."
LOST = "An unknown error occurred while processing the request."

# Status and text of errors.md; the documentation names no status for the first four: 5xx is what is unknown.
ERRORS = {
    -1000: (500, LOST),
    -1001: (500, "Internal error; unable to process your request. Please try again."),
    -1006: (
        500,
        "An unexpected response was received from the message bus. Execution status unknown.",
    ),
    -1007: (timed_out().http_status, timed_out().message),
    -1008: (
        503,
        "Server is currently overloaded with other requests. Please try again in a few minutes.",
    ),
    -1016: (503, "This service is no longer available."),
    -1002: (401, "You are not authorized to execute this request."),
    -1022: (400, "Signature for this request is not valid."),
    -2013: (400, "Order does not exist."),
    -2015: (401, "Invalid API-key, IP, or permissions for action."),
}


@dataclass(slots=True)
class Outcome:
    """What came of a request: a result, or an error; and what must wait for the answer to be on the wire."""

    result: Any = None
    error: VenueError | None = None
    after_reply: list[Callable[[], None]] = field(default_factory=list)


def no_action(rule: ActionRule) -> None:
    """Does nothing: there is no exchange to act on."""


class RequestFaults:
    """Finds the course of each request. `perform` carries out an action that a request brings about."""

    def __init__(
        self,
        faults: Faults,
        latencies: Latencies,
        engine_timeout_seconds: float = ENGINE_TIMEOUT_SECONDS,
        perform: Callable[[ActionRule], None] = no_action,
    ) -> None:
        self.faults = faults
        self.latencies = latencies
        self.engine_timeout_seconds = engine_timeout_seconds
        self.perform = perform

    def course(self, channel: str, desk: Desk, method: Method, request: Request) -> "Course | None":
        """The course of a request that has just come in; None for one that nothing happens to."""
        arrival = self.latencies.of_channel(channel)
        rule = None
        if self.faults.rules:
            for action in list(self.faults.struck_by(ActionRule, method.name, channel)):
                self.perform(action)
            rule = self.faults.strike(RequestRule, method.name, channel)
        if rule is None and not arrival:
            return None
        way_back = self.latencies.of_channel(channel)
        return Course(self, desk, method, request, rule, arrival, way_back)


@dataclass(slots=True)
class Course:
    """One request under way; `arrival` and `way_back` are seconds. `start` is called when it has arrived."""

    faults: RequestFaults
    desk: Desk
    method: Method
    request: Request
    rule: RequestRule | None
    arrival: float
    way_back: float
    has_answered: bool = False

    def start(self, done: Callable[[Outcome], None]) -> None:
        """Executes the request or what the rule puts in its place, and calls `done` when the answer has arrived."""
        rule = self.rule
        if isinstance(rule, SlowEngine):
            self.go_slowly(rule, done)
        elif refusal := self.refusal():
            self.finish(Outcome(error=refusal), done)
        elif rule is not None and not rule.executes:
            self.finish(Outcome(error=lost()), done)
        else:
            self.finish(self.execute(lambda: self.desk.answer(self.method, self.request)), done)

    def execute(self, action: Callable[[], Any]) -> Outcome:
        """The outcome of an action of the desk's."""
        outcome = Outcome()
        try:
            outcome.result = action()
        except VenueError as error:
            outcome.error = error
        if self.request.session is not None:
            outcome.after_reply = self.request.session.take_after_reply()
        return outcome

    def finish(self, outcome: Outcome, done: Callable[[Outcome], None]) -> None:
        """Sends an outcome on its way back, once."""
        if self.has_answered:
            for action in outcome.after_reply:
                action()
            return
        self.has_answered = True
        rule = self.rule
        wait = self.way_back
        if rule is not None and not isinstance(rule, SlowEngine):
            wait += rule.delay_ms / 1000
        if isinstance(rule, Error):
            outcome.result, outcome.error = None, error_of(rule)
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, done, outcome)
        else:
            done(outcome)

    def go_slowly(self, rule: SlowEngine, done: Callable[[Outcome], None]) -> None:
        """Admits the request now and executes it after the engine's delay, long after the answer if need be."""
        loop = asyncio.get_running_loop()
        try:
            call = self.desk.admit(self.method, self.request)
        except VenueError as error:
            self.finish(Outcome(error=error), done)
            return
        wait, timeout = rule.delay_ms / 1000, self.faults.engine_timeout_seconds
        if wait > timeout:
            loop.call_later(timeout, self.finish, Outcome(error=timed_out()), done)
        loop.call_later(wait, self.reach_engine, call, done)

    def reach_engine(self, call: Call, done: Callable[[Outcome], None]) -> None:
        """The second timing check, then the method."""
        try:
            self.desk.check_again(self.request)
        except VenueError as error:
            self.burn()
            self.finish(Outcome(error=error), done)
            return
        self.finish(self.execute(lambda: self.desk.execute(self.method, self.request, call)), done)

    def burn(self) -> None:
        """A refusal by the second timing check counts as an unfilled order (CHANGELOG 2025-05-22)."""
        key = self.desk.key_of(self.request)
        if self.method.places_order and key is not None:
            self.desk.orders_of(key.account).burn(self.desk.clock())

    def refusal(self) -> VenueError | None:
        """The error of a rule that refuses the request without execution."""
        rule, now = self.rule, self.desk.clock()
        if isinstance(rule, BadTimestamp):
            if rule.counts:
                self.burn()
            return VenueError(-1021, AHEAD if rule.variant == "ahead" else OUTSIDE)
        if isinstance(rule, RateLimitHit) and rule.code == -1015:
            limit = first_order_limit(self.desk.limits.limits)
            return too_many_orders(limit, now, now + int(rule.retry_after_ms * 1000))
        if isinstance(rule, RateLimitHit | Ban):
            return limit_error(rule, self.desk.weight_of(self.request.address), now)
        return None


def limit_error(rule: RateLimitHit | Ban, address: AddressLimits, now: int) -> VenueError:
    """The 429 or 418 of a rule; the address is held or banned from now on."""
    try:
        if isinstance(rule, Ban):
            address.ban(now, int(rule.ban_ms * 1000))
        address.hold(now, int(rule.retry_after_ms * 1000), int(rule.ban_ms * 1000))
    except VenueError as error:
        return error


def first_order_limit(limits: tuple[RateLimit, ...]) -> RateLimit:
    """The limit that -1015 speaks of."""
    found = [limit for limit in limits if limit.kind == "ORDERS"]
    return min(found, key=lambda limit: limit.length, default=RateLimit("ORDERS", "SECOND", 10, 50))


def lost() -> VenueError:
    """What is answered for a request that was not executed when the rule itself has no answer of its own."""
    return VenueError(-1000, LOST, 500)


def error_of(rule: Error) -> VenueError:
    """The error that a rule asks for."""
    status, message = ERRORS.get(rule.code, (400, LOST))
    return VenueError(rule.code, rule.message or message, rule.status or status)
