"""What becomes of a client whose environment cannot be made."""

import sys

import pytest

from tests.clients.environments import FailedError, SkippedError, install


def fail_with(words: str) -> list[str]:
    """A command that ends as an installer does which has failed."""
    return [sys.executable, "-c", f"import sys; sys.exit({words!r})"]


@pytest.mark.parametrize(
    "words",
    [
        "WARNING: Retrying (Retry(total=4, connect=None)) after connection broken",
        "npm error code ENOTFOUND",
        "npm ERR! code ECONNREFUSED",
        "npm error code SELF_SIGNED_CERT_IN_CHAIN",
    ],
)
def test_a_registry_that_cannot_be_reached_skips_a_client(words: str) -> None:
    with pytest.raises(SkippedError, match="no package registry can be reached"):
        install(fail_with(words))


@pytest.mark.parametrize(
    "words",
    [
        "ERROR: No matching distribution found for python-binance==0.0.99",
        "npm error code ETARGET",
        "npm error code E404",
    ],
)
def test_what_is_pinned_wrongly_fails(words: str) -> None:
    with pytest.raises(FailedError, match="it cannot be installed"):
        install(fail_with(words))
