"""Signatures of the Spot API: two canonical forms, two kinds of key.

REST signs the percent-encoded payload exactly as it is sent (rest-api.md, Signed Endpoint Security, since 2026-01-15).
The WebSocket API signs `name=value` pairs sorted by name, raw UTF-8, "no percent encoding here!" (web-socket-api.md,
SIGNED request example).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from actors.binance.clock import ClockOffset
from actors.binance.errors import NotSent
from actors.binance.numbers import parameter_text
from messages.enums import OrderType, SelfTradePrevention, Side, TimeInForce

KEPT_TYPES = (str, int, list, tuple)
"""What stands in a WebSocket API request as it is."""
PLAIN_TYPES = frozenset({str, int, OrderType, SelfTradePrevention, Side, TimeInForce})
"""What is signed as it stands: text, the enumerations that are text, whole numbers but no booleans. An order has no more."""

UNENCODED = re.compile(r"[A-Za-z0-9_.~&=-]+").fullmatch
"""Whether `name=value` pairs have characters that stand for themselves only (RFC 3986, 2.3), but for what divides them."""

BLOCK_SIZE = 64
"""Of SHA-256, in bytes."""


class Signer(Protocol):
    """A private key that signs payloads."""

    def sign(self, payload: str) -> str:
        """The signature as the WebSocket API takes it; REST takes it percent-encoded."""
        ...


class HmacSigner:
    """HMAC-SHA256; the key schedule is computed once."""

    def __init__(self, secret: str) -> None:
        key = secret.encode()
        if len(key) > BLOCK_SIZE:
            key = hashlib.sha256(key).digest()
        key = key.ljust(BLOCK_SIZE, b"\0")
        # RFC 2104, 2 and 4: both hashes with their block of the key taken in. The hmac module's copy costs twice as much.
        self._inner = hashlib.sha256(key.translate(hmac.trans_36))
        self._outer = hashlib.sha256(key.translate(hmac.trans_5C))

    def sign(self, payload: str) -> str:
        """Lower-case hex."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(payload.encode())
        outer.update(inner.digest())
        return outer.hexdigest()


class Ed25519Signer:
    """Ed25519 over a PKCS#8 PEM, whatever its line ends.

    Raises ValueError if the text is no Ed25519 private key in PEM form.
    """

    def __init__(self, pem: str, password: str | None = None) -> None:
        text = "\n".join(line.strip() for line in pem.strip().splitlines()) + "\n"
        try:
            key = load_pem_private_key(text.encode(), password.encode() if password else None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ValueError(f"the private key cannot be read as a PEM: {error}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("the private key is not an Ed25519 key; make one, or use an HMAC key")
        self._key = key

    def sign(self, payload: str) -> str:
        """Base64 of the 64 bytes."""
        return base64.b64encode(self._key.sign(payload.encode())).decode()


def build_signer(api_secret: str | None, private_key: str | None) -> Signer | None:
    """The signer of the keys given, Ed25519 before HMAC; None without any.

    A PEM given as the secret is taken for what it is. Raises ValueError for a key that cannot be read.
    """
    if private_key:
        return Ed25519Signer(private_key)
    if not api_secret:
        return None
    if api_secret.lstrip().startswith("-----BEGIN"):
        return Ed25519Signer(api_secret)
    return HmacSigner(api_secret)


def rest_payload(parameters: Mapping[str, Any]) -> str:
    """Parameters as the percent-encoded query or form that is both signed and sent; `None` values are left out."""
    if PLAIN_TYPES.issuperset(map(type, parameters.values())):
        # The same as below without steps of the interpreter for each, as an order is: nothing in it needs an encoding.
        payload = "&".join(map("%s=%s".__mod__, sorted(parameters.items())))
        count = len(parameters)
        if UNENCODED(payload) and payload.count("=") == count == payload.count("&") + 1:
            return payload
    return "&".join(
        f"{name}={quote(parameter_text(value), safe='')}"
        for name, value in sorted(parameters.items())
        if value is not None
    )


def sign_rest(parameters: Mapping[str, Any], signer: Signer) -> str:
    """The whole signed payload of a REST request."""
    payload = rest_payload(parameters)
    return f"{payload}&signature={quote(signer.sign(payload), safe='')}"


def websocket_payload(parameters: Mapping[str, Any]) -> str:
    """What the WebSocket API signs: sorted by name, raw."""
    return "&".join(
        [f"{name}={parameter_text(value)}" for name, value in sorted(parameters.items())]
    )


def websocket_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as they may stand in a WebSocket API request: decimals as text, `None` left out.

    Text, integers, booleans and lists keep their JSON type; whatever else is written as text, so that what is signed
    is what the venue reads.
    """
    return {
        name: value if isinstance(value, KEPT_TYPES) else parameter_text(value)
        for name, value in parameters.items()
        if value is not None
    }


def sign_websocket(parameters: Mapping[str, Any], signer: Signer) -> dict[str, Any]:
    """Parameters with their signature; `apiKey` and `timestamp` must be among them."""
    if PLAIN_TYPES.issuperset(map(type, parameters.values())):
        # The same as below without a step of the interpreter for each: an order has a dozen of them.
        payload = "&".join(map("%s=%s".__mod__, sorted(parameters.items())))
        return {**parameters, "signature": signer.sign(payload)}
    clean = websocket_parameters(parameters)
    return {**clean, "signature": signer.sign(websocket_payload(clean))}


class RequestSigner(msgspec.Struct):
    """What a signed request needs besides its own parameters."""

    api_key: str
    signer: Signer | None
    now_ns: Callable[[], int]
    clock_offset: ClockOffset = ClockOffset(offset_ns=0, uncertainty_ns=0)
    """The venue's time minus ours, as it was measured last."""
    recv_window_ms: int = 5000

    def sign_request(self, params: Mapping[str, Any], venue_time_ns: int) -> dict[str, Any]:
        """The parameters of a signed WebSocket API request, stamped with this time of the venue.

        Raises NotSent without a key.
        """
        if self.signer is None:
            raise NotSent("the request must be signed and no key was given")
        stamp = {"apiKey": self.api_key, "timestamp": venue_time_ns // 1_000_000}
        return sign_websocket({"recvWindow": self.recv_window_ms, **params, **stamp}, self.signer)

    def venue_time_ns(self) -> int:
        """The venue's time now, as well as we know it."""
        return self.now_ns() + self.clock_offset.offset_ns
