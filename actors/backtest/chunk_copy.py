"""One chunk of market data as the engine itself sees it: decoded only as far as somebody asks, never handed to an actor."""

from collections.abc import Callable
from copy import copy
from typing import Any

import msgspec

from messages.codec import encode

Decode = Callable[[bytes], list[Any]]
_split = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode


class ChunkCopy:
    """The engine's own copy of a chunk. Actors get copies of their own, which they may change."""

    __slots__ = (
        "_hands",
        "_messages",
        "_raws",
        "_read",
        "count",
        "decode",
        "first_number",
        "frame",
    )

    def __init__(self, frame: bytes, decode: Decode, count: int, first_number: int) -> None:
        self.frame = frame
        self.decode = decode
        """Gives all messages anew, for a receiver."""
        self.count = count
        self.first_number = first_number
        """The number of the chunk's first message, as its receivers see it."""
        self._messages: list[Any] | None = None
        self._raws: list[msgspec.Raw] | None = None
        self._read: dict[int, Any] = {}
        self._hands: dict[str, list[Any]] = {}

    @property
    def messages(self) -> list[Any]:
        """All messages, as they came out of the data."""
        if self._messages is None:
            self._messages = self.decode(self.frame)
        return self._messages

    def hand(self, receiver: str) -> list[Any]:
        """A receiver's own copy of all messages."""
        found = self._hands.get(receiver)
        if found is None:
            found = self._hands[receiver] = self.decode(self.frame)
        return found

    def message(self, index: int) -> Any:
        """One message; the others are not decoded for it."""
        if self._messages is not None:
            return self._messages[index]
        found = self._read.get(index)
        if found is None:
            if self._raws is None:
                self._raws = _split(self.frame)
            # An array of one, so that the chunk's own decoder reads it.
            found = self._read[index] = self.decode(b"\x91" + bytes(self._raws[index]))[0]
        return found

    def keep(self, index: int, message: Any) -> None:
        """Keeps a copy of one message, which is as it came out of the data: whoever asks need not decode it again."""
        if self._messages is None and index not in self._read:
            self._read[index] = copy(message)

    def frame_of(self, index: int) -> bytes:
        """One message as its receiver gets it, encoded."""
        message = self.message(index)
        message.number = self.first_number + index
        return encode(message)
