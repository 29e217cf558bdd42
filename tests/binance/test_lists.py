"""Order lists and replacements in the wire's words."""

import json
from decimal import Decimal
from typing import Any

import pytest

from actors.binance.errors import RateLimited, RequestRefused, classify_http, classify_reply
from actors.binance.wire_lists import decode_canceled, decode_replacement
from actors.binance.wire_requests import new_order_params, order_list_params
from messages.enums import ListRole, OrderStatus, OrderType, SelfTradePrevention, Side
from messages.orders import Order


def make_leg(name: str, order_type: OrderType, role: ListRole, **terms: Any) -> Order:
    values: dict[str, Any] = {"side": Side.SELL, "quantity": Decimal("0.5")} | terms
    return Order(
        order_type=order_type, symbol="BTCUSDT", client_order_id=name, list_role=role, **values
    )


ENTRY = make_leg("e", OrderType.LIMIT, ListRole.ENTRY, side=Side.BUY, price=Decimal(100))
ABOVE = make_leg("a", OrderType.LIMIT_MAKER, ListRole.ABOVE, price=Decimal(110))
BELOW = make_leg(
    "b",
    OrderType.STOP_LOSS_LIMIT,
    ListRole.BELOW,
    price=Decimal("94.5"),
    stop_price=Decimal(95),
)


def test_a_pair_in_words() -> None:
    method, params = order_list_params("list", [ABOVE, BELOW])
    assert method == "orderList.place.oco"
    assert params == {
        "symbol": "BTCUSDT",
        "listClientOrderId": "list",
        "newOrderRespType": "FULL",
        "side": "SELL",
        "quantity": "0.5",
        "aboveType": "LIMIT_MAKER",
        "aboveClientOrderId": "a",
        "abovePrice": "110",
        "belowType": "STOP_LOSS_LIMIT",
        "belowClientOrderId": "b",
        "belowTimeInForce": "GTC",
        "belowPrice": "94.5",
        "belowStopPrice": "95",
    }


def test_a_bracket_in_words() -> None:
    method, params = order_list_params("list", [ENTRY, ABOVE, BELOW])
    assert method == "orderList.place.otoco"
    assert params["workingType"] == "LIMIT"
    assert (params["workingSide"], params["workingQuantity"]) == ("BUY", "0.5")
    assert (params["pendingSide"], params["pendingQuantity"]) == ("SELL", "0.5")
    assert params["pendingAbovePrice"] == "110"
    assert params["pendingBelowStopPrice"] == "95"
    assert "side" not in params


def test_an_entry_with_one_exit_in_words() -> None:
    trail = make_leg("t", OrderType.STOP_LOSS, ListRole.EXIT, trailing_delta=50)
    trail.self_trade_prevention = SelfTradePrevention.EXPIRE_BOTH
    method, params = order_list_params("list", [ENTRY, trail])
    assert method == "orderList.place.oto"
    assert (params["pendingType"], params["pendingTrailingDelta"]) == ("STOP_LOSS", 50)
    assert params["pendingClientOrderId"] == "t"
    single = new_order_params(trail)
    assert single["trailingDelta"] == 50
    assert single["selfTradePreventionMode"] == "EXPIRE_BOTH"
    assert "stopPrice" not in single


ORDER = {"symbol": "BTCUSDT", "orderId": 7, "clientOrderId": "n", "status": "NEW"}
CANCELED = ORDER | {"status": "CANCELED", "origClientOrderId": "o"}


DUPLICATE = {"code": -2010, "msg": "Duplicate order sent."}
"""One of that name is open: whether by this request or another, it is there."""


@pytest.mark.parametrize(
    ("cancel", "new", "expected"),
    [
        (("SUCCESS", CANCELED), ("SUCCESS", ORDER), ("CANCELED", "NEW")),
        (("FAILURE", {"code": -2011, "msg": "x"}), ("NOT_ATTEMPTED", None), (-2011, 0)),
        (("FAILURE", {"code": -2011, "msg": "x"}), ("SUCCESS", ORDER), (-2011, "NEW")),
        (("SUCCESS", CANCELED), ("FAILURE", {"code": -2010, "msg": "x"}), ("CANCELED", -2010)),
        (("FAILURE", {"code": -1007, "msg": "x"}), ("SUCCESS", ORDER), ("unknown", "NEW")),
        (("SUCCESS", CANCELED), ("FAILURE", {"code": -1006, "msg": "x"}), ("CANCELED", "unknown")),
        (("SUCCESS", CANCELED), ("FAILURE", DUPLICATE), ("CANCELED", "unknown")),
        (("SUCCESS", CANCELED), ("FAILURE", {"code": "-2010"}), ("CANCELED", -2010)),
        (("SUCCESS", CANCELED), ("FAILURE", {"code": "x", "msg": 5}), ("CANCELED", "unknown")),
    ],
)
@pytest.mark.parametrize("is_wrapped", [True, False])
def test_each_half_of_a_replacement(
    cancel: Any, new: Any, expected: tuple[Any, Any], is_wrapped: bool
) -> None:
    data = {
        "cancelResult": cancel[0],
        "newOrderResult": new[0],
        "cancelResponse": cancel[1],
        "newOrderResponse": new[1],
    }
    body: dict[str, Any] = {"code": -2021, "msg": "", "data": data} if is_wrapped else data
    halves = decode_replacement(json.dumps(body).encode())
    shown = [
        "unknown" if half.is_unknown else half.code if half.order is None else half.order.status
        for half in halves
    ]
    assert tuple(shown) == expected


def test_a_replacement_that_was_too_much_keeps_its_halves() -> None:
    body = b'{"code":-2021,"msg":"partly","data":{}}'
    for error in (
        classify_http(429, body, "5", 0),
        classify_reply(429, body, 0),
    ):
        assert isinstance(error, RequestRefused)
        assert error.body
    assert isinstance(classify_http(429, b'{"code":-1015,"msg":""}', "5", 0), RateLimited)


CANCELED_LEG = {
    "symbol": "BTCUSDT",
    "orderListId": 5,
    "price": "1",
    "origQty": "1",
    "status": "CANCELED",
    "type": "LIMIT_MAKER",
    "side": "SELL",
}


@pytest.mark.parametrize("by_id", [True, False])
def test_a_cancel_answered_with_the_list(by_id: bool) -> None:
    """web-socket-api.md:4233: one order of a list is canceled, and the answer is the list."""
    legs = [
        CANCELED_LEG | {"orderId": number, "origClientOrderId": name, "clientOrderId": f"{name}_c"}
        for number, name in ((11, "a"), (12, "b"))
    ]
    body = {"orderListId": 5, "symbol": "BTCUSDT", "orders": [], "orderReports": legs}
    for number, name in ((11, "a"), (12, "b")):
        found = decode_canceled(json.dumps(body).encode(), name, number if by_id else 0)
        assert (found.exchange_order_id, found.client_order_id) == (number, name)
        assert found.status is OrderStatus.CANCELED
    with pytest.raises(ValueError, match="does not hold c"):
        decode_canceled(json.dumps(body).encode(), "c", 13 if by_id else 0)
    alone = decode_canceled(json.dumps(legs[0]).encode(), "a")
    assert (alone.exchange_order_id, alone.client_order_id) == (11, "a")
