"""What a gateway must be given to sign with. Where it comes from is the composition root's business."""

from typing import Protocol


class ApiKeys(Protocol):
    """A key and one of its two kinds of secret; its own text must not show them.

    `private_key` is a PEM and goes before `api_secret`, an HMAC secret; what an account does not have is empty.
    """

    @property
    def api_key(self) -> str:
        """The key's name, as the venue knows it."""
        ...

    @property
    def api_secret(self) -> str:
        """The shared secret."""
        ...

    @property
    def private_key(self) -> str:
        """The private half of a key pair."""
        ...
