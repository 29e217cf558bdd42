"""The end of a run: what is ours is canceled, whatever still works, and the exit code says how that went."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from actors.binance.errors import BinanceError
from actors.binance.limits import RateUsage
from actors.commands.composition import (
    GATEWAY_NAME,
    MONITOR_NAME,
    ORDER_MANAGER_NAME,
    Venue,
    cancel_what_is_ours,
)
from actors.commands.configuration import Configuration
from actors.commands.control import BotControl
from actors.commands.left_orders import describe_order
from actors.commands.monitor import Monitor
from actors.commands.proof import (
    ACCOUNT_PATIENCE_S,
    PROOF_PATIENCE_S,
    ask_for_open_orders,
    read_account,
)
from actors.commands.venue_check import told_when_slow
from actors.gateways.binance import BinanceGateway
from actors.gateways.binance_cancels import CANCEL_PATIENCE_S
from actors.gateways.errors import GatewayError
from actors.order_manager.naming import OrderNames
from actors.runtime.system import System
from messages.control import END_OF_BOT, HaltTrading

Result = TypeVar("Result")
FAILED = 1
INTERRUPTED_TWICE = 130
HALT_MARGIN_S = 5.0
"""The order manager's own patience ends first."""
NAMED_ORDERS = 3
"""So many are named while an end waits for them; afterwards each that is left has its line."""
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

    That is 0 only if nothing of ours is open or of unknown outcome at the venue, by its own word. The order manager
    cancels; if it or the gateway is what failed, or they do not answer, a fresh client does. At last the account is read:
    what the last orders have left of it may not have been told yet, or in a stream that was cut. Whoever does not wait for
    that has interrupted twice.
    """
    if control.has_lost_venue:
        return FAILED
    code = await end_orders(configuration, control, venue, system, flatten=flatten)
    await unless(control.abandon, read_last_account(configuration, venue, system))
    if control.abandon.is_set() and not control.has_lost_venue:
        figures = find_monitor(system).figures
        figures.account_failure = figures.account_failure or "interrupted"
        return INTERRUPTED_TWICE
    return code


async def read_last_account(configuration: Configuration, venue: Venue, system: System) -> None:
    """Lets the summary state what the account holds after the last of our orders; if it cannot be read, it says so."""
    monitor = find_monitor(system)
    since_ns = monitor.figures.last_fill_ns
    what = "reads what the account holds"
    try:
        async with telling_of_end(what, ACCOUNT_PATIENCE_S):
            snapshot = await read_account(configuration, venue, since_ns, find_silence(system))
    except BinanceError as error:
        log.warning("what the account holds at the end cannot be read: %s", error)
        monitor.figures.account_failure = str(error)
        return
    monitor.close_account(snapshot)


async def end_orders(
    configuration: Configuration,
    control: BotControl,
    venue: Venue,
    system: System,
    *,
    flatten: bool,
) -> int:
    """Cancels what is ours; returns the exit code, as `halt`."""
    failed_code = FAILED if system.failure else 0
    if system.failure is None:
        find_monitor(system).begin_halt("")
        system.send(HaltTrading(reason=END_OF_BOT, flatten=flatten))
    is_deaf = any(system.cells[name].is_out for name in (GATEWAY_NAME, ORDER_MANAGER_NAME))
    patience_s = configuration.bot.halt_patience_s + HALT_MARGIN_S
    is_done = not is_deaf and await wait_for_halt(control, find_monitor(system), patience_s)
    if is_done and await unless(control.abandon, prove_halt(configuration, venue, system)):
        return failed_code
    if not (is_done or control.abandon.is_set()):
        await unless(control.abandon, cancel_afresh(configuration, venue, system))
    return INTERRUPTED_TWICE if control.abandon.is_set() else FAILED


def find_silence(system: System) -> RateUsage | None:
    """What the gateway knows of the venue's limits: under a ban every further request prolongs it."""
    gateway = system.cells[GATEWAY_NAME].instance
    if not isinstance(gateway, BinanceGateway):
        return None
    try:
        return gateway.client.usage
    except GatewayError:
        return None


async def prove_halt(configuration: Configuration, venue: Venue, system: System) -> bool:
    """Whether the venue itself says that no order of ours is open; one that turns up is canceled."""
    is_ours = OrderNames(configuration.bot.name, system.run).is_ours
    what = "asks the venue whether any order of ours is open"
    try:
        async with telling_of_end(what, PROOF_PATIENCE_S):
            left = await ask_for_open_orders(configuration, venue, is_ours, find_silence(system))
    except BinanceError as error:
        log.error(
            "our orders have ended, but whether any other of ours is open the venue cannot be asked: %s; "
            "look at its list of open orders, or start the bot again",
            error,
        )
        return False
    if not left:
        return True
    for order in left:
        log.warning("open at the venue, and not known to be: %s", describe_order(order))
    return await cancel_afresh(configuration, venue, system, [order.symbol for order in left])


async def wait_for_halt(control: BotControl, monitor: Monitor, patience_s: float) -> bool:
    """Whether the order manager has proven within its time that none of our orders is open."""
    async with told_when_slow(lambda: describe_wait(monitor, patience_s), say=log.warning):
        return await unless(control.abandon, await_completion(monitor, "", patience_s)) == 0


def describe_wait(monitor: Monitor, patience_s: float) -> str:
    """Which orders an end waits for, and how long at most."""
    left = list(monitor.figures.open_orders.values())
    named = "; ".join(describe_order(order) for order in left[:NAMED_ORDERS])
    more = f" and {len(left) - NAMED_ORDERS} more" if len(left) > NAMED_ORDERS else ""
    what = f"how {len(left)} of our orders ended: {named}{more}" if left else "what was executed"
    return (
        f"the end waits for the venue's word on {what} (at most {patience_s:g} s from its beginning, then it cancels what is "
        "left over a connection of its own; another Ctrl-C leaves at once)"
    )


def telling_of_end(what: str, patience_s: float) -> AbstractAsyncContextManager[None]:
    """Within, what an end does is told where it takes long."""
    text = f"the end {what} (at most {patience_s:g} s; another Ctrl-C leaves at once)"
    return told_when_slow(lambda: text, say=log.warning)


async def await_completion(monitor: Monitor, scope: str, patience_s: float) -> int | None:
    """How many orders a halt has left, by the order manager; None if it has not said that in time."""
    left = monitor.figures.halts_left
    try:
        async with asyncio.timeout(patience_s):
            while scope not in left:
                await monitor.halts_completed.setdefault(scope, asyncio.Event()).wait()
    except TimeoutError:
        return None
    return left.get(scope)


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


async def cancel_afresh(
    configuration: Configuration, venue: Venue, system: System, symbols: Iterable[str] = ()
) -> bool:
    """Cancels over a client of its own, and puts the figures right by what the venue says; whether nothing is left."""
    figures = find_monitor(system).figures
    is_ours = OrderNames(configuration.bot.name, system.run).is_ours
    known = {order.symbol for order in figures.open_orders.values()}
    where = sorted({*configuration.symbols(), *figures.quote_assets, *known, *symbols})
    what = "cancels what is open of ours over a connection of its own"
    try:
        async with telling_of_end(what, 2 * CANCEL_PATIENCE_S + LATE_ARRIVAL_S):
            await cancel_what_is_ours(configuration, venue, is_ours, where)
            await asyncio.sleep(LATE_ARRIVAL_S)
            left = await cancel_what_is_ours(configuration, venue, is_ours, where)
    except BinanceError as error:
        log.error(
            "whether orders are still open is not known, the venue cannot be asked: %s", error
        )
        return False
    figures.keep_open({order.client_order_id: order for order in left})
    return not left
