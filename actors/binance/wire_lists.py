"""Answers about order lists, and about a cancel and a new order in one request.

Sources: rest-api.md, "Order lists" and "Cancel an Existing Order and Send a New Order"; errors.md, -2021 and -2022.
"""

from dataclasses import dataclass

import msgspec

from actors.binance.errors import UNKNOWN_OUTCOME_CODES, is_duplicate, read_error
from actors.binance.numbers import WireInteger
from actors.binance.wire_orders import BinanceOrder, from_binance_order
from messages.enums import Exchanges
from messages.orders import Order

SUCCESS, FAILURE = "SUCCESS", "FAILURE"


class OrderListAnswer(msgspec.Struct, rename="camel"):
    """A list as its placement, its cancel or a query tells it; the last without `order_reports`."""

    order_list_id: WireInteger
    contingency_type: str = ""
    list_status_type: str = ""
    list_order_status: str = ""
    list_client_order_id: str = ""
    transaction_time: WireInteger = 0
    symbol: str = ""
    orders: list[BinanceOrder] = []
    order_reports: list[BinanceOrder] = []


class ReplaceAnswer(msgspec.Struct, rename="camel"):
    """What became of each half; a response is an order, an error, or absent if the half was not attempted."""

    cancel_result: str
    new_order_result: str
    cancel_response: msgspec.Raw = msgspec.Raw(b"null")
    new_order_response: msgspec.Raw = msgspec.Raw(b"null")


class ReplaceFailure(msgspec.Struct):
    """The body of a REST error: `{"code": ..., "msg": ..., "data": {...}}`; of the WebSocket API it is the data alone."""

    data: ReplaceAnswer


@dataclass(frozen=True, slots=True)
class Half:
    """One half of a replacement: the order as it stands, or why it was not done; `is_unknown` if nobody knows."""

    order: Order | None = None
    code: int = 0
    text: str = ""
    is_unknown: bool = False


_decode_list = msgspec.json.Decoder(OrderListAnswer).decode
_decode_replacement = msgspec.json.Decoder(ReplaceAnswer).decode
_decode_failure = msgspec.json.Decoder(ReplaceFailure).decode
_decode_order = msgspec.json.Decoder(BinanceOrder).decode


def decode_list(data: bytes | msgspec.Raw) -> OrderListAnswer:
    """Raises msgspec.MsgspecError (a ValueError)."""
    return _decode_list(data)


def orders_of_list(answer: OrderListAnswer, exchange: Exchanges = Exchanges.BINANCE) -> list[Order]:
    """Its orders as they stand. Raises ValueError for a figure that is no plain decimal."""
    return [from_binance_order(report, exchange) for report in answer.order_reports]


def decode_canceled(
    data: bytes | msgspec.Raw,
    client_order_id: str,
    exchange_order_id: int = 0,
    exchange: Exchanges = Exchanges.BINANCE,
) -> Order:
    """The order that a cancel names, as it stands; one of a list is answered with its list (web-socket-api.md, Cancel order).

    Raises msgspec.MsgspecError (a ValueError), and ValueError for a list that does not hold the order.
    """
    answer = _decode_order(data)
    if answer.exchange_order_id:
        return from_binance_order(answer, exchange)
    for report in _decode_list(data).order_reports:
        if exchange_order_id in (0, report.exchange_order_id) and (
            exchange_order_id or report.original_client_order_id == client_order_id
        ):
            return from_binance_order(report, exchange)
    raise ValueError(f"the canceled list does not hold {client_order_id}")


def decode_replacement(
    data: bytes | msgspec.Raw, exchange: Exchanges = Exchanges.BINANCE
) -> tuple[Half, Half]:
    """What became of the cancel and of the new order, by the answer of a success or of either kind of failure.

    Raises msgspec.MsgspecError (a ValueError).
    """
    try:
        answer = _decode_replacement(data)
    except msgspec.ValidationError:
        answer = _decode_failure(data).data
    return (
        half_of(answer.cancel_result, answer.cancel_response, exchange),
        half_of(answer.new_order_result, answer.new_order_response, exchange),
    )


def half_of(result: str, response: msgspec.Raw, exchange: Exchanges) -> Half:
    """One half. What is neither success nor failure was not attempted."""
    data = bytes(response)
    if result == SUCCESS:
        return Half(order=from_binance_order(_decode_order(data), exchange))
    if result != FAILURE:
        return Half(text="not attempted")
    error = read_error(data)
    if error.code is None:
        return Half(text=f"no code that can be read: {error.msg}", is_unknown=True)
    is_unknown = error.code in UNKNOWN_OUTCOME_CODES or is_duplicate(error.code, error.msg)
    return Half(code=error.code, text=error.msg, is_unknown=is_unknown)
