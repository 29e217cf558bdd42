"""A bot with everything a replay must get right: timers, randomness, gaps, failures, restarts, a constructor that acts.

As a program (`python -m tests.runtime.replayed_bot live|replay FILE`) it records a run on a clock that stands still, or
replays one; both print a digest, so that other processes with other hash seeds can be compared.
"""

import asyncio
import hashlib
import sys
from pathlib import Path
from typing import Any

from actors.runtime.actor import Actor
from actors.runtime.clock import Clock, SimulatedClock
from actors.runtime.replay import ReplayedActor, replay
from actors.runtime.restart_policy import RestartPolicy
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from actors.runtime.tap import DirectWriter, RecordingTap, WriterMaker
from messages.control import ActorRestarted, Gap
from messages.recording import Opening, read_recording
from tests.runtime.harness import SOURCE, Datum, Ping, Pong, State, emit, settle, until

RUN, SEED = 7, 42


class Dicey(Actor[Pong | State]):
    """Random, timed, with words and sets inside; fails on a negative ping, by its own dice at the restart too."""

    def __init__(self, step: int = 1) -> None:
        self.step = step
        self.words = {"alpha", "beta", "gamma", "delta"}
        self.total = self.random.randrange(1_000)
        self.send(Pong(value=self.total))
        self.schedule(0.001, self.tell, self.now_ns % 1_000)

    def on_ping(self, ping: Ping) -> None:
        self.total += self.step + self.random.randrange(1_000)
        self.send(Pong(value=self.total))
        if ping.value < 0:
            self.schedule(0.001, self.tell, -1)
            raise ValueError("dicey")
        if ping.value % 3 == 0:
            self.schedule(0.0, self.tell, ping.value + self.random.randrange(10))
        for word in sorted(self.words):
            self.send(State(value=self.total, series=word))

    def on_datum(self, datum: Datum) -> None:
        self.total += datum.value

    def on_gap(self, gap: Gap) -> None:
        self.send(Pong(value=gap.count))

    def tell(self, value: int) -> None:
        self.send(Pong(value=value + self.total))

    def on_stop(self) -> None:
        self.send(Pong(value=self.total))


class Echo(Actor[Pong]):
    """Sends what it gets on, changed: the very object it was given."""

    def on_state(self, state: State) -> None:
        self.send(Pong(value=state.value))

    def on_restarted(self, restarted: ActorRestarted) -> None:
        self.send(Pong(value=restarted.restarts))


def specifications(step: int = 1) -> list[ActorSpecification]:
    """The bot's actors."""
    return [
        SOURCE,
        ActorSpecification(Dicey, "dicey", {"step": step}),
        ActorSpecification(Echo, "echo"),
    ]


def make_tap(path: Path, make_writer: WriterMaker = DirectWriter) -> RecordingTap:
    """The recording of one run."""
    opening = Opening(run=RUN, seed=SEED, start_time_ns=0, versions={}, actors=[])
    return RecordingTap(path, opening, make_writer)


async def calm_down(system: System) -> None:
    """Waits until nothing is to do and no timer runs: what comes next then does not hang on the machine's speed."""
    await settle(system)
    await until(lambda: not system.cells["dicey"].loop_timers)
    await settle(system)


async def record(path: Path, clock: Clock) -> System:
    """A live run, recorded from its start to its stop."""
    tap = make_tap(path)
    system = System(
        specifications(),
        clock,
        run=RUN,
        seed=SEED,
        tap=tap,
        restart_policy=RestartPolicy(max_restarts=5, backoff_s=0.001),
        mailbox_limits={"sequence_limit": 10},
    )
    await system.start()
    await calm_down(system)
    for turn in range(12):
        emit(system, *(Datum(value=value, series="xyz"[value % 3]) for value in range(20)))
        emit(system, *(Ping(value=value) for value in range(turn, turn + 5)))
        await settle(system)
        if turn % 4 == 1:
            restarts = system.cells["dicey"].restarts.restarts
            emit(system, Ping(value=-1), Ping(value=turn))
            await until(
                lambda restarts=restarts: (
                    system.cells["dicey"].restarts.restarts > restarts  # type: ignore[misc]
                    and system.cells["dicey"].is_running
                )
            )
        await calm_down(system)
    await system.stop()
    tap.close()
    return system


def digest_of(path: Path, names: tuple[str, ...] = ("dicey", "echo")) -> str:
    """A digest of everything that the re-executed actors have handled and sent."""
    digest = hashlib.sha256()
    for entry in read_recording(path):
        if not isinstance(entry, Opening) and entry.actor in names:
            digest.update(repr((type(entry).__name__, entry.actor, entry.time_ns)).encode())
            digest.update(entry.frame)
    return digest.hexdigest()


def replay_file(path: Path, step: int = 1) -> list[ReplayedActor]:
    """Replays a recording of this bot, or of one with another step."""
    return replay(read_recording(path), specifications(step))


def main(arguments: list[str]) -> None:
    """`live FILE` records and prints the digest; `replay FILE` prints what a replay found."""
    mode, path = arguments[0], Path(arguments[1])
    shown: Any
    if mode == "live":
        asyncio.run(record(path, SimulatedClock(1_000_000)))
        shown = digest_of(path)
    else:
        shown = [
            (item.specification.name, item.handled, item.divergence) for item in replay_file(path)
        ]
    sys.stdout.write(f"{shown}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
