"""Requests to a gateway that concern more than one order, or none, and what it says of a cancel that did not take place."""

import msgspec

from messages.base import Message
from messages.enums import Exchanges, ReplaceMode
from messages.orders import (
    AmendOrderRequest,
    CancelOrderRequest,
    NewOrderRequest,
    Order,
    QueryOrderRequest,
    VenueRequest,
)


class NewOrderListRequest(VenueRequest, kw_only=True):
    """An intent to place a list of orders in one request, with everything rounded, checked and named.

    Two exits make an OCO, an entry and one exit an OTO, an entry and two exits an OTOCO (rest-api.md, Order lists): what
    each order is, its `list_role` says. Each is known by its own client order id, so that each can be asked for by itself.
    """

    symbol: str
    list_id: str
    """What the venue calls the list by (`listClientOrderId`)."""
    orders: list[Order]
    send_before_ns: int = 0

    is_durable = True
    needs_journal = True


class ReplaceOrderRequest(VenueRequest, kw_only=True):
    """An intent to cancel one order and place another in one request (rest-api.md, Cancel an Existing Order and Send a New
    Order). Each half has an outcome of its own: a word about the old order or `CancelRefused`, and a word about the new one.
    """

    order: Order
    client_order_id: str
    """Of the order that is to be canceled."""
    exchange_order_id: int = 0
    order_id: str = ""
    mode: ReplaceMode = ReplaceMode.STOP_ON_FAILURE
    send_before_ns: int = 0

    is_durable = True
    needs_journal = True


OrderRequest = (
    NewOrderRequest
    | NewOrderListRequest
    | ReplaceOrderRequest
    | CancelOrderRequest
    | AmendOrderRequest
    | QueryOrderRequest
)
"""Whatever a gateway is asked to do with orders."""


class SnapshotRequest(VenueRequest, kw_only=True):
    """Asks for the account as the venue sees it; answered by `AccountSnapshot`."""

    symbols: list[str] = msgspec.field(default_factory=list)
    trades_after: dict[str, int] = msgspec.field(default_factory=dict)
    """For each symbol the last trade id that is known to be booked: later ones are asked for too."""


class CancelRefused(Message, kw_only=True):
    """The gateway's word that a cancel did not take place; the order itself may have ended or still rest."""

    exchange: Exchanges
    symbol: str
    client_order_id: str
    reason_text: str
    reason_code: int = 0
    is_unknown: bool = False
    """True when the outcome of the cancel itself is unknown."""
