"""Refusals of the engine, of lists and signatures, and which rule comes first."""

from tests.exchange.server.conformance import (
    AHEAD,
    COMBINATION,
    LIMIT,
    MAKER,
    MARKET,
    OCO,
    OPEN,
    ORDER,
    REPLACE,
    STOP,
    SYMBOL,
    WINDOW,
    Case,
    either,
    filtered,
    mandatory,
    needless,
    rejected,
    without,
)

ENGINE = [
    Case(
        "errors.md:367",
        "POST",
        ORDER,
        LIMIT | {"quantity": "30"},
        *rejected("Account has insufficient balance for requested action."),
    ),
    Case(
        "errors.md:367",
        "POST",
        ORDER,
        LIMIT | {"newClientOrderId": "open-1"},
        *rejected("Duplicate order sent."),
    ),
    Case(
        "errors.md:367",
        "POST",
        ORDER,
        MAKER | {"side": "SELL", "price": "40000"},
        *rejected("Order would immediately match and take."),
    ),
    Case(
        "errors.md:367",
        "POST",
        ORDER,
        STOP | {"stopPrice": "55000"},
        *rejected("Order would trigger immediately."),
    ),
    Case(
        "errors.md:367",
        "DELETE",
        ORDER,
        {"symbol": SYMBOL, "orderId": 999},
        400,
        -2011,
        "Unknown order sent.",
    ),
    Case(
        "errors.md:367",
        "DELETE",
        ORDER,
        {"symbol": SYMBOL, "origClientOrderId": "done-1"},
        400,
        -2011,
        "Unknown order sent.",
    ),
    Case(
        "errors.md:367",
        "DELETE",
        ORDER,
        {"symbol": SYMBOL, "origClientOrderId": "gone-1"},
        400,
        -2011,
        "Unknown order sent.",
    ),
    Case(
        "errors.md:367",
        "DELETE",
        ORDER,
        OPEN | {"cancelRestrictions": "ONLY_PARTIALLY_FILLED"},
        400,
        -2011,
        "Order was not canceled due to cancel restrictions.",
    ),
    Case(
        "errors.md:171",
        "DELETE",
        ORDER,
        OPEN | {"cancelRestrictions": "ALWAYS"},
        400,
        -1145,
        "Invalid cancelRestrictions",
    ),
    Case(
        "rest-api.md:2402",
        "DELETE",
        ORDER,
        {"symbol": SYMBOL},
        *either("origClientOrderId", "orderId"),
    ),
    Case(
        "errors.md:356",
        "DELETE",
        ORDER,
        OPEN | {"orderId": 1},
        400,
        -2039,
        "Client order ID is not correct for this order ID.",
    ),
    Case(
        "rest-api.md:2453",
        "DELETE",
        "openOrders",
        {"symbol": "ETHUSDT"},
        400,
        -2011,
        "Unknown order sent.",
    ),
    Case(
        "rest-api.md:4252",
        "GET",
        ORDER,
        {"symbol": SYMBOL},
        *either("origClientOrderId", "orderId"),
    ),
    Case(
        "errors.md:335",
        "GET",
        ORDER,
        {"symbol": SYMBOL, "orderId": 999},
        400,
        -2013,
        "Order does not exist.",
    ),
    Case(
        "errors.md:335",
        "GET",
        ORDER,
        {"symbol": "ETHUSDT", "origClientOrderId": "open-1"},
        400,
        -2013,
        "Order does not exist.",
    ),
    Case(
        "errors.md:367",
        "PUT",
        "order/amend/keepPriority",
        OPEN | {"newQty": "0.02"},
        400,
        -2038,
        "Order amend (quantity increase) is not supported.",
    ),
    Case(
        "errors.md:367",
        "PUT",
        "order/amend/keepPriority",
        OPEN | {"newQty": "0.01"},
        400,
        -2038,
        "The requested action would change no state; rejecting",
    ),
    Case("rest-api.md:2993", "PUT", "order/amend/keepPriority", OPEN, *mandatory("newQty")),
    Case(
        "rest-api.md:2578",
        "POST",
        "order/cancelReplace",
        REPLACE,
        *either("cancelOrigClientOrderId", "cancelOrderId"),
    ),
    Case(
        "rest-api.md:2578",
        "POST",
        "order/cancelReplace",
        without(REPLACE, "cancelReplaceMode"),
        *mandatory("cancelReplaceMode"),
    ),
    Case(
        "rest-api.md:2851",
        "POST",
        "order/cancelReplace",
        REPLACE | {"cancelOrderId": 999},
        400,
        -2022,
        "Order cancel-replace failed.",
    ),
    Case(
        "rest-api.md:4339",
        "GET",
        "allOrders",
        {"symbol": SYMBOL, "startTime": 0, "endTime": 86400001},
        400,
        -1127,
        "More than 24 hours between startTime and endTime.",
    ),
    Case(
        "rest-api.md:4570",
        "GET",
        "myTrades",
        {"symbol": SYMBOL, "startTime": 0, "endTime": 86400001},
        400,
        -1127,
        "More than 24 hours between startTime and endTime.",
    ),
    Case("rest-api.md:4675", "GET", "myPreventedMatches", {"symbol": SYMBOL}, *COMBINATION),
]

SWAPPED = {
    "aboveType": "STOP_LOSS",
    "aboveStopPrice": "60000",
    "abovePrice": None,
    "belowType": "LIMIT_MAKER",
    "belowPrice": "40000",
    "belowStopPrice": None,
}
PROFIT = {"aboveType": "TAKE_PROFIT", "aboveStopPrice": "60000", "abovePrice": None}

LISTS = [
    *(
        Case(f"errors.md:{line}", "POST", "orderList/oco", OCO | legs, 400, code, message)
        for line, code, message, legs in (
            (
                189,
                -1158,
                "Order type not supported in OCO.",
                {"aboveType": "LIMIT", "aboveTimeInForce": "GTC"},
            ),
            (
                206,
                -1168,
                "At least one OCO order must be contingent.",
                {"belowType": "LIMIT_MAKER", "belowPrice": "40000", "belowStopPrice": None},
            ),
            (200, -1165, "A limit order in a buy OCO must be below.", {"side": "BUY"}),
            (203, -1166, "A limit order in a sell OCO must be above.", SWAPPED),
            (
                298,
                -1198,
                "A take profit order in a buy OCO must be below.",
                PROFIT | {"side": "BUY"},
            ),
            (
                301,
                -1199,
                "A take profit order in a sell OCO must be above.",
                SWAPPED
                | {"belowType": "TAKE_PROFIT", "belowStopPrice": "40000", "belowPrice": None},
            ),
        )
    ),
    Case(
        "errors.md:367",
        "POST",
        "orderList/oco",
        OCO | {"belowStopPrice": "70000"},
        *rejected("The relationship of the prices for the orders is not correct."),
    ),
    Case(
        "rest-api.md:3223",
        "POST",
        "orderList/oco",
        without(OCO, "quantity"),
        *mandatory("quantity"),
    ),
    Case(
        "rest-api.md:3223",
        "POST",
        "orderList/oco",
        without(OCO, "aboveType"),
        *mandatory("aboveType"),
    ),
    Case(
        "errors.md:367",
        "DELETE",
        "orderList",
        {"symbol": SYMBOL, "orderListId": 99},
        400,
        -2011,
        "Unknown order sent.",
    ),
]

SIGNATURES = [
    Case("errors.md:53", "GET", "account", {"timestamp": 1}, 400, -1021, WINDOW),
    Case("errors.md:53", "GET", "account", {"timestamp": 9999999999999}, 400, -1021, AHEAD),
    *(
        Case(
            "errors.md:87",
            "GET",
            "account",
            {"recvWindow": window},
            400,
            -1102,
            "'recvWindow' contains unexpected value. Cannot be greater than 60000.",
        )
        for window in ("60001", "60000.001", "100000", "6000000")
    ),
]
SIGNATURES += [
    Case("errors.md:338", "get", path, {}, 401, -2014, "API-key format invalid.")
    for path in ("account", "openOrders", "myTrades", "rateLimit/order", "order")
]

PRECEDENCE = [
    # A key is looked at before a time, a time before parameters, parameters before filters, filters before the engine.
    Case(
        "rest-api.md:219",
        "POST",
        ORDER,
        LIMIT | {"timestamp": 1, "quantity": "x"},
        400,
        -1021,
        WINDOW,
    ),
    Case(
        "rest-api.md:2170",
        "POST",
        ORDER,
        LIMIT | {"price": "0.001", "side": "SHORT"},
        400,
        -1117,
        "Invalid side.",
    ),
    Case(
        "rest-api.md:2170",
        "POST",
        ORDER,
        LIMIT | {"quantity": "9001", "price": "45000.001"},
        *filtered("PRICE_FILTER"),
    ),
    Case(
        "rest-api.md:2170",
        "POST",
        ORDER,
        LIMIT | {"quantity": "0.010001", "newClientOrderId": "open-1"},
        *filtered("LOT_SIZE"),
    ),
    Case(
        "rest-api.md:2170",
        "POST",
        ORDER,
        MARKET | {"quantity": "121", "price": "1"},
        *needless("price"),
    ),
]
