"""Log lines for people and machines, and the clocks."""

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.runtime import logs
from actors.runtime.clock import RealClock, SimulatedClock, random_for
from actors.runtime.errors import describe_error, sendable
from actors.runtime.logs import JsonFormatter, set_up_logging, tear_down_logging
from messages.codec import encode
from messages.control import ActorStopped


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    path = tmp_path / "bot.log"
    handlers = set_up_logging(path)
    yield path
    tear_down_logging(handlers)
    root.setLevel(level)
    assert root.handlers == before


def lines_of(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_one_json_object_a_line(log_file: Path) -> None:
    log = logging.getLogger("actors.test")
    log.info("two\nlines, %s", "ä")
    try:
        raise ValueError("boom")
    except ValueError:
        log.exception("failed")
    first, second = lines_of(log_file)
    assert first["message"] == "two\nlines, ä"
    assert (first["level"], first["logger"]) == ("INFO", "actors.test")
    assert first["time"].endswith("+00:00")
    assert "ValueError: boom" in second["traceback"]


def test_a_text_that_is_no_text_is_logged_all_the_same(
    log_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("actors.test").error("no file %s", "\udcff")
    assert "Logging error" not in capsys.readouterr().err
    assert "no file" in lines_of(log_file)[0]["message"]


def test_the_file_turns_over_before_it_fills_a_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert logs.MAX_FILE_BYTES * (logs.KEPT_FILES + 1) <= 100_000_000
    monkeypatch.setattr(logs, "MAX_FILE_BYTES", 2_000)
    root = logging.getLogger()
    level = root.level
    handlers = set_up_logging(tmp_path / "bot.log")
    for number in range(400):
        logging.getLogger("actors.test").info("line %d", number)
    tear_down_logging(handlers)
    root.setLevel(level)
    files = sorted(tmp_path.glob("bot.log*"))
    assert len(files) == logs.KEPT_FILES + 1
    assert all(path.stat().st_size <= 2_000 for path in files)
    assert lines_of(tmp_path / "bot.log")[-1]["message"] == "line 399"


def test_the_screen_has_warnings_alone(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    level = root.level
    handlers = set_up_logging(None)
    try:
        logging.getLogger("actors.test").info("quiet")
        logging.getLogger("actors.test").warning("loud")
    finally:
        tear_down_logging(handlers)
        root.setLevel(level)
    error = capsys.readouterr().err
    assert "loud" in error
    assert "quiet" not in error


def test_the_formatter_alone() -> None:
    record = logging.LogRecord("a.b", logging.WARNING, "", 0, "x", (), None)
    record.created = 0.0015
    assert JsonFormatter().format(record) == (
        '{"time": "1970-01-01T00:00:00.001+00:00", "level": "WARNING", "logger": "a.b", "message": "x"}'
    )


def test_a_simulated_clock_moves_only_forward() -> None:
    clock = SimulatedClock(5)
    assert (clock.now_ns(), clock.monotonic_ns()) == (5, 5)
    clock.advance(1.5)
    assert clock.now_ns() == 1_500_000_005
    clock.advance_to(clock.now_ns())
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance_to(4)
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(-1)


def test_the_machines_clock() -> None:
    clock = RealClock()
    assert abs(clock.now_ns() - time.time_ns()) < 1_000_000_000
    readings = [clock.monotonic_ns() for _ in range(1_000)]
    assert readings == sorted(readings)
    assert len(set(readings)) > 900


def test_randomness_is_the_actors_own() -> None:
    first = [random_for(1, "a").random() for _ in range(2)]
    assert first[0] == first[1]
    assert len({random_for(seed, name).random() for seed in (1, 2) for name in "ab"}) == 4
    assert random_for(0, "a").random() == 0.8633118492977317


def test_any_error_can_be_told() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    for error in (Mute(), ValueError("\udcff"), SystemExit(), KeyError("k"), OSError(2, "no")):
        text = describe_error(error)
        assert text.startswith(type(error).__name__ + ": ")
        assert encode(ActorStopped(actor="a", reason=text))
    assert sendable("ä\udcff") == "ä\\udcff"


def test_the_level_of_before_comes_back_with_the_end_of_logging() -> None:
    root = logging.getLogger()
    before = root.level
    try:
        root.setLevel(logging.ERROR)
        handlers = set_up_logging(None)
        assert root.level == logging.INFO
        tear_down_logging(handlers)
        assert root.level == logging.ERROR
    finally:
        root.setLevel(before)
