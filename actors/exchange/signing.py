"""API keys, signatures and the timing rule of signed requests (rest-api.md and web-socket-api.md, Request Security).

Both APIs sign the same parameters in two different texts. REST signs what is on the wire: the raw query string and
the raw body, one after the other without a separator, in the order sent and percent-encoded as sent. The WebSocket
API signs the parameters sorted by name, in raw UTF-8, never percent-encoded. Neither text holds `signature` itself.
"""

import base64
import binascii
import enum
import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from actors.exchange.errors import VenueError

KEY_FORMAT = re.compile(r"[A-Za-z0-9]{64}")
KEY_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
RECEIVE_WINDOW_FORMAT = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,3}))?")
TIMESTAMP_FORMAT = re.compile(r"[0-9]{1,20}")
DEFAULT_RECEIVE_WINDOW_MICROSECONDS = 5_000_000
MAXIMUM_RECEIVE_WINDOW_MICROSECONDS = 60_000_000
LEAD_MICROSECONDS = 1_000_000

# No millisecond timestamp reaches this before the year 5138, and no microsecond timestamp since 1973 is below it.
LEAST_MICROSECOND_TIMESTAMP = 100_000_000_000_000


class KeyKind(enum.Enum):
    """How requests made with a key are signed."""

    HMAC = "HMAC"
    ED25519 = "ED25519"
    RSA = "RSA"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What the exchange keeps of one key. `secret` is the shared secret of an HMAC key, else empty."""

    key: str
    kind: KeyKind
    account: str
    secret: bytes = b""
    public_key: Ed25519PublicKey | RSAPublicKey | None = None

    def verifies(self, payload: bytes, signature: str) -> bool:
        """Whether `signature` (HMAC: hexadecimal in any case; others: base64) signs `payload`."""
        if self.kind is KeyKind.HMAC:
            expected = hmac.digest(self.secret, payload, hashlib.sha256).hex()
            return hmac.compare_digest(
                expected.encode(), signature.lower().encode("utf-8", "surrogatepass")
            )
        if self.public_key is None:
            return False
        try:
            decoded = base64.b64decode(signature, validate=True)
            if isinstance(self.public_key, RSAPublicKey):
                self.public_key.verify(decoded, payload, PKCS1v15(), SHA256())
            else:
                self.public_key.verify(decoded, payload)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key as its owner holds it: `secret` is the HMAC secret or the private key as PKCS#8 PEM."""

    key: str
    secret: str
    kind: KeyKind

    def for_exchange(self, account: str) -> ApiKey:
        """The exchange's half of this key, which acts for `account`.

        Raises ValueError if the key is not 64 letters and digits, or the secret is no private key of its kind in PEM form.
        """
        if not KEY_FORMAT.fullmatch(self.key):
            raise ValueError(f"API key {self.key!r} must be 64 letters and digits")
        if self.kind is KeyKind.HMAC:
            return ApiKey(self.key, self.kind, account, secret=self.secret.encode())
        private_key = load_pem_private_key(self.secret.encode(), password=None)
        if self.kind is KeyKind.RSA:
            if not isinstance(private_key, RSAPrivateKey):
                raise ValueError("the private key must be an RSA key in PKCS#8 PEM form")
        elif not isinstance(private_key, Ed25519PrivateKey):
            raise ValueError("the private key must be an Ed25519 key in PKCS#8 PEM form")
        return ApiKey(self.key, self.kind, account, public_key=private_key.public_key())


def generate_hmac_pair() -> KeyPair:
    """A new HMAC key from the system's entropy."""
    return KeyPair(generate_name(), generate_name(), KeyKind.HMAC)


def generate_ed25519_pair() -> KeyPair:
    """A new Ed25519 key from the system's entropy."""
    # From bytes rather than by the library's own generator, so that one source of entropy makes all keys.
    private_key = Ed25519PrivateKey.from_private_bytes(os.urandom(32))
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KeyPair(generate_name(), pem.decode(), KeyKind.ED25519)


def generate_name() -> str:
    """64 random letters and digits, the form of the venue's keys."""
    # 62 does not divide 256: bytes above the last multiple are left out, so that every letter is equally likely.
    letters: list[str] = []
    while len(letters) < 64:
        letters.extend(KEY_ALPHABET[byte % 62] for byte in os.urandom(96) if byte < 248)
    return "".join(letters[:64])


def split_signature(raw: str) -> tuple[str, str | None]:
    """A raw form text without its `signature` parameter, and that parameter's decoded value (None if absent)."""
    if "signature=" not in raw:
        return raw, None
    rest: list[str] = []
    signature = None
    for pair in raw.split("&"):
        if pair.startswith("signature="):
            # Base64 holds `+` and never a space, so a plus sign that a client left unencoded stays one.
            signature = unquote(pair[len("signature=") :])
        else:
            rest.append(pair)
    return "&".join(rest), signature


def rest_payload(raw_query: str, raw_body: str) -> bytes:
    """The text that a REST request signs (rest-api.md, SIGNED Endpoint security)."""
    return (split_signature(raw_query)[0] + split_signature(raw_body)[0]).encode(
        "utf-8", "surrogateescape"
    )


def websocket_payload(parameters: Mapping[str, str]) -> bytes:
    """The text that a WebSocket API request signs (web-socket-api.md, SIGNED request security).

    `parameters` hold every value as the client wrote it: a number's literal, `true` or `false`, a text's characters.
    """
    return "&".join(
        f"{name}={parameters[name]}" for name in sorted(parameters) if name != "signature"
    ).encode()


def parse_timestamp(name: str, text: str) -> int:
    """A timestamp parameter in microseconds; milliseconds and microseconds are both accepted.

    Raises VenueError -1100 for anything but digits.
    """
    if not TIMESTAMP_FORMAT.fullmatch(text):
        raise VenueError(
            -1100,
            f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.",
        )
    number = int(text)
    return number if number >= LEAST_MICROSECOND_TIMESTAMP else number * 1000


def parse_receive_window(
    text: str | None, default: int = DEFAULT_RECEIVE_WINDOW_MICROSECONDS
) -> int:
    """A `recvWindow` (milliseconds, up to three decimals) in microseconds; `default` when absent.

    Raises VenueError -1100 for what is no such number and -1102 above 60000.
    """
    if not text:
        return default
    if not (match := RECEIVE_WINDOW_FORMAT.fullmatch(text)):
        raise VenueError(
            -1100,
            "Illegal characters found in parameter 'recvWindow'; "
            "legal range is '^[0-9]{1,20}(\\.[0-9]{1,3})?$'.",
        )
    window = int(match[1]) * 1000 + int((match[2] or "").ljust(3, "0"))
    if window > MAXIMUM_RECEIVE_WINDOW_MICROSECONDS:
        raise VenueError(
            -1102, "'recvWindow' contains unexpected value. Cannot be greater than 60000."
        )
    return window


def check_timing(timestamp: int, receive_window: int, now: int) -> None:
    """The timing rule (rest-api.md, Timing security); all three in microseconds.

    Raises VenueError -1021 for a request from the future or older than its window.
    """
    if timestamp >= now + LEAD_MICROSECONDS:
        raise VenueError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now - timestamp > receive_window:
        raise VenueError(-1021, "Timestamp for this request is outside of the recvWindow.")
