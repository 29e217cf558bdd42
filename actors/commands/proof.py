"""What the venue itself says at an end, over a client of its own: which of our orders are open, what the account holds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from actors.binance.client import BinanceClient
from actors.binance.errors import BinanceError, OutcomeUnknown, is_about_key
from actors.binance.limits import RateUsage
from actors.binance.orders import BinanceOrders
from actors.commands.composition import Venue
from actors.commands.configuration import Configuration
from messages.account import AccountSnapshot
from messages.orders import Order

Answer = TypeVar("Answer")
PROOF_PATIENCE_S = 10.0
ACCOUNT_PATIENCE_S = 5.0
"""Nothing hangs on what the account holds but the truth of a summary."""
LOOK_AGAIN_S = 0.3
"""The venue's lists lag behind its matching engine: what they show is looked at again before it is believed."""

log = logging.getLogger("actors.bot")


async def ask_for_open_orders(
    configuration: Configuration,
    venue: Venue,
    is_meant: Callable[[str], bool],
    usage: RateUsage | None = None,
    patience_s: float = PROOF_PATIENCE_S,
) -> list[Order]:
    """The open orders whose client order id `is_meant` knows, in all symbols; looks until there are none, or time is up.

    `usage` is what another client knows of the venue's limits: as long as the venue is to be left alone, nothing is sent.
    Raises BinanceError if the venue could not be asked even once.
    """

    async def look(orders: BinanceOrders) -> list[Order]:
        listed = await orders.open_orders()
        return [order for order in listed if is_meant(order.client_order_id)]

    return await ask(configuration, venue, usage, patience_s, look, lambda found: not found)


async def read_account(
    configuration: Configuration,
    venue: Venue,
    since_ns: int,
    usage: RateUsage | None = None,
    patience_s: float = ACCOUNT_PATIENCE_S,
) -> AccountSnapshot:
    """What the account holds, without its orders; looks until it is of `since_ns` (the venue's time), or time is up.

    `usage` is as above. Raises BinanceError if the venue has not said it in time.
    """
    return await ask(
        configuration,
        venue,
        usage,
        patience_s,
        lambda orders: orders.account([]),
        lambda snapshot: snapshot.event_time_ns >= since_ns,
    )


async def ask(
    configuration: Configuration,
    venue: Venue,
    usage: RateUsage | None,
    patience_s: float,
    look: Callable[[BinanceOrders], Awaitable[Answer]],
    is_enough: Callable[[Answer], bool],
) -> Answer:
    """Looks again and again over a client of its own; the last answer. Raises BinanceError if there was none.

    A refusal of the key is final: it is not tried again.
    """
    section = configuration.venue
    client = BinanceClient(
        venue.endpoints,
        venue.keys.api_key,
        venue.keys.api_secret,
        venue.keys.private_key,
        recv_window_ms=section.receive_window_ms,
        timeout_s=section.request_timeout_s,
    )
    if usage is not None and usage.retry_at_ns:
        client.usage.observe_refusal(usage.retry_at_ns, usage.is_banned)
    orders = BinanceOrders(client, over_websocket=False, exchange=section.exchange)
    answers: list[Answer] = []
    failure: BinanceError = OutcomeUnknown("the venue has not answered")
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while not answers or not is_enough(answers[-1]):
                    if answers:
                        await asyncio.sleep(LOOK_AGAIN_S)
                    try:
                        await client.synchronise_clock(samples=1)
                        answers.append(await look(orders))
                    except BinanceError as error:
                        log.info("asking the venue at the end: %s", error)
                        failure = error
                        if is_about_key(error):
                            break
                        await asyncio.sleep(LOOK_AGAIN_S)
    finally:
        await client.close_connection()
    if not answers:
        raise failure
    return answers[-1]
