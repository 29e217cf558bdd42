"""Signatures: the documentation's own examples, both canonical forms, both kinds of key."""

import base64
import hashlib
import hmac
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from actors.binance.numbers import parameter_text
from actors.binance.signing import (
    Ed25519Signer,
    HmacSigner,
    RequestSigner,
    build_signer,
    rest_payload,
    sign_rest,
    sign_websocket,
    websocket_payload,
)
from actors.binance.wire_requests import leg_params, new_order_params
from messages.enums import OrderType, SelfTradePrevention, Side, TimeInForce
from messages.orders import Order

EXAMPLES = Path(__file__).parents[1] / "data" / "binance-examples.jsonl"
DOCUMENTED_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def documented_requests() -> list[tuple[int, dict[str, Any]]]:
    """Requests of the documentation that are signed with its example secret, with their line."""
    lines = (
        840,
        861,
        3378,
        3516,
        3987,
        4091,
        4336,
        5313,
        5457,
        6915,
        7003,
        7137,
        7232,
        7533,
        7626,
    )
    found = []
    for text in EXAMPLES.read_text(encoding="utf-8").splitlines():
        example = json.loads(text)
        if example["file"] == "web-socket-api.md" and example["line"] in lines:
            found.append((example["line"], example["value"]["params"]))
    return found


@pytest.mark.parametrize(("line", "params"), documented_requests())
def test_websocket_signatures_of_the_documentation(line: int, params: dict[str, Any]) -> None:
    unsigned = {name: value for name, value in params.items() if name != "signature"}
    signed = sign_websocket(unsigned, HmacSigner(DOCUMENTED_SECRET))
    assert signed["signature"] == params["signature"], f"web-socket-api.md:{line}"


def test_there_are_documented_requests_one_of_them_in_unicode() -> None:
    requests = documented_requests()
    assert len(requests) == 15
    assert any(not params.get("symbol", "").isascii() for _, params in requests)


def test_rest_signature_of_the_documentation() -> None:
    payload = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
        "&recvWindow=5000&timestamp=1499827319559"
    )
    expected = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    assert HmacSigner(DOCUMENTED_SECRET).sign(payload) == expected


def test_rest_signs_what_it_sends_percent_encoded() -> None:
    params = {
        "symbol": "这是测试币456",
        "newClientOrderId": "a:b/c d",
        "price": 0.00001,
        "stop": None,
    }
    whole = sign_rest(params, HmacSigner("secret"))
    sent, _, signature = whole.rpartition("&signature=")
    assert sent == (
        "newClientOrderId=a%3Ab%2Fc%20d&price=0.00001"
        "&symbol=%E8%BF%99%E6%98%AF%E6%B5%8B%E8%AF%95%E5%B8%81456"
    )
    assert signature == HmacSigner("secret").sign(sent)
    assert dict(parse_qsl(sent))["newClientOrderId"] == "a:b/c d"


def test_the_websocket_api_signs_raw_text_sorted_by_name() -> None:
    params = {"symbol": "这是测试币456", "flag": True, "newClientOrderId": "a:b/c", "orderId": 12}
    assert (
        websocket_payload(params)
        == "flag=true&newClientOrderId=a:b/c&orderId=12&symbol=这是测试币456"
    )


def test_an_ed25519_signature_verifies_and_is_encoded_once_on_rest() -> None:
    signer = Ed25519Signer(PEM)
    signature = signer.sign("a=1")
    KEY.public_key().verify(base64.b64decode(signature), b"a=1")
    whole = sign_rest({"a": 1}, signer)
    assert dict(parse_qsl(whole))["signature"] == signature
    assert "+" not in whole
    assert "/" not in whole


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_pem_is_read_whatever_its_line_ends(newline: str) -> None:
    """python-binance takes an Ed25519 PEM with CRLF for RSA, because it is longer than 120 characters."""
    signer = build_signer(None, PEM.replace("\n", newline))
    assert isinstance(signer, Ed25519Signer)
    KEY.public_key().verify(base64.b64decode(signer.sign("x")), b"x")


def test_the_kind_of_key_is_told_by_what_is_given() -> None:
    assert isinstance(build_signer("secret", None), HmacSigner)
    assert isinstance(build_signer(PEM, None), Ed25519Signer)
    assert isinstance(build_signer("secret", PEM), Ed25519Signer)
    assert build_signer("", "") is None


def test_keys_that_cannot_be_used_say_so() -> None:
    elliptic = generate_private_key(SECP256R1())
    other = elliptic.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(ValueError, match="not an Ed25519 key"):
        Ed25519Signer(other)
    with pytest.raises(ValueError, match="cannot be read as a PEM"):
        Ed25519Signer("-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----")


def test_payloads_leave_out_what_is_none() -> None:
    assert rest_payload({"a": None, "b": 1}) == "b=1"
    assert "a" not in sign_websocket({"a": None, "b": 1}, HmacSigner("secret"))


@given(
    st.dictionaries(
        st.sampled_from(["symbol", "side", "price", "timestamp", "newClientOrderId", "a", "b"]),
        st.one_of(
            st.integers(),
            st.sampled_from([Side.BUY, OrderType.LIMIT]),
            st.from_regex(r"[A-Za-z0-9_.~-]*", fullmatch=True),
            st.text(alphabet="a1-._~=&%+ /\né\U0001f600\r#?"),
        ),
    )
)
def test_a_payload_is_percent_encoded_whatever_stands_in_it(
    parameters: dict[str, str | int],
) -> None:
    expected = "&".join(
        f"{name}={quote(str(value), safe='')}" for name, value in sorted(parameters.items())
    )
    assert rest_payload(parameters) == expected
    assert dict(parse_qsl(expected, keep_blank_values=True)) == {
        name: str(value) for name, value in parameters.items()
    }


@pytest.mark.parametrize("length", [1, 63, 64, 65, 200])
def test_hmac_is_that_of_the_standard_library_for_keys_of_every_length(length: int) -> None:
    secret, payload = "k" * length, "symbol=LTCBTC&side=BUY&timestamp=1499827319559"
    signer = HmacSigner(secret)
    expected = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    assert [signer.sign(payload), signer.sign(payload)] == [expected, expected]


class Recorder:
    """A key that keeps what it signs."""

    def __init__(self) -> None:
        self.payload = ""

    def sign(self, payload: str) -> str:
        self.payload = payload
        return "signed"


ORDERS = st.builds(
    Order,
    side=st.sampled_from(Side),
    order_type=st.sampled_from(OrderType).filter(lambda kind: kind is not OrderType.UNRECOGNISED),
    symbol=st.text(min_size=1, max_size=12),
    client_order_id=st.text(min_size=1, max_size=36),
    quantity=st.decimals(min_value=0, max_value=10**9, places=8),
    quote_quantity=st.decimals(min_value=0, max_value=10**9, places=8),
    price=st.decimals(min_value=0, max_value=10**9, places=8),
    time_in_force=st.sampled_from(TimeInForce),
    stop_price=st.sampled_from([Decimal(0), Decimal("0.00000100"), Decimal("1E+5")]),
    trailing_delta=st.integers(min_value=0, max_value=2000),
    self_trade_prevention=st.none() | st.sampled_from(SelfTradePrevention),
).filter(
    lambda order: order.stop_price or order.trailing_delta or not order.order_type.is_contingent
)
OTHERS = st.dictionaries(
    st.text(max_size=8),
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.decimals(allow_nan=False, allow_infinity=False, places=8)
    | st.lists(st.text(max_size=4), max_size=3),
    max_size=3,
)


@given(order=ORDERS, others=OTHERS)
def test_orders_are_signed_by_the_short_way_as_by_the_general_one(
    order: Order, others: dict[str, Any]
) -> None:
    key = Recorder()
    signing = RequestSigner("key", key, lambda: 0)
    for params in (new_order_params(order), {**new_order_params(order), **others}):
        sent = signing.sign_request(params, 1_499_827_319_559_123_456)
        stamp = {"apiKey": "key", "timestamp": 1_499_827_319_559}
        expected = {
            name: value if isinstance(value, int | list) else parameter_text(value)
            for name, value in {"recvWindow": 5000, **params, **stamp}.items()
            if value is not None
        }
        pairs = [f"{name}={parameter_text(expected[name])}" for name in sorted(expected)]
        assert key.payload == "&".join(pairs)
        assert json.loads(msgspec.json.encode(sent)) == {**expected, "signature": "signed"}


@given(order=ORDERS)
def test_an_order_says_of_itself_what_it_says_as_one_of_a_list(order: Order) -> None:
    params, leg = new_order_params(order), leg_params(order, "above")
    names = {"Type": "type", "ClientOrderId": "newClientOrderId", "TimeInForce": "timeInForce"}
    names |= {"Price": "price", "StopPrice": "stopPrice", "TrailingDelta": "trailingDelta"}
    said = {own: params[own] for own in names.values() if own in params}
    assert said == {names[name.removeprefix("above")]: value for name, value in leg.items()}
