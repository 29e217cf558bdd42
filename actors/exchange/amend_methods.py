"""Methods that reduce an open order in place (rest-api.md, Order Amend Keep Priority and Query Order Amendments)."""

from typing import Any

from actors.exchange import wire
from actors.exchange.desk import Call, Method, Security
from actors.exchange.market_methods import ROWS, SYMBOL, fixed
from actors.exchange.orders import Amendment, OrderList, OrderRecord
from actors.exchange.parameters import Parameter, client_order_id, decimal, integer
from actors.exchange.trading_methods import ORDER_ID, ORIGINAL_ID, check_ids
from messages.enums import OrderStatus


def amended_order(
    order: OrderRecord, amendment: Amendment, order_list: OrderList | None
) -> dict[str, Any]:
    """A reduced order; some names differ from those of the other answers (rest-api.md, Order Amend Keep Priority)."""
    amended = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "origClientOrderId": amendment.previous_client_order_id,
        "clientOrderId": amendment.new_client_order_id,
        "price": wire.to_text(order.price),
        "qty": wire.to_text(order.quantity),
        "executedQty": wire.to_text(order.executed_quantity),
        "preventedQty": wire.to_text(order.prevented_quantity),
        "quoteOrderQty": wire.to_text(order.quote_order_quantity),
        "cumulativeQuoteQty": wire.to_text(order.executed_quote_quantity),
        "status": str(order.status),
        "timeInForce": str(order.time_in_force),
        "type": str(order.order_type),
        "side": str(order.side),
        # One that its list has not placed yet has none.
        **({"workingTime": wire.working_time(order)} if order.working_time_us else {}),
        "selfTradePreventionMode": str(order.self_trade_prevention_mode),
    }
    answer: dict[str, Any] = {
        "transactTime": wire.to_ms(amendment.time_us),
        "executionId": amendment.execution_id,
        "amendedOrder": wire.add_conditional(amended, order),
    }
    if order_list is not None:
        answer["listStatus"] = list_of(order_list)
    return answer


def list_of(order_list: OrderList) -> dict[str, Any]:
    """The list of an amended order (rest-api.md, Order Amend Keep Priority)."""
    found = wire.order_list_query(order_list)
    names = ("orderListId", "contingencyType", "listOrderStatus", "listClientOrderId", "symbol")
    return {name: found[name] for name in (*names, "orders")}


def amendment_row(order: OrderRecord, amendment: Amendment) -> dict[str, Any]:
    """One line of an order's amendments."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "executionId": amendment.execution_id,
        "origClientOrderId": amendment.previous_client_order_id,
        "newClientOrderId": amendment.new_client_order_id,
        "origQty": wire.to_text(amendment.previous_quantity),
        "newQty": wire.to_text(amendment.new_quantity),
        "time": wire.to_ms(amendment.time_us),
    }


def amend(call: Call) -> Any:
    """Reduces an order's quantity; it keeps its place in the queue."""
    values = call.values
    check_ids(values)
    order, amendment = call.venue.amend_order(
        call.account,
        values["symbol"],
        values["newQty"],
        values.get("orderId"),
        values.get("origClientOrderId"),
        values.get("newClientOrderId"),
    )
    order_list = call.account.history.order_lists.get(order.order_list_id)
    return amended_order(order, amendment, order_list)


def amendments(call: Call) -> Any:
    """What was amended in one order, oldest first."""
    values = call.values
    order = call.venue.find_order(call.account, values["symbol"], values["orderId"])
    first = values.get("fromExecutionId", 0)
    chosen = [one for one in order.amendments if one.execution_id >= first]
    return [amendment_row(order, one) for one in chosen[: values.get("limit", 500)]]


def leaves_it_open(result: Any) -> bool:
    """Whether an amendment costs its weight: unless it has made the order expire (CHANGELOG 2026-04-02)."""
    status: str = result["amendedOrder"]["status"]
    return status != OrderStatus.EXPIRED


AMEND_METHODS = (
    Method(
        "order.amend.keepPriority",
        amend,
        fixed(4),
        "PUT",
        "/api/v3/order/amend/keepPriority",
        Security.SIGNED,
        (
            SYMBOL,
            ORDER_ID,
            ORIGINAL_ID,
            Parameter("newClientOrderId", client_order_id),
            Parameter("newQty", decimal, is_mandatory=True),
        ),
        is_free=True,
        weighs=leaves_it_open,
    ),
    Method(
        "order.amendments",
        amendments,
        fixed(4),
        "GET",
        "/api/v3/order/amendments",
        Security.SIGNED,
        (
            SYMBOL,
            Parameter("orderId", integer, is_mandatory=True),
            Parameter("fromExecutionId", integer),
            ROWS,
        ),
    ),
)
