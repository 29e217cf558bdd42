"""An actor that halts trading whenever it goes on, for a configuration that lies beside this file."""

from actors.runtime.actor import Actor
from messages.control import HaltTrading
from messages.enums import GateEvent
from messages.recovery import GateNote


class Wary(Actor[HaltTrading]):
    """Stands for a limit of loss that is reached again as soon as somebody has lifted its halt."""

    def on_gate_note(self, note: GateNote) -> None:
        """Halts before anybody can look whether trading goes on."""
        if note.event is GateEvent.RESUME:
            self.send(HaltTrading(reason="not yet"))
