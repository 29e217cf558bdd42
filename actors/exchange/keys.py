"""API keys that are given in a file: never on the command line, where everybody can read them."""

import os
import stat
from pathlib import Path

import msgspec

from actors.exchange.signing import KeyKind, KeyPair


def check_private(path: Path) -> None:
    """Raises ValueError if others than its owner may read or write a file, OSError if it is not there."""
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode & 0o077:
        raise ValueError(
            f"{path}: it holds secrets and others may read it (mode {mode:03o}); run: chmod 600 {path}"
        )


def read_keys(path: Path) -> tuple[KeyPair, ...]:
    """The keys in a JSON file with the names of the exchange's first line, which may itself be that file.

    Raises ValueError for a file that others may read, that cannot be understood, or without a whole key.
    """
    try:
        check_private(path)
        found = msgspec.json.decode(path.read_bytes(), type=KeyFile)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None
    pairs: list[KeyPair] = []
    for key, secret, kind, names in (
        (found.api_key, found.api_secret, KeyKind.HMAC, "api_key and api_secret"),
        (
            found.ed25519_api_key,
            found.ed25519_private_key,
            KeyKind.ED25519,
            "ed25519_api_key and ed25519_private_key",
        ),
        (
            found.rsa_api_key,
            found.rsa_private_key,
            KeyKind.RSA,
            "rsa_api_key and rsa_private_key",
        ),
    ):
        if bool(key) != bool(secret):
            raise ValueError(f"{path}: {names} must be given together")
        if key:
            pair = KeyPair(key, secret, kind)
            try:
                pair.for_exchange("")
            except ValueError as error:
                raise ValueError(f"{path}: {names}: {error}") from None
            pairs.append(pair)
    if not pairs:
        raise ValueError(
            f"{path}: no key in it; give api_key and api_secret, or the ed25519 or rsa pair"
        )
    return tuple(pairs)


class KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a key file; the addresses of a first line that was kept mean nothing."""

    api_key: str = ""
    api_secret: str = ""
    ed25519_api_key: str = ""
    ed25519_private_key: str = ""
    rsa_api_key: str = ""
    rsa_private_key: str = ""
