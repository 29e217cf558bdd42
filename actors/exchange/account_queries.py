"""What an account may ask beside its orders and trades: the filters that count for it, and its allocations."""

from typing import Any

from actors.exchange.desk import Call, Method, Security
from actors.exchange.market_methods import END_TIME, ROWS, START_TIME, SYMBOL, fixed
from actors.exchange.parameters import Parameter, integer
from actors.exchange.query_methods import check_alone
from actors.exchange.symbols import to_filters


def relevant_filters(call: Call) -> Any:
    """The filters that count an account's orders; no account here has filters of its own (rest-api.md, myFilters)."""
    rules = call.venue.rules(call.values["symbol"])
    return {
        "exchangeFilters": [],
        "symbolFilters": [one for one in to_filters(rules) if one["filterType"].startswith("MAX_")],
        "assetFilters": [],
    }


def allocations(call: Call) -> Any:
    """None: they come from smart order routing, and no symbol here takes part in it."""
    check_alone(call.values, "orderId", "fromAllocationId")
    call.venue.rules(call.values["symbol"])
    return []


ACCOUNT_QUERY_METHODS = (
    Method(
        "myFilters",
        relevant_filters,
        fixed(40),
        "GET",
        "/api/v3/myFilters",
        Security.SIGNED,
        (SYMBOL,),
    ),
    Method(
        "myAllocations",
        allocations,
        fixed(20),
        "GET",
        "/api/v3/myAllocations",
        Security.SIGNED,
        (
            SYMBOL,
            START_TIME,
            END_TIME,
            Parameter("fromAllocationId", integer),
            ROWS,
            Parameter("orderId", integer),
        ),
    ),
)
