"""Rules of the parameters of a new order, and the filters."""

from tests.exchange.server.conformance import (
    BAD_SYMBOL,
    CLIENT_ID,
    COMBINATION,
    DECIMAL,
    ILLEGAL,
    LIMIT,
    MAKER,
    MARKET,
    ORDER,
    STOP,
    STOP_LIMIT,
    Case,
    either,
    filtered,
    mandatory,
    needless,
    without,
)

TYPES = [
    Case("rest-api.md:2172", "POST", ORDER, without(LIMIT, name), *mandatory(name))
    for name in ("symbol", "side", "type", "timeInForce", "quantity", "price")
]
TYPES += [
    Case("rest-api.md:2175", "POST", ORDER, without(STOP_LIMIT, name), *mandatory(name))
    for name in ("timeInForce", "quantity", "price")
]
TYPES += [
    Case("rest-api.md:2178", "POST", ORDER, without(MAKER, name), *mandatory(name))
    for name in ("quantity", "price")
]
TYPES += [
    Case(
        "rest-api.md:2173",
        "POST",
        ORDER,
        without(MARKET, "quantity"),
        *either("quantity", "quoteOrderQty"),
    ),
    Case(
        "rest-api.md:2174",
        "POST",
        ORDER,
        without(STOP, "stopPrice"),
        *either("stopPrice", "trailingDelta"),
    ),
    Case("rest-api.md:2174", "POST", ORDER, without(STOP, "quantity"), *mandatory("quantity")),
    Case("rest-api.md:2173", "POST", ORDER, MARKET | {"quoteOrderQty": "100"}, *COMBINATION),
    Case("errors.md:101", "POST", ORDER, MARKET | {"price": "50000"}, *needless("price")),
    Case("errors.md:101", "POST", ORDER, MARKET | {"timeInForce": "GTC"}, *needless("timeInForce")),
    Case("errors.md:101", "POST", ORDER, LIMIT | {"stopPrice": "45000"}, *needless("stopPrice")),
    Case(
        "errors.md:101", "POST", ORDER, LIMIT | {"quoteOrderQty": "100"}, *needless("quoteOrderQty")
    ),
    Case("errors.md:101", "POST", ORDER, MAKER | {"timeInForce": "GTC"}, *needless("timeInForce")),
    Case("errors.md:101", "POST", ORDER, STOP | {"price": "45000"}, *needless("price")),
    Case(
        "errors.md:118",
        "POST",
        ORDER,
        LIMIT | {"timeInForce": "GTX"},
        400,
        -1115,
        "Invalid timeInForce.",
    ),
    Case(
        "errors.md:121",
        "POST",
        ORDER,
        LIMIT | {"type": "ICEBERG"},
        400,
        -1116,
        "Invalid orderType.",
    ),
    Case("errors.md:124", "POST", ORDER, LIMIT | {"side": "SHORT"}, 400, -1117, "Invalid side."),
    Case("errors.md:136", "POST", ORDER, LIMIT | {"symbol": "NOPAIR"}, *BAD_SYMBOL),
    Case(
        "errors.md:74",
        "POST",
        ORDER,
        LIMIT | {"quantity": "1e-05"},
        400,
        -1100,
        ILLEGAL.format("quantity", DECIMAL),
    ),
    Case(
        "errors.md:74",
        "POST",
        ORDER,
        LIMIT | {"price": "-1"},
        400,
        -1100,
        ILLEGAL.format("price", DECIMAL),
    ),
    Case(
        "errors.md:74",
        "POST",
        ORDER,
        LIMIT | {"newClientOrderId": "a b"},
        400,
        -1100,
        ILLEGAL.format("newClientOrderId", CLIENT_ID),
    ),
    Case(
        "errors.md:109",
        "POST",
        ORDER,
        LIMIT | {"quantity": "0.000000001"},
        400,
        -1111,
        "Parameter 'quantity' has too much precision.",
    ),
    Case(
        "errors.md:109",
        "POST",
        ORDER,
        LIMIT | {"price": "1.000000001"},
        400,
        -1111,
        "Parameter 'price' has too much precision.",
    ),
    Case(
        "errors.md:160",
        "POST",
        ORDER,
        LIMIT | {"strategyType": "999999"},
        400,
        -1134,
        "`strategyType` was less than 1000000.",
    ),
    Case(
        "errors.md:94",
        "POST",
        ORDER,
        LIMIT | {"color": "red"},
        400,
        -1104,
        "Not all sent parameters were read; read '8' parameter(s) but was sent '9'.",
    ),
]

FILTERS = [
    Case("filters.md:37", "POST", ORDER, LIMIT | {"price": "45000.001"}, *filtered("PRICE_FILTER")),
    Case(
        "filters.md:37", "POST", ORDER, LIMIT | {"price": "1000000.01"}, *filtered("PRICE_FILTER")
    ),
    Case("filters.md:37", "POST", ORDER, LIMIT | {"price": "0"}, *filtered("PRICE_FILTER")),
    Case(
        "filters.md:37", "POST", ORDER, STOP | {"stopPrice": "45000.001"}, *filtered("PRICE_FILTER")
    ),
    Case(
        "filters.md:81",
        "POST",
        ORDER,
        LIMIT | {"price": "250000.01"},
        *filtered("PERCENT_PRICE_BY_SIDE"),
    ),
    Case(
        "filters.md:81",
        "POST",
        ORDER,
        LIMIT | {"price": "9999.99"},
        *filtered("PERCENT_PRICE_BY_SIDE"),
    ),
    Case("filters.md:111", "POST", ORDER, LIMIT | {"quantity": "0.000001"}, *filtered("LOT_SIZE")),
    Case("filters.md:111", "POST", ORDER, LIMIT | {"quantity": "0.010001"}, *filtered("LOT_SIZE")),
    Case("filters.md:111", "POST", ORDER, LIMIT | {"quantity": "9001"}, *filtered("LOT_SIZE")),
    Case("filters.md:111", "POST", ORDER, LIMIT | {"quantity": "0"}, *filtered("LOT_SIZE")),
    Case("filters.md:157", "POST", ORDER, LIMIT | {"quantity": "0.00011"}, *filtered("NOTIONAL")),
    Case("filters.md:157", "POST", ORDER, LIMIT | {"quantity": "250"}, *filtered("NOTIONAL")),
    Case("filters.md:157", "POST", ORDER, MARKET | {"quantity": "0.00009"}, *filtered("NOTIONAL")),
    Case(
        "filters.md:194", "POST", ORDER, MARKET | {"quantity": "121"}, *filtered("MARKET_LOT_SIZE")
    ),
    Case(
        "filters.md:272",
        "POST",
        ORDER,
        without(STOP, "stopPrice") | {"trailingDelta": "9"},
        *filtered("TRAILING_DELTA"),
    ),
    Case(
        "filters.md:272",
        "POST",
        ORDER,
        without(STOP, "stopPrice") | {"trailingDelta": "2001"},
        *filtered("TRAILING_DELTA"),
    ),
    Case(
        "rest-api.md:2321",
        "POST",
        "order/test",
        LIMIT | {"price": "0.001"},
        *filtered("PRICE_FILTER"),
    ),
]
