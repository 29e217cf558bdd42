"""Canceling what is ours without a gateway: one look into each symbol, and a cancel for each order of ours that it shows."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from actors.binance.client import BinanceClient
from actors.binance.endpoints import BinanceEndpoints, endpoints_named
from actors.binance.errors import INVALID_SYMBOL, BinanceError, RequestRefused, is_about_key
from actors.binance.orders import BinanceOrders
from actors.gateways.keys import ApiKeys
from messages.enums import Exchanges
from messages.orders import Order

ROUND_PAUSE_S = 0.25
CANCEL_PATIENCE_S = 20.0

log = logging.getLogger(__name__)


async def cancel_our_orders(
    endpoints: BinanceEndpoints | str,
    keys: ApiKeys,
    is_ours: Callable[[str], bool],
    symbols: Iterable[str],
    patience_s: float = CANCEL_PATIENCE_S,
    exchange: Exchanges = Exchanges.BINANCE,
) -> list[Order]:
    """Cancels one by one what `is_ours` says of its client order id; returns those of ours not proven to be gone.

    Never by `DELETE openOrders`: the account's owner may have orders of his own in the same symbols. It looks again after
    canceling, until a look shows none, `patience_s` is over, or the key is refused. Raises BinanceError if no look succeeded.
    """
    where = endpoints_named(endpoints) if isinstance(endpoints, str) else endpoints
    client = BinanceClient(where, keys.api_key, keys.api_secret, keys.private_key)
    orders = BinanceOrders(client, over_websocket=False, exchange=exchange)
    left: list[Order] | None = None
    failure: BinanceError | None = None
    try:
        async with asyncio.timeout(patience_s):
            while left is None or left:
                try:
                    await client.synchronise_clock(samples=1)
                    left = await cancel_round(orders, is_ours, symbols)
                except BinanceError as error:
                    log.warning("canceling our orders: %s", error)
                    failure = error
                    if is_about_key(error):
                        break
                if left is None or left:
                    await asyncio.sleep(ROUND_PAUSE_S)
    except TimeoutError:
        log.error("our orders are not proven to be gone within %s s", patience_s)
    finally:
        await client.close_connection()
    if left is None and failure is not None:
        raise failure
    return left or []


async def cancel_round(
    orders: BinanceOrders, is_ours: Callable[[str], bool], symbols: Iterable[str]
) -> list[Order]:
    """What was open of ours, each canceled; a later look shows what came of it.

    A symbol that the venue does not know (any more) has no open orders. Where another look fails the rest is canceled all
    the same; then the last failure is raised, a BinanceError.
    """
    found: list[Order] = []
    failure: BinanceError | None = None
    for symbol in symbols:
        try:
            ours = [
                each for each in await orders.open_orders(symbol) if is_ours(each.client_order_id)
            ]
        except BinanceError as error:
            if not is_unknown_symbol(error):
                failure = error
            continue
        for order in ours:
            await cancel_one(orders, order)
        found += ours
    if failure is not None:
        raise failure
    return found


async def cancel_one(orders: BinanceOrders, order: Order) -> None:
    """Cancels one order; what comes of it the next look will show."""
    try:
        await orders.cancel(order.symbol, order.client_order_id, order.exchange_order_id)
        log.info("canceled %s in %s", order.client_order_id, order.symbol)
    except BinanceError as error:
        log.warning("%s in %s: %s", order.client_order_id, order.symbol, error)


def is_unknown_symbol(error: BinanceError) -> bool:
    """Whether the venue has refused a symbol that it does not know."""
    return isinstance(error, RequestRefused) and error.code == INVALID_SYMBOL
