"""`bin/start status`, `halt`, `resume`, `flatten`: asks a running bot over the socket in its state folder.

It works without a terminal, asks nothing, and needs neither keys nor a configuration that could trade.
"""

import argparse
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import chdir, closing
from pathlib import Path
from typing import Any, get_args

import msgspec
import platformdirs

from actors.commands.command_lines import (
    CommandName,
    CommandReply,
    CommandRequest,
    decode_reply,
    encode_line,
)
from actors.commands.command_parser import CommandParser
from actors.commands.configuration import BotSection, read_section
from actors.commands.standard_streams import say
from actors.commands.state_folder import LONGEST_ADDRESS, SOCKET_FILE, find_holder
from actors.commands.status_text import describe_status
from actors.runtime.config import read_toml
from actors.runtime.errors import ConfigurationError, Fault, TicktroupeError

COMMANDS: tuple[str, ...] = get_args(CommandName)
CONNECT_PATIENCE_S = 5.0
REPLY_PATIENCE_S = 20.0
"""A bot that is alive says something every few seconds."""
FAILED = 1
USAGE_ERROR = 2

DESCRIPTIONS = {
    "status": "Tells how a running bot stands: state, positions, orders, profit, limits, connections.",
    "halt": "Cancels the bot's own orders and lets no new ones pass. Proven by asking the venue. It ends by "
    "`bin/start resume`, and outlives a restart of the bot (not so on the local exchange, which begins anew with each). Your "
    "own orders and other bots' are not touched.",
    "resume": "Ends a halt, whoever ordered it: you, a limit of loss, a failure. Says which it was.",
    "flatten": "Halts, and sells at market what the bot's strategies have bought. What the account holds beside that "
    "is not touched.",
}
EPILOGUE = """Exit codes: 0 done, 1 not done or not proven (the last lines say what to do), 2 bad usage. Without
--config, --state-folder or --bot it is the bot named "bot"."""


class NoBotError(TicktroupeError):
    """No bot answers there."""


def make_parser(command: str) -> argparse.ArgumentParser:
    """The command line of one command."""
    parser = CommandParser(
        prog=f"bin/start {command}", description=DESCRIPTIONS[command], epilog=EPILOGUE
    )
    where = parser.add_mutually_exclusive_group()
    add = where.add_argument
    add("--config", type=Path, metavar="FILE", help="the configuration the bot was started with")
    add("--state-folder", type=Path, metavar="DIR", help="the bot's state folder")
    add("--bot", metavar="NAME", help="the bot's name, where its state lies in the usual place")
    if command == "status":
        parser.add_argument("--json", action="store_true", help="for programs: one JSON object")
    else:
        parser.add_argument("--strategy", default="", metavar="NAME", help="this strategy alone")
    if command in ("halt", "flatten"):
        parser.add_argument("--reason", default="", help="why, for the log and for `status`")
    return parser


def find_folder(arguments: argparse.Namespace) -> Path:
    """The state folder that is meant.

    Raises ConfigurationError for a file without a good [bot].
    """
    if arguments.state_folder is not None:
        return Path(arguments.state_folder)
    faults: list[Fault] = []
    tables: dict[str, Any] = {}
    place = "--bot"
    if arguments.config is not None:
        tables, place = read_toml(arguments.config), str(arguments.config)
    elif arguments.bot is not None:
        tables = {"bot": {"name": arguments.bot}}
    section: BotSection | None = read_section(BotSection, tables, "bot", place, faults)
    if section is None:
        raise ConfigurationError(faults)
    return section.folder


def find_running() -> list[str]:
    """Names of the bots that run with their state in the usual place."""
    home = Path(platformdirs.user_state_dir("ticktroupe"))
    sockets = sorted(home.glob(f"*/{SOCKET_FILE}"))
    return [path.parent.name for path in sockets if find_holder(path.parent) is not None]


def connect(folder: Path) -> socket.socket:
    """A connection to the bot whose state folder this is.

    Raises NoBotError with a sentence for people if there is none.
    """
    path = folder.absolute() / SOCKET_FILE
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(CONNECT_PATIENCE_S)
    try:
        address = os.readlink(path) if path.is_symlink() else os.fspath(path)
        if os.stat(address).st_uid not in (os.geteuid(), 0) and os.geteuid() != 0:
            raise NoBotError(f"the socket {address} is somebody else's: it is not spoken to")
        if len(os.fsencode(address)) > LONGEST_ADDRESS:
            # The bot has come by another, shorter way to its folder.
            with chdir(Path(address).parent):
                client.connect(Path(address).name)
        else:
            client.connect(address)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        client.close()
        raise NoBotError(describe_absence(folder)) from None
    except (OSError, NoBotError) as error:
        client.close()
        if isinstance(error, NoBotError):
            raise
        raise NoBotError(
            f"the bot in {folder} cannot be reached: {error.strerror or error}"
        ) from error
    client.settimeout(REPLY_PATIENCE_S)
    return client


def describe_absence(folder: Path) -> str:
    """Why nothing answers in a state folder."""
    holder = find_holder(folder)
    if holder is not None and (folder / SOCKET_FILE).is_symlink() | (folder / SOCKET_FILE).exists():
        return f"no bot answers in {folder}; process {holder}, which started there, is ending or was killed"
    running = ", ".join(f"--bot {name}" for name in find_running())
    hint = f"; running are: {running}" if running else ""
    known = "" if folder.is_dir() else " (there is no such folder)"
    return f"no bot is running in {folder}{known}{hint}"


def ask(client: socket.socket, request: CommandRequest) -> Iterator[CommandReply]:
    """What the bot answers, line by line; the last has a code. Raises NoBotError if it falls silent."""
    try:
        client.sendall(encode_line(request))
        with client.makefile("rb") as lines:
            for line in lines:
                reply = decode_reply(line)
                yield reply
                if reply.code is not None:
                    return
    except TimeoutError:
        raise NoBotError("the bot does not answer: it is stopped, or hangs") from None
    except OSError as error:
        raise NoBotError(f"the bot has broken off: {error.strerror}") from error
    except ValueError as error:
        raise NoBotError(str(error)) from error
    raise NoBotError("the bot ended, or refused more callers, before it had answered")


def send_command(words: Sequence[str]) -> int:
    """Runs one of `COMMANDS`, the first of these words; returns the exit code."""
    command, *rest = words
    arguments = make_parser(command).parse_args(rest)
    request = msgspec.convert(
        {
            "command": command,
            "strategy": getattr(arguments, "strategy", ""),
            # Bytes that are no UTF-8 came as halves of characters; they must not keep a halt from being sent.
            "reason": getattr(arguments, "reason", "")[:500].encode(errors="replace").decode(),
        },
        CommandRequest,
    )
    try:
        with closing(connect(find_folder(arguments))) as client:
            return show_replies(ask(client, request), as_json=getattr(arguments, "json", False))
    except ConfigurationError as error:
        print("\n".join(str(fault) for fault in error.faults), file=sys.stderr)
        return USAGE_ERROR
    except TicktroupeError as error:
        print(f"bin/start {command}: {error}", file=sys.stderr)
        return FAILED


def show_replies(replies: Iterator[CommandReply], *, as_json: bool) -> int:
    """Prints what comes: progress on stderr, the answer on stdout; returns the exit code.

    Raises TicktroupeError for an answer that could not be written.
    """
    is_written = True
    for reply in replies:
        if reply.code is None:
            say(f"{reply.text} ...", "stderr")
            continue
        if reply.status is not None:
            answer = (
                msgspec.json.format(msgspec.json.encode(reply.status)).decode()
                if as_json
                else describe_status(reply.status)
            )
            is_written = say(answer)
        if reply.text:
            is_written = say(reply.text, "stderr" if reply.code else "stdout") and is_written
        if not is_written:
            raise TicktroupeError("the answer cannot be written to the output: is its disk full?")
        return reply.code
    return FAILED
