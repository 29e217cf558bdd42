"""The embedded local exchange: a process of its own on loopback, which ends with this one."""

import asyncio
import sys
from dataclasses import dataclass

import msgspec

from actors.commands.configuration import VenueSection
from actors.runtime.errors import TicktroupeError

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

    async def stop(self) -> None:
        """Ends it, at first politely."""
        if self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), STOP_PATIENCE_S)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


def exchange_arguments(venue: VenueSection, symbols: list[str]) -> list[str]:
    """The command line of `bin/exchange` for this configuration."""
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
        "--until-parent-exits",
    ]


async def start_local_exchange(arguments: list[str]) -> LocalExchange:
    """Starts it and waits for its line.

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
    return LocalExchange(process, addresses)
