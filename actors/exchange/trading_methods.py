"""Methods of an account: orders, trades, balances (rest-api.md, Trading and Account endpoints)."""

from collections.abc import Mapping
from typing import Any

from actors.exchange import wire
from actors.exchange.accounts import BNB_DISCOUNT
from actors.exchange.desk import Call, Method, Security
from actors.exchange.errors import VenueError, missing_both
from actors.exchange.market_methods import (
    SYMBOL,
    fixed,
)
from actors.exchange.orders import CancelRestriction, NewOrder
from actors.exchange.parameters import (
    Parameter,
    boolean,
    choice,
    client_order_id,
    decimal,
    integer,
    one_of,
)
from actors.exchange.pegs import is_pegged, peg_parameters
from messages.enums import OrderType, SelfTradePrevention, Side, TimeInForce

RESPONSES = {"ACK": wire.order_ack, "RESULT": wire.order_result, "FULL": wire.order_full}
FULL_BY_DEFAULT = frozenset({OrderType.MARKET, OrderType.LIMIT})
LEAST_STRATEGY_TYPE = 1_000_000
DAY = 86_400_000_000


def spellings(
    enumeration: type[Side] | type[OrderType] | type[TimeInForce] | type[SelfTradePrevention],
) -> tuple[str, ...]:
    """The wire's spellings of an enumeration, without the member that stands for unknown ones."""
    return tuple(one.value for one in enumeration if one.name != "UNRECOGNISED")


def strategy_type(name: str, value: str) -> int:
    """A `strategyType`: at least 1000000 (-1134)."""
    number = integer(name, value)
    if number < LEAST_STRATEGY_TYPE:
        raise VenueError(-1134, "`strategyType` was less than 1000000.")
    return number


ORDER_ID = Parameter("orderId", integer)
ORIGINAL_ID = Parameter("origClientOrderId", client_order_id)
SIDE = Parameter("side", one_of(spellings(Side), -1117, "Invalid side."), is_mandatory=True)
TYPE = Parameter(
    "type", one_of(spellings(OrderType), -1116, "Invalid orderType."), is_mandatory=True
)
TIME_IN_FORCE = Parameter(
    "timeInForce", one_of(spellings(TimeInForce), -1115, "Invalid timeInForce.")
)
CANCEL_RESTRICTIONS = Parameter(
    "cancelRestrictions",
    one_of(tuple(CancelRestriction), -1145, "Invalid cancelRestrictions"),
)
PLACE_PARAMETERS = (
    SYMBOL,
    SIDE,
    TYPE,
    TIME_IN_FORCE,
    Parameter("quantity", decimal),
    Parameter("quoteOrderQty", decimal),
    Parameter("price", decimal),
    Parameter("newClientOrderId", client_order_id),
    Parameter("strategyId", integer),
    Parameter("strategyType", strategy_type),
    Parameter("stopPrice", decimal),
    Parameter("trailingDelta", integer),
    Parameter("icebergQty", decimal),
    Parameter("newOrderRespType", choice(*RESPONSES)),
    Parameter("selfTradePreventionMode", choice(*spellings(SelfTradePrevention))),
    *peg_parameters(),
)
CANCEL_PARAMETERS = (
    SYMBOL,
    ORDER_ID,
    ORIGINAL_ID,
    Parameter("newClientOrderId", client_order_id),
    CANCEL_RESTRICTIONS,
)


def order_of(values: Mapping[str, Any]) -> NewOrder:
    """The core's request for an order; which parameters a type needs or takes is the core's to check."""
    time_in_force = values.get("timeInForce")
    prevention = values.get("selfTradePreventionMode")
    return NewOrder(
        symbol=values["symbol"],
        side=Side(values["side"]),
        order_type=OrderType(values["type"]),
        quantity=values.get("quantity"),
        quote_order_quantity=values.get("quoteOrderQty"),
        price=values.get("price"),
        time_in_force=TimeInForce(time_in_force) if time_in_force else None,
        client_order_id=values.get("newClientOrderId"),
        strategy_id=values.get("strategyId"),
        strategy_type=values.get("strategyType"),
        self_trade_prevention_mode=SelfTradePrevention(prevention) if prevention else None,
        stop_price=values.get("stopPrice"),
        trailing_delta=values.get("trailingDelta"),
        iceberg_quantity=values.get("icebergQty"),
        is_pegged=is_pegged(values),
    )


def place(call: Call) -> Any:
    """Places an order; FULL by default for MARKET and LIMIT, ACK for every other type."""
    return respond(call, order_of(call.values))


def respond(call: Call, order: NewOrder) -> dict[str, Any]:
    """Places an order and describes it as the caller asked."""
    record = call.venue.new_order(call.account, order)
    default = "FULL" if order.order_type in FULL_BY_DEFAULT else "ACK"
    return RESPONSES[call.values.get("newOrderRespType", default)](record)


def test(call: Call) -> Any:
    """Checks an order without placing it; with computeCommissionRates, what it would cost."""
    call.venue.test_order(call.account, order_of(call.values))
    if not call.values.get("computeCommissionRates"):
        return {}
    rates = commission_rates(call)
    names = ("standardCommission", "specialCommission", "taxCommission")
    costs: dict[str, Any] = {
        f"{name}ForOrder": {side: rates[name][side] for side in ("maker", "taker")}
        for name in names
    }
    return {**costs, "discount": rates["discount"]}


def test_weight(parameters: Mapping[str, str]) -> int:
    """20 with computeCommissionRates, else 1."""
    return 20 if parameters.get("computeCommissionRates", "").lower() == "true" else 1


def check_ids(values: Mapping[str, Any]) -> None:
    """Raises -1102 when neither of an order's two ids is given."""
    if "orderId" not in values and "origClientOrderId" not in values:
        raise missing_both("origClientOrderId", "orderId")


def cancel(call: Call) -> Any:
    """Cancels one order; of a list, all of them: then the list is the answer (web-socket-api.md, Cancel order)."""
    values = call.values
    check_ids(values)
    restriction = values.get("cancelRestrictions")
    record = call.venue.cancel_order(
        call.account,
        values["symbol"],
        values.get("orderId"),
        values.get("origClientOrderId"),
        values.get("newClientOrderId"),
        CancelRestriction(restriction) if restriction else None,
    )
    order_list = call.account.history.order_lists.get(record.order_list_id)
    if order_list is not None:
        return wire.order_list_report(order_list, wire.order_cancel)
    return wire.order_cancel(record)


def cancel_all(call: Call) -> Any:
    """Cancels every open order of a symbol; orders of a list are shown as one."""
    records = call.venue.cancel_open_orders(call.account, call.values["symbol"])
    lists = call.account.history.order_lists
    seen: set[int] = set()
    answer = []
    for record in records:
        order_list = lists.get(record.order_list_id)
        if order_list is None:
            answer.append(wire.order_cancel(record))
        elif order_list.list_id not in seen:
            seen.add(order_list.list_id)
            answer.append(wire.order_list_report(order_list, wire.order_cancel))
    return answer


def account_state(call: Call) -> Any:
    """Balances and permissions."""
    return wire.account_state(call.account, call.values.get("omitZeroBalances", False))


def order_limits(call: Call) -> Any:
    """The unfilled order count."""
    return call.desk.orders_of(call.account.name).report(call.now)


def commission_rates(call: Call) -> dict[str, Any]:
    """The account's fees in a symbol."""
    rules = call.venue.rules(call.values["symbol"])
    account = call.account
    none = dict.fromkeys(("maker", "taker", "buyer", "seller"), "0.00000000")
    standard = {
        **none,
        "maker": wire.to_text(account.maker_fee),
        "taker": wire.to_text(account.taker_fee),
    }
    return {
        "symbol": rules.name,
        "standardCommission": standard,
        "specialCommission": dict(none),
        "taxCommission": dict(none),
        "discount": {
            "enabledForAccount": account.uses_bnb,
            "enabledForSymbol": True,
            "discountAsset": "BNB",
            "discount": wire.to_text(BNB_DISCOUNT),
        },
    }


SIGNED = Security.SIGNED
TRADING_METHODS = (
    Method(
        "order.place",
        place,
        fixed(1),
        "POST",
        "/api/v3/order",
        SIGNED,
        PLACE_PARAMETERS,
        is_free=True,
        places_order=True,
    ),
    Method(
        "order.test",
        test,
        test_weight,
        "POST",
        "/api/v3/order/test",
        SIGNED,
        (*PLACE_PARAMETERS, Parameter("computeCommissionRates", boolean)),
    ),
    Method(
        "order.cancel",
        cancel,
        fixed(1),
        "DELETE",
        "/api/v3/order",
        SIGNED,
        CANCEL_PARAMETERS,
        is_free=True,
    ),
    Method(
        "openOrders.cancelAll",
        cancel_all,
        fixed(1),
        "DELETE",
        "/api/v3/openOrders",
        SIGNED,
        (SYMBOL,),
        is_free=True,
    ),
    Method(
        "account.status",
        account_state,
        fixed(20),
        "GET",
        "/api/v3/account",
        SIGNED,
        (Parameter("omitZeroBalances", boolean),),
    ),
    Method(
        "account.rateLimits.orders",
        order_limits,
        fixed(40),
        "GET",
        "/api/v3/rateLimit/order",
        SIGNED,
    ),
    Method(
        "account.commission",
        commission_rates,
        fixed(20),
        "GET",
        "/api/v3/account/commission",
        SIGNED,
        (SYMBOL,),
    ),
)
