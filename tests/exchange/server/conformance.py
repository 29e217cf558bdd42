"""What Binance answers, rule by rule: each case with the line of its official documentation (version of 2026-07-21).

A case is a request to an exchange with one symbol pair traded at 50000, on which `open-1` rests (BUY 0.01 at 40000),
`done-1` is filled and `gone-1` is canceled. Expected are HTTP status, code and message.
"""

from typing import Any, NamedTuple

SYMBOL = "BTCUSDT"
LIMIT = {
    "symbol": SYMBOL,
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "45000",
}
MARKET = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
STOP = {
    "symbol": SYMBOL,
    "side": "SELL",
    "type": "STOP_LOSS",
    "quantity": "0.01",
    "stopPrice": "45000",
}
STOP_LIMIT = {**STOP, "type": "STOP_LOSS_LIMIT", "timeInForce": "GTC", "price": "44900"}
MAKER = {
    "symbol": SYMBOL,
    "side": "BUY",
    "type": "LIMIT_MAKER",
    "quantity": "0.01",
    "price": "45000",
}
OCO = {
    "symbol": SYMBOL,
    "side": "SELL",
    "quantity": "0.01",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "60000",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "40000",
}
REPLACE = {**LIMIT, "cancelReplaceMode": "STOP_ON_FAILURE"}
OPEN = {"symbol": SYMBOL, "origClientOrderId": "open-1"}
ILLEGAL = "Illegal characters found in parameter '{}'; legal range is '{}'."
DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
CLIENT_ID = "^[a-zA-Z0-9-_]{1,36}$"
INTEGER = "^[0-9]{1,20}$"
WINDOW = "Timestamp for this request is outside of the recvWindow."
AHEAD = "Timestamp for this request was 1000ms ahead of the server's time."


class Case(NamedTuple):
    """One request, signed unless `verb` is in lower case, and its answer."""

    source: str
    verb: str
    path: str
    sent: dict[str, Any]
    status: int
    code: int
    message: str


def mandatory(name: str) -> tuple[int, int, str]:
    """-1102 of one parameter."""
    return (
        400,
        -1102,
        f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
    )


def needless(name: str) -> tuple[int, int, str]:
    """-1106."""
    return 400, -1106, f"Parameter '{name}' sent when not required."


def either(first: str, second: str) -> tuple[int, int, str]:
    """-1102 of two parameters."""
    return (
        400,
        -1102,
        f"Param '{first}' or '{second}' must be sent, but both were empty/null!",
    )


def filtered(name: str) -> tuple[int, int, str]:
    """-1013 of a filter."""
    return 400, -1013, f"Filter failure: {name}"


def rejected(message: str) -> tuple[int, int, str]:
    """-2010."""
    return 400, -2010, message


def without(terms: dict[str, Any], *names: str) -> dict[str, Any]:
    """Terms that lack something."""
    return {name: value for name, value in terms.items() if name not in names}


ORDER = "order"
BAD_SYMBOL = (400, -1121, "Invalid symbol.")
COMBINATION = (400, -1128, "Combination of optional parameters invalid.")
