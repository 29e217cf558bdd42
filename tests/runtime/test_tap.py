"""The recording tap: what is on the disk at any moment, whatever ends the process then."""

import resource
import signal
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.commands.recording_thread import BLOCKS_WAITING, ThreadWriter
from actors.runtime.tap import (
    LISTS_TOGETHER,
    LONGEST_WAIT_NS,
    RECORDS_TOGETHER,
    DirectWriter,
    RecordingTap,
    WriterMaker,
)
from actors.testing import make_trade
from messages.codec import decoder_of, encode
from messages.market import Trade
from messages.recording import Entry, Opening, Output, Record, read_recording

SECOND_NS = 10**9
START_NS = 1_700_000_000 * SECOND_NS


def make_opening() -> Opening:
    return Opening(run=1, seed=0, start_time_ns=START_NS, versions={}, actors=[])


WRITERS = pytest.mark.parametrize("writer", [DirectWriter, ThreadWriter])


def find_missing(path: Path, written: list[Record], oldest_ns: int) -> list[Record]:
    """What is not on the disk; nothing that was handled before this time.

    The clock of the test is not that of a thread that writes: it is given some seconds of its own.
    """
    patience_ends = time.monotonic() + 10
    while True:
        _, *found = read_recording(path)
        assert found == written[: len(found)]
        missing = written[len(found) :]
        late = [item for item in missing if isinstance(item, Entry) and item.time_ns <= oldest_ns]
        if not late:
            return missing
        assert time.monotonic() < patience_ends, late
        time.sleep(0.001)


@WRITERS
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    handlings=st.lists(
        st.tuples(st.integers(0, SECOND_NS), st.integers(0, 3)), min_size=1, max_size=60
    )
)
def test_all_but_the_last_half_second_is_on_the_disk(
    tmp_path: Path, writer: WriterMaker, handlings: list[tuple[int, int]]
) -> None:
    path = tmp_path / "run.recording"
    tap = RecordingTap(path, make_opening(), writer)
    written: list[Record] = []
    now_ns = START_NS
    for pause_ns, outputs in handlings:
        now_ns += pause_ns
        frame = encode(make_trade(price=1.0 + len(written)))
        tap.on_handled("maker", now_ns, frame)
        # A kill here, or anywhere until the next handler is called, leaves this:
        missing = find_missing(path, written, oldest_ns=now_ns - 2 * LONGEST_WAIT_NS)
        assert not missing or isinstance(missing[0], Entry), "a handling is whole or not there"
        written.append(Entry(actor="maker", time_ns=now_ns, frame=frame))
        for _ in range(outputs):
            tap.on_sent("maker", now_ns, frame)
            written.append(Output(actor="maker", time_ns=now_ns, frame=frame))
    tap.close()
    assert list(read_recording(path)) == [make_opening(), *written]


@WRITERS
def test_a_burst_is_written_as_it_comes(tmp_path: Path, writer: WriterMaker) -> None:
    path = tmp_path / "run.recording"
    tap = RecordingTap(path, make_opening(), writer)
    block = RECORDS_TOGETHER * LISTS_TOGETHER
    for number in range(10 * block):
        tap.on_handled("maker", START_NS, encode(make_trade(price=1.0 + number)))
    # One is being filled, one being written, and no more than so many wait: the others are on the disk.
    assert len(list(read_recording(path))) >= (10 - 2 - BLOCKS_WAITING) * block
    tap.flush()
    records = list(read_recording(path))
    assert len(records) == 10 * block + 1
    decode = decoder_of(Trade).decode
    prices = [decode(item.frame).price for item in records[1:] if isinstance(item, Entry)]
    assert prices == [1.0 + number for number in range(10 * block)]
    tap.close()


@WRITERS
def test_a_disk_that_fills_ends_the_recording_and_nothing_else(
    tmp_path: Path, writer: WriterMaker, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "run.recording"
    tap = RecordingTap(path, make_opening(), writer)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, usual[1]))
    try:
        for number in range(20):
            frame = encode(make_trade(price=1.0 + number))
            tap.on_handled("maker", START_NS + number * SECOND_NS, frame)
        tap.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        signal.signal(signal.SIGXFSZ, handler)
    assert tap.failure is not None
    assert caplog.text.count("the recording ends here") == 1
    assert next(read_recording(path)) == make_opening()
    tap.close()  # a second time changes nothing


def test_a_recording_that_cannot_begin_says_so_and_leaves_no_file_open(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    with pytest.raises(OSError, match="No space left"):
        RecordingTap(Path("/dev/full"), make_opening())
    with pytest.raises(FileNotFoundError):
        RecordingTap(tmp_path / "nothing" / "run.recording", make_opening())
