"""RSA keys: PKCS#1 v1.5 signatures with SHA-256, in base64 (rest-api.md, SIGNED Endpoint Examples, RSA Keys)."""

import base64
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from actors.exchange.keys import read_keys
from actors.exchange.signing import KeyKind, KeyPair


@pytest.fixture(scope="module")
def private_key() -> RSAPrivateKey:
    """The private half, as the owner of the key holds it."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def pair_of(private_key: RSAPrivateKey, kind: KeyKind) -> KeyPair:
    """A named key in PKCS#8 PEM form."""
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KeyPair("r" * 64, pem.decode(), kind)


def test_rsa_signs_in_base64_and_refuses_everything_else(private_key: RSAPrivateKey) -> None:
    signature = base64.b64encode(private_key.sign(b"a=1", PKCS1v15(), SHA256())).decode()
    other_hash = base64.b64encode(private_key.sign(b"a=1", PKCS1v15(), SHA512())).decode()
    key = pair_of(private_key, KeyKind.RSA).for_exchange("default")
    assert key.verifies(b"a=1", signature)
    assert not key.verifies(b"a=2", signature)
    for wrong in ("", "zz", signature[:-4], "\u00fc" * 344, signature.lower(), other_hash):
        assert not key.verifies(b"a=1", wrong)


def test_a_private_key_of_another_kind_is_refused(private_key: RSAPrivateKey) -> None:
    with pytest.raises(ValueError, match="must be an Ed25519 key"):
        pair_of(private_key, KeyKind.ED25519).for_exchange("default")


def test_a_key_file_may_hold_an_rsa_key(private_key: RSAPrivateKey, tmp_path: Path) -> None:
    pair = pair_of(private_key, KeyKind.RSA)
    file = tmp_path / "keys.json"
    file.touch(mode=0o600)
    file.write_bytes(msgspec.json.encode({"rsa_api_key": pair.key, "rsa_private_key": pair.secret}))
    assert read_keys(file) == (pair,)
