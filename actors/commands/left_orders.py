"""Orders that an end leaves behind: which they are by the journal, and what a person should do about each."""

from collections.abc import Iterable
from typing import Any

import msgspec

from messages.codec import class_name_of, decoder_of
from messages.instruments import to_text
from messages.order_requests import NewOrderListRequest, ReplaceOrderRequest
from messages.orders import NewOrderRequest, Order, OrderUpdate
from messages.recovery import OrderManagerCheckpoint, OrderNote

MANY = (OrderManagerCheckpoint, NewOrderListRequest)
CLASSES = (*MANY, NewOrderRequest, ReplaceOrderRequest, OrderUpdate, OrderNote)


def find_left_orders(frames: Iterable[bytes]) -> list[Order]:
    """The orders that may be open by what an order manager has written down (its frames, oldest first).

    Raises ValueError for a frame that cannot be read.
    """
    decoders = {item.__name__: decoder_of(item) for item in CLASSES}
    left: dict[str, Order] = {}
    for frame in frames:
        decoder = decoders.get(class_name_of(frame))
        if decoder is None:
            continue
        try:
            message: Any = decoder.decode(frame)
        except msgspec.MsgspecError as error:
            raise ValueError(f"a frame of the journal cannot be read: {error}") from error
        if isinstance(message, OrderManagerCheckpoint):
            left.clear()
        told = message.orders if isinstance(message, MANY) else [message.order]
        for order in told:
            if not order.client_order_id:
                continue
            if order.is_open and not order.is_armed:
                left[order.client_order_id] = order
            else:
                left.pop(order.client_order_id, None)
    return list(left.values())


def is_answered(order: Order) -> bool:
    """Whether the venue has ever said anything of an order."""
    return order.venue_status is not None


def describe_order(order: Order) -> str:
    """An order in one line: its id, its side, how much of what, and at which price."""
    price = f"at {to_text(order.price)}" if order.price else order.order_type.value
    name = order.client_order_id or order.order_id
    done = f", {to_text(order.executed_quantity)} filled" if order.executed_quantity else ""
    return (
        f"{name} {order.side} {to_text(order.quantity)} {order.symbol} {price} {order.status}{done}"
    )


def advise(order: Order) -> str:
    """The same line with what to do about an order that is left at the venue, or may be."""
    if not is_answered(order):
        return (
            f"unknown   {describe_order(order)}: it was sent and not answered; look for its id among the venue's "
            "orders, or start the bot again, which asks"
        )
    return (
        f"open      {describe_order(order)}: cancel it at the venue, or start the bot again, "
        "which takes it up"
    )


def advise_unheard(order: Order) -> str:
    """The same for an order that the venue does not list as open, and of whose end nothing was heard."""
    if not is_answered(order):
        return (
            f"unknown   {describe_order(order)}: the venue does not list it (yet); it may have been executed, or never "
            "have arrived: look for its id among the venue's orders, or start the bot again, which asks"
        )
    return f"ended     {describe_order(order)}: it is not open any more; how much of it was filled the next start asks"
