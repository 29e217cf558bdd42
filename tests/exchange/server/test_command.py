"""`bin/exchange`, from its command line to its end, in a process of its own."""

import contextlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.commands.exchange import main, make_limits

ROOT = Path(__file__).parents[3]


@contextlib.contextmanager
def started(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    """The command and what its first line says."""
    command = [sys.executable, "-m", "actors.commands.exchange", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        try:
            assert process.stdout is not None
            yield process, msgspec.json.decode(process.stdout.readline())
        finally:
            process.kill()


def wait(process: "subprocess.Popen[str]") -> tuple[int, float]:
    """The exit code, and how long it took."""
    start = time.monotonic()
    return process.wait(timeout=60), time.monotonic() - start


def test_the_first_line_tells_all_and_sigterm_ends_it() -> None:
    with started("--symbols", "btcusdt,ETHUSDT", "--rate", "50", "--seed", "3") as (process, line):
        assert list(line) == [
            "rest",
            "streams",
            "ws_api",
            "api_key",
            "api_secret",
            "ed25519_api_key",
            "ed25519_private_key",
        ]
        assert line["ws_api"] == line["streams"] + "/ws-api/v3"
        with urllib.request.urlopen(line["rest"] + "/api/v3/ticker/price", timeout=60) as answer:
            tickers = msgspec.json.decode(answer.read())
        assert [one["symbol"] for one in tickers] == ["BTCUSDT", "ETHUSDT"]
        assert all(float(one["price"]) > 0 for one in tickers)
        process.send_signal(signal.SIGTERM)
        code, seconds = wait(process)
        assert code == 0
        assert seconds < 15


def test_keys_differ_at_every_start_whatever_the_seed() -> None:
    with started("--seed", "1") as (_, first), started("--seed", "1") as (_, second):
        for name in ("api_key", "api_secret", "ed25519_api_key", "ed25519_private_key"):
            assert first[name] != second[name]


def test_it_ends_with_its_parent_when_asked() -> None:
    with started("--market", "still", "--until-parent-exits") as (process, _):
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()
        assert wait(process)[0] == 0


def test_it_stays_when_its_input_ends_unasked() -> None:
    with started("--market", "still") as (process, line):
        assert process.stdin is not None
        process.stdin.close()
        for _ in range(3):
            with urllib.request.urlopen(line["rest"] + "/api/v3/ping", timeout=60) as answer:
                assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert wait(process)[0] == 0


def test_a_recording_is_played(tmp_path: Path) -> None:
    file = tmp_path / "BTCUSDT-trades.csv"
    rows = [
        f"{number},40000.1{number},0.5,20000.05,{1610064000000 + number},True,True"
        for number in range(9)
    ]
    file.write_text("\n".join(rows) + "\n")
    with started("--market", str(file), "--speed", "0") as (process, line):
        url = line["rest"] + "/api/v3/trades?symbol=BTCUSDT"
        trades: list[Any] = []
        deadline = time.monotonic() + 60
        while len(trades) < 9 and time.monotonic() < deadline:
            with urllib.request.urlopen(url, timeout=60) as answer:
                trades = msgspec.json.decode(answer.read())
        assert [trade["id"] for trade in trades] == list(range(9))
        assert trades[8]["price"] == "40000.18000000"
        process.send_signal(signal.SIGTERM)
        assert wait(process)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--symbols", "NOPE"], "NOPE"),
        (["--symbols", ","], "at least one symbol"),
        (["--market", "no/such/file.csv"], "no/such/file.csv"),
        (["--rate", "0"], "above 0"),
        (["--speed", "-1"], "or above"),
        (["--fee", "2"], "0.001 is a tenth of a percent"),
        (["--order-limit", "0"], "above 0"),
    ],
)
def test_bad_usage_is_told(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_a_port_that_is_taken_is_told() -> None:
    with started("--market", "still") as (_, line):
        port = line["rest"].rpartition(":")[2]
        command = [sys.executable, "-m", "actors.commands.exchange", "--port", port]
        done = subprocess.run(
            command, cwd=ROOT, text=True, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 1
        assert f"cannot serve on port {port}" in done.stderr


def test_addresses_that_cannot_be_written_are_no_fault_of_the_port() -> None:
    command = [sys.executable, "-m", "actors.commands.exchange", "--market", "still"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command,
            cwd=ROOT,
            text=True,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("bin/exchange: its addresses cannot be written to the output")


def test_limits_can_be_changed_one_by_one() -> None:
    changed = {(one.kind, one.interval): one.limit for one in make_limits(100_000, None)}
    assert changed[("ORDERS", "SECOND")] == 100_000
    assert changed[("ORDERS", "DAY")] == 864_000_000
    assert changed[("REQUEST_WEIGHT", "MINUTE")] == 6000
    lowered = {(one.kind, one.interval): one.limit for one in make_limits(3, 50)}
    assert lowered[("ORDERS", "SECOND")] == 3
    assert lowered[("ORDERS", "DAY")] == 160_000
    assert lowered[("REQUEST_WEIGHT", "MINUTE")] == 50


def test_a_file_of_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "faults.toml"
    file.write_text('[[faults]]\nkind = "error"\ncode = -1008\non = "ping"\nnth = 2\n')
    with started("--market", "still", "--faults", str(file), "--control") as (_, line):
        assert list(line)[-1] == "control"
        with urllib.request.urlopen(line["rest"] + "/api/v3/ping", timeout=60) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(line["rest"] + "/api/v3/ping", timeout=60)
        caught.value.close()
        assert caught.value.code == 503
        with urllib.request.urlopen(line["control"] + "/state", timeout=60) as answer:
            (told,) = msgspec.json.decode(answer.read())["faults"]
        assert (told["kind"], told["seen"], told["struck"]) == ("error", 2, 1)
    file.write_text('[[faults]]\nkind = "eror"\n[[faults]]\nkind = "late"\n')
    assert main(["--faults", str(file)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[1] == f"bin/exchange: {file}: faults[1].delay_ms: missing"
    assert main(["--faults", str(tmp_path / "absent.toml")]) == 2
    assert "absent.toml" in capsys.readouterr().err


def test_a_plain_symbol_that_is_not_listed_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--symbols", "BTCUSDT,ETHUSDT", "--plain", "ethusdt,BNBUSDT"]) == 2
    said = (
        "bin/exchange: --plain BNBUSDT: it is not listed; listed are BTCUSDT, ETHUSDT (--symbols)\n"
    )
    assert capsys.readouterr().err == said


def test_a_file_of_faults_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--faults", "/no/such/plan.toml"]) == 2
    assert (
        capsys.readouterr().err == "bin/exchange: /no/such/plan.toml: No such file or directory\n"
    )
