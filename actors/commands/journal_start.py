"""The journal at the start: opened, or waited for while another process holds it.

A backup or somebody who looks into it with an SQLite shell holds it for moments; a program that keeps it is named, where the
system tells which one it is.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from actors.commands.configuration import BotSection
from actors.commands.control import BotControl
from actors.commands.journal_thread import start_thread
from actors.commands.venue_check import told_when_slow
from actors.runtime.errors import ConfigurationError, Fault, JournalError, JournalLocked
from actors.runtime.journal import Journal

Answer = TypeVar("Answer")
PAUSE_S = 0.1
TELL_AFTER_S = 0.5
TELL_AGAIN_S = 5.0
SUFFIXES = ("", "-wal", "-shm", "-runs")
"""SQLite locks the database itself, or a range of the index of its log (sqlite.org/wal.html, section 2.2)."""
LOCKS = Path("/proc/locks")


class JournalStart:
    """What is asked of the journal before anything is traded: each time until it is not locked, or patience is over."""

    def __init__(
        self, path: Path, bot: BotSection, control: BotControl, *, has_thread: bool = False
    ) -> None:
        """`has_thread`: the journal's log is emptied beside the loop."""
        self.path = path
        self.has_thread = has_thread
        self.bot = bot
        self.control = control

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Journal]:
        """The bot's journal. Raises ConfigurationError if it cannot be used: it is held, damaged, or another bot's."""
        bot = self.bot
        journal = await self.ask(
            lambda: Journal(
                self.path,
                bot.name,
                bot.journal_synchronous,
                bot.journal_days,
                start_thread=start_thread if self.has_thread else None,
            )
        )
        try:
            yield journal
        finally:
            journal.close()

    async def grant_run(self, journal: Journal, venue: str, *, is_temporary: bool) -> int:
        """Notes whose state it holds, and gives this start its number. Raises ConfigurationError as `open`."""
        await self.ask(lambda: journal.bind_venue(venue, is_temporary=is_temporary))
        return await self.ask(journal.grant_run)

    async def ask(self, attempt: Callable[[], Answer]) -> Answer:
        """Tries until it is not locked. Raises ConfigurationError when patience is over, or the bot is told to stop."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.bot.journal_patience_s

        def describe() -> str:
            left_s = max(0.0, deadline - loop.time())
            return f"waiting for {self.path}: {describe_holders(self.path)} holds it; {left_s:.0f} s more"

        async with told_when_slow(describe, TELL_AFTER_S, TELL_AGAIN_S):
            while True:
                try:
                    return attempt()
                except JournalLocked as error:
                    left_s = deadline - loop.time()
                    if left_s <= 0 or self.control.stop.is_set():
                        raise self.give_up(error) from error
                except JournalError as error:
                    raise ConfigurationError([Fault("journal", str(error))]) from error
                await asyncio.sleep(min(PAUSE_S, left_s))

    def give_up(self, error: JournalLocked) -> ConfigurationError:
        """The last word about a journal that is held."""
        holders = describe_holders(self.path)
        waited = f"waited {self.bot.journal_patience_s:g} s for it"
        if self.control.stop.is_set():
            waited = "told to stop while waiting for it"
        problem = f"{error}; {waited}; nothing was traded"
        return ConfigurationError([Fault("journal", problem, f"end {holders}, which holds it")])


def describe_holders(path: Path) -> str:
    """`process 123`, or `another program` where the system does not tell."""
    holders = find_holders(path)
    if not holders:
        return "another program"
    return ", ".join(f"process {number}" for number in holders)


def find_holders(path: Path) -> list[int]:
    """The processes that have locks on a database's files, by Linux's own list of locks; elsewhere none is known."""
    inodes = set()
    for suffix in SUFFIXES:
        try:
            status = path.with_name(path.name + suffix).stat()
        except OSError:
            continue
        device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
        inodes.add(f"{device}:{status.st_ino}")
    try:
        lines = LOCKS.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return []
    return sorted({number for line in lines if (number := read_lock(line, inodes))})


def read_lock(line: str, inodes: set[str]) -> int:
    """The process of a line such as `1: POSIX ADVISORY WRITE 4711 08:01:1234 0 EOF`, if it is about one of these files."""
    fields = line.split()
    if len(fields) < 8 or "->" in fields or fields[5] not in inodes or not fields[4].isdecimal():
        return 0
    number = int(fields[4])
    return number if number != os.getpid() else 0
