"""`bin/start` as a user meets it: what it says, which files it writes, and with which code it ends."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.commands.start import main
from tests.commands.harness import (
    ROOT,
    SAMPLE,
    SUMMARY_KEYS,
    BotProcess,
    Ended,
    LocalVenue,
    wait_until,
)

BREAKOUT = '[[actors]]\nclass = "Breakout"\nsymbol = "BTCUSDT"\nlevel = 100\nquantity = "0.001"\n'


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the bots of this file keep their state."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def write(folder: Path, text: str) -> str:
    """A configuration file."""
    file = folder / "bot.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


# Whole runs.


@pytest.fixture(scope="module")
def default_runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """Two bots without a configuration, side by side: on a made market, and on a recorded one."""
    markets = {"made": ["--rate", "60"], "recorded": ["--market", str(SAMPLE), "--speed", "4"]}
    bots = {
        name: BotProcess(tmp_path_factory.mktemp(name), ["--duration", "4.5", *words])
        for name, words in markets.items()
    }
    try:
        return {name: bot.wait() for name, bot in bots.items()}
    finally:
        for bot in bots.values():
            bot.kill()


@pytest.mark.parametrize("market", ["made", "recorded"])
def test_without_a_configuration_it_trades_on_an_exchange_of_its_own(
    market: str, default_runs: dict[str, Ended]
) -> None:
    ended = default_runs[market]
    assert ended.code == 0, ended.stderr
    summary = ended.summary
    assert set(SUMMARY_KEYS) <= set(summary)
    assert summary["orders"] > 2
    assert summary["fills"] > 0
    # Each has come to an end that was heard.
    assert sum(summary["orders_by_status"].values()) == summary["orders"]
    assert not summary["unknown_orders"]
    assert summary["open_orders"] == summary["restarts"] == summary["dropped"] == 0, ended.stderr
    assert set(summary["latency_us"]["request_to_acknowledged"]) == {
        "count",
        "p50",
        "p99",
        "p99_9",
        "max",
    }
    assert {item["strategy"] for item in summary["positions"]} <= {
        "MarketMaker",
        "MovingAverageCross",
    }
    money = [*summary["realized_profit"].values(), *summary["fees"].values()]
    assert money
    assert all(re.fullmatch(r"-?\d+(\.\d{1,8})?", amount) for amount in money)
    # No terminal: plain lines on stderr, and the summary on stdout.
    lines = ended.stderr.splitlines()
    assert any(
        re.match(r" +\d+\.\ds trading \| BTCUSDT [\d.]+/[\d.]+ \| orders \d+ ", line)
        for line in lines
    )
    assert "\x1b" not in ended.stderr + ended.stdout
    assert ended.stdout.startswith(f"orders    {summary['orders']} sent (")
    assert (ended.folder / "ticktroupe/bot/journal.sqlite").is_file()
    assert (ended.folder / "ticktroupe/bot/bot.log").is_file()


def test_a_second_copy_of_the_same_bot_is_kept_out(
    start_bot: Callable[..., BotProcess], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = write(tmp_path, f'[bot]\nstate_folder = "{tmp_path / "state"}"\n' + BREAKOUT)
    first = start_bot("--config", file)
    wait_until((tmp_path / "state/journal.sqlite").exists, "the first bot's journal")
    assert main(["--config", file]) == 2
    assert "another copy of this bot is running" in capfd.readouterr().err
    first.signal(15)
    assert first.wait().code == 0


# What needs no run.


def test_help_tells_the_switches_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for switch in [
        "config",
        "market",
        "rate",
        "speed",
        "duration",
        "strategy",
        "wiring",
        "summary",
        "record",
        "flatten",
        "live",
    ]:
        assert f"--{switch}" in text
    assert "130 interrupted twice" in " ".join(text.split())


@pytest.mark.parametrize(
    "words",
    [
        ["--durations", "3"],
        ["--duration", "0"],
        ["--duration", "nan"],
        ["--rate", "-1"],
        ["--rate", "fast"],
        ["--speed", "-0.5"],
        ["--speed", "inf"],
        ["stop"],
    ],
)
def test_bad_usage_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: bin/start" in capsys.readouterr().err


def test_the_wiring_is_told_without_a_start(
    capsys: pytest.CaptureFixture[str], state_home: Path
) -> None:
    assert main(["--wiring"]) == 0
    text = capsys.readouterr().out
    for name in ("gateway", "order_manager", "MarketMaker", "MovingAverageCross", "market_data"):
        assert name in text
    assert "PlaceOrder" in text
    assert not state_home.exists()


def test_a_reader_that_leaves_early_is_no_failure(state_home: Path) -> None:
    command = [sys.executable, "-m", "actors.commands.start", "--wiring"]
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(command, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_bad_configuration_exits_with_2_and_starts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], state_home: Path
) -> None:
    file = write(tmp_path, BREAKOUT.replace("level", "levl") + "[venue]\nspeed = -1\n")
    assert main(["--config", file]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(file) for line in lines)
    assert main(["--market", "nowhere.csv"]) == 2
    assert "there is no file 'nowhere.csv'" in capsys.readouterr().err
    assert main(["--market", "papr"]) == 2
    assert "there is no file 'papr' (did you mean 'paper'?)" in capsys.readouterr().err
    assert main(["--strategy", "NoSuch"]) == 2
    assert "'NoSuch' names no class" in capsys.readouterr().err
    assert main(["--live"]) == 2
    assert 'environment = "live"' in capsys.readouterr().err
    assert not state_home.exists()


def test_a_strategy_without_its_arguments_is_told_where_to_give_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--strategy", "Breakout"]) == 2
    told = capsys.readouterr().err
    assert "the key 'level' is missing" in told
    assert (
        "--strategy Breakout has no arguments (give them in an [[actors]] table of --config" in told
    )


WIRING_FAULT = """
from actors.runtime.actor import Actor
from messages.base import Message


class Unheard(Message, kw_only=True):
    '''Nobody sends it.'''


class Listener(Actor):
    '''Waits for ever.'''

    def on_unheard(self, unheard: Unheard) -> None: ...
"""


@pytest.mark.parametrize("words", [[], ["--wiring"]])
def test_actors_that_do_not_fit_together_are_told_before_the_start(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    (tmp_path / "my_listener.py").write_text(WIRING_FAULT)
    file = write(tmp_path, '[[actors]]\nclass = "my_listener.Listener"\n')
    assert main(["--config", file, *words]) == 2
    assert "Unheard" in capsys.readouterr().err


@pytest.mark.parametrize("switch", ["--summary", "--record"])
def test_files_that_cannot_be_written_are_told_at_the_start(
    switch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], state_home: Path
) -> None:
    for path, said in (
        (tmp_path / "no/such/folder.json", "there is no folder"),
        (tmp_path, "is a folder"),
    ):
        assert main([switch, str(path)]) == 2
        text = capsys.readouterr().err
        assert switch in text
        assert said in text
    assert not state_home.exists()


def test_a_state_folder_that_cannot_be_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    file = write(tmp_path, f'[bot]\nstate_folder = "{tmp_path / "file/state"}"\n' + BREAKOUT)
    assert main(["--config", file]) == 2
    text = capsys.readouterr().err
    assert "set [bot] state_folder" in text
    assert "Traceback" not in text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_folder_without_permission_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o500)
    file = write(tmp_path, f'[bot]\nstate_folder = "{folder}"\n' + BREAKOUT)
    assert main(["--config", file]) == 2
    assert "cannot be used" in capsys.readouterr().err


def test_a_log_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state/bot.log").mkdir(parents=True)
    file = write(tmp_path, f'[bot]\nstate_folder = "{tmp_path / "state"}"\n' + BREAKOUT)
    assert main(["--config", file]) == 2
    assert "the log cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["another", "damaged"])
def test_a_journal_that_is_not_this_bots_is_told(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    if kind == "another":
        connection = sqlite3.connect(folder / "journal.sqlite")
        connection.execute(
            "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
        )
        connection.execute("INSERT INTO meta VALUES ('bot', 'somebody')")
        connection.commit()
        connection.close()
        said = "belongs to the bot 'somebody'"
    else:
        (folder / "journal.sqlite").write_bytes(b"no database at all" * 100)
        said = "not usable as a journal"
    file = write(tmp_path, f'[bot]\nstate_folder = "{folder}"\n' + BREAKOUT)
    assert main(["--config", file]) == 2
    assert said in capsys.readouterr().err


# A venue that cannot be traded at.


def write_venue(folder: Path, rest: str) -> str:
    """A configuration for a venue at this address, with keys that it does not know."""
    keys = folder / "keys"
    keys.touch(mode=0o600)
    keys.write_text("A" * 64 + "\n" + "B" * 64 + "\n")
    web_socket = rest.replace("http", "ws")
    return write(
        folder,
        f'[bot]\nstate_folder = "{folder / "state"}"\n[venue]\nrest = "{rest}"\n'
        f'ws_api = "{web_socket}/ws-api/v3"\nstreams = "{web_socket}"\nkey_file = "{keys}"\n{BREAKOUT}',
    )


def test_a_refused_key_is_one_sentence(
    start_venue: Callable[..., LocalVenue], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    venue = start_venue()
    assert main(["--config", write_venue(tmp_path, venue.line["rest"])]) == 1
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "refuses the key" in lines[0]
    assert "B" * 64 not in lines[0]


def test_a_venue_that_cannot_be_reached_is_one_sentence_and_is_interruptible(
    start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    # The discard port: nothing listens there.
    bot = start_bot("--config", write_venue(tmp_path, "http://127.0.0.1:9"))
    wait_until((tmp_path / "state/journal.sqlite").exists, "the bot's start")
    assert bot.process.stderr is not None
    assert bot.process.stderr.readline().startswith(
        "waiting for the venue at http://127.0.0.1:9/api:"
    )
    bot.signal(2)
    ended = bot.wait()
    assert ended.code == 0
    assert ended.stderr == ""


def test_the_summary_is_plain_json(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    ended = start_bot("--duration", "0.5", "--strategy", "MarketMaker").wait()
    assert ended.code == 0, ended.stderr
    text = (tmp_path / "summary.json").read_text()
    assert text.endswith("}\n")
    assert set(json.loads(text)["actors"]) >= {"gateway", "order_manager", "MarketMaker"}
