"""The signals that end a bot: also while an actor's handler does not return, which keeps the loop from hearing them.

An end that no signal asks for, because the time is up or the bot fails, is held up by handlers no longer than that.
"""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from actors.commands.control import BotControl
from actors.runtime.actor import Actor
from actors.runtime.errors import BrokenOff

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
HANDLER_PATIENCE_S = 5.0
"""How long handlers may keep the loop from the end once that was asked for, all together: one that does not return, or many
that return late. A second signal does not wait for that."""
LOOK_S = 0.5
LONGEST_S = 1e9
"""Thirty years: not every system has a timer for more."""


@dataclass
class StopSignals:
    """Hands signals to the loop, and breaks off the handler that keeps it from taking them."""

    loop: asyncio.AbstractEventLoop
    control: BotControl
    is_waiting: bool = False
    """Whether a signal has come that the loop has not taken yet."""
    has_come_round: bool = True
    """Whether the loop has run what was asked of it at the last look."""
    kept_s: float = 0.0
    """How long it has been kept from that since the end was asked for."""

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """A signal has come, between any two steps of the program."""
        if self.is_waiting:
            self.break_off(frame)
            # No handler keeps the loop: it is about to take both.
            self.loop.call_soon_threadsafe(self.control.interrupt)
            return
        self.is_waiting = True
        self.ask()
        self.expect_end(0.0)
        self.loop.call_soon_threadsafe(self.take)

    def expect_end(self, delay_s: float) -> None:
        """From then on it is looked whether the loop gets on with the end."""
        signal.setitimer(signal.ITIMER_REAL, min(delay_s, LONGEST_S) + LOOK_S, LOOK_S)

    def take(self) -> None:
        """The loop's part."""
        self.is_waiting = False
        self.control.interrupt()

    def ask(self) -> None:
        """Asks the loop to come round."""
        self.has_come_round = False
        self.loop.call_soon_threadsafe(self.answer)

    def answer(self) -> None:
        """The loop has come round."""
        self.has_come_round = True

    def on_alarm(self, number: int, frame: FrameType | None) -> None:
        """Time to look whether the loop gets on with the end; the handler that keeps it from that may have had its time."""
        if self.has_come_round:
            self.ask()
            return
        self.kept_s += LOOK_S
        if self.kept_s >= HANDLER_PATIENCE_S:
            self.break_off(frame)

    def break_off(self, frame: FrameType | None) -> None:
        """Raises BrokenOff in the handler of a strategy or another actor that the bot can do without.

        An essential actor is left alone: it is what cancels the orders.
        """
        while frame is not None:
            # Equal, not the same: each class of actor may run a copy (own_caches.py).
            if frame.f_code == Actor.run_handlers.__code__:
                if not frame.f_locals["self"].is_essential:
                    raise BrokenOff("the end was asked for, and its handler did not return")
                return
            frame = frame.f_back


@contextmanager
def stop_signals(control: BotControl) -> Iterator[None]:
    """Within, a first signal asks the bot to stop, a second one makes it leave at once; no end is held up by handlers.

    A closed terminal (SIGHUP) is such a signal, unless it is ignored, as under nohup. To be called in the running loop.
    """
    signals = StopSignals(asyncio.get_running_loop(), control)
    taken = [each for each in STOP_SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, signals.on_signal) for each in taken}
    before[signal.SIGALRM] = signal.signal(signal.SIGALRM, signals.on_alarm)
    unheard, control.expect_end = control.expect_end, signals.expect_end
    try:
        yield
    finally:
        control.expect_end = unheard
        signal.setitimer(signal.ITIMER_REAL, 0)
        for each, handler in before.items():
            signal.signal(each, handler)
