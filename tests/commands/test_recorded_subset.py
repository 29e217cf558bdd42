"""`--record-only`: a recording of some message classes only, which says so, and can be market data all the same."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.backtest.data_files import DataFile
from actors.backtest.source import open_data
from actors.commands.backtest import main
from messages.codec import class_name_of
from messages.recording import Entry, Opening, Output, read_recording
from tests.commands.harness import BotProcess, wait_until


def test_only_the_named_classes_are_recorded(
    start_bot: Callable[..., BotProcess], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = tmp_path / "run.recording"
    words = ("--record", recording, "--record-only", "Trade,Fill", "--rate", "50")
    bot = start_bot(*words)
    wait_until(
        lambda: recording.exists() and recording.read_bytes().count(b"\xa5Trade") > 20,
        "trades in the recording",
    )
    bot.signal(signal.SIGTERM)
    ended = bot.wait()
    assert ended.code == 0, ended.stderr
    opening, *records = read_recording(recording)
    assert isinstance(opening, Opening)
    assert opening.classes == ["Fill", "Trade"]
    names = {class_name_of(item.frame) for item in records if isinstance(item, Entry | Output)}
    assert "Trade" in names <= {"Trade", "Fill"}
    data = open_data([DataFile(recording)], tmp_path / "cache")
    assert [stream.message_class for stream in data.streams] == ["Trade"]
    assert data.streams[0].count > 5
    assert main(["replay", str(recording)]) == 2
    assert "only Fill, Trade were recorded" in capsys.readouterr().err


def test_an_unknown_class_is_refused_before_anything_starts(
    start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    recording = tmp_path / "run.recording"
    ended = start_bot("--record", recording, "--record-only", "Trade,Fil").wait()
    assert ended.code == 2
    assert (
        "--record-only Fil: there is no such message class (did you mean 'Fill'?)" in ended.stderr
    )
    assert not recording.exists()
