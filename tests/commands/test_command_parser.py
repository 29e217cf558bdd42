"""What a mistyped option is answered, by every command."""

import re
from pathlib import Path

import pytest

from actors.commands import backtest, bench, exchange, simulate, start
from actors.commands.command_parser import CommandParser

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("main", "words", "told"),
    [
        (start.main, ["--flaten"], "bin/start: error: there is no option '--flaten' (did you mean '--flatten'?)"),
        (start.main, ["--marekt=paper"], "'--marekt' (did you mean '--market'?)"),
        (start.main, ["--flaten", "--durration", "3"], "'--durration' (did you mean '--duration'?)"),
        (start.main, ["--liv"], "'--liv' (did you mean '--live'?)"),
        (start.main, ["--rate", "abc"], "argument --rate: 'abc' is not a number"),
        (start.main, ["--duration", "inf"], "'inf' is not a number"),
        (start.main, ["--speed", "-1"], "argument --speed: must be 0 or more, not -1"),
        (start.main, ["--rec", "x"], "'--rec' (did you mean '--record' or '--record-only'?)"),
        (start.main, ["--qqq"], "'--qqq' (`bin/start --help` tells all)"),
        (start.main, ["-x"], "'-x' (`bin/start --help` tells all)"),
        (start.main, ["--flatten", "now"], "unexpected: now"),
        (start.main, ["status", "--jsn"], "bin/start status: error: there is no option '--jsn' (did you mean '--json'?)"),
        (start.main, ["halt", "--strateg", "A"], "'--strateg' (did you mean '--strategy'?)"),
        (backtest.main, ["--feees", "1", "x.csv"], "'--feees' (did you mean '--fees'?)"),
        (backtest.main, ["optimize", "--objectiv", "sharpe", "x.csv"], "did you mean '--objective'?"),
        (bench.main, ["--peer"], "did you mean '--peers'?"),
        (exchange.main, ["--symbls", "BTCUSDT"], "did you mean '--symbols'?"),
        (simulate.main, ["--rounds", "x"], "argument --rounds: 'x' is not a whole number"),
        (simulate.main, ["--round", "1"], "did you mean '--rounds'?"),
    ],
)  # fmt: skip
def test_a_mistyped_option_is_suggested_the_right_one(
    main: object, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(main)
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_every_command_line_is_read_by_it() -> None:
    made = re.compile(r"argparse\.ArgumentParser\(\s*(prog|$)", re.MULTILINE)
    files = [*(ROOT / "actors").rglob("*.py"), *(ROOT / "tests").rglob("__main__.py")]
    assert [str(file) for file in files if made.search(file.read_text())] == []


def test_words_between_options_are_still_words() -> None:
    parser = CommandParser(prog="x")
    parser.add_argument("data", nargs="*")
    parser.add_argument("--fees")
    found = parser.parse_intermixed_args(["a", "--fees", "1", "b"])
    assert (found.data, found.fees) == (["a", "b"], "1")
