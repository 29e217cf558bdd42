"""Canceling what is ours without a gateway: one look into each symbol, and a cancel for each order of ours that it shows."""

import logging
from collections.abc import Callable, Iterable

from actors.binance.errors import INVALID_SYMBOL, BinanceError, RequestRefused
from actors.binance.orders import BinanceOrders
from messages.orders import Order

log = logging.getLogger(__name__)


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
