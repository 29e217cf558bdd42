"""Signatures against the examples of the official documentation, and the timing rule at its edges."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from actors.exchange.errors import VenueError
from actors.exchange.signing import (
    KeyKind,
    KeyPair,
    check_timing,
    generate_ed25519_pair,
    generate_hmac_pair,
    parse_receive_window,
    parse_timestamp,
    rest_payload,
    split_signature,
    websocket_payload,
)

# The example keys of rest-api.md and web-socket-api.md.
EXAMPLE = KeyPair(
    "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
    "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
    KeyKind.HMAC,
)
FULL_WIDTH = "\uff11\uff12\uff13\uff14\uff15\uff16"
REST_TAIL = "&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"


@pytest.mark.parametrize(
    ("symbol", "signature"),
    [
        ("LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (
            "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96",
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
    ],
)
def test_rest_examples_of_the_documentation_verify(symbol: str, signature: str) -> None:
    form = f"symbol={symbol}{REST_TAIL}&timestamp=1499827319559&signature={signature}"
    key = EXAMPLE.for_exchange("default")
    for query, body in ((form, ""), ("", form)):
        found = split_signature(query)[1] or split_signature(body)[1]
        assert found == signature
        assert key.verifies(rest_payload(query, body), found)
        assert key.verifies(rest_payload(query, body), found.upper())
        assert not key.verifies(rest_payload(query + "&x=1", body), found)


def test_query_and_body_are_signed_without_a_separator() -> None:
    assert rest_payload("a=1&signature=zz&b=2", "c=3") == b"a=1&b=2c=3"
    assert rest_payload("a=1", "c=3&signature=zz") == b"a=1c=3"


@pytest.mark.parametrize(
    ("parameters", "signature"),
    [
        (
            {
                "symbol": "BTCUSDT",
                "side": "SELL",
                "type": "LIMIT",
                "timeInForce": "GTC",
                "quantity": "0.01000000",
                "price": "52000.00",
                "recvWindow": "100",
            },
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
        (
            {
                "symbol": FULL_WIDTH,
                "side": "BUY",
                "type": "LIMIT",
                "timeInForce": "GTC",
                "quantity": "1.00000000",
                "price": "0.10000000",
                "recvWindow": "5000",
            },
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
    ],
)
def test_websocket_examples_of_the_documentation_verify(
    parameters: dict[str, str], signature: str
) -> None:
    complete = {
        **parameters,
        "timestamp": "1645423376532",
        "apiKey": EXAMPLE.key,
        "signature": signature,
    }
    key = EXAMPLE.for_exchange("default")
    assert key.verifies(websocket_payload(complete), signature)
    assert not key.verifies(websocket_payload({**complete, "side": "NONE"}), signature)


def test_ed25519_signs_in_base64_and_refuses_everything_else() -> None:
    pair = generate_ed25519_pair()
    private_key = load_pem_private_key(pair.secret.encode(), password=None)
    assert isinstance(private_key, Ed25519PrivateKey)
    signature = base64.b64encode(private_key.sign(b"a=1")).decode()
    key = pair.for_exchange("default")
    assert key.verifies(b"a=1", signature)
    for wrong in ("", "zz", signature[:-4], signature + "====", "\u00fc" * 88, signature.lower()):
        assert not key.verifies(b"a=1", wrong)
    assert not key.verifies(b"a=2", signature)


def test_hmac_takes_no_text_that_is_not_the_signature() -> None:
    key = EXAMPLE.for_exchange("default")
    for wrong in ("", "0" * 64, "\u00fc" * 64, "\udcff" * 64):
        assert not key.verifies(b"a=1", wrong)


def test_an_unencoded_plus_in_a_base64_signature_stays_a_plus() -> None:
    assert split_signature("a=1&signature=ab+/cd==") == ("a=1", "ab+/cd==")
    assert split_signature("a=1&signature=ab%2B%2Fcd%3D%3D") == ("a=1", "ab+/cd==")
    assert split_signature("a=1") == ("a=1", None)


def test_generated_keys_have_the_venues_form_and_differ() -> None:
    pairs = [generate_hmac_pair(), generate_hmac_pair(), generate_ed25519_pair()]
    assert len({pair.key for pair in pairs}) == len({pair.secret for pair in pairs}) == 3
    assert all(len(pair.key) == 64 and pair.key.isalnum() for pair in pairs)
    assert pairs[2].secret.startswith("-----BEGIN PRIVATE KEY-----\n")
    # python-binance takes a longer PEM for an RSA key.
    assert len(pairs[2].secret) <= 120


def test_keys_that_cannot_work_are_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="64 letters and digits"):
        KeyPair("short", "secret", KeyKind.HMAC).for_exchange("default")
    with pytest.raises(ValueError, match="PEM"):
        KeyPair("A" * 64, "not a key", KeyKind.ED25519).for_exchange("default")


NOW = 1_700_000_000_000_000


@pytest.mark.parametrize(
    ("timestamp", "message"),
    [
        (NOW, None),
        (NOW - 5_000_000, None),
        (NOW - 5_000_001, "Timestamp for this request is outside of the recvWindow."),
        (NOW + 999_999, None),
        (
            NOW + 1_000_000,
            "Timestamp for this request was 1000ms ahead of the server's time.",
        ),
        (0, "Timestamp for this request is outside of the recvWindow."),
    ],
)
def test_the_timing_rule_at_its_edges(timestamp: int, message: str | None) -> None:
    if message is None:
        check_timing(timestamp, 5_000_000, NOW)
        return
    with pytest.raises(VenueError) as caught:
        check_timing(timestamp, 5_000_000, NOW)
    assert (caught.value.code, caught.value.message) == (-1021, message)


def test_timestamps_may_be_milliseconds_or_microseconds() -> None:
    assert parse_timestamp("timestamp", "1700000000000") == NOW
    assert parse_timestamp("timestamp", "1700000000000001") == NOW + 1
    with pytest.raises(VenueError, match="-1100"):
        parse_timestamp("timestamp", "1700000000000.5")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, 5_000_000),
        ("100", 100_000),
        ("6000.346", 6_000_346),
        ("0.5", 500),
        ("60000", 60_000_000),
    ],
)
def test_the_receive_window_has_up_to_three_decimals(text: str | None, expected: int) -> None:
    assert parse_receive_window(text) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [("60000.001", -1102), ("60001", -1102), ("1.2345", -1100), ("-1", -1100), ("1e3", -1100)],
)
def test_other_receive_windows_are_refused(text: str, code: int) -> None:
    with pytest.raises(VenueError) as caught:
        parse_receive_window(text)
    assert caught.value.code == code
