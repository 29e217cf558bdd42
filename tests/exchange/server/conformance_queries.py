"""What queries take together, and what they do not."""

from tests.exchange.server.conformance import (
    COMBINATION,
    SYMBOL,
    Case,
    either,
    mandatory,
)

DAY = (400, -1127, "More than 24 hours between startTime and endTime.")
ZONE = (400, -1130, "Data sent for parameter 'timeZone' is not valid.")

QUERIES = [
    *(
        Case("rest-api.md:1154", "get", path, sent, *ZONE)
        for path in ("klines", "uiKlines")
        for sent in (
            {"symbol": SYMBOL, "interval": "1h", "timeZone": zone}
            for zone in ("-12:01", "14:01", "15", "UTC", "8:60", "08:5")
        )
    ),
    *(
        Case("rest-api.md:4601", "GET", "myTrades", {"symbol": SYMBOL, **sent}, *COMBINATION)
        for sent in (
            {"orderId": 1, "startTime": 1},
            {"orderId": 1, "endTime": 1},
            {"fromId": 1, "startTime": 1},
            {"fromId": 1, "endTime": 1},
            {"orderId": 1, "fromId": 1, "startTime": 1, "endTime": 2},
        )
    ),
    *(
        Case("rest-api.md:4757", "GET", "myAllocations", {"symbol": SYMBOL, **sent}, *COMBINATION)
        for sent in ({"orderId": 1, "startTime": 1}, {"fromAllocationId": 1, "endTime": 1})
    ),
    Case(
        "rest-api.md:4769",
        "GET",
        "myAllocations",
        {"symbol": SYMBOL, "startTime": 0, "endTime": 86400001},
        *DAY,
    ),
    *(
        Case("web-socket-api.md:2016", "get", "aggTrades", {"symbol": SYMBOL, **sent}, *COMBINATION)
        for sent in (
            {"fromId": 1, "startTime": 1},
            {"fromId": 1, "endTime": 1},
            {"fromId": 1, "startTime": 1, "endTime": 2},
        )
    ),
    Case("rest-api.md:4464", "GET", "allOrderList", {"fromId": 1, "startTime": 1}, *COMBINATION),
    Case("rest-api.md:4455", "GET", "allOrderList", {"startTime": 0, "endTime": 86400001}, *DAY),
    Case("rest-api.md:4414", "GET", "orderList", {}, *either("orderListId", "origClientOrderId")),
    Case(
        "rest-api.md:3955",
        "DELETE",
        "orderList",
        {"symbol": SYMBOL},
        *either("orderListId", "listClientOrderId"),
    ),
    Case("rest-api.md:4866", "GET", "order/amendments", {"symbol": SYMBOL}, *mandatory("orderId")),
    Case(
        "rest-api.md:1345",
        "get",
        "ticker/price",
        {"symbols": f'["{SYMBOL}","ETHUSDT"]', "symbolStatus": "HALT"},
        200,
        0,
        "[]",
    ),
]
