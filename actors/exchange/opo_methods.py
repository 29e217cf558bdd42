"""Lists whose second part pays with what the first has bought (rest-api.md, New Order List - OPO and OPOCO).

Their parameters are read and checked like all others; no symbol here allows them (`opoAllowed`), so each list is refused.
"""

from typing import Any

from actors.exchange.desk import Call, Method, Security
from actors.exchange.errors import OPO_UNSUPPORTED, VenueError, order_rejected
from actors.exchange.list_methods import COMMON, WORKING, leg
from actors.exchange.market_methods import fixed
from actors.exchange.parameters import Parameter
from actors.exchange.trading_methods import SIDE
from messages.enums import Side


def refuse(call: Call) -> Any:
    """Raises VenueError: -1121 for the symbol, -1222 and -1223 for the sides, else -2010."""
    values = call.values
    call.venue.rules(values["symbol"])
    if values["workingSide"] != Side.BUY:
        raise VenueError(-1222, "Working order in an OPO list must be a bid.")
    if values["pendingSide"] != Side.SELL:
        raise VenueError(-1223, "Pending orders in an OPO list must be asks.")
    raise order_rejected(OPO_UNSUPPORTED)


PENDING_SIDE = Parameter("pendingSide", SIDE.parse, is_mandatory=True)
OPO_METHODS = tuple(
    Method(
        f"orderList.place.{kind}",
        refuse,
        fixed(1),
        "POST",
        f"/api/v3/orderList/{kind}",
        Security.SIGNED,
        (*COMMON, *WORKING, PENDING_SIDE, *legs),
        is_free=True,
        places_order=True,
        orders=orders,
    )
    for kind, orders, legs in (
        ("opo", 2, leg("pending", has_own_terms=False)),
        (
            "opoco",
            3,
            (
                *leg("pendingAbove", has_own_terms=False),
                *leg("pendingBelow", has_own_terms=False, is_mandatory=False),
            ),
        ),
    )
)
