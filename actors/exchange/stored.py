"""How orders and order lists are kept in a state file: records of their own, so that a rename in the core changes no file."""

from decimal import Decimal

import msgspec

from actors.exchange.orders import (
    ZERO,
    Amendment,
    ContingencyType,
    Execution,
    ExpiryReason,
    OrderList,
    OrderRecord,
    PreventedMatch,
)
from messages.enums import OrderStatus, OrderType, SelfTradePrevention, Side, TimeInForce


class StoredOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An `OrderRecord` without its account; the same names mean the same."""

    order_id: int
    symbol: str
    client_order_id: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    price: Decimal
    quantity: Decimal
    quote_order_quantity: Decimal
    time_us: int
    update_time_us: int
    original_client_order_id: str
    strategy_id: int | None = None
    strategy_type: int | None = None
    self_trade_prevention_mode: SelfTradePrevention = SelfTradePrevention.NONE
    executed_quantity: Decimal
    executed_quote_quantity: Decimal
    status: OrderStatus
    expiry_reason: ExpiryReason | None = None
    reserved: Decimal
    executions: list[Execution] = []
    amendments: list[Amendment] = []
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    iceberg_quantity: Decimal | None = None
    trailing_time_us: int | None = None
    trailing_extreme: Decimal | None = None
    is_waiting: bool = False
    working_time_us: int = 0
    order_list_id: int = -1
    prevented_quantity: Decimal = ZERO
    prevented_match_id: int | None = None
    prevented_matches: list[PreventedMatch] = []


class StoredList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An `OrderList` with the ids of its orders in their place."""

    list_id: int
    symbol: str
    contingency: ContingencyType
    client_id: str
    working: int | None = None
    pending: list[int]
    time_us: int
    is_placed: bool = False
    is_decided: bool = False
    is_done: bool = False
    reserved: Decimal = ZERO


def store(order: OrderRecord) -> StoredOrder:
    """An order as it is kept."""
    return StoredOrder(**{name: getattr(order, name) for name in StoredOrder.__struct_fields__})


def store_list(order_list: OrderList) -> StoredList:
    """A list as it is kept."""
    names = {"working", "pending"}
    plain = {
        name: getattr(order_list, name)
        for name in StoredList.__struct_fields__
        if name not in names
    }
    return StoredList(
        working=order_list.working.order_id if order_list.working else None,
        pending=[order.order_id for order in order_list.pending],
        **plain,
    )
