"""The backtest benchmark: the command plays the file as the engine plays the data that it was written from."""

import sys
from pathlib import Path

import pytest

from actors.backtest.million import make_bars, make_trades, run_million
from actors.commands.bench_backtest import make_jobs, run_measured, run_ours
from actors.commands.bench_measure import Effort
from actors.commands.bench_process import BenchError


@pytest.mark.parametrize("place", [0, 1])
def test_the_command_places_the_orders_of_the_engine(place: int, tmp_path: Path) -> None:
    job = make_jobs(Effort(1, 0.02))[place]
    made = [make_trades, make_bars][place](job.events)
    run = run_million(made)
    taken, played = run_ours(job, job.write_file(tmp_path), tmp_path)
    assert played.events == run.message_count == job.events
    assert played.orders == len(run.record.orders) > 10
    assert 0 < played.seconds < taken.seconds
    assert 0.1 < taken.processor_s < taken.seconds + 0.5
    assert 20 < taken.peak_mib < 150


def test_memory_does_not_grow_with_the_length_of_the_data(tmp_path: Path) -> None:
    peaks = []
    for fraction in (0.02, 0.2):
        job = make_jobs(Effort(1, fraction))[0]
        folder = tmp_path / str(fraction)
        folder.mkdir()
        file = job.write_file(folder)
        run_ours(job, file, folder)  # converts
        peaks.append(run_ours(job, file, folder)[0].peak_mib)
    assert peaks[1] < peaks[0] + 10 < 150


def test_a_program_is_weighed_alone(tmp_path: Path) -> None:
    ballast = bytearray(200 << 20)  # of this process: none of it may be counted
    taken, lines = run_measured([sys.executable, "-S", "-c", "print(input())"], b"hello")
    assert lines == ["hello"]
    assert taken.peak_mib < 50 < len(ballast) >> 20
    with pytest.raises(BenchError, match="ZeroDivisionError"):
        run_measured([sys.executable, "-S", "-c", "1 / 0"])
