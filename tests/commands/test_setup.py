"""The set-up that every command does first: what it says when the machine lacks something."""

import fcntl
import os
import select
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what the set-up needs, without an environment."""
    folder = tmp_path / "project"
    (folder / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "bin" / "setup", folder / "bin" / "setup")
    shutil.copy(ROOT / "bin" / "start", folder / "bin" / "start")
    shutil.copy(ROOT / "requirements.lock", folder / "requirements.lock")
    return folder


def make_python(folder: Path, name: str, script: str) -> Path:
    file = folder / name
    file.write_text(f"#!/usr/bin/env bash\n{script}\n")
    file.chmod(0o755)
    return file


def run(folder: Path, *command: str | Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command in a folder, which is the user's home as well."""
    return subprocess.run(
        command,
        cwd=folder,
        env={"HOME": str(folder), "PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run_start(project: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    return run(project, project / "bin" / "start", "--help", **variables)


def test_without_ensurepip_it_says_what_to_install(project: Path, tmp_path: Path) -> None:
    python = make_python(
        tmp_path,
        "python-without-venv",
        f'if [[ "$*" == *ensurepip* ]]; then exit 1; fi; exec {sys.executable} "$@"',
    )
    result = run_start(project, PYTHON=str(python))
    assert result.returncode == 1
    assert "apt-get install python3-venv" in result.stderr
    assert not (project / ".venv").exists()


def test_a_python_that_is_too_old_is_refused_by_name(project: Path, tmp_path: Path) -> None:
    python = make_python(tmp_path, "python3.8", "exit 1")
    result = run_start(project, PYTHON=str(python))
    assert result.returncode == 1
    assert f"PYTHON={python} is not a Python of version 3.11 or newer" in result.stderr


def test_a_failed_install_shows_why_and_leaves_nothing_half_made(
    project: Path, tmp_path: Path
) -> None:
    (project / "requirements.lock").write_text(
        "no-such-package==1 --hash=sha256:" + "0" * 64 + "\n"
    )
    python = make_python(
        tmp_path,
        "python-offline",
        f'if [[ "$*" == *pip* && "$*" != *ensurepip* ]]; then echo "no index"; exit 1; fi; exec {sys.executable} "$@"',
    )
    result = run_start(project, PYTHON=str(python), PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert result.returncode == 1
    assert "The set-up failed" in result.stderr
    assert not (project / ".venv").exists()


def test_an_environment_of_another_python_is_kept_unless_that_is_asked_for(
    project: Path, tmp_path: Path
) -> None:
    # As `PYTHON=... bin/start` leaves it: a bot may be running in it.
    chosen = make_python(tmp_path, "chosen", f'exec {sys.executable} "$@"')
    (project / ".venv" / "bin").mkdir(parents=True)
    make_python(project / ".venv" / "bin", "python", 'echo "the environment runs $*"')
    lock = (project / "requirements.lock").read_bytes()
    packages = subprocess.run(["cksum"], input=lock, capture_output=True, check=True)
    (project / ".venv" / ".complete").write_text(f"{packages.stdout.decode().strip()} {chosen}\n")
    for variables in ({}, {"PYTHON": str(chosen)}):
        result = run_start(project, **variables)
        assert (result.returncode, result.stderr) == (0, "")
        assert "the environment runs -m actors.commands.start --help" in result.stdout
    other = make_python(tmp_path, "other", "exit 1")
    assert "is not a Python" in run_start(project, PYTHON=str(other)).stderr


@pytest.mark.parametrize("name", ["check", "setup"])
@pytest.mark.parametrize(
    ("word", "code"), [("--help", 0), ("-h", 0), ("--nonsense", 2), ("nonsense", 2)]
)
def test_scripts_without_arguments_say_what_they_do_and_do_nothing(
    name: str, word: str, code: int, project: Path
) -> None:
    shutil.copy(ROOT / "bin" / "check", project / "bin" / "check")
    result = run(project, project / "bin" / name, word)
    assert result.returncode == code
    (line,) = (result.stderr if code else result.stdout).splitlines()
    assert line.startswith(f"bin/{name}: ")
    assert (word in line) is bool(code)
    assert not (project / ".venv").exists()


@pytest.mark.parametrize(
    ("word", "meant"),
    [("--simulat", "--simulate"), ("--client=x", "--clients"), ("--fuz", "--fuzz")],
)
def test_a_mistyped_kind_of_test_is_not_left_to_pytest(word: str, meant: str) -> None:
    command = [str(ROOT / "bin" / "test"), word, "--rounds", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"(did you mean '{meant}'?)" in ended.stderr


def make_environment(project: Path, script: str) -> None:
    """A finished environment, whose Python is that script."""
    (project / ".venv" / "bin").mkdir(parents=True)
    make_python(project / ".venv" / "bin", "python", script)
    lock = (project / "requirements.lock").read_bytes()
    packages = subprocess.run(["cksum"], input=lock, capture_output=True, check=True)
    (project / ".venv" / ".complete").write_text(f"{packages.stdout.decode().strip()} \n")


@pytest.mark.parametrize("name", ["backtest", "bench", "exchange", "setup", "start", "test"])
def test_a_link_to_a_command_is_that_command(name: str, project: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "bin" / name, project / "bin" / name)
    make_environment(project, 'echo "runs in $PYTHONPATH"')
    folder = tmp_path / "own bin"
    folder.mkdir()
    (folder / "first").symlink_to(Path("..") / "project" / "bin" / name)
    (folder / name).symlink_to("first")
    result = run(project, folder / name)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"runs in {project}" in result.stdout or name == "setup"


def test_cdpath_leads_nowhere_else(project: Path, tmp_path: Path) -> None:
    make_environment(project, 'echo "runs in $PYTHONPATH"')
    (tmp_path / "elsewhere" / "bin").mkdir(parents=True)
    result = run(project, "bin/start", CDPATH=str(tmp_path / "elsewhere"))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"runs in {project}\n"


@pytest.mark.parametrize("name", ["actors.py", "messages.py", "types.py", "logging.py"])
def test_files_where_it_is_started_do_not_pass_for_its_own(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("raise ImportError('this is the user's')\n")
    result = run(tmp_path, ROOT / "bin" / "start", "--duration", "0.1", "--strategy", "MarketMaker")
    assert result.returncode == 0, result.stderr
    assert "orders " in result.stdout


def test_a_strategy_of_the_command_line_lies_where_it_is_started(tmp_path: Path) -> None:
    (tmp_path / "my_bot.py").write_text(
        "from actors.strategies.strategy import Strategy\n"
        "from messages.market import Trade\n"
        "class Idle(Strategy):\n"
        "    symbol = 'BTCUSDT'\n"
        "    def on_trade(self, trade: Trade) -> None: ...\n"
    )
    result = run(tmp_path, ROOT / "bin" / "start", "--wiring", "--strategy", "my_bot.Idle")
    assert (result.returncode, result.stderr) == (0, "")
    assert "Idle (Idle)" in result.stdout


def test_a_folder_that_was_removed_is_no_traceback(tmp_path: Path) -> None:
    script = f"mkdir gone; cd gone; rmdir ../gone; '{ROOT}/bin/start' --wiring"
    result = run(tmp_path, "bash", "-c", script)
    assert result.returncode == 0, result.stderr
    assert "MarketMaker" in result.stdout


def test_who_waited_for_the_set_up_of_another_keeps_no_third_waiting(project: Path) -> None:
    (project / ".setup.lock").touch()
    with ExitStack() as stack:
        lock = stack.enter_context((project / ".setup.lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = [
            stack.enter_context(
                subprocess.Popen(
                    [project / "bin" / "start"],
                    env={"HOME": str(project), "PATH": os.environ["PATH"]},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(2)
        ]
        for process in waiting:
            stack.callback(process.kill)
        for process in waiting:
            assert process.stderr is not None
            assert "Another command sets up" in process.stderr.readline()
        make_environment(project, "echo runs; read -r line")
        fcntl.flock(lock, fcntl.LOCK_UN)
        for process in waiting:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], 20)
            assert ready, "it waits for the other, which runs"
