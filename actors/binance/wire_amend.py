"""The answer to an amendment that keeps an order's priority: its names differ from those of every other order answer.

Source: rest-api.md, "Order Amend Keep Priority"; web-socket-api.md, `order.amend.keepPriority`.
"""

import msgspec

from actors.binance.numbers import WireInteger, amount_of, nanoseconds_of
from messages.enums import Exchanges, ExecutionType, OrderStatus, OrderType, Side, TimeInForce
from messages.orders import Order


class AmendedOrder(
    msgspec.Struct,
    kw_only=True,
    rename={
        "exchange_order_id": "orderId",
        "client_order_id": "clientOrderId",
        "original_client_order_id": "origClientOrderId",
        "quantity": "qty",
        "executed_quantity": "executedQty",
        "executed_quote_quantity": "cumulativeQuoteQty",
        "quote_quantity": "quoteOrderQty",
        "time_in_force": "timeInForce",
        "order_type": "type",
    },
):
    """The order as it stands now; `client_order_id` is its new one."""

    symbol: str
    exchange_order_id: WireInteger
    client_order_id: str = ""
    original_client_order_id: str = ""
    side: Side = Side.UNRECOGNISED
    order_type: OrderType = OrderType.UNRECOGNISED
    time_in_force: TimeInForce = TimeInForce.UNRECOGNISED
    status: OrderStatus = OrderStatus.UNKNOWN
    price: str = "0"
    quantity: str = "0"
    executed_quantity: str = "0"
    executed_quote_quantity: str = "0"
    quote_quantity: str = "0"


class AmendAnswer(
    msgspec.Struct,
    rename={
        "transaction_time": "transactTime",
        "execution_id": "executionId",
        "order": "amendedOrder",
    },
):
    """The whole answer; what it may say of an order list is skipped."""

    order: AmendedOrder
    transaction_time: WireInteger = 0
    execution_id: WireInteger = 0


_decode = msgspec.json.Decoder(AmendAnswer).decode


def decode_amendment(data: bytes | msgspec.Raw, exchange: Exchanges = Exchanges.BINANCE) -> Order:
    """The venue's view of the amended order. Raises msgspec.MsgspecError (a ValueError), or ValueError for a bad number."""
    answer = _decode(data)
    order = answer.order
    return Order(
        side=order.side,
        order_type=order.order_type,
        symbol=order.symbol,
        exchange=exchange,
        client_order_id=order.client_order_id or order.original_client_order_id,
        exchange_order_id=order.exchange_order_id,
        quantity=amount_of(order.quantity),
        quote_quantity=amount_of(order.quote_quantity),
        price=amount_of(order.price),
        time_in_force=order.time_in_force,
        status=order.status,
        executed_quantity=amount_of(order.executed_quantity),
        executed_quote_quantity=amount_of(order.executed_quote_quantity),
        execution_type=ExecutionType.REPLACED,
        execution_id=answer.execution_id,
        event_time_ns=nanoseconds_of(answer.transaction_time),
    )
