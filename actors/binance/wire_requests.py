"""Parameters of order requests, the same for REST and the WebSocket API. Every number is text."""

from messages.enums import ListRole, OrderType
from messages.instruments import to_text
from messages.orders import Order

TIMED_TYPES = frozenset({OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT})
"""Those that need a time in force (rest-api.md, New order)."""


def new_order_params(order: Order) -> dict[str, str | int]:
    """What `POST order` and `order.place` need for this order; FULL, so that the answer tells its status and fills.

    Raises ValueError for an order without a client order id (the venue's own id could not be tied to it), for an order
    type that is not known here, and for one that waits for a price and does not say for which.
    """
    refuse_unspeakable(order)
    order_type = order.order_type
    params: dict[str, str | int] = {
        "symbol": order.symbol,
        "side": order.side,
        "type": order_type,
        "newClientOrderId": order.client_order_id,
        "newOrderRespType": "FULL",
    }
    if order_type in TIMED_TYPES:
        params["timeInForce"] = order.time_in_force
    if order_type.has_price:
        params["price"] = to_text(order.price)
    if order.stop_price:
        params["stopPrice"] = to_text(order.stop_price)
    if order.trailing_delta:
        params["trailingDelta"] = order.trailing_delta
    if order_type is OrderType.MARKET and not order.quantity:
        params["quoteOrderQty"] = to_text(order.quote_quantity)
    else:
        params["quantity"] = to_text(order.quantity)
    if order.self_trade_prevention is not None:
        params["selfTradePreventionMode"] = order.self_trade_prevention
    return params


def leg_params(order: Order, prefix: str) -> dict[str, str | int]:
    """The terms of an order of a list, each parameter's name with a prefix. Raises ValueError as `new_order_params`."""
    refuse_unspeakable(order)
    params: dict[str, str | int] = {
        prefix + "Type": order.order_type,
        prefix + "ClientOrderId": order.client_order_id,
    }
    if order.order_type in TIMED_TYPES:
        params[prefix + "TimeInForce"] = order.time_in_force
    if order.order_type.has_price:
        params[prefix + "Price"] = to_text(order.price)
    if order.stop_price:
        params[prefix + "StopPrice"] = to_text(order.stop_price)
    if order.trailing_delta:
        params[prefix + "TrailingDelta"] = order.trailing_delta
    return params


def refuse_unspeakable(order: Order) -> None:
    """Raises ValueError for an order that no request can say."""
    if not order.client_order_id:
        raise ValueError(f"order {order.order_id!r} has no client order id")
    if order.order_type is OrderType.UNRECOGNISED:
        raise ValueError(f"an order of type {order.order_type} is not placed from here")
    if order.order_type.is_contingent and not (order.stop_price or order.trailing_delta):
        raise ValueError(f"order {order.order_id!r}: a {order.order_type} order has no trigger")


def order_list_params(list_id: str, orders: list[Order]) -> tuple[str, dict[str, str | int]]:
    """The method that places a list, and its parameters (rest-api.md, New Order list - OCO, OTO, OTOCO).

    Raises ValueError for orders that make no list.
    """
    first = orders[0]
    params: dict[str, str | int] = {
        "symbol": first.symbol,
        "listClientOrderId": list_id,
        "newOrderRespType": "FULL",
    }
    if first.self_trade_prevention is not None:
        params["selfTradePreventionMode"] = first.self_trade_prevention
    if first.list_role is not ListRole.ENTRY:
        params |= {"side": first.side, "quantity": to_text(first.quantity)}
        for order in orders:
            params |= leg_params(order, PAIR_PREFIXES[order.list_role])
        return "orderList.place.oco", params
    params |= {"workingSide": first.side, "workingQuantity": to_text(first.quantity)}
    params |= leg_params(first, "working")
    exits = orders[1:]
    params |= {"pendingSide": exits[0].side, "pendingQuantity": to_text(exits[0].quantity)}
    if len(exits) == 1:
        return "orderList.place.oto", params | leg_params(exits[0], "pending")
    for order in exits:
        prefix = PAIR_PREFIXES[order.list_role]
        params |= leg_params(order, "pending" + prefix[0].upper() + prefix[1:])
    return "orderList.place.otoco", params


PAIR_PREFIXES = {ListRole.ABOVE: "above", ListRole.BELOW: "below"}


def order_reference(
    symbol: str, client_order_id: str, exchange_order_id: int = 0
) -> dict[str, str | int]:
    """How a cancel or a query names an order: by the venue's id where it is known, which is the faster way."""
    if exchange_order_id:
        return {"symbol": symbol, "orderId": exchange_order_id}
    return {"symbol": symbol, "origClientOrderId": client_order_id}
