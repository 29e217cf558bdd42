"""The socket for commands: found however long its path is, this user's alone, and deaf to nonsense."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from actors.commands import send_command
from actors.commands.command_lines import CommandRequest, describe_request
from actors.commands.command_socket import bind_socket, remove_stale
from actors.commands.start import main
from tests.commands.command_client import ask_status, command, talk, wait_for_state
from tests.commands.harness import ROOT, BotProcess, LocalVenue, wait_until

QUIET = """
[[actors]]
class = "Breakout"
symbol = "BTCUSDT"
level = 1000000000
quantity = "0.001"
"""
LONGEST_REQUEST = 4096

StartVenue = Callable[..., LocalVenue]
StartBot = Callable[..., BotProcess]


@pytest.fixture
def quiet_bot(start_venue: StartVenue, start_bot: StartBot, tmp_path: Path) -> BotProcess:
    """A bot that trades nothing, ready."""
    bot = start_bot("--config", start_venue().write_configuration(tmp_path, QUIET))
    wait_for_state(tmp_path / "state", "trading")
    return bot


@pytest.fixture(scope="module")
def shared_bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    """A bot that many tests may annoy: it must not mind."""
    folder = tmp_path_factory.mktemp("shared")
    venue = LocalVenue()
    bot = BotProcess(folder, ["--config", str(venue.write_configuration(folder, QUIET))])
    try:
        wait_for_state(folder / "state", "trading")
        yield bot
    finally:
        bot.kill()
        venue.close()


@pytest.fixture
def callers(tmp_path: Path) -> Iterator[Callable[[bytes], socket.socket]]:
    """Connections that stay open, with some bytes sent."""
    with ExitStack() as stack:

        def call(data: bytes = b"") -> socket.socket:
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.settimeout(30)
            client.connect(str(tmp_path / "state/control.socket"))
            with suppress(BrokenPipeError):  # one too many is sent away before it has spoken
                client.sendall(data)
            return client

        yield call


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"status\n",
        b"{}\n",
        b"null\n",
        b'{"command":"sell everything"}\n',
        b'{"command":"halt","strategy":7}\n',
        b'{"command":"status","password":"x"}\n',
        b'{"command":"status"',
        b"[" * 4000 + b"\n",
        b'{"command":' * 300 + b"\n",
        b'{"command":"\xff\xfe"}\n',
        b"\x00" * 1000 + b"\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"x" * (LONGEST_REQUEST * 2) + b"\n",
        b"y" * 5_000_000,
    ],
    ids=lambda data: repr(data[:24]),
)
def test_nonsense_is_refused_and_does_no_harm(data: bytes, shared_bot: BotProcess) -> None:
    state = shared_bot.folder / "state"
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(state / "control.socket"))
        heard = b""
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            while piece := client.recv(65536):
                heard += piece
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert b'"status":' not in heard
    assert not heard or b'"code":2' in heard
    status = ask_status(state)
    assert status["state"] == "trading"
    assert status["obstacles"] == []
    assert shared_bot.process.poll() is None


def test_slow_and_many_callers_keep_nobody_out_for_long(
    quiet_bot: BotProcess, callers: Callable[[bytes], socket.socket], tmp_path: Path
) -> None:
    # More than are taken at once, who begin a line and never end it.
    hanging = [callers(b'{"command":') for _ in range(40)]
    wait_until(lambda: ask_status(tmp_path / "state"), "an answer among them", patience_s=30)
    for client in hanging:
        with suppress(ConnectionResetError):
            assert client.recv(100) == b""  # all are sent away
    files = Path(f"/proc/{quiet_bot.process.pid}/fd")
    if files.exists():
        wait_until(lambda: len(list(files.iterdir())) < 40, "the end of their connections")


def test_a_caller_who_does_not_read_is_left_alone(
    quiet_bot: BotProcess, callers: Callable[[bytes], socket.socket], tmp_path: Path
) -> None:
    for _ in range(50):
        callers(b'{"command":"status"}\n').close()
    silent = [callers(b'{"command":"status"}\n') for _ in range(3)]
    assert ask_status(tmp_path / "state")["state"] == "trading"
    assert silent
    quiet_bot.signal(15)
    ended = quiet_bot.wait()
    assert ended.code == 0
    assert "Traceback" not in ended.stderr
    assert "never retrieved" not in ended.stderr


def test_the_socket_is_its_users_alone_and_goes_with_the_bot(
    quiet_bot: BotProcess, tmp_path: Path
) -> None:
    path = tmp_path / "state/control.socket"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_ISSOCK(path.stat().st_mode)
    quiet_bot.signal(15)
    assert quiet_bot.wait().code == 0
    assert not path.exists()
    answer = command("status", None, "--state-folder", str(tmp_path / "state"))
    assert answer.code == 1
    assert answer.err.startswith("bin/start status: no bot is running in")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_cannot_connect(quiet_bot: BotProcess, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    (tmp_path / "state").chmod(0o777)
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        try:
            socket.socket(socket.AF_UNIX).connect(str(tmp_path / "state/control.socket"))
            os._exit(0)
        except PermissionError:
            os._exit(13)
        except OSError:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 13
    assert quiet_bot.process.poll() is None


def test_a_killed_bots_socket_is_stale_and_the_next_bot_replaces_it(
    quiet_bot: BotProcess, start_bot: StartBot, tmp_path: Path
) -> None:
    quiet_bot.signal(9)
    quiet_bot.wait()
    assert (tmp_path / "state/control.socket").is_socket()
    file = tmp_path / "bot.toml"
    answer = command("halt", file)
    assert answer.code == 1
    assert "no bot is running in" in answer.err
    bot = start_bot("--config", file)
    status = wait_for_state(tmp_path / "state", "trading")
    assert status["process"] == bot.process.pid


def test_a_second_copy_names_the_first_ones_process(
    quiet_bot: BotProcess, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config", str(tmp_path / "bot.toml")]) == 2
    said = capfd.readouterr().err
    assert f"another copy of this bot is running (process {quiet_bot.process.pid})" in said
    # The second copy has left the first one's socket alone.
    assert ask_status(tmp_path / "state")["process"] == quiet_bot.process.pid


def test_a_bot_that_is_stopped_does_not_hang_the_caller(
    quiet_bot: BotProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(send_command, "REPLY_PATIENCE_S", 0.5)
    quiet_bot.signal(19)
    try:
        assert main(["status", "--config", str(tmp_path / "bot.toml")]) == 1
    finally:
        quiet_bot.signal(18)
    assert "does not answer" in capsys.readouterr().err


def test_a_path_longer_than_an_address_can_be(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    folder = tmp_path / ("deep" * 20) / ("deeper" * 12)
    folder.mkdir(parents=True)
    file = start_venue().write_configuration(folder, QUIET)
    state = folder / "state"
    assert len(str(state)) > 108
    bot = start_bot("--config", file, folder=folder)
    wait_for_state(state, "trading")
    link = state / "control.socket"
    target = link.resolve()
    assert link.is_symlink()
    assert stat.S_IMODE(target.parent.stat().st_mode) == 0o700
    told = command("status", file)
    assert told.code == 0
    # Killed, it leaves link and folder behind; the next bot takes both away.
    bot.signal(9)
    bot.wait()
    assert command("status", file).code == 1
    again = start_bot("--config", file, folder=folder)
    wait_for_state(state, "trading")
    assert not target.parent.exists()
    again.signal(15)
    assert again.wait().code == 0
    assert not link.is_symlink()


def test_what_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "control.socket"
    path.write_text("somebody's own")
    with pytest.raises(FileExistsError):
        bind_socket(path)
    assert path.read_text() == "somebody's own"
    path.unlink()
    # A link to a folder that no bot has made is taken away; the folder is not.
    own = tmp_path / "own"
    own.mkdir()
    (own / "kept").touch()
    path.symlink_to(own / "control.socket")
    remove_stale(path)
    assert (own / "kept").exists()
    assert not path.is_symlink()


def test_commands_are_answered_while_the_bot_still_waits_for_its_venue(
    start_bot: StartBot, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.touch(mode=0o600)
    keys.write_text("A\nB\n")
    file = tmp_path / "bot.toml"
    # The discard port: nothing listens there.
    file.write_text(
        f'[bot]\nstate_folder = "{tmp_path / "state"}"\n[venue]\nrest = "http://127.0.0.1:9"\n'
        f'ws_api = "ws://127.0.0.1:9/ws-api/v3"\nstreams = "ws://127.0.0.1:9"\nkey_file = "{keys}"\n{QUIET}'
    )
    bot = start_bot("--config", file)
    status = wait_for_state(tmp_path / "state", "starting")
    assert "the venue at http://127.0.0.1:9" in status["waiting_for"]
    assert "waits for the venue at http://127.0.0.1:9" in " ".join(
        command("status", file).out.split()
    )
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(tmp_path / "state/control.socket"))
        client.sendall(b'{"command":"halt"}\n')
        assert b"still starting" in client.recv(1000)
        bot.signal(15)
        ended = bot.wait()
    assert ended.code == 0
    assert talk(tmp_path / "state", b"") == []


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (CommandRequest("halt"), "halt"),
        (CommandRequest("halt", "Maker", "too calm"), "halt of Maker, because: too calm"),
        (CommandRequest("flatten", reason="enough"), "flatten, because: enough"),
    ],
)
def test_the_log_says_what_was_asked(request_: CommandRequest, text: str) -> None:
    assert describe_request(request_) == text


def test_a_reason_in_another_encoding_keeps_no_halt_from_being_sent(
    quiet_bot: BotProcess, tmp_path: Path
) -> None:
    halted = command(
        "halt", tmp_path / "bot.toml", "--reason", os.fsdecode(b"zu unruhig \xfcber Nacht")
    )
    assert halted.code == 0, halted.err
    assert "zu unruhig ?ber Nacht" in command("status", tmp_path / "bot.toml").out


def test_an_answer_that_nobody_reads_or_the_output_cannot_show_is_no_traceback(
    quiet_bot: BotProcess, tmp_path: Path
) -> None:
    def call(words: list[str], output: int) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "actors.commands.start",
                *words,
                "--config",
                tmp_path / "bot.toml",
            ],
            env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )

    reading, writing = os.pipe()
    os.close(reading)
    gone = call(["halt", "--reason", "für heute"], writing)
    os.close(writing)
    assert gone.returncode == 0
    assert b"Traceback" not in gone.stderr
    shown = call(["status"], subprocess.PIPE)
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert b"f\\xfcr heute" in shown.stdout
    with Path("/dev/full").open("w") as full:
        for words in (["status"], ["status", "--json"], ["--wiring"]):
            lost = call(words, full.fileno())
            assert lost.returncode == 1
            (line,) = lost.stderr.splitlines()
            assert b"cannot be written to the output" in line
