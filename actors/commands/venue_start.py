"""Reaching the venue at the start: the embedded exchange is started, another one is asked until it answers."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from actors.commands.command_desk import CommandDesk
from actors.commands.composition import ORDER_MANAGER_NAME, Venue, open_venue
from actors.commands.configuration import Configuration
from actors.commands.control import BotControl
from actors.commands.halting import FAILED, unless
from actors.commands.left_orders import advise, find_left_orders
from actors.commands.local_exchange import LocalExchange, exchange_arguments, start_local_exchange
from actors.commands.venue_check import VenueCheck, told_when_slow
from actors.runtime.errors import JournalError
from actors.runtime.journal import Journal
from messages.orders import Order
from messages.recovery import OrderManagerCheckpoint


class VenueStart:
    """The venue of one start."""

    def __init__(
        self, configuration: Configuration, control: BotControl, journal: Journal, desk: CommandDesk
    ) -> None:
        self.configuration = configuration
        self.control = control
        self.journal = journal
        self.desk = desk
        self.venue = Venue.unopened()

    @asynccontextmanager
    async def reach(self) -> AsyncIterator[Venue]:
        """The venue, once it answers and takes the key; a local exchange runs as long as this is open.

        A bot that is told to stop meanwhile waits no longer. Raises LocalExchangeError or VenueError.
        """
        section, stop = self.configuration.venue, self.control.stop
        exchange: LocalExchange | None = None
        try:
            if section.is_local:
                self.desk.waits_for = lambda: "the local exchange"
                arguments = exchange_arguments(section, self.configuration.symbols())
                async with told_when_slow(lambda: "starting the local exchange ..."):
                    starting = start_local_exchange(arguments, self.control.lose_venue)
                    exchange = await unless(stop, starting)
                if exchange is not None:
                    self.venue = open_venue(self.configuration, exchange.addresses)
            else:
                self.venue = open_venue(self.configuration, None)
                check = VenueCheck(
                    self.venue,
                    section.receive_window_ms,
                    section.request_timeout_s,
                    find_left=self.find_left,
                    is_in_doubt=bool(self.journal.doubt),
                )
                self.desk.waits_for = lambda: check.describe().removeprefix("waiting for ")
                await unless(stop, check.run())
            yield self.venue
        finally:
            if exchange is not None:
                await exchange.stop()

    def find_left(self) -> Sequence[Order]:
        """The orders that an earlier run may have left open at this venue, by the journal."""
        # Whose state is read; `bind_venue` makes that durable, once the venue has answered.
        self.journal.venue = self.venue.identity
        try:
            frames = self.journal.recover(ORDER_MANAGER_NAME, [OrderManagerCheckpoint.__name__])
            return find_left_orders(frames)
        except (JournalError, ValueError):
            return ()  # told by the order manager, which reads the same

    def tell_what_is_left(self) -> int:
        """Says which orders may be open though nothing was begun; returns the exit code."""
        left = () if self.configuration.venue.is_local else self.find_left()
        for order in left:
            print(advise(order), file=sys.stderr)
        return FAILED if left else 0
