"""What a gateway says about a request that brought no word of the venue. Pure."""

from actors.gateways.errors import GatewayError
from messages.enums import OrderStatus, OrderType, Reason, Side
from messages.order_requests import CancelRefused, NewOrderListRequest, ReplaceOrderRequest
from messages.orders import (
    AmendOrderRequest,
    CancelOrderRequest,
    NewOrderRequest,
    Order,
    QueryOrderRequest,
    VenueRequest,
)

Answer = Order | CancelRefused


def refusals_of(request: VenueRequest, error: GatewayError) -> list[Answer]:
    """`answer_refusal` for each order that a request concerns."""
    return [answer for part in parts_of(request) if (answer := answer_refusal(part, error))]


def unknowns_of(request: VenueRequest, text: str) -> list[Answer]:
    """`answer_unknown` for each order that a request concerns."""
    return [answer for part in parts_of(request) if (answer := answer_unknown(part, text))]


def parts_of(request: VenueRequest) -> list[VenueRequest]:
    """A request that concerns several orders as one for each: what is said of it is said of each of them."""
    if isinstance(request, NewOrderListRequest):
        return [NewOrderRequest(exchange=request.exchange, order=order) for order in request.orders]
    if isinstance(request, ReplaceOrderRequest):
        return [cancel_of(request), NewOrderRequest(exchange=request.exchange, order=request.order)]
    return [request]


def cancel_of(request: ReplaceOrderRequest) -> CancelOrderRequest:
    """The cancel in a replacement."""
    return CancelOrderRequest(
        exchange=request.exchange,
        symbol=request.order.symbol,
        client_order_id=request.client_order_id,
        exchange_order_id=request.exchange_order_id,
        order_id=request.order_id,
    )


def answer_refusal(request: VenueRequest, error: GatewayError) -> Answer | None:
    """After a proven "not carried out": a placement is REJECTED, a cancel refused, any other request changes nothing."""
    text = str(error)
    if isinstance(request, NewOrderRequest):
        return answer_placement(request, OrderStatus.REJECTED, error.reason, text, error.code)
    if isinstance(request, CancelOrderRequest):
        return answer_cancel(request, text, error.code, is_unknown=False)
    return answer_other(request, OrderStatus.UNKNOWN, error.reason, text, error.code)


def answer_unknown(request: VenueRequest, text: str) -> Answer | None:
    """Nothing is proven: the order manager must ask."""
    if isinstance(request, NewOrderRequest):
        return answer_placement(request, OrderStatus.UNKNOWN, Reason.OUTCOME_UNKNOWN, text)
    if isinstance(request, CancelOrderRequest):
        return answer_cancel(request, text, 0, is_unknown=True)
    return answer_other(request, OrderStatus.UNKNOWN, Reason.OUTCOME_UNKNOWN, text)


def answer_not_found(request: QueryOrderRequest) -> Order:
    """The venue does not know the order."""
    return identify(
        request, OrderStatus.NOT_FOUND, Reason.UNKNOWN_ORDER, "the venue does not know it", 0
    )


def answer_placement(
    request: NewOrderRequest, status: OrderStatus, reason: Reason, text: str, code: int = 0
) -> Order:
    """The order with our own word on it, and nothing that only the venue can say."""
    order = request.order
    return Order(
        side=order.side,
        order_type=order.order_type,
        symbol=order.symbol,
        exchange=request.exchange,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        strategy=order.strategy,
        quantity=order.quantity,
        quote_quantity=order.quote_quantity,
        price=order.price,
        time_in_force=order.time_in_force,
        status=status,
        reason=reason,
        reason_text=text,
        reason_code=code,
    )


def answer_cancel(
    request: CancelOrderRequest, text: str, code: int, is_unknown: bool
) -> CancelRefused:
    """The cancel did not take place, or nobody knows."""
    return CancelRefused(
        exchange=request.exchange,
        symbol=request.symbol,
        client_order_id=request.client_order_id,
        reason_text=text,
        reason_code=code,
        is_unknown=is_unknown,
    )


def answer_other(
    request: VenueRequest, status: OrderStatus, reason: Reason, text: str, code: int = 0
) -> Order | None:
    """A query or an amendment that failed; `UNKNOWN` unsays nothing that the venue has said."""
    if isinstance(request, QueryOrderRequest | AmendOrderRequest):
        return identify(request, status, reason, text, code)
    return None


def identify(
    request: QueryOrderRequest | AmendOrderRequest,
    status: OrderStatus,
    reason: Reason,
    text: str,
    code: int,
) -> Order:
    """An order of which the request says no more than its ids."""
    return Order(
        side=Side.UNRECOGNISED,
        order_type=OrderType.UNRECOGNISED,
        symbol=request.symbol,
        exchange=request.exchange,
        order_id=request.order_id,
        client_order_id=request.client_order_id,
        exchange_order_id=request.exchange_order_id,
        status=status,
        reason=reason,
        reason_text=text,
        reason_code=code,
    )
