"""Orders that show a part of themselves, and what no symbol here allows: pegs, and lists that pay with what they bought."""

from tests.exchange.server.conformance import (
    COMBINATION,
    LIMIT,
    MAKER,
    MARKET,
    OCO,
    ORDER,
    STOP,
    SYMBOL,
    Case,
    either,
    filtered,
    mandatory,
    needless,
    rejected,
    without,
)

TOO_LARGE = "IcebergQty exceeds QTY."


def too_precise(name: str) -> tuple[int, int, str]:
    """-1111."""
    return 400, -1111, f"Parameter '{name}' has too much precision."


NO_PEGS = rejected("Pegged orders are not supported for this symbol.")

OLD_OCO = {
    "symbol": SYMBOL,
    "side": "SELL",
    "quantity": "0.01",
    "price": "60000",
    "stopPrice": "40000",
    "stopLimitPrice": "39000",
}
LONG = "1.000000001"
LIST_NAMES = [
    Case("rest-api.md:3146", "POST", "order/oco", OLD_OCO, *mandatory("stopLimitTimeInForce")),
    Case(
        "web-socket-api.md:5501",
        "POST",
        "order/oco",
        without(OLD_OCO, "stopPrice") | {"stopLimitTimeInForce": "GTC"},
        *either("stopPrice", "trailingDelta"),
    ),
    *(
        Case(
            "errors.md:109",
            "POST",
            "order/oco",
            OLD_OCO | {"stopLimitTimeInForce": "GTC", name: LONG},
            *too_precise(name),
        )
        for name in ("quantity", "price", "stopPrice", "stopLimitPrice")
    ),
    Case(
        "errors.md:109", "POST", "orderList/oco", OCO | {"quantity": LONG}, *too_precise("quantity")
    ),
    Case(
        "errors.md:109",
        "POST",
        "orderList/oco",
        OCO | {"abovePrice": LONG},
        *too_precise("abovePrice"),
    ),
]

ICEBERGS = [
    Case("errors.md:386", "POST", ORDER, LIMIT | {"icebergQty": "0.01"}, *rejected(TOO_LARGE)),
    Case("errors.md:386", "POST", ORDER, LIMIT | {"icebergQty": "0.02"}, *rejected(TOO_LARGE)),
    Case(
        "filters.md:113", "POST", ORDER, LIMIT | {"icebergQty": "0.000001"}, *filtered("LOT_SIZE")
    ),
    Case("filters.md:114", "POST", ORDER, LIMIT | {"icebergQty": "9001"}, *filtered("LOT_SIZE")),
    Case(
        "filters.md:115", "POST", ORDER, LIMIT | {"icebergQty": "0.005001"}, *filtered("LOT_SIZE")
    ),
    Case(
        "filters.md:183",
        "POST",
        ORDER,
        LIMIT | {"icebergQty": "0.00009"},
        *filtered("ICEBERG_PARTS"),
    ),
    *(
        Case(
            "rest-api.md:2192",
            "POST",
            ORDER,
            LIMIT | {"icebergQty": "0.005", "timeInForce": term},
            *rejected("Unsupported order combination"),
        )
        for term in ("IOC", "FOK")
    ),
    *(
        Case("rest-api.md:2158", "POST", ORDER, terms, *needless("icebergQty"))
        for terms in (MARKET | {"icebergQty": "0.005"}, STOP | {"icebergQty": "0.005"})
    ),
    Case(
        "errors.md:109",
        "POST",
        ORDER,
        LIMIT | {"icebergQty": "0.000000001"},
        400,
        -1111,
        "Parameter 'icebergQty' has too much precision.",
    ),
    Case(
        "errors.md:192",
        "POST",
        "orderList/oco",
        {
            "symbol": SYMBOL,
            "side": "SELL",
            "quantity": "0.01",
            "aboveType": "LIMIT_MAKER",
            "abovePrice": "60000",
            "belowType": "STOP_LOSS_LIMIT",
            "belowStopPrice": "40000",
            "belowPrice": "39000",
            "belowTimeInForce": "IOC",
            "belowIcebergQty": "0.005",
        },
        400,
        -1160,
        "Parameter 'belowIcebergQty' is not supported if `aboveTimeInForce`/`belowTimeInForce` "
        "is not GTC.",
    ),
]

PEGS = [
    Case("errors.md:408", "POST", ORDER, {**terms, "pegPriceType": kind}, *NO_PEGS)
    for terms, kind in (
        (LIMIT, "PRIMARY_PEG"),
        (LIMIT, "MARKET_PEG"),
        (without(LIMIT, "price"), "PRIMARY_PEG"),
        (without(MAKER, "price"), "PRIMARY_PEG"),
        (
            LIMIT | {"pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": "5"},
            "PRIMARY_PEG",
        ),
    )
]
PEGS += [
    Case(
        "errors.md:301",
        "POST",
        ORDER,
        LIMIT | {"pegPriceType": "BEST"},
        400,
        -1210,
        "Invalid pegPriceType.",
    ),
    Case(
        "errors.md:304",
        "POST",
        ORDER,
        LIMIT | {"pegPriceType": "PRIMARY_PEG", "pegOffsetType": "TICK", "pegOffsetValue": "1"},
        400,
        -1211,
        "Invalid pegOffsetType.",
    ),
    Case(
        "rest-api.md:2187",
        "POST",
        ORDER,
        LIMIT | {"pegPriceType": "PRIMARY_PEG", "pegOffsetType": "PRICE_LEVEL"},
        *COMBINATION,
    ),
    Case(
        "rest-api.md:2187",
        "POST",
        ORDER,
        LIMIT | {"pegPriceType": "PRIMARY_PEG", "pegOffsetValue": "1"},
        *COMBINATION,
    ),
    Case(
        "rest-api.md:2162",
        "POST",
        ORDER,
        LIMIT
        | {"pegPriceType": "PRIMARY_PEG", "pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": "101"},
        400,
        -1130,
        "Data sent for parameter 'pegOffsetValue' is not valid.",
    ),
    Case("rest-api.md:2184", "POST", ORDER, without(LIMIT, "price"), *mandatory("price")),
    Case(
        "errors.md:101",
        "POST",
        ORDER,
        MARKET | {"price": "1", "pegPriceType": "PRIMARY_PEG"},
        *needless("price"),
    ),
    Case(
        "rest-api.md:2620",
        "POST",
        "order/cancelReplace",
        LIMIT
        | {
            "cancelReplaceMode": "STOP_ON_FAILURE",
            "cancelOrigClientOrderId": "open-1",
            "pegPriceType": "PRIMARY_PEG",
        },
        *NO_PEGS,
    ),
    Case(
        "rest-api.md:3265",
        "POST",
        "orderList/oco",
        {
            "symbol": SYMBOL,
            "side": "SELL",
            "quantity": "0.01",
            "aboveType": "LIMIT_MAKER",
            "abovePegPriceType": "PRIMARY_PEG",
            "belowType": "STOP_LOSS",
            "belowStopPrice": "40000",
        },
        *NO_PEGS,
    ),
    Case(
        "rest-api.md:3393",
        "POST",
        "orderList/oto",
        {
            "symbol": SYMBOL,
            "workingType": "LIMIT",
            "workingSide": "BUY",
            "workingTimeInForce": "GTC",
            "workingPegPriceType": "PRIMARY_PEG",
            "workingQuantity": "0.01",
            "pendingType": "MARKET",
            "pendingSide": "SELL",
            "pendingQuantity": "0.01",
        },
        *NO_PEGS,
    ),
]

OPO_TERMS = {
    "symbol": SYMBOL,
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "40000",
    "workingQuantity": "0.01",
    "workingTimeInForce": "GTC",
    "pendingSide": "SELL",
}
PENDING = {"pendingType": "LIMIT", "pendingPrice": "60000", "pendingTimeInForce": "GTC"}
PAIR = {
    "pendingAboveType": "LIMIT_MAKER",
    "pendingAbovePrice": "60000",
    "pendingBelowType": "STOP_LOSS",
    "pendingBelowStopPrice": "30000",
}
OPO = [
    Case(f"errors.md:{line}", "POST", f"orderList/{kind}", OPO_TERMS | legs | sent, *answer)
    for kind, legs in (("opo", PENDING), ("opoco", PAIR))
    for line, sent, answer in (
        (412, {}, rejected("OPO orders are not supported for this symbol.")),
        (
            313,
            {"workingSide": "SELL"},
            (400, -1222, "Working order in an OPO list must be a bid."),
        ),
        (
            317,
            {"pendingSide": "BUY"},
            (400, -1223, "Pending orders in an OPO list must be asks."),
        ),
        (83, {"workingQuantity": None}, mandatory("workingQuantity")),
    )
]
