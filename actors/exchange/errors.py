"""The exchange's refusals: Binance's codes with the texts of errors.md, as `{"code": ..., "msg": ...}` on the wire.

Clients act on a few of these texts to the letter (-2010, -2011, -2013), so they are written once, here.
"""

from typing import Any


class VenueError(Exception):
    """A request that the exchange refuses, with what Binance would answer."""

    def __init__(
        self,
        code: int,
        message: str,
        http_status: int = 400,
        data: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.data = data


INSUFFICIENT_BALANCE = "Account has insufficient balance for requested action."
DUPLICATE_ORDER = "Duplicate order sent."
MARKET_IS_CLOSED = "Market is closed."
WOULD_TAKE = "Order would immediately match and take."
WOULD_TRIGGER = "Order would trigger immediately."
REJECT_REASONS = {
    INSUFFICIENT_BALANCE: "INSUFFICIENT_BALANCES",
    WOULD_TRIGGER: "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
    WOULD_TAKE: "WOULD_MATCH_IMMEDIATELY",
}
"""What an executionReport names as the reason of such a refusal (user-data-stream.md, Order Reject Reason)."""
BAD_LIST_PRICES = "The relationship of the prices for the orders is not correct."
LISTS_UNSUPPORTED = "OCO orders are not supported for this symbol"
REPLACE_UNSUPPORTED = "Order cancel-replace is not supported for this symbol."
ZERO_NOTIONAL = "Price * QTY is zero or less."
NO_LIQUIDITY = "Order book liquidity is less than symbol minimum quantity."
LOT_SIZE_LIQUIDITY = "Order book liquidity is less than `LOT_SIZE` filter minimum quantity."
ICEBERGS_UNSUPPORTED = "Iceberg orders are not supported for this symbol."
ICEBERG_TOO_LARGE = "IcebergQty exceeds QTY."
TRAILING_UNSUPPORTED = "Trailing stop orders are not supported for this symbol."
PEGS_UNSUPPORTED = "Pegged orders are not supported for this symbol."
OPO_UNSUPPORTED = "OPO orders are not supported for this symbol."
UNKNOWN_ORDER = "Unknown order sent."
CANCEL_RESTRICTED = "Order was not canceled due to cancel restrictions."
AMEND_INCREASES = "Order amend (quantity increase) is not supported."
AMEND_CHANGES_NOTHING = "The requested action would change no state; rejecting"
TOO_MANY_AMENDMENTS = "Filter failure: MAX_NUM_ORDER_AMENDS"
ORDER_MISSING = "Order does not exist."

UNSUPPORTED_TYPES = {
    "MARKET": "Market orders are not supported for this symbol.",
    "STOP_LOSS": "Stop loss orders are not supported for this symbol.",
    "STOP_LOSS_LIMIT": "Stop loss limit orders are not supported for this symbol.",
    "TAKE_PROFIT": "Take profit orders are not supported for this symbol.",
    "TAKE_PROFIT_LIMIT": "Take profit limit orders are not supported for this symbol.",
}


def filter_failure(name: str) -> VenueError:
    """-1013: a symbol filter is not met; `name` is its filterType."""
    return VenueError(-1013, f"Filter failure: {name}")


def self_trade_mode_refused() -> VenueError:
    """-1013: the symbol has no such self-trade prevention mode."""
    return VenueError(-1013, "This symbol does not allow the specified self-trade prevention mode.")


def missing_parameter(name: str) -> VenueError:
    """-1102: a mandatory parameter is absent."""
    return VenueError(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def missing_both(first: str, second: str) -> VenueError:
    """-1102: neither of two parameters, one of which is needed."""
    return VenueError(
        -1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!"
    )


def needless_parameter(name: str) -> VenueError:
    """-1106: a parameter that this order type does not take."""
    return VenueError(-1106, f"Parameter '{name}' sent when not required.")


def too_precise(name: str) -> VenueError:
    """-1111: more significant decimals than the asset has."""
    return VenueError(-1111, f"Parameter '{name}' has too much precision.")


def invalid_interval() -> VenueError:
    """-1120: no such kline interval."""
    return VenueError(-1120, "Invalid interval.")


def invalid_symbol() -> VenueError:
    """-1121: no such symbol."""
    return VenueError(-1121, "Invalid symbol.")


def bad_combination() -> VenueError:
    """-1128: parameters that exclude each other."""
    return VenueError(-1128, "Combination of optional parameters invalid.")


def unsupported_combination() -> VenueError:
    """-2010: types, time in force or quantities that do not go together."""
    return VenueError(-2010, "Unsupported order combination")


def iceberg_not_until_canceled(name: str) -> VenueError:
    """-1160: an order of a list that is shown in parts and does not rest; `name` is its parameter."""
    return VenueError(
        -1160,
        f"Parameter '{name}' is not supported if `aboveTimeInForce`/`belowTimeInForce` is not GTC.",
    )


def no_binary(http_status: int) -> VenueError:
    """-1155: answers are wanted in SBE alone (faqs/sbe_faq.md)."""
    return VenueError(-1155, "SBE is not enabled.", http_status)


def order_rejected(message: str) -> VenueError:
    """-2010: the matching engine refuses a new order."""
    return VenueError(-2010, message)


def cancel_rejected(message: str) -> VenueError:
    """-2011: the matching engine refuses a cancel."""
    return VenueError(-2011, message)


def amend_rejected(message: str) -> VenueError:
    """-2038: the matching engine refuses an amendment."""
    return VenueError(-2038, message)


def order_not_found() -> VenueError:
    """-2013: a query for an order that does not exist."""
    return VenueError(-2013, ORDER_MISSING)


def unauthorized() -> VenueError:
    """-2015: no such key, or it may not do that."""
    return VenueError(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def timed_out() -> VenueError:
    """-1007: the matching engine did not answer in time; the request may have been executed or not."""
    return VenueError(
        -1007,
        "Timeout waiting for response from backend server. "
        "Send status unknown; execution status unknown.",
        504,
    )


def unknown() -> VenueError:
    """-1000: a request that cannot be read at all."""
    return VenueError(-1000, "An unknown error occurred while processing the request.")


def ids_mismatch() -> VenueError:
    """-2039: the client order id is not that of the order id."""
    return VenueError(-2039, "Client order ID is not correct for this order ID.")
