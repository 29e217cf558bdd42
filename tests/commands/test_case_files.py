"""Files that are not what they should be, as people name them on the command line: markets, faults, and where to write."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.commands import exchange
from actors.commands.start import main
from tests.commands.harness import ROOT, SAMPLE, BotProcess, wait_until
from tests.commands.lives import heard

BREAKOUT = '[[actors]]\nclass = "Breakout"\nsymbol = "BTCUSDT"\nlevel = 100\nquantity = "0.001"\n'


def write_market(folder: Path, rows: int, *others: str) -> Path:
    """So many rows of a real recording, and others."""
    lines = SAMPLE.read_text().splitlines()[:rows]
    file = folder / "trades.csv"
    file.write_text("\n".join([*lines, *others]) + "\n")
    return file


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["x,1"], "trades.csv, line 301: 2 fields, not 7 as in the rows before"),
        (["x,y"], "trades.csv, line 301: 2 fields, not 7 as in the rows before"),
        ([], "has ended: the market stands still"),
    ],
)
def test_the_bot_passes_on_what_its_exchange_says_of_the_market(
    rows: list[str], said: str, start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    file = write_market(tmp_path, 300, *rows)
    bot = start_bot("--market", file, "--speed", "0", "--strategy", "MarketMaker")
    wait_until(lambda: said in heard(bot) or bot.process.poll() is not None, said)
    bot.signal(2)
    ended = bot.wait()
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1,1,1,0,9223372036854775807,True,True", "neither in milliseconds nor in microseconds"),
        ("1,1,1,0,1735689600000000000,True,True", "neither in milliseconds nor in microseconds"),
        ("1735689600000000,1,2,3,4,5,1735689600999999,6,7,8,9,0", "neither a row of trades nor"),
        ("", "there is no trade in it"),
        ("id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch", "there is no trade in it"),
    ],
)
def test_a_file_that_holds_no_market(
    row: str,
    said: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    assert main(["--market", str(write_market(tmp_path, 0, row))]) == 1
    text = capfd.readouterr().err
    assert "bin/start: the local exchange did not start" in text
    assert said in text
    assert "Traceback" not in text


def test_nothing_is_written_over_what_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    market = tmp_path / "trades.csv"
    shutil.copy(SAMPLE, market)
    file = tmp_path / "bot.toml"
    file.write_text(BREAKOUT)
    (tmp_path / "link").symlink_to(file)
    notes = tmp_path / "notes.txt"
    notes.write_text("years of work")
    for words, switch in (
        (["--market", "trades.csv", "--record", str(market)], "--record"),
        (["--config", "bot.toml", "--summary", str(tmp_path / "link")], "--summary"),
        (["--summary", "same", "--record", "./same"], "--record"),
        (["--record", "notes.txt"], "--record"),
    ):
        assert main(words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(switch)
    assert market.read_bytes() == SAMPLE.read_bytes()
    assert file.read_text() == BREAKOUT
    assert notes.read_text() == "years of work"


def test_a_recording_may_be_replaced_by_another(
    start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    for _ in range(2):
        bot = start_bot("--record", tmp_path / "run.recording", "--duration", "0.3")
        assert bot.wait().code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fee", "nan"], "nan is not a fraction"),
        (["--fee", "snan"], "snan is not a fraction"),
        (["--port", "65536"], "65536 is no port"),
        (["--port", "-1"], "-1 is no port"),
    ],
)
def test_an_exchange_that_cannot_be_meant(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        exchange.main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["faults.json", "faults.toml"])
def test_faults_nested_without_end(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    file.write_text("a = " * name.endswith("toml") + "[" * 20 * sys.getrecursionlimit())
    assert exchange.main(["--faults", str(file)]) == 2
    assert "nests its values too deeply" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["venue.market", "venue.key_file", "venue.private_key_file"])
def test_a_file_that_the_system_refuses_to_look_for(
    key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # As it does in another user's folder, but for whoever runs this.
    name = key.removeprefix("venue.")
    place = "" if name == "market" else 'environment = "testnet"\n'
    file = tmp_path / "bot.toml"
    file.write_text(f'[venue]\n{place}{name} = "{"k" * 300}"\n{BREAKOUT}')
    assert main(["--config", str(file)]) == 2
    assert f"{key}: '{'k' * 300}' cannot be read: File name too long" in capsys.readouterr().err


def test_a_market_that_the_system_refuses_to_look_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        exchange.main(["--market", "k" * 300])
    assert ended.value.code == 2
    assert "cannot be read: File name too long" in capsys.readouterr().err


@pytest.mark.parametrize("switch", ["--summary", "--record"])
def test_a_result_that_the_system_refuses_to_look_for(
    switch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bot.toml"
    file.write_text(f'[bot]\nstate_folder = "{tmp_path / "state"}"\n{BREAKOUT}')
    assert main(["--config", str(file), switch, str(tmp_path / ("s" * 300))]) == 2
    assert "cannot be written: File name too long" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all")
def test_a_market_that_may_not_be_read_is_no_fault_of_the_port(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_market(tmp_path, 10)
    file.chmod(0)
    assert exchange.main(["--market", str(file)]) == 1
    assert f"bin/exchange: {file}: Permission denied" in capsys.readouterr().err


def test_a_file_of_the_name_of_another_module_is_told_by_which_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", list(sys.path))
    (tmp_path / "messages.py").write_text("class Foo: ...\n")
    file = tmp_path / "bot.toml"
    file.write_text('[[actors]]\nclass = "messages.Foo"\n')
    assert main(["--config", str(file)]) == 2
    found = Path("messages") / "__init__.py"
    assert "'messages' has no 'Foo' (/" in (told := capsys.readouterr().err)
    assert f"{found} has no actors)" in told


def test_a_strategy_that_closes_stdout_costs_no_summary(tmp_path: Path) -> None:
    (tmp_path / "closing.py").write_text(
        "import sys\n"
        "from actors.strategies.strategy import Strategy\n"
        "from messages.market import Trade\n"
        "class Closing(Strategy):\n"
        "    symbol = 'BTCUSDT'\n"
        "    def on_trade(self, trade: Trade) -> None:\n"
        "        sys.stdout.close()\n"
    )
    file = tmp_path / "bot.toml"
    state = f'[bot]\nstate_folder = "{tmp_path / "state"}"\n'
    file.write_text(f'{state}[[actors]]\nclass = "closing.Closing"\n')
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "actors.commands.start",
            "--config",
            file,
            "--duration",
            "2",
            "--summary",
            tmp_path / "summary.json",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "summary.json").exists()
