"""Whether a strategy may send orders: readiness, holds, halts and stops. Pure.

A hold ends by itself and a halt by command. A hold that comes from a venue's own gateway concerns that venue alone.
"""

from actors.trading.risk import Refusal
from messages.enums import Exchanges, GateEvent, Reason
from messages.recovery import GateNote

ALL = ""
"""The scope of a halt that concerns every strategy."""


OPENED_BY = {GateEvent.RELEASE: GateEvent.HOLD, GateEvent.RESUME: GateEvent.HALT}


class TradingGate:
    """What stands in the way of new orders."""

    def __init__(self) -> None:
        self.is_ready = False
        self.holds: dict[str, str] = {}
        """Why, by the name of the actor that holds."""
        self.venues: dict[str, list[Exchanges]] = {}
        """Which venues an actor speaks for, as far as it has spoken."""
        self.halts: dict[str, str] = {}
        """Why, by strategy, or `ALL`."""
        self.stops: dict[str, str] = {}
        """Why a strategy is out for good."""
        self.pauses: dict[str, str] = {}
        """Why a strategy is held for a while, by strategy."""
        self.notes: dict[tuple[str, str], GateNote] = {}
        """What is shut, as it was written down, by kind and scope."""

    def learn_venue(self, sender: str, exchange: Exchanges) -> None:
        """An actor has told something of a venue that only its gateway can know."""
        known = self.venues.setdefault(sender, [])
        if exchange not in known:
            known.append(exchange)

    def keep(self, note: GateNote) -> None:
        """Notes what a note says; what has opened again needs no memory."""
        kind = OPENED_BY.get(note.event, note.event)
        self.notes.pop((kind, note.scope), None)
        if note.event is kind:
            self.notes[kind, note.scope] = note

    def restore(self, note: GateNote) -> None:
        """Opens or shuts as an earlier instance did."""
        self.keep(note)
        if note.event is GateEvent.HOLD:
            self.holds[note.scope] = note.reason
        elif note.event is GateEvent.RELEASE:
            self.holds.pop(note.scope, None)
        elif note.event is GateEvent.HALT:
            self.halts[note.scope] = note.reason
        elif note.event is GateEvent.RESUME:
            self.halts.pop(note.scope, None)
        elif note.event is GateEvent.STOP:
            self.stops[note.scope] = note.reason

    def is_halted(self, strategy: str) -> bool:
        """Whether this strategy's orders are halted, alone or with all."""
        return ALL in self.halts or strategy in self.halts

    def is_over(self, strategy: str) -> bool:
        """Whether this strategy's orders are to end: it is halted, or out for good."""
        return self.is_halted(strategy) or strategy in self.stops

    def find_refusal(self, strategy: str, exchange: Exchanges) -> Refusal | None:
        """Why a new order must not pass, or None."""
        if not self.is_ready:
            return Reason.NOT_READY, "the venue has not told its state yet; wait for the resync"
        if not (self.stops or self.halts or self.pauses or self.holds):
            return None
        if strategy in self.stops:
            return Reason.STOPPED, f"{strategy} is out: {self.stops[strategy]}"
        for scope in (ALL, strategy):
            if scope in self.halts:
                return Reason.HALTED, f"trading is halted: {self.halts[scope]}"
        if strategy in self.pauses:
            return Reason.HELD, f"{strategy} is held: {self.pauses[strategy]}"
        for sender, reason in self.holds.items():
            venues = self.venues.get(sender)
            if venues is None or exchange in venues:
                return Reason.HELD, f"trading is held: {reason}"
        return None
