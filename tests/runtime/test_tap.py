"""The recording tap: what is on the disk at any moment, whatever ends the process then."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.runtime.tap import LONGEST_WAIT_NS, RECORDS_TOGETHER, RecordingTap
from actors.testing import make_trade
from messages.codec import encode
from messages.recording import Entry, Opening, Output, Record, read_recording

SECOND_NS = 10**9
START_NS = 1_700_000_000 * SECOND_NS


def make_opening() -> Opening:
    return Opening(run=1, seed=0, start_time_ns=START_NS, versions={}, actors=[])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    handlings=st.lists(
        st.tuples(st.integers(0, SECOND_NS), st.integers(0, 3)), min_size=1, max_size=60
    )
)
def test_all_but_the_last_half_second_is_on_the_disk(
    tmp_path: Path, handlings: list[tuple[int, int]]
) -> None:
    path = tmp_path / "run.recording"
    tap = RecordingTap(path, make_opening())
    written: list[Record] = []
    now_ns = START_NS
    for pause_ns, outputs in handlings:
        now_ns += pause_ns
        frame = encode(make_trade(price=1.0 + len(written)))
        tap.on_handled("maker", now_ns, frame)
        # A kill here, or anywhere until the next handler is called, leaves this:
        _, *found = read_recording(path)
        assert found == written[: len(found)]
        missing = written[len(found) :]
        assert all(
            item.time_ns > now_ns - LONGEST_WAIT_NS for item in missing if isinstance(item, Entry)
        )
        assert not missing or isinstance(missing[0], Entry), "a handling is whole or not there"
        written.append(Entry(actor="maker", time_ns=now_ns, frame=frame))
        for _ in range(outputs):
            tap.on_sent("maker", now_ns, frame)
            written.append(Output(actor="maker", time_ns=now_ns, frame=frame))
    tap.close()
    assert list(read_recording(path)) == [make_opening(), *written]


def test_a_burst_is_written_as_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "run.recording"
    tap = RecordingTap(path, make_opening())
    for number in range(10 * RECORDS_TOGETHER):
        tap.on_handled("maker", START_NS, encode(make_trade(price=1.0 + number)))
    assert len(list(read_recording(path))) > 9 * RECORDS_TOGETHER
    tap.flush()
    assert len(list(read_recording(path))) == 10 * RECORDS_TOGETHER + 1
    tap.close()


def test_a_recording_that_cannot_begin_says_so_and_leaves_no_file_open(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    with pytest.raises(OSError, match="No space left"):
        RecordingTap(Path("/dev/full"), make_opening())
    with pytest.raises(FileNotFoundError):
        RecordingTap(tmp_path / "nothing" / "run.recording", make_opening())
