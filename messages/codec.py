"""Messages to bytes and back: msgpack, one array a message, its class name first."""

from collections.abc import Iterable
from typing import Any, TypeVar, Union, cast

import msgspec

from messages.base import Message

MessageType = TypeVar("MessageType", bound=Message)

_ENCODER = msgspec.msgpack.Encoder()
encode = _ENCODER.encode


def decoder_of(message_class: type[MessageType]) -> "msgspec.msgpack.Decoder[MessageType]":
    """A decoder of one message class; it raises msgspec.ValidationError for any other."""
    return msgspec.msgpack.Decoder(message_class)


def union_decoder(
    message_classes: Iterable[type[Message]],
) -> "msgspec.msgpack.Decoder[Message]":
    """A decoder of any of these classes, told apart by the class name in the frame.

    Raises TypeError if two of them share a name.
    """
    classes = tuple(message_classes)
    union: Any = Union[classes] if classes else Message  # noqa: UP007 - built at run time
    return cast("msgspec.msgpack.Decoder[Message]", msgspec.msgpack.Decoder(union))


class Header(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """What every encoded message begins with; the rest of the array is not looked at."""

    class_name: str
    sender: str
    number: int
    cause_sender: str
    cause_number: int
    time_ns: int
    origin_time_ns: int


_DECODE_HEADER = msgspec.msgpack.Decoder(Header).decode


def origin_of(frame: bytes) -> int:
    """When the first cause of an encoded message entered the system; 0 if its header cannot be read."""
    try:
        return _DECODE_HEADER(frame).origin_time_ns
    except msgspec.MsgspecError:
        return 0


def class_name_of(frame: bytes) -> str:
    """The class name in an encoded message, without decoding the rest.

    Raises ValueError if the bytes do not begin as an encoded message does.
    """
    try:
        header_length = {0xDC: 3, 0xDD: 5}.get(frame[0], 1)
        marker = frame[header_length]
        if 0xA0 <= marker <= 0xBF:
            start, length = header_length + 1, marker - 0xA0
        elif marker == 0xD9:
            start, length = header_length + 2, frame[header_length + 1]
        else:
            raise ValueError("no class name at the head of the frame")
        name = frame[start : start + length]
        if len(name) != length:
            raise ValueError("the frame ends within its class name")
        return name.decode()
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"not an encoded message: {frame[:32]!r}") from error
