"""What a person may ask of a running bot: how it stands, a halt, a resume, and to be flat. Knows nothing of sockets.

A halt that a person asked for is kept: it outlives a restart of the bot. It is proven by asking the venue itself over a
client of its own, by the bot's own order ids; the account owner's orders and other bots' are neither counted nor touched.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from actors.binance.errors import BinanceError
from actors.commands.amounts import show
from actors.commands.bot_status import BotStatus, Obstacle
from actors.commands.command_lines import CommandReply, CommandRequest
from actors.commands.composition import Venue, cancel_what_is_ours
from actors.commands.configuration import Configuration
from actors.commands.halting import HALT_MARGIN_S, await_completion, find_monitor, find_silence
from actors.commands.left_orders import advise, is_answered
from actors.commands.proof import ask_for_open_orders
from actors.commands.status import build_status, find_manager, find_obstacles
from actors.order_manager.naming import OrderNames
from actors.runtime.system import System
from actors.spelling import suggest
from messages.control import HaltTrading, ResumeTrading
from messages.orders import Order

FAILED = 1
TELL_EVERY_S = 5.0
"""Whoever waits hears at least so often that the bot is alive."""
RESUME_LOOKS = 60
RESUME_LOOK_S = 0.25
"""Counted, not timed: a machine that stood still meanwhile has taken one look, and not all the time there is."""
BY_COMMAND = "by command"

Result = TypeVar("Result")
Say = Callable[[str], Awaitable[None]]


class CommandDesk:
    """Carries commands out, one at a time; `status` is answered at any time."""

    def __init__(self, configuration: Configuration, started_ns: int) -> None:
        self.configuration = configuration
        self.started_ns = started_ns
        self.system: System | None = None
        self.venue = Venue.unopened()
        self.waits_for: Callable[[], str] = lambda: "the venue"
        """What the start is waiting for, in words."""
        self.is_ending = False
        self.has_system = asyncio.Event()
        self.turn = asyncio.Lock()

    def open(self, system: System, venue: Venue) -> None:
        """The bot runs: commands can be carried out from now on."""
        self.system, self.venue = system, venue
        self.has_system.set()

    def status(self) -> BotStatus:
        """How the bot stands."""
        return build_status(
            self.configuration,
            self.started_ns,
            self.system,
            "" if self.system else self.waits_for(),
            is_ending=self.is_ending,
        )

    async def carry_out(self, request: CommandRequest, say: Say) -> CommandReply:
        """Does what is asked; what it says meanwhile goes through `say`. The reply has the exit code."""
        if request.command == "status":
            return CommandReply(code=0, status=self.status())
        if not self.has_system.is_set():
            await say(f"the bot is still starting (it waits for {self.waits_for()})")
            await telling(say, "still waiting for the start", self.has_system.wait())
        async with self.turn:
            system = self.system
            assert system is not None
            if self.is_ending:
                return CommandReply("the bot is stopping, and cancels its orders by itself", FAILED)
            names = [item.name for item in self.configuration.actors]
            if request.strategy and request.strategy not in names:
                hint = suggest(request.strategy, names)
                meant = f" ({hint})" if hint else ""
                known = ", ".join(names)
                return CommandReply(
                    f"there is no {request.strategy!r}{meant}; there are {known}", 2
                )
            if request.command == "resume":
                return await self._resume(system, request, say)
            return await self._halt(system, request, say)

    # Halt and flatten.

    async def _halt(self, system: System, request: CommandRequest, say: Say) -> CommandReply:
        scope, monitor = request.strategy, find_monitor(system)
        whose = f"of {scope} " if scope else ""
        reason = f"{BY_COMMAND}: {request.reason}" if request.reason else BY_COMMAND
        failures = count_failures(system)
        monitor.begin_halt(scope)
        system.send(
            HaltTrading(
                reason=reason,
                strategy=scope,
                flatten=request.command == "flatten",
                is_kept=True,
            )
        )
        count = sum(not scope or order.strategy == scope for order in self._open_orders(system))
        await say(f"no new orders {whose}any more; {count} open orders are being canceled")
        patience_s = self.configuration.bot.halt_patience_s + HALT_MARGIN_S
        await telling(
            say, "still waiting for the venue's word", await_completion(monitor, scope, patience_s)
        )
        lines, code = await self._prove(system, scope, say)
        if scope not in self._halts(system):
            lines, code = [*lines, "the halt was lifted meanwhile, by another command"], FAILED
        if count_failures(system) > failures:
            lines.append(
                "NOT WRITTEN DOWN: the journal cannot be written, and a bot that is restarted before it can would trade "
                "again; `bin/start status` says how it is"
            )
            code = FAILED
        if request.command == "flatten":
            sold, sold_code = self._describe_positions(system, scope)
            lines, code = lines + sold, max(code, sold_code)
            if sold_code:
                lines.append("NOT FLAT: say it again, or sell at the venue yourself")
        else:
            lines += self._describe_positions(system, scope)[0]
        until = ", also after a restart, until `bin/start resume`"
        if self.configuration.venue.is_local:
            until = " until `bin/start resume` or the end of this run: the local exchange begins anew with each start"
        lines.append(f"it stays halted{until}")
        return CommandReply("\n".join(lines), code)

    async def _prove(self, system: System, scope: str, say: Say) -> tuple[list[str], int]:
        """What the venue says is open of ours; what is, though the order manager knows nothing of it, is canceled."""
        await say("asking the venue which of our orders are open")
        names = OrderNames(self.configuration.bot.name, system.run)
        for item in self.configuration.actors:
            names.register(item.name)

        def is_meant(name: str) -> bool:
            return names.find_strategy(name) == scope if scope else names.is_ours(name)

        try:
            found = await self._ask_venue(system, is_meant, say)
            unknown = [
                order
                for order in self._open_orders(system)
                if not is_answered(order) and (not scope or order.strategy == scope)
            ]
            if found:
                await say(f"{len(found)} are still open: they are canceled over another connection")
                symbols = sorted({order.symbol for order in found})
                canceling = cancel_what_is_ours(self.configuration, self.venue, is_meant, symbols)
                await telling(say, "still canceling them", canceling)
                found = await self._ask_venue(system, is_meant, say)
        except BinanceError as error:
            lines = [
                "halted: nothing new is sent. NOT PROVEN that nothing of ours is open, as the venue cannot be asked: "
                f"{error}; say it again, or look at the venue's list of open orders"
            ]
            return lines + [advise(order) for order in self._open_orders(system)], FAILED
        if found or unknown:
            lines = [f"halted: nothing new is sent. NOT ALL is gone ({len(found)} open)"]
            return lines + [advise(order) for order in (*found, *unknown)], FAILED
        whose = f"of {scope} " if scope else "of ours "
        return [f"halted: the venue says that no order {whose}is open"], 0

    async def _ask_venue(
        self, system: System, is_meant: Callable[[str], bool], say: Say
    ) -> list[Order]:
        usage = find_silence(system)
        asking = ask_for_open_orders(self.configuration, self.venue, is_meant, usage)
        return await telling(say, "still waiting for the venue's list of open orders", asking)

    def _describe_positions(self, system: System, scope: str) -> tuple[list[str], int]:
        """What is held, a line each; the code is 1 if anything of it could be sold."""
        lines, code = [], 0
        for item in self.status().positions:
            if not item.quantity or (scope and item.strategy != scope):
                continue
            text = f"position  {item.strategy} holds {show(item.quantity)} {item.symbol}"
            if item.is_dust:
                lines.append(f"{text}: dust, less than the venue lets anybody sell")
            else:
                lines.append(f"{text} bought at {show(item.average_price)}")
                code = FAILED
        return lines or ["no position is held"], code

    # Resume.

    async def _resume(self, system: System, request: CommandRequest, say: Say) -> CommandReply:
        out = {item.scope for item in self.status().obstacles if item.kind == "stop"}
        halts = {
            scope: item
            for scope, item in self._halts(system).items()
            # Nobody is there any more to go on for an actor that is out.
            if scope not in out and (not request.strategy or scope == request.strategy)
        }
        lines, code = [], 0
        for scope, halt in halts.items():
            lifted = find_monitor(system).begin_resume(scope)
            system.send(ResumeTrading(strategy=scope))
            await telling(
                say, "still waiting for the order manager", self._await_end(system, scope, lifted)
            )
            if not lifted.is_set() and scope in self._halts(system):
                lines.append(
                    f"{describe_scope(scope)} is still halted: the order manager did not answer"
                )
                return CommandReply("\n".join(lines), FAILED)
            lines.append(f"{describe_scope(scope)} goes on; it was halted: {halt.reason}")
        if not halts:
            lines.append(f"{describe_scope(request.strategy)} was not halted")
        elif any(item.name.endswith(("daily_loss", "drawdown")) for item in self.status().limits):
            lines.append("losses are counted from now on")
        for item in self.status().obstacles:
            if item.kind == "halt" and item.scope in halts:
                lines.append(f"{describe_scope(item.scope)} is halted again: {item.reason}")
                code = FAILED
            elif item.kind == "halt" and item.scope not in out:
                lines.append(f"{describe_scope(item.scope)} stays halted: {item.reason}")
            elif item.kind == "journal":
                lines.append(f"new orders are refused until it can be written: {item.reason}")
            elif item.kind == "stop":
                lines.append(f"{item.scope} is out until a restart of the bot: {item.reason}")
            elif item.kind != "halt":
                lines.append(f"on hold, ends by itself: {item.reason}")
        return CommandReply("\n".join(lines), code)

    async def _await_end(self, system: System, scope: str, lifted: asyncio.Event) -> None:
        """Returns when a halt has been lifted; it may be halted again by then."""
        for _ in range(RESUME_LOOKS):
            if lifted.is_set() or scope not in self._halts(system):
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(RESUME_LOOK_S):
                    await lifted.wait()

    def _halts(self, system: System) -> dict[str, Obstacle]:
        manager = find_manager(system)
        obstacles = find_obstacles(manager) if manager is not None else []
        return {item.scope: item for item in obstacles if item.kind == "halt"}

    def _open_orders(self, system: System) -> list[Order]:
        return list(find_monitor(system).figures.open_orders.values())


def count_failures(system: System) -> int:
    """How often the journal could not be written so far."""
    return system.journal.failures if system.journal is not None else 0


def describe_scope(scope: str) -> str:
    """Whom it concerns."""
    return scope or "trading"


async def telling(say: Say, text: str, work: Awaitable[Result]) -> Result:
    """Waits for some work and says every few seconds that it does; what the work returns."""
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            done, _ = await asyncio.wait((task,), timeout=TELL_EVERY_S)
            if not done:
                await say(text)
        return task.result()
    finally:
        task.cancel()
