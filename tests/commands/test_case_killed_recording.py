"""A recording of a bot that was killed, or stopped: what it holds, and that it can still be executed again."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.commands.configuration import load_configuration
from actors.runtime.replay import replay
from messages.codec import class_name_of
from messages.recording import Entry, read_recording
from tests.commands.command_client import ask_status
from tests.commands.harness import BotProcess, LocalVenue, wait_until
from tests.commands.lives import RISK, quoting, trades_on

SECOND_NS = 1_000_000_000


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_recording_outlives_its_bot(
    number: int,
    start_venue: Callable[..., LocalVenue],
    start_bot: Callable[..., BotProcess],
    tmp_path: Path,
) -> None:
    venue = start_venue("--rate", "60", "--order-limit", "100000")
    file = venue.write_configuration(tmp_path, RISK + quoting())
    recording = tmp_path / "run.recording"
    bot = start_bot("--config", file, "--record", recording)
    wait_until(recording.exists, "the recording")
    trades_on(venue, bot, 6)
    ended_at_ns = time.time_ns()
    # Its answer shows that it has come that far, however late a busy machine lets it be.
    wait_until(lambda: ask_status(tmp_path / "state"), "its word")
    bot.signal(number)
    bot.wait()
    entries = [item for item in read_recording(recording) if isinstance(item, Entry)]
    assert entries[-1].time_ns > ended_at_ns - SECOND_NS
    specifications = load_configuration(file).actors
    (again,) = replay(read_recording(recording), specifications)
    assert again.divergence is None
    assert again.handled > 6
    stops = {item.actor for item in entries if class_name_of(item.frame) == "Stop"}
    assert (specifications[0].name in stops) is (number == signal.SIGTERM)


def test_bytes_behind_the_last_record_are_left_out(
    start_bot: Callable[..., BotProcess], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A power cut may leave a file that is longer than what was written to it, full of zeros or of anything."""
    recording = tmp_path / "run.recording"
    ended = start_bot("--record", recording, "--duration", "1").wait()
    assert ended.code == 0, ended.stderr
    whole = recording.read_bytes()
    records = len(list(read_recording(recording)))
    for rest in (b"\0" * 4096, b"\xc4", b"\xc6\xff\xff\xff\xff", b"{}"):
        recording.write_bytes(whole + rest)
        assert len(list(read_recording(recording))) == records
        assert f"the last {len(rest)} bytes are no whole record" in caplog.text
