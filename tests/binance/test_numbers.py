"""Numbers, times and parameters as the wire writes them."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.binance.numbers import (
    EXPONENT_TEXT,
    FloatText,
    amount_of,
    decimal_of,
    nanoseconds_of,
    parameter_text,
)
from messages.instruments import DECIMAL_TEXT, to_text

DECIMALS = st.decimals(
    min_value=Decimal("-1e12"), max_value=Decimal("1e12"), places=8, allow_nan=False
)


class Priced(msgspec.Struct):
    """Anything with a market price."""

    price: FloatText


decode_priced = msgspec.json.Decoder(Priced, strict=False).decode


@given(DECIMALS)
def test_a_decimal_goes_out_and_comes_back_unchanged(number: Decimal) -> None:
    text = parameter_text(number)
    assert DECIMAL_TEXT.fullmatch(text)
    assert decimal_of(text) == number


@given(st.floats(min_value=1e-8, max_value=1e9))
def test_a_float_goes_out_without_an_exponent_and_exactly(number: float) -> None:
    text = parameter_text(number)
    assert "e" not in text.lower()
    assert float(text) == number


@given(st.text())
def test_only_a_number_becomes_a_decimal(text: str) -> None:
    if text == "" or DECIMAL_TEXT.fullmatch(text):
        assert decimal_of(text).is_finite()
    elif not EXPONENT_TEXT.fullmatch(text):
        with pytest.raises(ValueError, match="not a plain decimal number"):
            decimal_of(text)


@given(st.from_regex(EXPONENT_TEXT, fullmatch=True))
def test_a_number_with_an_exponent_is_the_number_it_is_or_none_of_the_venue(text: str) -> None:
    plain = to_text(Decimal(text))
    if DECIMAL_TEXT.fullmatch(plain):
        assert decimal_of(text) == Decimal(text)
        assert str(amount_of(text)) == str(max(Decimal(plain), Decimal(0)))
    else:
        with pytest.raises(ValueError, match="not a plain decimal number"):
            decimal_of(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("0E-8", "0"),
        ("1E+3", "1000"),
        ("1e5", "100000"),
        ("1.50E-8", "0.000000015"),
        ("2.5e0", "2.5"),
        ("0E-99", "0"),
    ],
)
def test_exponents_as_decimals_are_written_elsewhere(text: str, plain: str) -> None:
    assert decimal_of(text) == Decimal(plain)
    assert amount_of(text) == Decimal(plain)


@given(st.none() | st.text() | st.from_regex(DECIMAL_TEXT, fullmatch=True))
def test_an_amount_is_the_decimal_or_0(text: str | None) -> None:
    try:
        number = decimal_of(text)
    except ValueError:
        with pytest.raises(ValueError, match="not a plain decimal number"):
            amount_of(text)
    else:
        assert str(amount_of(text)) == str(max(number, Decimal(0)))


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "Infinity",
        "1_000",
        "\uff11\uff12",
        "1e21",
        "1E-21",
        "1E999",
        "1e",
        "1e5 ",
        " 1",
        "1.",
        "+1",
        "0x1",
    ],
)
def test_what_decimal_would_take_and_the_wire_never_means(text: str) -> None:
    with pytest.raises(ValueError, match="not a plain decimal number"):
        decimal_of(text)


@given(DECIMALS.filter(lambda number: number >= 0))
def test_a_market_price_is_the_nearest_float(number: Decimal) -> None:
    assert decode_priced(f'{{"price":"{number:f}"}}'.encode()).price == float(number)


@pytest.mark.parametrize("text", ["NaN", "nan", "inf", "-inf", "Infinity", "-1", "1_0", "", "x"])
def test_a_market_price_is_never_a_nonsense(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_priced(f'{{"price":"{text}"}}'.encode())


def test_what_the_venue_does_not_know_is_written_below_zero_and_read_as_zero() -> None:
    assert amount_of("-0.00000001") == 0
    assert amount_of(None) == 0
    assert amount_of("0.5") == Decimal("0.5")


@pytest.mark.parametrize(
    ("wire", "nanoseconds"),
    [
        (1735689599999, 1735689599999000000),
        (1735689600000000, 1735689600000000000),
        (1735689600999999, 1735689600999999000),
        (0, 0),
        (-1, 0),
        (None, 0),
    ],
)
def test_times_are_told_by_their_size(wire: int | None, nanoseconds: int) -> None:
    assert nanoseconds_of(wire) == nanoseconds


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("abc", "abc"),
        (5, "5"),
        (True, "true"),
        (False, "false"),
        (0.00001, "0.00001"),
        (Decimal("1E-8"), "0.00000001"),
        (Decimal("0.50000000"), "0.5"),
        (["BTCUSDT", "ETHUSDT"], '["BTCUSDT","ETHUSDT"]'),
    ],
)
def test_parameters_as_the_venue_reads_them(value: object, text: str) -> None:
    assert parameter_text(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN")])
def test_no_nonsense_is_sent(value: object) -> None:
    with pytest.raises(ValueError, match=r"finite|plain"):
        parameter_text(value)


def test_a_type_that_is_no_parameter_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be a request parameter"):
        parameter_text(object())
