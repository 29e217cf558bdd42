"""The end of a run: what is ours is canceled, whatever still works, and the exit code says how that went."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from actors.binance.errors import BinanceError
from actors.commands.composition import (
    GATEWAY_NAME,
    MONITOR_NAME,
    ORDER_MANAGER_NAME,
    Venue,
    cancel_what_is_ours,
)
from actors.commands.configuration import Configuration
from actors.commands.control import BotControl
from actors.commands.monitor import Monitor
from actors.runtime.system import System
from messages.control import HaltTrading

Result = TypeVar("Result")
FAILED = 1
INTERRUPTED_TWICE = 130
HALT_PATIENCE_S = 15.0
LATE_ARRIVAL_S = 1.0
"""What a gateway had sent when it failed has reached the venue by then: only a look after that is the last."""

log = logging.getLogger("actors.bot")


def find_monitor(system: System) -> Monitor:
    """The observer of a running system."""
    monitor = system.cells[MONITOR_NAME].instance
    assert isinstance(monitor, Monitor)
    return monitor


async def halt(
    configuration: Configuration,
    control: BotControl,
    venue: Venue,
    system: System,
    *,
    flatten: bool = False,
) -> int:
    """Cancels what is ours, waits for the venue's word on each, and returns the exit code.

    The order manager does it; if it or the gateway is what failed, or they do not answer, a fresh client does.
    """
    failed_code = FAILED if system.failure else 0
    if system.failure is None:
        system.send(HaltTrading(reason="the bot stops", flatten=flatten))
    is_deaf = any(system.cells[name].is_out for name in (GATEWAY_NAME, ORDER_MANAGER_NAME))
    if not is_deaf and await wait_for_halt(control, find_monitor(system)):
        return failed_code
    if not control.abandon.is_set():
        await unless(control.abandon, cancel_afresh(configuration, venue, system))
    return INTERRUPTED_TWICE if control.abandon.is_set() else FAILED


async def wait_for_halt(control: BotControl, monitor: Monitor) -> bool:
    """Whether the order manager has proven within its time that none of our orders is open."""
    try:
        async with asyncio.timeout(HALT_PATIENCE_S):
            await unless(control.abandon, monitor.halt_completed.wait())
    except TimeoutError:
        return False
    return monitor.halt_completed.is_set() and monitor.figures.halt_open_orders == 0


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, Result]) -> Result | None:
    """Does some work until it is done, or until `stop` is set: then the work is canceled, and None is returned.

    Raises what the work raises.
    """
    loop = asyncio.get_running_loop()
    task, stopped = loop.create_task(work), loop.create_task(stop.wait())
    try:
        await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        stopped.cancel()
        task.cancel()
        await asyncio.wait((task, stopped))


async def cancel_afresh(configuration: Configuration, venue: Venue, system: System) -> None:
    """Cancels over a client of its own, and puts the figures right by what the venue says."""
    figures = find_monitor(system).figures
    try:
        await cancel_what_is_ours(configuration, venue, system.run)
        await asyncio.sleep(LATE_ARRIVAL_S)
        left = await cancel_what_is_ours(configuration, venue, system.run)
    except BinanceError as error:
        log.error(
            "whether orders are still open is not known, the venue cannot be asked: %s", error
        )
        return
    figures.keep_open(left)
    for client_order_id in left:
        log.error("still open at the venue: %s", client_order_id)
