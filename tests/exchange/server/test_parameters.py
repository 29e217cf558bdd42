"""What a parameter's text may be, and Binance's word for each thing that is wrong with it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.exchange.errors import VenueError
from actors.exchange.parameters import (
    Parameter,
    boolean,
    client_order_id,
    decimal,
    integer,
    limit,
    name_or_names,
    names,
    read_parameters,
    symbol,
)


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (decimal, "0.00100000", Decimal("0.001")),
        (decimal, "58000.0", Decimal(58000)),
        (integer, "0012", 12),
        (boolean, "True", True),
        (boolean, "false", False),
        (symbol, "BTCUSDT", "BTCUSDT"),
        (symbol, "\u8fd9456", "\u8fd9456"),
        (client_order_id, "x-R4BD3S82_1", "x-R4BD3S82_1"),
        (limit(5000), "10000", 5000),
        (names, '["BTCUSDT", "BNBBTC"]', ["BTCUSDT", "BNBBTC"]),
        (name_or_names, "SPOT", ["SPOT"]),
        (name_or_names, '["A","B"]', ["A", "B"]),
    ],
)
def test_good_texts(parse: Callable[[str, str], Any], text: str, expected: Any) -> None:
    assert parse("name", text) == expected


@pytest.mark.parametrize(
    ("parse", "text", "code"),
    [
        (decimal, "1e-05", -1100),
        (decimal, "-1", -1100),
        (decimal, "1.", -1100),
        (decimal, "NaN", -1100),
        (decimal, "1_000", -1100),
        (decimal, "\uff11", -1100),
        (decimal, "1\n", -1100),
        (decimal, "1" * 21, -1100),
        (integer, "1.5", -1100),
        (integer, "9223372036854775808", -1108),
        (symbol, "btcusdt", -1100),
        (symbol, "BTC/USDT", -1100),
        (client_order_id, "a b", -1100),
        (client_order_id, "a" * 37, -1100),
        (client_order_id, "\u00fc", -1100),
        (boolean, "1", -1130),
        (limit(1000), "0", -1130),
        (limit(1000), "-1", -1100),
        (names, "[]", -1105),
        (names, '["A","A"]', -1151),
        (names, "BTCUSDT", -1100),
        (names, "[1]", -1100),
    ],
)
def test_bad_texts(parse: Callable[[str, str], Any], text: str, code: int) -> None:
    with pytest.raises(VenueError) as caught:
        parse("name", text)
    assert caught.value.code == code


def test_the_text_of_a_bad_quantity_is_the_venues() -> None:
    with pytest.raises(VenueError) as caught:
        decimal("quantity", "1e-05")
    assert caught.value.message == (
        "Illegal characters found in parameter 'quantity'; "
        r"legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'."
    )


EXPECTED = {
    "symbol": Parameter("symbol", symbol, is_mandatory=True),
    "limit": Parameter("limit", limit(1000)),
}
SIGNING = frozenset({"timestamp"})


def test_parameters_are_read_by_name() -> None:
    sent = {"limit": "5", "timestamp": "1", "symbol": "BTCUSDT"}
    assert read_parameters(EXPECTED, sent, SIGNING) == {"symbol": "BTCUSDT", "limit": 5}


@pytest.mark.parametrize(
    ("sent", "code", "message"),
    [
        (
            {"symbol": "BTCUSDT", "extra": "1", "timestamp": "1"},
            -1104,
            "Not all sent parameters were read; read '2' parameter(s) but was sent '3'.",
        ),
        (
            {"limit": "5"},
            -1102,
            "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
        ),
        (
            {"symbol": ""},
            -1102,
            "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
        ),
        ({"symbol": "BTCUSDT", "limit": ""}, -1105, "Parameter 'limit' was empty."),
    ],
)
def test_what_is_wrong_with_them(sent: dict[str, str], code: int, message: str) -> None:
    with pytest.raises(VenueError) as caught:
        read_parameters(EXPECTED, sent, SIGNING)
    assert (caught.value.code, caught.value.message) == (code, message)


@pytest.mark.parametrize(
    "parse", [decimal, integer, boolean, symbol, client_order_id, names, limit(10)]
)
@given(text=st.text(max_size=60))
def test_any_text_is_read_or_refused(parse: Callable[[str, str], Any], text: str) -> None:
    refused: VenueError | None = None
    try:
        value = parse("name", text)
    except VenueError as error:
        refused, value = error, None
    assert (refused is None) is not (value is None)
    assert refused is None or -1200 < refused.code <= -1100
