"""Recording and re-execution: the same bytes, in this process and in others, and every difference found."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from actors.runtime import tap as tap_module
from actors.runtime.actor import Actor
from actors.runtime.clock import RealClock, SimulatedClock, random_for
from actors.runtime.context import ActorContext
from actors.runtime.replay import replay
from actors.runtime.specification import ActorSpecification
from actors.runtime.tap import DirectWriter
from actors.testing import make_probe, received_by
from messages.codec import class_name_of, decoder_of, encode
from messages.control import Start
from messages.recording import Entry, Opening, Output, Record, read_recording
from tests.runtime import replayed_bot
from tests.runtime.harness import SOURCE, Ping, Pong, StartSystem, actor, emit, settle
from tests.runtime.replayed_bot import make_tap, record, replay_file

ROOT = Path(__file__).parents[2]


def in_another_process(mode: str, path: Path, hash_seed: str) -> str:
    """What the bot prints in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", replayed_bot.__name__, mode, str(path)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


@pytest.mark.asyncio
async def test_a_live_run_replays_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "run.recording"
    system = await record(path, RealClock())
    statistics = system.statistics()
    assert statistics["dicey"]["restarts"] == 3
    assert statistics["dicey"]["gaps"] > 0
    assert statistics["source"]["handled"] > 0
    actors = replay_file(path)
    assert [(item.specification.name, item.divergence) for item in actors] == [
        ("dicey", None),
        ("echo", None),
    ]
    dicey, echo = actors
    assert dicey.outputs > 200
    assert echo.handled > 30
    names = {class_name_of(item.frame) for item in read_recording(path) if isinstance(item, Entry)}
    assert {"Start", "Stop", "TimerFired", "Gap", "Ping", "ActorRestarted"} <= names
    assert "None" in in_another_process("replay", path, "1")
    assert in_another_process("replay", path, "1") == in_another_process("replay", path, "4242")


def test_same_inputs_and_seed_give_the_same_bytes_under_any_hash_seed(tmp_path: Path) -> None:
    outputs = {
        in_another_process("live", tmp_path / f"{hash_seed}.recording", hash_seed)
        for hash_seed in ("0", "1", "31337")
    }
    assert len(outputs) == 1
    assert len(outputs.pop()) == 65


@pytest.mark.asyncio
async def test_a_changed_actor_is_found_at_the_first_message_that_differs(tmp_path: Path) -> None:
    path = tmp_path / "run.recording"
    await record(path, RealClock())
    dicey, echo = replay_file(path, step=2)
    assert echo.divergence is None
    divergence = dicey.divergence
    assert divergence is not None
    first = next(
        item
        for item in read_recording(path)
        if isinstance(item, Entry) and item.actor == "dicey" and class_name_of(item.frame) == "Ping"
    )
    assert (divergence.actor, divergence.caused_by) == ("dicey", first.frame)
    assert divergence.time_ns == first.time_ns
    assert divergence.recorded is not None
    assert divergence.replayed is not None
    old, new = (
        decoder_of(Pong).decode(item) for item in (divergence.recorded, divergence.replayed)
    )
    assert new.value == old.value + 1
    assert new.number == old.number


@pytest.mark.asyncio
async def test_a_recording_cut_anywhere_replays_up_to_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tap_module, "RECORDS_TOGETHER", 16)
    monkeypatch.setattr(tap_module, "LISTS_TOGETHER", 1)
    path, cut = tmp_path / "run.recording", tmp_path / "cut.recording"
    await record(path, RealClock())
    data = path.read_bytes()
    handled = replay_file(path)[0].handled
    for end in [*range(len(data) - 400, len(data), 7), len(data) // 2, len(data) // 3]:
        cut.write_bytes(data[:end])
        actors = replay_file(cut)
        assert [item.divergence for item in actors] == [None, None], end
    assert 0 < actors[0].handled < handled


class Doubler(Actor[Pong]):
    """Sends twice what it gets."""

    def on_ping(self, ping: Ping) -> None:
        if ping.value == 13:
            raise ValueError("unlucky")
        self.send(Pong(value=2 * ping.value))


class Superstitious(Doubler):
    """Fails where the doubler did not."""

    def on_ping(self, ping: Ping) -> None:
        if ping.value == 4:
            raise ValueError("four")
        super().on_ping(ping)


class Silent(Actor[Pong]):
    """Sends nothing at all."""

    def on_ping(self, ping: Ping) -> None: ...


class SilentlyFailing(Actor[Pong]):
    """Sends nothing, and fails where it did not before."""

    def on_ping(self, ping: Ping) -> None:
        if ping.value == 4:
            raise ValueError("four")


class Unbuildable(Doubler):
    """Cannot even be made any more."""

    def __init__(self) -> None:
        raise ValueError("never")


def recording_of(actor_class: type[Actor[Pong]], pings: list[int]) -> Iterator[Record]:
    """What a recording of a few pings to one actor holds, made with the replay itself out of the loop."""
    yield Opening(run=1, seed=0, start_time_ns=0, versions={}, actors=[])
    specification = ActorSpecification(actor_class, "x")
    frames: list[bytes] = [encode(Start(target="x"))]
    frames += [encode(Ping(value=value, sender="s", number=value)) for value in pings]
    opening = Opening(run=1, seed=0, start_time_ns=0, versions={}, actors=[])
    for frame in frames:
        yield Entry(actor="x", time_ns=5, frame=frame)
        # The frames so far, run again, tell what the last of them made the actor send.
        yield from outputs_of_last(specification, opening, frames[: frames.index(frame) + 1])


def outputs_of_last(
    specification: ActorSpecification, opening: Opening, frames: list[bytes]
) -> list[Output]:
    """What an instance, made anew, sends on the last of these frames."""
    context = ActorContext("x", SimulatedClock(), random_for(opening.seed, "x"), run=opening.run)
    instance = specification.build(context)
    sent: list[bytes] = []
    for frame in frames:
        decode = decoder_of(Start if class_name_of(frame) == "Start" else Ping).decode
        instance._envelopes.clear()
        instance.run_handlers(decode(frame), frame, 5)
        sent = [item.frame for item in instance._envelopes]
    return [Output(actor="x", time_ns=5, frame=frame) for frame in sent]


def divergence_on(
    recorded: type[Actor[Pong]], replayed: type[Actor[Pong]], pings: list[int]
) -> tuple[str, int | None, int | None] | None:
    """Where they part, as (class and value of the message, recorded value, replayed value)."""
    records = list(recording_of(recorded, pings))
    [result] = replay(records, [ActorSpecification(replayed, "x")])
    divergence = result.divergence
    if divergence is None:
        return None
    sent = [
        None if frame is None else decoder_of(Pong).decode(frame).value
        for frame in (divergence.recorded, divergence.replayed)
    ]
    name = class_name_of(divergence.caused_by)
    value = decoder_of(Ping).decode(divergence.caused_by).value if name == "Ping" else ""
    return f"{name} {value}".strip(), sent[0], sent[1]


@pytest.mark.parametrize(
    ("replayed", "expected"),
    [
        (Doubler, None),
        (Silent, ("Ping 3", 6, None)),
        (Superstitious, ("Ping 4", 8, None)),
        (Unbuildable, ("Start", None, None)),
    ],
)
def test_differences(
    replayed: type[Actor[Pong]], expected: tuple[str, int | None, int | None] | None
) -> None:
    assert divergence_on(Doubler, replayed, [3, 4, 5]) == expected


def test_more_sent_than_recorded_is_a_difference() -> None:
    assert divergence_on(Silent, Doubler, [3, 4, 5]) == ("Ping 3", None, 6)


def test_a_failure_that_was_none_is_a_difference_even_where_nothing_was_sent() -> None:
    assert divergence_on(Silent, SilentlyFailing, [3, 4, 5]) == ("Ping 4", None, None)


def test_what_is_no_recording_is_refused() -> None:
    with pytest.raises(ValueError, match="no opening"):
        replay([], [])
    with pytest.raises(ValueError, match="no opening"):
        replay([Entry(actor="x", time_ns=0, frame=b"")], [])


@pytest.fixture
def full_device() -> Iterator[BinaryIO]:
    """A file on a disk that is always full."""
    if not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    with Path("/dev/full").open("wb", buffering=0) as file:
        yield file


@pytest.mark.asyncio
async def test_a_full_disk_ends_the_recording_and_not_the_trading(
    start_system: StartSystem,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    full_device: BinaryIO,
) -> None:
    def write_to_full(
        file: BinaryIO, pack: Callable[[list[bytes]], bytes], on_failure: Callable[[OSError], None]
    ) -> DirectWriter:
        return DirectWriter(full_device, pack, on_failure)

    tap = make_tap(tmp_path / "run.recording", write_to_full)
    pongs = make_probe(Pong, name="Pongs")
    system = await start_system(SOURCE, actor(Doubler), actor(pongs), tap=tap)
    for _ in range(80):
        emit(system, *(Ping(value=item) for item in range(20, 70)))
        await settle(system)
    assert len(received_by(system, "pongs")) == 4_000
    tap.flush()
    assert isinstance(tap.failure, OSError)
    assert sum("the recording ends here" in item.getMessage() for item in caplog.records) == 1
    assert system.statistics()["doubler"]["restarts"] == 0
    await system.stop()
    tap.close()
    tap.close()
