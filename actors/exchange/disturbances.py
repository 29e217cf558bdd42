"""What the exchange does as a whole when a rule or the control endpoint tells it to: shutdown notices, revoked keys, ...

Also where a plan of faults is put into force: settings at once, rules from now on, actions at their times.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from actors.exchange import market_wire
from actors.exchange.desk import Desk
from actors.exchange.fault_plan import FaultPlan
from actors.exchange.fault_rules import (
    ActionRule,
    ClockChanged,
    KeyRevoked,
    Shutdown,
    SocketsClosed,
    SocketsDropped,
    SocketsFrozen,
    StaleSnapshot,
    StreamsTerminated,
    SymbolChanged,
    Unauthorized,
)
from actors.exchange.faults import ArmedRule, Faults
from actors.exchange.latency import Latencies
from actors.exchange.server_clock import ServerClock
from actors.exchange.sockets import GOING_AWAY, Connection, SocketHabits
from actors.exchange.streams import StreamHub
from actors.exchange.ws_api import WebSocketApi

SNAPSHOT_LEVELS = 5000


class Disturbances:
    """Acts on the parts of one exchange. Its methods are called within the running loop."""

    def __init__(
        self,
        desk: Desk,
        ws_api: WebSocketApi,
        streams: StreamHub,
        faults: Faults,
        latencies: Latencies,
        clock: ServerClock,
        habits: SocketHabits,
    ) -> None:
        self.desk, self.ws_api, self.streams = desk, ws_api, streams
        self.faults, self.latencies = faults, latencies
        self.clock, self.habits = clock, habits
        self.timers: dict[int, asyncio.TimerHandle] = {}
        self.short_timers: set[asyncio.TimerHandle] = set()

    def apply(self, plan: FaultPlan) -> list[int]:
        """Puts a plan in force beside what is in force already; gives the numbers of its rules."""
        if plan.latency is not None:
            self.latencies.plan = plan.latency
        if plan.clock is not None:
            self.clock.set(plan.clock.offset_ms, plan.clock.drift_ppm)
        if plan.sockets is not None:
            self.habits.lifetime_seconds = plan.sockets.lifetime_seconds
            self.habits.pings, self.habits.pongs = plan.sockets.pings, plan.sockets.pongs
        return [self.arm(self.faults.add(rule)) for rule in plan.faults]

    def arm(self, armed: ArmedRule) -> int:
        """Starts a rule's timer, if it has a time of its own; gives its number."""
        rule = armed.rule
        if isinstance(rule, StaleSnapshot):
            self.keep_snapshots()
        if isinstance(rule, ActionRule) and not rule.names:
            self.schedule(armed, rule, rule.at_seconds or 0.0)
        return armed.number

    def schedule(self, armed: ArmedRule, rule: ActionRule, seconds: float) -> None:
        """Fires a rule after some seconds, at once for none."""
        if seconds > 0:
            loop = asyncio.get_running_loop()
            self.timers[armed.number] = loop.call_later(seconds, self.fire, armed, rule)
        else:
            self.fire(armed, rule)

    def fire(self, armed: ArmedRule, rule: ActionRule) -> None:
        """The time of a rule has come, perhaps not for the last time."""
        self.timers.pop(armed.number, None)
        if armed.strikes(self.faults.clock(), self.faults.rng):
            self.perform(rule)
        if rule.period_seconds is not None:
            self.schedule(armed, rule, rule.period_seconds)

    def remove(self, number: int | None) -> int:
        """Takes back one rule, or all rules and settings; gives how many rules went."""
        numbers = list(self.faults.rules) if number is None else [number]
        removed = [one for one in numbers if self.faults.remove(one) is not None]
        for one in removed:
            if (timer := self.timers.pop(one, None)) is not None:
                timer.cancel()
        if number is None:
            defaults = SocketHabits()
            self.latencies.plan = type(self.latencies.plan)()
            self.clock.set(0.0, 0.0)
            self.habits.lifetime_seconds = defaults.lifetime_seconds
            self.habits.pings, self.habits.pongs = defaults.pings, defaults.pongs
            self.thaw(self.connections("all"))
        return len(removed)

    def stop(self) -> None:
        """Cancels every timer."""
        for timer in (*self.timers.values(), *self.short_timers):
            timer.cancel()
        self.timers.clear()
        self.short_timers.clear()

    def perform(self, rule: ActionRule) -> None:
        """Does what a rule says."""
        if isinstance(rule, Unauthorized):
            self.ws_api.revoke_sessions()
        elif isinstance(rule, Shutdown):
            self.announce_shutdown()
            if rule.grace_ms is not None:
                self.later(rule.grace_ms / 1000, self.hang_up, list(self.connections("all")))
        elif isinstance(rule, StreamsTerminated):
            self.ws_api.end_user_streams()
        elif isinstance(rule, KeyRevoked):
            self.revoke(rule.key, rule.for_ms)
        elif isinstance(rule, SymbolChanged):
            self.change_symbol(rule)
        elif isinstance(rule, ClockChanged):
            self.clock.set(rule.offset_ms, rule.drift_ppm)
        elif isinstance(rule, SocketsClosed):
            self.hang_up(self.connections(rule.channel), rule.code)
        elif isinstance(rule, SocketsDropped):
            for connection in self.connections(rule.channel):
                connection.drop(rule.reset)
        elif isinstance(rule, SocketsFrozen):
            self.freeze(list(self.connections(rule.channel)), rule.for_ms)

    def announce_shutdown(self) -> None:
        """`serverShutdown` on every socket, in the form of each kind."""
        self.streams.announce_shutdown()
        self.ws_api.announce_shutdown()

    def hang_up(self, connections: Iterable[Connection], code: int = GOING_AWAY) -> None:
        """Closes sockets."""
        for connection in connections:
            connection.hang_up(code)

    def connections(self, channel: str) -> Iterator[Connection]:
        """The open sockets of a channel; `user_events` are the WebSocket API connections with a subscription."""
        if channel in ("market", "all"):
            yield from tuple(self.streams.connections)
        if channel in ("websocket_api", "user_events", "all"):
            for connection in tuple(self.ws_api.connections):
                if channel != "user_events" or connection.session.subscriptions:
                    yield connection

    def freeze(self, connections: list[Connection], for_ms: float | None) -> None:
        """Makes sockets silent without closing them."""
        for connection in connections:
            connection.is_frozen = True
        if for_ms is not None:
            self.later(for_ms / 1000, self.thaw, connections)

    def thaw(self, connections: Iterable[Connection]) -> None:
        """Lets frozen sockets go on."""
        for connection in connections:
            connection.is_frozen = False

    def later(self, seconds: float, action: Any, *arguments: Any) -> None:
        """Does something later, unless the exchange ends before."""
        loop = asyncio.get_running_loop()

        def act() -> None:
            self.short_timers.discard(timer)
            action(*arguments)

        timer = loop.call_later(seconds, act)
        self.short_timers.add(timer)

    def revoke(self, which: str, for_ms: float | None) -> None:
        """Forgets keys, for a while or for good; a connection logged on with one learns of it at its next request."""
        revoked = {
            name: key
            for name, key in self.desk.keys.items()
            if which in ("all", name, key.kind.value.lower())
        }
        for name in revoked:
            del self.desk.keys[name]
        if for_ms is not None:
            self.later(for_ms / 1000, self.desk.keys.update, revoked)

    def change_symbol(self, rule: SymbolChanged) -> None:
        """Changes a symbol's rules; what rests in its book stays there."""
        market = self.desk.venue.market(rule.symbol)
        rules = market.rules
        if rule.symbol_status is not None:
            rules.status = rule.symbol_status
        if rule.tick_size is not None:
            rules.tick_size = rules.min_price = rule.tick_size
        if rule.lot_size is not None:
            rules.lot_size = rules.min_quantity = market.engine.lot_size = rule.lot_size
        if rule.min_notional is not None:
            rules.min_notional = rule.min_notional

    def keep_snapshots(self) -> None:
        """Remembers the books as they are now."""
        venue = self.desk.venue
        for symbol in venue.symbols:
            self.desk.old_snapshots[symbol] = market_wire.depth(
                venue.depth(symbol, SNAPSHOT_LEVELS)
            )

    def report(self) -> dict[str, Any]:
        """How things stand, ready for JSON."""
        return {
            "serverTime": self.clock() // 1000,
            "clockOffsetMs": (self.clock() - self.faults.clock()) / 1000,
            "sockets": {
                "market": len(self.streams.connections),
                "websocketApi": len(self.ws_api.connections),
                "userStreams": sum(
                    len(one.session.subscriptions) for one in self.ws_api.connections
                ),
            },
            "keys": len(self.desk.keys),
            "openOrders": {
                name: len(account.history.open)
                for name, account in self.desk.venue.accounts.items()
                if not account.is_house
            },
            "faults": self.faults.report(),
        }
