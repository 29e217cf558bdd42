"""What a running bot and `bin/start status` (and its kin) say to each other: one line of JSON asks, lines of JSON answer."""

from typing import Literal

import msgspec

from actors.commands.bot_status import BotStatus

CommandName = Literal["status", "halt", "resume", "flatten"]
LONGEST_REQUEST = 4096
"""In bytes. What a bot reads of one request; a longer one is refused unread."""


class CommandRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The one line that a client sends."""

    command: CommandName
    strategy: str = ""
    """Whom it concerns; empty: all."""
    reason: str = ""
    """Why, in the person's own words; it is kept with the halt."""


class CommandReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the answer."""

    text: str = ""
    code: int | None = None
    """The exit code, with the last line; None: more follows."""
    status: BotStatus | None = None


def describe_request(request: CommandRequest) -> str:
    """As the log has it: `halt of MarketMaker, because: too calm`."""
    whose = f" of {request.strategy}" if request.strategy else ""
    why = f", because: {request.reason}" if request.reason else ""
    return f"{request.command}{whose}{why}"


def encode_line(message: CommandRequest | CommandReply) -> bytes:
    """A message as a line."""
    return msgspec.json.encode(message) + b"\n"


def decode_request(line: bytes) -> CommandRequest:
    """A client's line. Raises ValueError, whatever it is that came."""
    try:
        return msgspec.json.decode(line, type=CommandRequest)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"no command: {error}") from error


def decode_reply(line: bytes) -> CommandReply:
    """A bot's line. Raises ValueError for one that is none."""
    try:
        return msgspec.json.decode(line, type=CommandReply)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"no answer of a bot: {error}") from error
