"""The proof of a halt: the venue itself is asked which of our orders are open, over a client of its own."""

import asyncio
import logging
from collections.abc import Callable

from actors.binance.client import BinanceClient
from actors.binance.errors import BinanceError, OutcomeUnknown
from actors.binance.limits import RateUsage
from actors.binance.orders import BinanceOrders
from actors.commands.composition import Venue
from actors.commands.configuration import Configuration
from messages.orders import Order

PROOF_PATIENCE_S = 10.0
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
    found: list[Order] | None = None
    failure: BinanceError = OutcomeUnknown("the venue has not answered")
    try:
        async with asyncio.timeout(patience_s):
            while found is None or found:
                try:
                    await client.synchronise_clock(samples=1)
                    listed = await orders.open_orders()
                    found = [order for order in listed if is_meant(order.client_order_id)]
                except BinanceError as error:
                    log.info("asking which orders are open: %s", error)
                    failure = error
                if found is None or found:
                    await asyncio.sleep(LOOK_AGAIN_S)
    except TimeoutError:
        pass
    finally:
        await client.close_connection()
    if found is None:
        raise failure
    return found
