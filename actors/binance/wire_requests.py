"""Parameters of order requests, the same for REST and the WebSocket API. Every number is text."""

from messages.enums import OrderType
from messages.instruments import to_text
from messages.orders import Order

LIMIT_TYPES = frozenset({OrderType.LIMIT, OrderType.LIMIT_MAKER})
SUPPORTED_TYPES = LIMIT_TYPES | {OrderType.MARKET}


def new_order_params(order: Order) -> dict[str, str]:
    """What `POST order` and `order.place` need for this order; FULL, so that the answer tells its fills.

    Raises ValueError for an order without a client order id (the venue's own id could not be tied to it) and for an
    order type that is not placed from here.
    """
    if not order.client_order_id:
        raise ValueError(f"order {order.order_id!r} has no client order id")
    if order.order_type not in SUPPORTED_TYPES:
        raise ValueError(f"an order of type {order.order_type} is not placed from here")
    params = {
        "symbol": order.symbol,
        "side": order.side,
        "type": order.order_type,
        "newClientOrderId": order.client_order_id,
        "newOrderRespType": "FULL",
    }
    if order.order_type is OrderType.LIMIT:
        params["timeInForce"] = order.time_in_force
    if order.order_type in LIMIT_TYPES:
        params["price"] = to_text(order.price)
    if order.order_type is OrderType.MARKET and not order.quantity:
        params["quoteOrderQty"] = to_text(order.quote_quantity)
    else:
        params["quantity"] = to_text(order.quantity)
    return params


def order_reference(
    symbol: str, client_order_id: str, exchange_order_id: int = 0
) -> dict[str, str | int]:
    """How a cancel or a query names an order: by the venue's id where it is known, which is the faster way."""
    if exchange_order_id:
        return {"symbol": symbol, "orderId": exchange_order_id}
    return {"symbol": symbol, "origClientOrderId": client_order_id}
