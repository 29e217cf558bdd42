"""The embedded local exchange: a process of its own on loopback, which ends with this one."""

import asyncio
import logging
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from actors.commands.configuration import VenueSection
from actors.runtime.errors import TicktroupeError

log = logging.getLogger("actors.local_exchange")

STAMP = re.compile(r"^[\d-]+ [\d:,]+ [A-Z]+ ")
"""Time and level, as `bin/exchange` writes them before what it says."""
START_PATIENCE_S = 30.0
STOP_PATIENCE_S = 5.0


class LocalExchangeError(TicktroupeError):
    """The local exchange did not start."""


class ExchangeLine(msgspec.Struct):
    """The one line that the exchange prints: its addresses and keys."""

    rest: str
    ws_api: str
    streams: str
    api_key: str
    api_secret: str


@dataclass
class LocalExchange:
    """A running local exchange."""

    process: asyncio.subprocess.Process
    addresses: ExchangeLine
    listening: asyncio.Task[None]
    """Passes on what it says."""

    async def stop(self) -> None:
        """Ends it, at first politely."""
        self.listening.cancel()
        if self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), STOP_PATIENCE_S)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


async def pass_on(process: asyncio.subprocess.Process, on_end: Callable[[], None]) -> None:
    """Logs whatever the exchange says: that its recording has ended, or cannot be read; or that it has ended itself."""
    assert process.stderr is not None
    while line := await process.stderr.readline():
        log.warning("%s", STAMP.sub("", line.decode(errors="replace").rstrip()))
    log.error(
        "the local exchange has ended (exit code %s), and its account with it: the bot ends, too",
        await process.wait(),
    )
    on_end()


def exchange_arguments(venue: VenueSection, symbols: list[str]) -> list[str]:
    """The command line of `bin/exchange` for this configuration."""
    sources = {"--source-rest": venue.market_rest, "--source-streams": venue.market_streams}
    return [
        "--symbols",
        ",".join(symbols) or "BTCUSDT",
        "--market",
        venue.market,
        "--rate",
        str(venue.trades_per_second),
        "--speed",
        str(venue.speed),
        "--seed",
        str(venue.market_seed),
        *(text for option, url in sources.items() if url for text in (option, url)),
        "--until-parent-exits",
    ]


async def start_local_exchange(
    arguments: list[str], on_end: Callable[[], None] = lambda: None
) -> LocalExchange:
    """Starts it and waits for its line; `on_end` is called if it ends before it is stopped.

    Raises LocalExchangeError with what it said if it does not come up.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "actors.commands.exchange",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # A Ctrl-C in the terminal is for the bot, which cancels its orders before the exchange goes.
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_PATIENCE_S)
        addresses = msgspec.json.decode(line, type=ExchangeLine)
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    except (TimeoutError, msgspec.MsgspecError):
        if process.returncode is None:
            process.kill()
        said = (await process.stderr.read()).decode(errors="replace").strip()
        await process.wait()
        raise LocalExchangeError(
            f"the local exchange did not start: {said or 'it said nothing'}"
        ) from None
    listening = asyncio.get_running_loop().create_task(pass_on(process, on_end))
    return LocalExchange(process, addresses, listening)
